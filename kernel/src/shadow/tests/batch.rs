//! Entries changed together, held against the same one by one.

use super::*;

/// Where the changes of a batch may be: both sides of the middle of a table, another table, and the
/// kernel's.
const PLACES: [u32; 8] =
    [0x1000, 0x2000, 0x1F_F000, 0x20_0000, 0x3F_F000, 0x40_0000, KERNEL + 0x3000, 0xFFC0_0000];

/// A Guest with two spaces, all of [`PLACES`] mapped and touched in both; its tops.
fn guest_with_two_spaces() -> (Guest, [GuestPhys; 2]) {
    let mut guest = Guest::new(MIN_TABLES);
    let tops = [(); 2].map(|()| {
        let top = guest.new_space();
        for at in PLACES.into_iter().filter(|&at| at < 0xFFC0_0000) {
            guest.map(top, at, 0x7000 | P | W | U | A | D);
            assert_eq!(guest.touch(at, WRITE), Ok(PageFault::Fixed));
        }
        top
    });
    (guest, tops)
}

proptest! {
    #[test]
    fn a_batch_does_what_its_calls_do_one_by_one(
        changes in prop::collection::vec((0..3_usize, 0..PLACES.len(), 0..4_usize), 0..20),
    ) {
        let (mut one_by_one, tops) = guest_with_two_spaces();
        let (mut batch, _) = guest_with_two_spaces();
        let entries = [0, 0x5000 | P | W | A | D, 0x6000 | P | A, 0x20_0000 | P | A];
        let top = |number: usize| tops.get(number).map_or(0x3000, |top| top.0);
        let words = |&(space, place, entry)| [LHCALL_SET_PTE, top(space), PLACES[place], entries[entry], 0];
        let calls: Vec<[u32; 5]> = changes.iter().map(words).collect();
        let expected = calls.iter().try_for_each(|&[_, top, at, entry, _]| {
            // A Guest changes its tables first.
            let is_there = |each: &GuestPhys| each.0 == top || at >= KERNEL;
            if tops.contains(&GuestPhys(top)) && at < 0xFFC0_0000 {
                tops.into_iter().filter(is_there).for_each(|each| one_by_one.map(each, at, entry));
            }
            one_by_one.set_pte(GuestPhys(top), GuestLinear(at), GuestEntry(entry))
        });
        let records: Vec<Record> = calls.iter().map(|call| call.map(u32::to_le_bytes)).collect();
        let limit = batch.ram.limit();
        prop_assert_eq!(batch.shadow.set_ptes(limit, &mut Run::new(&records)), expected);
        for top in tops {
            for at in PLACES {
                one_by_one.shadow.switch_to(&one_by_one.ram, top).unwrap();
                batch.shadow.switch_to(&batch.ram, top).unwrap();
                prop_assert_eq!(batch.shadow_entry(at), one_by_one.shadow_entry(at), "{:#x}", at);
            }
        }
    }
}
