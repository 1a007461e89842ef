//! A linker of sorts: makes ELF files, with any field bent as a test wants it.
//!
//! Next on the tour: [`crate::elf`].

/// One loadable segment.
#[derive(Clone, Debug)]
pub struct Part {
    pub at: u32,
    pub bytes: Vec<u8>,
    pub memory_len: u32,
}

impl Part {
    pub fn new(at: u32, bytes: &[u8]) -> Self {
        Self { at, bytes: bytes.to_vec(), memory_len: bytes.len() as u32 }
    }
}

/// The bytes of a file.
#[derive(Clone, Debug)]
pub struct ElfFile(pub Vec<u8>);

impl ElfFile {
    /// A file in order: header, program headers, the parts' bytes.
    pub fn new(entry: u32, parts: &[Part]) -> Self {
        let mut file = Self(b"\x7fELF\x01\x01\x01".to_vec());
        file.0.resize(52 + 32 * parts.len(), 0);
        file.put16(16, 2).put16(18, 3).put32(20, 1).put32(24, entry).put32(28, 52);
        file.put16(40, 52).put16(42, 32).put16(44, parts.len() as u16);
        for (place, part) in parts.iter().enumerate() {
            let (header, offset) = (52 + 32 * place, file.0.len() as u32);
            file.put32(header, 1).put32(header + 4, offset);
            file.put32(header + 8, 0xC000_0000 | part.at).put32(header + 12, part.at);
            file.put32(header + 16, part.bytes.len() as u32).put32(header + 20, part.memory_len);
            file.0.extend_from_slice(&part.bytes);
        }
        file
    }

    /// The least that starts: two `ud2` at 1 MiB and a little memory behind them.
    pub fn small() -> Self {
        let part = Part { memory_len: 0x100, ..Part::new(0x10_0000, &[0x0F, 0x0B, 0x0F, 0x0B]) };
        Self::new(0x10_0000, &[part])
    }

    pub fn put16(&mut self, offset: usize, value: u16) -> &mut Self {
        self.0[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
        self
    }

    pub fn put32(&mut self, offset: usize, value: u32) -> &mut Self {
        self.0[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        self
    }
}
