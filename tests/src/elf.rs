//! Small ELF images, right and wrong on purpose.
//!
//! Source: System V ABI, "Object Files"; Intel386 supplement.
//!
//! Next on the tour: [`crate::bzimage`].

/// `ELFCLASS32`, the only class a Guest may have.
pub const CLASS_32: u8 = 1;
/// `ELFCLASS64`.
pub const CLASS_64: u8 = 2;

const HEADER_LEN: u32 = 52;
const SEGMENT_HEADER_LEN: u32 = 32;

/// An executable for the i386 with one loadable segment.
#[derive(Clone, Debug)]
pub struct Elf {
    /// [`CLASS_32`] or [`CLASS_64`].
    pub class: u8,
    /// First instruction.
    pub entry: u32,
    /// Physical address of the segment.
    pub at: u32,
    /// Bytes of the segment in memory.
    pub memory_len: u32,
    /// What the segment holds.
    pub bytes: Vec<u8>,
}

impl Elf {
    /// An image of `bytes` at 1 MiB, entered at its first byte.
    pub fn of(bytes: &[u8]) -> Self {
        let at = 0x10_0000;
        Self { class: CLASS_32, entry: at, at, memory_len: bytes.len() as u32, bytes: bytes.to_vec() }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = vec![0x7F, b'E', b'L', b'F', self.class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let (executable, i386, version) = (2u16, 3u16, 1u32);
        push_words(&mut file, &[executable, i386]);
        push_dwords(&mut file, &[version, self.entry, HEADER_LEN, 0, 0]);
        push_words(&mut file, &[HEADER_LEN as u16, SEGMENT_HEADER_LEN as u16, 1, 40, 0, 0]);
        let (load, read_write_execute, alignment) = (1, 7, 4096);
        let offset = HEADER_LEN + SEGMENT_HEADER_LEN;
        let len = self.bytes.len() as u32;
        push_dwords(
            &mut file,
            &[load, offset, self.at, self.at, len, self.memory_len, read_write_execute, alignment],
        );
        file.extend_from_slice(&self.bytes);
        file
    }
}

fn push_words(file: &mut Vec<u8>, words: &[u16]) {
    file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

fn push_dwords(file: &mut Vec<u8>, dwords: &[u32]) {
    file.extend(dwords.iter().flat_map(|dword| dword.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_have_their_lengths_and_the_segment_follows() {
        let file = Elf::of(b"code").to_bytes();
        assert_eq!(file.len() as u32, HEADER_LEN + SEGMENT_HEADER_LEN + 4);
        assert_eq!(file[24..28], 0x10_0000u32.to_le_bytes());
        assert_eq!(&file[84..], b"code");
    }
}
