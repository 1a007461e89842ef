//! Whatever an ELF file says of itself, its segments lie inside it, as its headers have them.
#![no_main]

use kennel_fuzz::bent_file::BentFile;
use launcher_task::elf::{Elf, is_elf};
use libfuzzer_sys::fuzz_target;

/// The little-endian dword at `offset`.
fn word(file: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(file[offset..offset + 4].try_into().expect("four bytes"))
}

fuzz_target!(|file: BentFile<'_>| {
    let file = file.bytes(u32::MAX);
    assert!(is_elf(&file));
    let Ok(elf) = Elf::admit(&file) else { return };
    assert_eq!(elf.entry.0, word(&file, 24));
    // Where a header cannot be read the load ends.
    for segment in elf.segments().map_while(Result::ok) {
        let header = word(&file, 28) as usize + 32 * usize::from(segment.number);
        let field = |index: usize| word(&file, header + 4 * index);
        assert_eq!([field(0), field(3), field(5)], [1, segment.at.0, segment.memory_len]);
        let (offset, len) = (field(1) as usize, field(4) as usize);
        assert_eq!(segment.bytes.as_ptr_range(), file[offset..offset + len].as_ptr_range());
        assert!(segment.bytes.len() <= segment.memory_len as usize && segment.memory_len > 0);
    }
});
