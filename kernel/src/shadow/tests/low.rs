//! What virtual-8086 code could run from, on a CPU on which a Guest can enter that mode.

use super::*;
use crate::shadow::VIRTUAL_8086_END;

const USER_READ: PageFaultCode = PageFaultCode(4);
const USER_WRITE: PageFaultCode = PageFaultCode(6);
const OPEN: u32 = 0x5000 | P | W | U | A | D;
/// Pages on both sides of the border, in one cache line of the Guest's table and not.
const PLACES: [u32; 8] = [0, 0x1000, 0xF_F000, 0x10_F000, 0x11_0000, 0x11_F000, 0x12_0000, 0x20_0000];

/// A Guest on such a CPU, with everything mapped for ring 3 that is asked about.
fn guest_with_all_open() -> (Guest, GuestPhys) {
    let mut guest = Guest::new(MIN_TABLES);
    guest.shadow.close_virtual_8086();
    let top = guest.new_space();
    PLACES.into_iter().for_each(|at| guest.map(top, at, OPEN));
    (guest, top)
}

/// No entry below the border lets ring 3 in; above it does, after a touch at the latest. All that is filled
/// in is as the Guest has it otherwise.
#[track_caller]
fn only_above_is_open(guest: &mut Guest, count: usize) {
    let entries = PLACES.map(|at| (at, guest.shadow_entry(at)));
    let filled = || entries.into_iter().filter(|(_, entry)| entry & P != 0);
    assert_eq!(filled().count(), count);
    for (at, entry) in filled() {
        assert_eq!(entry & W, W, "{at:#x}");
        if at < VIRTUAL_8086_END {
            assert_eq!(entry & U, 0, "{at:#x}");
        } else {
            assert_eq!(guest.touch(at, USER_WRITE), Ok(PageFault::Fixed), "{at:#x}");
            assert_eq!(guest.shadow_entry(at) & U, U, "{at:#x}");
        }
    }
}

#[test]
fn what_virtual_8086_code_could_run_from_is_closed_to_ring_3() {
    let (mut guest, top) = guest_with_all_open();
    for at in PLACES {
        let expected = if at < VIRTUAL_8086_END { PageFault::Closed } else { PageFault::Fixed };
        assert_eq!(guest.touch(at, USER_READ), Ok(expected), "{at:#x}");
        assert_eq!(guest.touch(at, WRITE), Ok(PageFault::Fixed), "its kernel may");
        assert_eq!(guest.touch(at, USER_WRITE), Ok(expected), "with what its kernel did filled in");
    }
    only_above_is_open(&mut guest, PLACES.len());
    guest.map(top, 0x1000, OPEN & !U);
    assert_eq!(guest.touch(0x1000, USER_READ), Ok(PageFault::Reflect(PageFaultCode(5))), "the Guest's own");
}

#[test]
fn neither_changes_nor_flushes_open_it() {
    let (mut guest, top) = guest_with_all_open();
    PLACES.into_iter().for_each(|at| assert_eq!(guest.touch(at, WRITE), Ok(PageFault::Fixed)));
    for at in PLACES {
        guest.set_pte(top, GuestLinear(at), GuestEntry(OPEN)).unwrap();
    }
    only_above_is_open(&mut guest, PLACES.len());
    PLACES.into_iter().for_each(|at| guest.set_pte(top, GuestLinear(at), GuestEntry(0)).unwrap());
    only_above_is_open(&mut guest, PLACES.len());
    let call = |at: u32| [LHCALL_SET_PTE, top.0, at, OPEN, 0].map(u32::to_le_bytes);
    let records: Vec<Record> = PLACES.into_iter().rev().map(call).collect();
    let limit = guest.ram.limit();
    guest.shadow.set_ptes(limit, &mut Run::new(&records)).unwrap();
    only_above_is_open(&mut guest, PLACES.len());
    guest.shadow.flush_user(&guest.ram);
    only_above_is_open(&mut guest, 1);
    guest.touch(0x10_F000, WRITE).unwrap();
    guest.set_pte(top, GuestLinear(0x10_F000), GuestEntry(OPEN)).unwrap();
    only_above_is_open(&mut guest, 2);
}
