//! Core files, read as a debugger would.

use super::survey::{RUNS, Run};
use super::*;
use crate::scripted::{Ram, ScriptedCpu, running_guest};
use crate::shadow::entry::P;
use crate::shadow::walk::Format;
use abi::GuestPhys;
use proptest::prelude::*;

const TOP: GuestPhys = GuestPhys(0x1000);
const TABLE: GuestPhys = GuestPhys(0x2000);

fn word(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

/// The program headers: type, place, address, bytes in the file, bytes in memory.
fn headers(file: &[u8]) -> Vec<[usize; 5]> {
    assert_eq!((&file[..7], word(file, 16), word(file, 28)), (&b"\x7FELF\x01\x01\x01"[..], 3 << 16 | 4, 52));
    let count = usize::from(file[44]) | usize::from(file[45]) << 8;
    let header =
        |number: usize| [0, 1, 2, 4, 5].map(|field| word(file, 52 + 32 * number + 4 * field) as usize);
    (0..count).map(header).collect()
}

/// The notes: owner, type, content.
fn notes(file: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let [kind, place, _, len, _] = headers(file)[0];
    assert_eq!(kind, 4);
    let (mut at, mut notes) = (place, Vec::new());
    while at < place + len {
        let [owner, content] = [0, 4].map(|offset| word(file, at + offset) as usize);
        let content_at = at + 12 + owner.next_multiple_of(4);
        let name = String::from_utf8(file[at + 12..at + 11 + owner].to_vec()).unwrap();
        notes.push((name, word(file, at + 8), file[content_at..content_at + content].to_vec()));
        at = content_at + content.next_multiple_of(4);
    }
    notes
}

fn core_of(guest: &Guest<Ram>, at_once: usize) -> Vec<u8> {
    let mut core = CoreFile::new(guest, "g", &KillReason::ByHand);
    let mut file = Vec::new();
    while core.turn(guest, |bytes| {
        let taken = bytes.len().min(at_once);
        file.extend(&bytes[..taken]);
        taken
    }) {}
    assert_eq!(core.progress(), (file.len() as u64, file.len() as u64));
    assert_eq!(core.left_out(), 0);
    file
}

#[test]
fn memory_is_found_by_its_linear_address() {
    let mut guest = running_guest(&mut ScriptedCpu::default());
    guest.memory.write_from(GuestPhys(0x8FFF), b"far").unwrap();
    let file = core_of(&guest, usize::MAX);
    let mut seen = 0;
    for [kind, place, at, kept, all] in headers(&file).into_iter().skip(1) {
        let mut there = vec![0; all];
        guest.memory.read_into(GuestPhys(at as u32), &mut there).unwrap();
        assert_eq!((kind, &there[..kept]), (1, &file[place..place + kept]));
        assert!(there[kept..].iter().all(|&byte| byte == 0), "what is left out is zeroes");
        seen += all;
    }
    assert_eq!(seen, 0x1_0000);
    assert_eq!(core_of(&guest, 7), file, "a slow line gets the same");
}

#[test]
fn registers_are_where_a_debugger_looks() {
    let mut guest = running_guest(&mut ScriptedCpu::default());
    (guest.regs.ebx, guest.regs.eip, guest.regs.ss) = (0xB, 0xC000_1234, 0xFFFF_0069);
    let notes = notes(&core_of(&guest, usize::MAX));
    let [(_, _, process), (_, _, status), (_, _, sentence)] = &notes[..] else { panic!("{notes:?}") };
    let kinds: Vec<_> = notes.iter().map(|(owner, kind, _)| (&owner[..], *kind)).collect();
    assert_eq!(kinds, [("CORE", 3), ("CORE", 1), ("Kennel", 0x4B65_6E6E)]);
    assert_eq!((status.len(), process.len()), (144, 124));
    assert_eq!((word(status, 72), word(status, 120), word(status, 136)), (0xB, 0xC000_1234, 0x69));
    assert_eq!((&process[28..30], &process[44..53]), (&b"g\0"[..], &b"guest g: "[..]));
    assert_eq!(String::from_utf8_lossy(sentence), KillReason::ByHand.to_string());
}

fn surveyed(space: Space, ram: &Ram) -> (Vec<Run>, u32) {
    let mut survey = Survey::new(ram.limit());
    while survey.turn(space, ram, 10) {}
    survey.take()
}

#[test]
fn neighbours_are_a_run_and_a_few_zeroes_are_content() {
    for (format, pages) in [(Format::TwoLevel, 1024_u32), (Format::Pae, 512)] {
        let mut ram = Ram::new(0x8000);
        let space = Space { format, top: Some(TOP) };
        let (directory, index) = match format {
            Format::TwoLevel => (TOP, 1),
            Format::Pae => {
                ram.write_u32(TOP, 0x3000 | P).unwrap();
                (GuestPhys(0x3000), 1)
            }
        };
        ram.write_u32(GuestPhys(directory.0 + index * format.entry_len()), TABLE.0 | P).unwrap();
        ram.write_u8(GuestPhys(0x5000), 1).unwrap();
        // Content, two pages of zeroes, content; six of zeroes, content, one of zeroes; a page apart.
        let mapped = [5, 6, 6, 5, 6, 6, 6, 6, 6, 6, 5, 6, 0, 5].into_iter().enumerate();
        for (number, page) in mapped.filter(|(_, page)| *page != 0) {
            let entry = GuestPhys(TABLE.0 + number as u32 * format.entry_len());
            ram.write_u32(entry, page << 12 | P).unwrap();
        }
        let run = |page, content, zeroes| Run { at: (pages + page) * PAGE_SIZE, content, zeroes };
        assert_eq!(surveyed(space, &ram), (vec![run(0, 4, 6), run(10, 1, 1), run(13, 1, 0)], 0));
    }
}

#[test]
fn a_page_mapped_a_thousand_times_is_not_sent_that_often() {
    let mut ram = Ram::new(0x8000);
    for number in 0..1024 {
        // Every other page, so that no two are neighbours.
        let present = P * (number % 2);
        ram.write_u32(GuestPhys(TABLE.0 + 4 * number), 0x1000 | present).unwrap();
    }
    (0..4).for_each(|slot| ram.write_u32(GuestPhys(TOP.0 + 4 * slot), TABLE.0 | P).unwrap());
    let space = Space { format: Format::TwoLevel, top: Some(TOP) };
    let (runs, left_out) = surveyed(space, &ram);
    assert_eq!((runs.len(), left_out), (16, 2048 - 16), "twice the memory");
    let zeroes = GuestPhys(0x5000);
    (0..1024).for_each(|number| {
        ram.write_u32(GuestPhys(TABLE.0 + 4 * number), zeroes.0 | (P * (number % 2))).unwrap();
    });
    let (runs, left_out) = surveyed(space, &ram);
    assert_eq!((runs.len(), left_out as usize), (RUNS, 2048 - RUNS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_tables_say_runs_are_in_order_and_bounded(
        pae in any::<bool>(),
        directory in prop::collection::vec((0_u32..1024, table_entry()), 0..6),
        table in prop::collection::vec((0_u32..1024, table_entry()), 0..300),
    ) {
        let format = if pae { Format::Pae } else { Format::TwoLevel };
        let mut ram = Ram::new(0x8000);
        for (at, entries) in [(TOP, directory), (TABLE, table)] {
            for (index, entry) in entries {
                ram.write_u32(GuestPhys(at.0 + 4 * index), entry).unwrap();
            }
        }
        let (runs, left_out) = surveyed(Space { format, top: Some(TOP) }, &ram);
        let ordered = runs.windows(2).all(|pair| {
            u64::from(pair[0].at) + u64::from((pair[0].content + pair[0].zeroes) * PAGE_SIZE) <= pair[1].at.into()
        });
        prop_assert!(ordered && runs.len() <= RUNS, "{} runs", runs.len());
        // Twice the memory, and gaps of zeroes on top.
        prop_assert!(survey::content(&runs) <= 16 * 5 * u64::from(PAGE_SIZE), "{left_out} left out");
        head::bytes(&switcher::GuestRegs::ZERO, "g", "", &runs);
    }
}

/// Entries that lead to tables, to a page, to nowhere, or anywhere.
fn table_entry() -> impl Strategy<Value = u32> {
    prop_oneof![
        prop::sample::select(vec![0, TOP.0 | P, TABLE.0 | P, 0x5000 | P, 0x7000 | P, 0x9000 | P]),
        any::<u32>()
    ]
}
