//! Files that say something impossible about themselves.

use super::*;
use crate::fakes::{ElfFile, Part};
use crate::fields::Truncated;

fn refusal(bend: impl FnOnce(&mut ElfFile)) -> ElfError {
    let mut file = ElfFile::small();
    bend(&mut file);
    match Elf::admit(&file.0) {
        Err(error) => error,
        Ok(elf) => elf.segments().find_map(Result::err).expect("the file should be refused"),
    }
}

#[test]
fn a_segment_is_found_with_its_bytes_and_its_place() {
    let file = ElfFile::small();
    let elf = Elf::admit(&file.0).unwrap();
    let segments: Vec<_> = elf.segments().map(Result::unwrap).collect();
    let bytes: &[u8] = &[0x0F, 0x0B, 0x0F, 0x0B];
    assert_eq!(segments, [Segment { number: 0, at: GuestPhys(0x10_0000), bytes, memory_len: 0x100 }]);
    assert_eq!(elf.entry, GuestPhys(0x10_0000));
}

#[test]
fn what_is_not_a_32_bit_i386_executable_is_refused() {
    assert_eq!(refusal(|file| file.0[4] = 2), ElfError::Not32Bit);
    assert_eq!(refusal(|file| file.0[5] = 2), ElfError::BigEndian);
    assert_eq!(refusal(|file| _ = file.put16(16, 3)), ElfError::NotExecutable { kind: 3 });
    assert_eq!(refusal(|file| _ = file.put16(18, 40)), ElfError::WrongMachine { machine: 40 });
}

#[test]
fn program_headers_of_another_size_or_number_are_refused() {
    assert_eq!(refusal(|file| _ = file.put16(42, 56)), ElfError::ProgramHeaderLen { len: 56 });
    assert_eq!(refusal(|file| _ = file.put16(44, 0)), ElfError::ProgramHeaders { count: 0 });
    assert_eq!(refusal(|file| _ = file.put16(44, 0xFFFF)), ElfError::ProgramHeaders { count: 0xFFFF });
}

#[test]
fn more_file_than_memory_is_refused() {
    let error = refusal(|file| _ = file.put32(52 + 20, 3));
    assert_eq!(error, ElfError::MoreFileThanMemory { segment: 0 });
}

#[test]
fn what_lies_beyond_the_file_is_refused() {
    let len = ElfFile::small().0.len();
    let truncated = |needed| ElfError::from(Truncated { needed, len });
    assert_eq!(refusal(|file| _ = file.put32(28, len as u32)), truncated(len as u64 + 32));
    assert_eq!(refusal(|file| _ = file.put32(28, u32::MAX)), truncated(0x1_0000_001F));
    assert_eq!(refusal(|file| _ = file.put32(52 + 4, 0xFFFF_FFFF)), truncated(0x1_0000_0003));
    assert_eq!(refusal(|file| _ = file.put16(44, 2)), truncated(52 + 64));
}

#[test]
fn a_file_cut_anywhere_is_refused_or_unharmed() {
    let whole = ElfFile::small().0;
    for len in MAGIC.len()..whole.len() {
        let file = &whole[..len];
        let outcome = Elf::admit(file).and_then(|elf| elf.segments().collect::<Result<Vec<_>, _>>());
        let Err(ElfError::Truncated(Truncated { needed, len: said })) = outcome else {
            panic!("{len} bytes of {} gave {outcome:?}", whole.len());
        };
        assert!(needed > len as u64 && said == len);
    }
}

#[test]
fn other_kinds_of_program_header_and_empty_segments_are_passed_over() {
    let empty = Part { memory_len: 0, ..Part::new(0x20_0000, &[]) };
    let mut file = ElfFile::new(0, &[empty, Part::new(0x10_0000, &[1]), Part::new(0x30_0000, &[2])]);
    file.put32(52 + 32, 4); // PT_NOTE
    let elf = Elf::admit(&file.0).unwrap();
    let numbers: Vec<_> = elf.segments().map(|segment| segment.unwrap().number).collect();
    assert_eq!(numbers, [2]);
}
