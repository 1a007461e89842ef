//! Finding out which year's treaty a Guest speaks, at its first hypercall.
//!
//! The original never had to: Host and Guest were the same kernel. Here
//! everything needed is in sight when INIT is made: which instruction made it,
//! which register holds an address with a `lguest_data` behind it (a ring of
//! free entries cannot be mistaken), and where in it the system-call vector
//! stands. A word on the module's line overrules all that.
//!
//! Which format its page tables have shows when it first switches to them. For
//! a Guest that expects to find tables that is too late; but a PAE kernel has
//! its first top level in its data, written by the linker:
//!
//! ```text
//!  page:  | M | 0 | 0 | M | zeroes ...   M: the middle level, for the low half
//!           0           3                   and the kernel's, which begins at 3 GiB
//! ```
//!
//! Source: lguest ABI, "Telling the variants apart at run time".
//!
//! Next on the tour: [`crate::guest::shared`].

use abi::hypercall::SYSCALL_VECTOR;
use abi::kill::HypercallError;
use abi::lguest_data::{BLOCKED_INTERRUPTS, LAYOUT_A, LAYOUT_C, Layout, RING_ENTRIES, RING_FREE};
use abi::memory::check_range;
use abi::{GuestMemory, GuestPhys, GuestResult, PAGE_SIZE, Variant};

use crate::hypercall::call::{Instruction, Words};
use crate::shadow::entry::P;
use crate::shadow::walk::Format;

/// The lowest address any Linux kernel calls its kernel half's beginning.
const LOWEST_KERNEL: u32 = 0x4000_0000;

/// The variant of the Guest whose INIT `call` is, and where its `lguest_data` lies.
///
/// # Errors
/// [`HypercallError::NoLguestData`] if nothing like one is there, or
/// [`abi::KillReason::OutOfGuestMemory`].
// Rare, and in the loop all the same: a call there costs each exit registers.
#[inline(always)]
pub fn recognise(
    memory: &impl GuestMemory,
    call: Words,
    by: Instruction,
    told: Option<Variant>,
) -> GuestResult<(Variant, GuestPhys)> {
    let [_, ebx, _, edx, _] = call;
    if let Some(variant) = told {
        let at = if variant == Variant::AEdx { edx } else { ebx };
        return Ok((variant, GuestPhys(at)));
    }
    if let Some(variant) = look_behind(memory, GuestPhys(ebx)) {
        return Ok((variant, GuestPhys(ebx)));
    }
    let has_layout_a = |at| has_free_ring(memory, at, &LAYOUT_A);
    if by == Instruction::Int && has_layout_a(GuestPhys(edx)) {
        return Ok((Variant::AEdx, GuestPhys(edx)));
    }
    let at = GuestPhys(ebx);
    check_range(at, LAYOUT_C.size as usize, memory.limit())?;
    Err(HypercallError::NoLguestData { at }.into())
}

/// What the structure behind EBX is, if it is one.
fn look_behind(memory: &impl GuestMemory, at: GuestPhys) -> Option<Variant> {
    if has_free_ring(memory, at, &LAYOUT_A) {
        return Some(Variant::AEbx);
    }
    if !has_free_ring(memory, at, &LAYOUT_C) {
        return None;
    }
    let fits = |variant: &Variant| has_kernel_and_vector(memory, at, variant.layout());
    // A structure that fits none is taken for C, which will say what is wrong with it.
    Some([Variant::D, Variant::C, Variant::B].into_iter().find(fits).unwrap_or(Variant::C))
}

/// A ring whose entries are all free, behind a mask that blocks nothing but the timer.
fn has_free_ring(memory: &impl GuestMemory, at: GuestPhys, layout: &Layout) -> bool {
    let word = |offset| at.checked_add(offset).and_then(|at| memory.read_u32(at).ok());
    let mut status = [0; RING_ENTRIES];
    let ring = at.checked_add(layout.hcall_status);
    let is_read = ring.is_some_and(|ring| memory.read_into(ring, &mut status).is_ok());
    let nothing_pending = layout.irq_pending.is_none_or(|offset| word(offset) == Some(0));
    is_read && status == [RING_FREE; RING_ENTRIES] && word(BLOCKED_INTERRUPTS) == Some(1) && nothing_pending
}

