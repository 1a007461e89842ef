//! Visits to Guests whose tables are right, wrong and random.

use super::*;
use crate::cpu::exit::PageFaultCode;
use crate::scripted::{Ram, ScriptedCpu, running_guest};
use crate::shadow::entry::{A, PS, U, W};
use crate::shadow::walk::Walk;
use proptest::prelude::*;

const TOP: GuestPhys = GuestPhys(0x1000);
const MIDDLE: GuestPhys = GuestPhys(0x3000);
const TABLE: GuestPhys = GuestPhys(0x2000);
const LIMIT: usize = 0x8000;
/// The last byte of a page; its directory has the index 2 in PAE and 1 else.
const AT: GuestLinear = GuestLinear(0x0040_3FFF);

/// Tables that lead the page of `AT` to 0x5000 and the one behind it to 0x7000.
fn tables(format: Format) -> (Ram, Space) {
    let mut ram = Ram::new(LIMIT);
    let upper = match format {
        Format::TwoLevel => GuestPhys(TOP.0 + 4),
        Format::Pae => {
            ram.write_u32(TOP, MIDDLE.0 | P).unwrap();
            GuestPhys(MIDDLE.0 + 2 * 8)
        }
    };
    ram.write_u32(upper, TABLE.0 | P).unwrap();
    ram.write_u32(format.entry_at(TABLE, AT), 0x5000 | P).unwrap();
    ram.write_u32(format.entry_at(TABLE, GuestLinear(AT.0 + 1)), 0x7000 | P).unwrap();
    (ram, Space { format, top: Some(TOP) })
}

fn both(test: impl Fn(Format)) {
    test(Format::TwoLevel);
    test(Format::Pae);
}

#[test]
fn each_step_of_a_walk_is_told() {
    let (ram, space) = tables(Format::Pae);
    let path = space.walk(&ram, AT);
    assert_eq!(path.end, Ok(GuestPhys(0x5FFF)));
    let told: Vec<_> = path.steps.iter().map(|step| (step.level, step.place.0, step.entry)).collect();
    let table_entry = (Level::Table, 0x2018, 0x5001);
    assert_eq!(told, [(Level::Pointers, 0x1000, 0x3001), (Level::Directory, 0x3010, 0x2001), table_entry]);
    let (ram, space) = tables(Format::TwoLevel);
    let path = space.walk(&ram, AT);
    assert_eq!(path.end, Ok(GuestPhys(0x5FFF)));
    assert_eq!(path.steps.len(), 2);
}

#[test]
fn reading_and_writing_goes_from_page_to_page() {
    both(|format| {
        let (mut ram, space) = tables(format);
        assert_eq!(space.write(&mut ram, AT, b"ab"), 2);
        assert_eq!((ram.read_u8(GuestPhys(0x5FFF)), ram.read_u8(GuestPhys(0x7000))), (Ok(b'a'), Ok(b'b')));
        let mut back = [0; 2];
        assert_eq!((space.read(&ram, AT, &mut back), &back), (2, b"ab"));
    });
}

#[test]
fn what_is_nowhere_ends_an_access() {
    both(|format| {
        let (ram, space) = tables(format);
        let last_page = GuestLinear(0x0040_4FFD);
        assert_eq!(space.read(&ram, last_page, &mut [0; 64]), 3);
        assert_eq!(space.read(&ram, GuestLinear(0), &mut [0; 64]), 0);
        assert_eq!(space.read(&ram, GuestLinear(u32::MAX), &mut [0; 64]), 0);
    });
}

