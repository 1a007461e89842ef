//! What is left when a Guest says that its tables have changed.

use super::*;

#[test]
fn a_flush_forgets_user_pages_and_a_full_flush_everything() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    guest.map(top, 0x40_0000, 0x5000 | P | W);
    guest.map(top, KERNEL, 0x6000 | P | W);
    guest.touch(0x40_0000, READ).unwrap();
    guest.touch(KERNEL, READ).unwrap();
    guest.map(top, 0x40_0000, 0);
    guest.map(top, KERNEL, 0);
    guest.shadow.flush_user(&guest.ram);
    assert_eq!(guest.shadow_entry(0x40_0000), 0);
    assert_ne!(guest.shadow_entry(KERNEL), 0);
    guest.shadow.flush_all();
    assert_eq!(guest.shadow_entry(KERNEL), 0);
}

#[test]
fn what_a_flush_keeps_is_what_the_tables_give() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    let page = |at: u32| 0x5000 + at / 0x400;
    for at in (0x40_0000..0x40_8000).step_by(0x1000) {
        guest.map(top, at, page(at) | P | W | U);
        guest.touch(at, WRITE).unwrap();
    }
    guest.map(top, 0x80_0000, 0x5000 | P | W);
    guest.touch(0x80_0000, WRITE).unwrap();
    let now = [0x9000 | P | W | A | D, P | W | D, P | A | D, P | W | A, P | A | PS, 0xFF00_0000 | P | A];
    (0..).zip(now).for_each(|(number, entry)| guest.map(top, 0x40_0000 + 0x1000 * number, entry));
    guest.ram.write_u32(GuestPhys(top.0 + 8), 0).unwrap();
    guest.shadow.flush_user(&guest.ram);
    let entries: Vec<_> = (0x40_0000..0x40_7000).step_by(0x1000).map(|at| guest.shadow_entry(at)).collect();
    let plain = BASE.0 | P | D;
    let kept = (BASE.0 + page(0x40_6000)) | P | W | U | D;
    assert_eq!(entries, [(BASE.0 + 0x9000) | P | W | D, 0, plain, plain, 0, 0, kept]);
    assert_eq!(guest.shadow_entry(0x80_0000), 0, "and there is no table any more");
}

#[test]
fn a_flush_of_very_much_forgets_the_rest() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    let pages = 0x40_0000..0x40_0000 + 300 * PAGE_SIZE;
    for at in pages.clone().step_by(0x1000) {
        guest.map(top, at, 0x5000 | P | W);
        guest.touch(at, READ).unwrap();
    }
    guest.shadow.flush_user(&guest.ram);
    let kept = pages.step_by(0x1000).filter(|&at| guest.shadow_entry(at) != 0).count();
    assert_eq!(kept, 256);
}

#[test]
fn a_page_to_be_forgotten_is_looked_at_again() {
    let mut guest = Guest::new(MIN_TABLES);
    let (top, at) = (guest.new_space(), GuestLinear(0x40_0000));
    guest.map(top, at.0, 0x5000 | P | W);
    guest.touch(at.0, READ).unwrap();
    guest.map(top, at.0, 0x6000 | P | A);
    guest.set_pte(top, at, GuestEntry(0)).unwrap();
    assert_eq!(guest.shadow_entry(at.0), (BASE.0 + 0x6000) | P | A | D);
    guest.map(top, at.0, 0);
    guest.set_pte(top, at, GuestEntry(0)).unwrap();
    assert_eq!(guest.shadow_entry(at.0), 0);
}