fn has_kernel_and_vector(memory: &impl GuestMemory, at: GuestPhys, layout: &Layout) -> bool {
    let word = |offset| at.checked_add(offset).and_then(|at| memory.read_u32(at).ok());
    let is_kernel = |at: u32| at.is_multiple_of(PAGE_SIZE) && at >= LOWEST_KERNEL;
    word(layout.kernel_address).is_some_and(is_kernel)
        && word(layout.kernel_address + 4) == Some(SYSCALL_VECTOR.into())
}

/// Pages looked at in one step, ...
pub const PAGES_PER_STEP: u32 = 1024;
/// ... of which so many may be looked at closely.
pub const LOOKS_PER_STEP: u32 = 32;

/// The search for a PAE kernel's first top level, through all of memory, step by step.
#[derive(Default)]
pub struct Search {
    /// The last page looked at; page 0 cannot be it.
    page: u32,
}

impl Search {
    /// Looks at some more pages. The format of the tables a Guest will make that has made none yet,
    /// once that is known.
    pub fn advance(&mut self, memory: &impl GuestMemory, kernel_address: u32) -> Option<Format> {
        let mut looks = LOOKS_PER_STEP;
        for _ in 0..PAGES_PER_STEP {
            self.page += 1;
            let at = GuestPhys(self.page * PAGE_SIZE);
            if self.page >= memory.limit() / PAGE_SIZE {
                return Some(Format::TwoLevel);
            }
            // Nearly every page is out at the first look.
            if memory.read_u32(at).is_ok_and(|first| first & (PAGE_SIZE - 1) == P) {
                if are_first_pointers(memory, at, kernel_address >> 30).unwrap_or(false) {
                    return Some(Format::Pae);
                }
                looks -= 1;
                if looks == 0 {
                    break;
                }
            }
        }
        None
    }
}