#[test]
fn why_an_address_leads_nowhere() {
    let two = |place: u32, entry: u32| {
        let (mut ram, space) = tables(Format::TwoLevel);
        ram.write_u32(GuestPhys(place), entry).unwrap();
        space.translate(&ram, AT)
    };
    assert_eq!(two(0x1004, 0), Err(NoPage::Absent(Level::Directory)));
    assert_eq!(two(0x1004, 0x2000 | P | PS), Err(NoPage::Unsound(Level::Directory)));
    assert_eq!(two(0x1004, 0x8000 | P), Err(NoPage::Unsound(Level::Directory)));
    assert_eq!(two(0x200C, 0x9000), Err(NoPage::Absent(Level::Table)));
    assert_eq!(two(0x200C, 0x9000 | P), Err(NoPage::Unsound(Level::Table)));
    let pae = |place: u32, entry: u32| {
        let (mut ram, space) = tables(Format::Pae);
        ram.write_u32(GuestPhys(place), entry).unwrap();
        space.translate(&ram, AT)
    };
    assert_eq!(pae(0x1000, 0x3000 | P | W), Err(NoPage::Unsound(Level::Pointers)));
    assert_eq!(pae(0x201C, 1), Err(NoPage::Unsound(Level::Table)));
    assert_eq!(pae(0x201C, 1 << 31), Ok(GuestPhys(0x5FFF)), "NX means nothing");
    let (ram, space) = tables(Format::Pae);
    assert_eq!(space.translate(&ram, GuestLinear(SWITCHER_BASE)), Err(NoPage::Switcher));
    let lost = Space { top: Some(GuestPhys(0xFFFF_FFE0)), ..space };
    assert_eq!(lost.translate(&ram, AT), Err(NoPage::Outside));
}

#[test]
fn before_the_first_table_linear_is_physical() {
    let guest = running_guest(&mut ScriptedCpu::default());
    let (space, limit) = (guest.shadow.space(), guest.memory.limit());
    assert_eq!(space.translate(&guest.memory, GuestLinear(0x1234)), Ok(GuestPhys(0x1234)));
    assert_eq!(space.translate(&guest.memory, GuestLinear(limit)), Err(NoPage::Outside));
    assert_eq!(space.read(&guest.memory, GuestLinear(limit - 1), &mut [0; 2]), 1);
}

/// All of a memory's bytes.
fn bytes(ram: &Ram) -> Vec<u8> {
    let mut bytes = vec![0; LIMIT];
    ram.read_into(GuestPhys(0), &mut bytes).unwrap();
    bytes
}

#[test]
fn looking_changes_nothing() {
    both(|format| {
        let (ram, space) = tables(format);
        let before = bytes(&ram);
        assert!(space.translate(&ram, AT).is_ok());
        assert_eq!(space.read(&ram, AT, &mut [0; 2]), 2);
        assert!(bytes(&ram) == before);
    });
}

/// An entry that is often right.
fn entry() -> impl Strategy<Value = u32> {
    let flags = prop_oneof![4 => Just(P), 4 => Just(P | W | U | A), 1 => 0..0x1000_u32];
    (0..10_u32, flags).prop_map(|(page, flags)| page << 12 | flags)
}

proptest! {
    #[test]
    fn a_visitor_arrives_where_the_guest_does(
        is_pae: bool,
        entries in proptest::collection::vec(entry(), 3),
        high in prop_oneof![4 => Just(0), 1 => any::<u32>()],
    ) {
        let format = if is_pae { Format::Pae } else { Format::TwoLevel };
        let (mut ram, space) = tables(format);
        let upper: &[u32] = if is_pae { &[0x1000, 0x3010] } else { &[0x1004] };
        let last = format.entry_at(TABLE, AT).0;
        for (&place, &entry) in upper.iter().chain([&last]).zip(&entries) {
            ram.write_u32(GuestPhys(place), entry).unwrap();
        }
        if is_pae {
            ram.write_u32(GuestPhys(last + 4), high).unwrap();
        }
        let seen = space.translate(&ram, AT);
        match format.walk(&mut ram, TOP, AT, PageFaultCode(0), 0) {
            Ok(Walk::Page { entry, .. }) => {
                prop_assert_eq!(seen, Ok(GuestPhys(entry.address().0 | AT.page_offset())));
            }
            Ok(Walk::Fault { .. }) => prop_assert!(matches!(seen, Err(NoPage::Absent(_)))),
            Ok(Walk::Device(_)) => prop_assert!(false, "there is no device"),
            Err(_) => prop_assert!(matches!(seen, Err(NoPage::Unsound(_) | NoPage::Outside))),
        }
    }
}
