//! Hypercalls, parsed before they are obeyed.
//!
//! Five words come in, from registers or from the ring; out comes a
//! [`Hypercall`] whose arguments have types, or a reason to die. Nothing is
//! done here, so nothing can be half done.
//!
//! Source: lguest ABI, section "Hypercalls".
//!
//! Next on the tour: [`call`].

pub mod call;
pub mod ring;
pub mod set_pte;

use abi::hypercall::*;
use abi::kill::HypercallError;
use abi::{GuestPhys, GuestResult, Nanos};

use self::call::Call;
use self::set_pte::SetPte;

/// What a Guest asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hypercall {
    /// Nothing; the ring has been emptied by now.
    FlushAsync,
    /// Here is my `lguest_data`.
    LguestInit(GuestPhys),
    /// End me.
    Shutdown {
        /// The last words.
        text: GuestPhys,
        /// And start again.
        restart: bool,
    },
    /// This is my page directory now.
    NewPgtable(GuestPhys),
    /// Forget translations: all of them, or the user's in this address space.
    FlushTlb {
        /// All of them.
        everything: bool,
    },
    /// Here is a gate.
    LoadIdtEntry {
        /// Its vector.
        vector: u32,
        /// Its low dword.
        low: u32,
        /// Its high dword.
        high: u32,
    },
    /// Traps from ring 3 go on this stack.
    SetStack {
        /// SS.
        selector: u32,
        /// ESP.
        esp: u32,
        /// Pages below it.
        pages: u32,
    },
    /// CR0.TS, please.
    Ts(bool),
    /// Wake me after this long; `None` cancels.
    SetClockevent(Option<Nanos>),
    /// Nothing to do until an interrupt.
    Halt,
    /// I changed a page-table entry.
    SetPte(SetPte),
    /// I changed a top-level entry.
    SetPgd {
        /// In this table.
        top: GuestPhys,
        /// At this index.
        index: u32,
    },
    /// I changed an entry of a middle directory, which PAE has.
    SetPmd {
        /// In this directory.
        middle: GuestPhys,
        /// At this index.
        index: u32,
    },
    /// Here are all my descriptors.
    LoadGdt {
        /// The first.
        table: GuestPhys,
        /// How many.
        entries: u32,
    },
    /// Here are three descriptors for threads.
    LoadTls(GuestPhys),
    /// A device has something to do.
    Notify(GuestPhys),
    /// Here is a descriptor.
    LoadGdtEntry {
        /// Its index.
        index: u32,
        /// The descriptor.
        descriptor: u64,
    },
    /// I am open to interrupts again.
    SendInterrupts,
}

impl Hypercall {
    /// Gives the words of a call their meaning.
    ///
    /// # Errors
    /// [`HypercallError::Unknown`], [`HypercallError::ShutdownHow`].
    #[inline]
    pub fn decode(Call { number, arguments }: Call) -> GuestResult<Self> {
        let [a, b, c, _] = arguments;
        Ok(match number {
            LHCALL_FLUSH_ASYNC => Self::FlushAsync,
            LHCALL_LGUEST_INIT => Self::LguestInit(GuestPhys(a)),
            LHCALL_SHUTDOWN => Self::Shutdown { text: GuestPhys(a), restart: is_restart(b)? },
            LHCALL_NEW_PGTABLE => Self::NewPgtable(GuestPhys(a)),
            LHCALL_FLUSH_TLB => Self::FlushTlb { everything: a != 0 },
            LHCALL_LOAD_IDT_ENTRY => Self::LoadIdtEntry { vector: a, low: b, high: c },
            LHCALL_SET_STACK => Self::SetStack { selector: a, esp: b, pages: c },
            LHCALL_TS => Self::Ts(a != 0),
            LHCALL_SET_CLOCKEVENT => Self::SetClockevent((a != 0).then_some(Nanos(a.into()))),
            LHCALL_HALT => Self::Halt,
            LHCALL_SET_PTE => Self::SetPte(arguments.into()),
            LHCALL_SET_PGD => Self::SetPgd { top: GuestPhys(a), index: b },
            LHCALL_SET_PMD => Self::SetPmd { middle: GuestPhys(a), index: b },
            LHCALL_LOAD_GDT => Self::LoadGdt { table: GuestPhys(a), entries: b },
            LHCALL_LOAD_TLS => Self::LoadTls(GuestPhys(a)),
            LHCALL_NOTIFY => Self::Notify(GuestPhys(a)),
            LHCALL_LOAD_GDT_ENTRY => {
                Self::LoadGdtEntry { index: a, descriptor: u64::from(c) << 32 | u64::from(b) }
            }
            LHCALL_SEND_INTERRUPTS => Self::SendInterrupts,
            _ => return Err(HypercallError::Unknown { number }.into()),
        })
    }
}

fn is_restart(how: u32) -> GuestResult<bool> {
    match how {
        SHUTDOWN_POWEROFF => Ok(false),
        SHUTDOWN_RESTART => Ok(true),
        _ => Err(HypercallError::ShutdownHow { how }.into()),
    }
}

#[cfg(test)]
mod tests {
    use abi::Variant;

    use super::call::Words;
    use super::*;
    use proptest::prelude::*;

    /// All numbers that mean something.
    const KNOWN: [u32; 18] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19];

    #[test]
    fn every_number_that_is_not_in_the_table_is_refused() {
        // Miri is a thousand times slower, and looks for something else.
        let (below, step) = if cfg!(miri) { (0x40, 9) } else { (0x1_0000, 1) };
        let low = 0..below;
        let high = (16..32).flat_map(|bit| (0..64).step_by(step).map(move |low| 1 << bit | low));
        for number in low.chain(high).chain([u32::MAX]) {
            for variant in Variant::ALL {
                let decoded = Hypercall::decode(Call::new(variant, [number, 1, 1, 1, 1]));
                match KNOWN.contains(&number) {
                    true => assert!(decoded.is_ok(), "{number}"),
                    false => assert_eq!(decoded, Err(HypercallError::Unknown { number }.into())),
                }
            }
        }
    }

    #[test]
    fn a_clock_event_of_zero_cancels() {
        let set = |delay| Hypercall::decode(Call { number: 9, arguments: [delay, 0, 0, 0] });
        assert_eq!(set(0), Ok(Hypercall::SetClockevent(None)));
        assert_eq!(set(5), Ok(Hypercall::SetClockevent(Some(Nanos(5)))));
    }

    #[test]
    fn a_shutdown_says_how() {
        assert!(Hypercall::decode(Call { number: 2, arguments: [0, 3, 0, 0] }).is_err());
    }

    #[test]
    fn the_first_argument_moved_from_edx_to_ebx() {
        let arguments = |variant| Call::new(variant, [LHCALL_SET_PGD, 1, 2, 3, 4]).arguments;
        assert_eq!(arguments(Variant::AEdx), [3, 1, 2, 0]);
        assert_eq!(arguments(Variant::AEbx), [1, 2, 3, 0]);
        assert_eq!(arguments(Variant::C), [1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn any_words_are_a_call_or_a_reason(words: Words, variant in 0..5_usize) {
            let _either = Hypercall::decode(Call::new(Variant::ALL[variant], words));
        }
    }
}
