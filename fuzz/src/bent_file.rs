//! ELF files, sound but for a few fields that are bent to anything, and maybe cut short.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::elf_file::{ElfFile, Part};

/// Dwords from `e_type` on that may be bent: the header, and three program headers behind it.
const FIELDS: usize = 33;

/// What a linker was asked for, and what was done to its work.
#[derive(Arbitrary, Debug)]
pub struct BentFile<'a> {
    parts: Vec<(u32, &'a [u8], u16)>,
    entry: u8,
    bends: Vec<(u8, u32)>,
    cut: u8,
}

impl BentFile<'_> {
    /// The file's bytes; a part's even address is taken within `reach`.
    pub fn bytes(&self, reach: u32) -> Vec<u8> {
        let part = |&(at, bytes, more): &(u32, &[u8], u16)| {
            let part = Part::new(if at & 1 == 0 { at % reach } else { at }, bytes);
            Part { memory_len: part.memory_len + u32::from(more), ..part }
        };
        let parts: Vec<Part> = self.parts.iter().take(8).map(part).collect();
        let entry = parts.first().map_or(0, |part| part.at).wrapping_add(u32::from(self.entry % 16));
        let mut file = ElfFile::new(entry, &parts);
        let fields = FIELDS.min((file.0.len() - 16) / 4);
        for &(field, value) in &self.bends {
            file.put32(16 + 4 * (usize::from(field) % fields), value);
        }
        let cut = usize::from(self.cut / 16);
        file.0.truncate(file.0.len() - cut);
        file.0
    }
}
