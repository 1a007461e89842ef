//! Walks over tables of both formats.

use super::*;
use crate::scripted::Ram;
use crate::shadow::entry::PS;

const TOP: GuestPhys = GuestPhys(0x1000);
const MIDDLE: GuestPhys = GuestPhys(0x3000);
const TABLE: GuestPhys = GuestPhys(0x2000);
/// Eight pages of memory, and one of devices above them.
const DEVICES: u32 = 0x9000;
const AT: GuestLinear = GuestLinear(0x0040_3123);
const READ: PageFaultCode = PageFaultCode(0);
const WRITE: PageFaultCode = PageFaultCode(2);
const USER_READ: PageFaultCode = PageFaultCode(4);

/// Tables of `format` that lead `AT` to `entry`, by an upper entry with `flags`.
fn tables(format: Format, flags: u32, entry: u32) -> Ram {
    let mut ram = Ram::new(0x8000);
    let upper = match format {
        Format::TwoLevel => GuestPhys(TOP.0 + 4),
        Format::Pae => {
            ram.write_u32(TOP, MIDDLE.0 | P).unwrap();
            GuestPhys(MIDDLE.0 + 2 * 8)
        }
    };
    ram.write_u32(upper, TABLE.0 | flags).unwrap();
    ram.write_u32(format.entry_at(TABLE, AT), entry).unwrap();
    ram
}

fn both(test: impl Fn(Format)) {
    test(Format::TwoLevel);
    test(Format::Pae);
}

#[test]
fn a_read_sets_a_and_only_a_write_sets_d() {
    both(|format| {
        let mut ram = tables(format, P | W, 0x3000 | P | W);
        assert!(matches!(format.walk(&mut ram, TOP, AT, READ, DEVICES), Ok(Walk::Page { .. })));
        let place = format.entry_at(TABLE, AT);
        assert_eq!(ram.read_u32(place), Ok(0x3000 | P | W | A));
        assert!(matches!(format.walk(&mut ram, TOP, AT, WRITE, DEVICES), Ok(Walk::Page { .. })));
        assert_eq!(ram.read_u32(place), Ok(0x3000 | P | W | A | D));
    });
}

#[test]
fn rights_are_those_of_both_levels() {
    both(|format| {
        let denied = Ok(Walk::Fault { present: true });
        let walk =
            |flags, entry, code| format.walk(&mut tables(format, flags, entry), TOP, AT, code, DEVICES);
        assert_eq!(walk(P, 0x3000 | P | W, WRITE), denied);
        assert_eq!(walk(P | W, 0x3000 | P, WRITE), denied);
        assert_eq!(walk(P | U, 0x3000 | P, USER_READ), denied);
        assert_eq!(walk(P, 0x3000 | P | U, USER_READ), denied);
    });
}

#[test]
fn a_denied_access_leaves_the_entry_alone() {
    both(|format| {
        let mut ram = tables(format, P | W, 0x3000 | P);
        let _denied = format.walk(&mut ram, TOP, AT, WRITE, DEVICES);
        assert_eq!(ram.read_u32(format.entry_at(TABLE, AT)), Ok(0x3000 | P));
    });
}

#[test]
fn what_is_not_there_is_the_guests_own_fault() {
    both(|format| {
        let absent = Ok(Walk::Fault { present: false });
        assert_eq!(format.walk(&mut tables(format, 0, 0x3000 | P), TOP, AT, READ, DEVICES), absent);
        assert_eq!(format.walk(&mut tables(format, P, 0x3000), TOP, AT, READ, DEVICES), absent);
        assert_eq!(format.walk(&mut Ram::new(0x8000), TOP, AT, READ, DEVICES), absent);
    });
}

#[test]
fn a_table_beyond_memory_kills() {
    let mut ram = tables(Format::TwoLevel, P, 0);
    ram.write_u32(GuestPhys(TOP.0 + 4), 0x9000 | P).unwrap();
    let killed = Err(PageTableError::Directory { at: AT, entry: 0x9001 }.into());
    assert_eq!(Format::TwoLevel.walk(&mut ram, TOP, AT, READ, DEVICES), killed);
}

#[test]
fn a_frame_beyond_4_gib_kills_and_nx_does_not() {
    let mut ram = tables(Format::Pae, P, 0x3000 | P);
    let high = GuestPhys(Format::Pae.entry_at(TABLE, AT).0 + 4);
    ram.write_u32(high, NX).unwrap();
    assert!(matches!(Format::Pae.walk(&mut ram, TOP, AT, READ, DEVICES), Ok(Walk::Page { .. })));
    ram.write_u32(high, 1).unwrap();
    assert!(Format::Pae.walk(&mut ram, TOP, AT, READ, DEVICES).is_err());
}

#[test]
fn a_top_pointer_has_no_flag_but_present() {
    let mut ram = tables(Format::Pae, P, 0x3000 | P);
    ram.write_u32(TOP, MIDDLE.0 | P | W).unwrap();
    assert!(Format::Pae.walk(&mut ram, TOP, AT, READ, DEVICES).is_err());
}

#[test]
fn the_formats_are_told_apart_by_their_top_level() {
    let guess = |ram: &Ram| Format::guess(ram, TOP).unwrap();
    assert_eq!(guess(&tables(Format::Pae, P, 0)), Format::Pae);
    assert_eq!(guess(&tables(Format::TwoLevel, P | W, 0)), Format::TwoLevel);
    assert_eq!(guess(&Ram::new(0x8000)), Format::TwoLevel);
}

#[test]
fn a_device_is_found_above_memory_and_below_its_limit_by_who_may_touch_it() {
    both(|format| {
        let walk = |entry, code| format.walk(&mut tables(format, P | W, entry), TOP, AT, code, DEVICES);
        assert_eq!(walk(0x8000 | P | W, WRITE), Ok(Walk::Device(GuestPhys(0x8123))));
        assert_eq!(walk(0x8000 | P, WRITE), Ok(Walk::Fault { present: true }));
        assert_eq!(walk(0x8000 | P, USER_READ), Ok(Walk::Fault { present: true }));
        assert!(walk(0x9000 | P, READ).is_err() && walk(0x8000 | P | PS, READ).is_err());
        assert!(matches!(walk(0x7000 | P, READ), Ok(Walk::Page { .. })));
    });
}

#[test]
fn touching_a_device_sets_a_and_d_as_touching_memory_does() {
    both(|format| {
        let mut ram = tables(format, P | W, 0x8000 | P | W);
        let place = format.entry_at(TABLE, AT);
        format.walk(&mut ram, TOP, AT, READ, DEVICES).unwrap();
        assert_eq!(ram.read_u32(place), Ok(0x8000 | P | W | A));
        format.walk(&mut ram, TOP, AT, WRITE, DEVICES).unwrap();
        assert_eq!(ram.read_u32(place), Ok(0x8000 | P | W | A | D));
    });
}
