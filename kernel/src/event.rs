//! The trace: what a Guest did last, in types.
//!
//! Each Guest has a small ring of [`Event`]s that is always on. It costs a
//! store or two an exit and answers the question every post-mortem begins
//! with. Killed Guests and a panicking Host print it.
//!
//! Invariants:
//! - No index comes from a Guest (`the_ring_keeps_the_last_ones_in_order`).
//!
//! Next on the tour: [`crate::usage`].

use core::fmt;

use abi::kill::mnemonic;

use crate::exit::TrapExit;
use crate::usage;

/// How many events a Guest's trace keeps.
pub const TRACE_LEN: usize = 64;

/// Something worth remembering about a Guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// It left. Kept as the Switcher reports it, and decoded when somebody looks.
    Exit {
        /// Vector, and whether the Switcher itself faulted.
        trapnum: u16,
        /// Error code.
        code: u32,
        /// CR2, which counts for a page fault only.
        cr2: u32,
        /// Where.
        eip: u32,
    },
    /// It called the Host: number and first two arguments.
    Hypercall {
        /// The number.
        number: u32,
        /// First argument.
        arg1: u32,
        /// Second argument.
        arg2: u32,
    },
    /// It had queued several of the same kind: number, how many, and the first two arguments of the
    /// last.
    Hypercalls {
        /// The number.
        number: u8,
        /// How many.
        count: u8,
        /// First argument of the last.
        arg1: u32,
        /// Second argument of the last.
        arg2: u32,
    },
    /// A vector was delivered to its own handler.
    Inject {
        /// The vector.
        vector: u8,
        /// Where the handler is.
        handler: u32,
    },
}

const _: () = assert!(size_of::<Option<Event>>() == 16, "an event is four stores");

/// The last [`TRACE_LEN`] events of one Guest.
pub struct Trace {
    ring: [Option<Event>; TRACE_LEN],
    /// How many were noted, which comes round after 2³².
    noted: u32,
}

impl Default for Trace {
    fn default() -> Self {
        Self { ring: [None; TRACE_LEN], noted: 0 }
    }
}

impl Trace {
    /// Notes one event, forgetting the oldest.
    #[inline]
    pub fn note(&mut self, event: Event) {
        self.ring[self.noted as usize % TRACE_LEN] = Some(event);
        self.noted = self.noted.wrapping_add(1);
    }

    /// The events kept, oldest first, each with its number since the Guest began.
    pub fn events(&self) -> impl Iterator<Item = (u32, Event)> + '_ {
        let numbers = (1..=TRACE_LEN as u32).rev().map(|back| self.noted.wrapping_sub(back));
        numbers.filter_map(|n| Some((n, self.ring[n as usize % TRACE_LEN]?)))
    }
}

impl Event {
    /// What kind of event it is: a kind of exit ([`crate::usage::KINDS`]), `call` or `inject`.
    pub const fn kind(&self) -> &'static str {
        match *self {
            Self::Exit { trapnum, .. } => usage::KINDS[usage::kind(trapnum as u8)],
            Self::Hypercall { .. } | Self::Hypercalls { .. } => "call",
            Self::Inject { .. } => "inject",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exit { trapnum, code, cr2, eip } => {
                let exit = TrapExit::decode(trapnum.into(), code, cr2);
                write!(f, "exit   {exit} at {eip:#010x}")
            }
            Self::Hypercall { number, arg1, arg2 } => {
                write!(f, "call   {number} ({arg1:#x}, {arg2:#x})")
            }
            Self::Hypercalls { number, count, arg1, arg2 } => {
                write!(f, "call   {number} x {count}, the last ({arg1:#x}, {arg2:#x})")
            }
            Self::Inject { vector, handler } => write!(f, "inject vector {vector} to {handler:#010x}"),
        }
    }
}

impl fmt::Display for TrapExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hypercall => f.write_str("hypercall"),
            Self::PageFault { at, code } => {
                let who = if code.is_user() { "user" } else { "kernel" };
                let what = if code.is_write() { "write" } else { "read" };
                write!(f, "#PF {who} {what} {at}")
            }
            Self::GeneralProtection(code) => write!(f, "#GP({code:#x})"),
            Self::DeviceNotAvailable => f.write_str("#NM"),
            Self::DoubleFault => f.write_str("#DF"),
            Self::HostInterrupt(vector) => write!(f, "Host interrupt {vector:#x}"),
            Self::Nmi => f.write_str("NMI"),
            Self::MachineCheck => f.write_str("#MC"),
            Self::Exception { vector, code } => {
                write!(f, "{} (vector {vector}, code {code:#x})", mnemonic(vector))
            }
            Self::BadEntry { vector, code } => write!(f, "{}({code:#x}) on entry", mnemonic(vector)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_last_ones_in_order() {
        let mut trace = Trace::default();
        for number in 0..TRACE_LEN as u32 + 3 {
            trace.note(Event::Hypercall { number, arg1: 0, arg2: 0 });
        }
        let kept: Vec<u32> = trace.events().map(|(n, _)| n).collect();
        assert_eq!(kept, (3..TRACE_LEN as u32 + 3).collect::<Vec<u32>>());
        let first = trace.events().next().map(|(_, event)| event);
        assert_eq!(first, Some(Event::Hypercall { number: 3, arg1: 0, arg2: 0 }));
    }
}