/// Whether the page at `at` holds a PAE kernel's first four pointers and nothing else, its half
/// beginning with pointer number `kernel`.
fn are_first_pointers(memory: &impl GuestMemory, at: GuestPhys, kernel: u32) -> GuestResult<bool> {
    let mut pointers = [0; 32];
    memory.read_into(at, &mut pointers)?;
    let (entries, _) = pointers.as_chunks::<8>();
    let middle = u64::from_le_bytes(entries[0]);
    let expected = |number: u32| match number {
        0 => middle,
        _ if number >= kernel => middle + u64::from((number - kernel) * PAGE_SIZE),
        _ => 0,
    };
    let is_within = middle > P.into() && middle < memory.limit().into();
    let are_expected =
        || (0..).zip(entries).all(|(number, &entry)| u64::from_le_bytes(entry) == expected(number));
    if !is_within || !are_expected() {
        return Ok(false);
    }
    for rest in (pointers.len() as u32..PAGE_SIZE).step_by(4) {
        if memory.read_u32(GuestPhys(at.0 + rest))? != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{LGUEST_DATA_AT, Ram, ram_with_data_of};

    fn format_to_come(memory: &Ram, kernel_address: u32) -> Format {
        let mut search = Search::default();
        core::iter::from_fn(|| Some(search.advance(memory, kernel_address))).flatten().next().unwrap()
    }

    const MIDDLE: u32 = 0x5000 | P;

    fn ram_with(page: u32, entries: &[(u32, u32)]) -> Ram {
        let mut ram = Ram::new(0x1_0000);
        entries.iter().for_each(|&(index, entry)| ram.write_u32(GuestPhys(page + index * 8), entry).unwrap());
        ram
    }

    #[test]
    fn a_pae_kernel_shows_its_first_pointers_wherever_its_half_begins() {
        let usual = ram_with(0x9000, &[(0, MIDDLE), (3, MIDDLE)]);
        assert_eq!(format_to_come(&usual, 0xC000_0000), Format::Pae);
        let half = ram_with(0xF000, &[(0, MIDDLE), (2, MIDDLE), (3, MIDDLE + PAGE_SIZE)]);
        assert_eq!(format_to_come(&half, 0x8000_0000), Format::Pae);
        assert_eq!(format_to_come(&half, 0xC000_0000), Format::TwoLevel);
    }

    #[test]
    fn what_only_looks_like_pointers_is_none() {
        let pairs: [&[(u32, u32)]; 6] = [
            &[],
            &[(0, MIDDLE)],
            &[(0, MIDDLE | 2), (3, MIDDLE | 2)],
            &[(0, MIDDLE), (3, MIDDLE), (511, 1)],
            &[(0, 0x1_0001), (3, 0x1_0001)],
            &[(0, P), (3, P)],
        ];
        for entries in pairs {
            assert_eq!(
                format_to_come(&ram_with(0x9000, entries), 0xC000_0000),
                Format::TwoLevel,
                "{entries:x?}"
            );
        }
        let shifted = ram_with(0x9010, &[(0, MIDDLE), (3, MIDDLE)]);
        assert_eq!(format_to_come(&shifted, 0xC000_0000), Format::TwoLevel);
    }

    /// However many pages nearly look like it, a step ends.
    #[test]
    fn a_search_looks_closely_at_few_pages_a_step() {
        let pages = 4 * LOOKS_PER_STEP;
        let mut ram = Ram::new((pages * PAGE_SIZE) as usize);
        for at in (0..pages).map(|page| page * PAGE_SIZE) {
            for (offset, entry) in [(0, MIDDLE), (24, MIDDLE), (4088, 1)] {
                ram.write_u32(GuestPhys(at + offset), entry).unwrap();
            }
        }
        let mut search = Search::default();
        let steps = (1..).find(|_| search.advance(&ram, 0xC000_0000).is_some());
        assert_eq!(steps, Some(pages / LOOKS_PER_STEP));
        let mut search = Search::default();
        let mut steps = |ram: &Ram| (1..).find(|_| search.advance(ram, 0xC000_0000).is_some());
        assert_eq!(steps(&Ram::new((3 * PAGES_PER_STEP * PAGE_SIZE) as usize)), Some(3));
    }

    fn call(ebx: u32, edx: u32) -> Words {
        [1, ebx, 0, edx, 0]
    }

    #[test]
    fn each_layout_is_told_from_the_others() {
        let at = LGUEST_DATA_AT;
        for variant in Variant::ALL {
            let ram = ram_with_data_of(variant);
            let call = if variant == Variant::AEdx { call(0, at.0) } else { call(at.0, 7) };
            assert_eq!(recognise(&ram, call, Instruction::Int, None), Ok((variant, at)));
        }
    }

    #[test]
    fn a_vmcall_never_has_its_argument_in_edx() {
        let ram = ram_with_data_of(Variant::AEdx);
        let found = recognise(&ram, call(0, LGUEST_DATA_AT.0), Instruction::Vmcall, None);
        assert_eq!(found, Err(HypercallError::NoLguestData { at: GuestPhys(0) }.into()));
    }

    #[test]
    fn what_the_module_line_says_is_not_doubted() {
        let told = Some(Variant::D);
        let found = recognise(&Ram::new(0x1000), call(0x80, 0), Instruction::Int, told);
        assert_eq!(found, Ok((Variant::D, GuestPhys(0x80))));
    }

    #[test]
    fn addresses_at_the_end_of_everything_are_only_wrong() {
        let ram = ram_with_data_of(Variant::C);
        for at in [u32::MAX, u32::MAX - 3, ram.limit(), ram.limit() - 8] {
            assert!(recognise(&ram, call(at, at), Instruction::Int, None).is_err());
        }
    }
}
