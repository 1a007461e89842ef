//! bzImages, sound but for a few bytes of their header that are bent to anything, and maybe cut
//! short.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::bzimage_file::BzImageFile;

/// Bytes of the header that may be bent, from `setup_sects` to where it may reach.
const HEADER: std::ops::Range<usize> = 0x1F1..0x290;

/// What a build was asked for, and what was done to its work.
#[derive(Arbitrary, Debug)]
pub struct BentBzImage<'a> {
    release: &'a str,
    code: &'a [u8],
    bytes: Vec<(u8, u8)>,
    dwords: Vec<(u8, u32)>,
    cut: u8,
}

impl BentBzImage<'_> {
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let release = &self.release[..self.release.floor_char_boundary(200)];
        let mut file = BzImageFile::new(release, self.code);
        for &(offset, byte) in &self.bytes {
            file.0[HEADER.start + usize::from(offset) % HEADER.len()] = byte;
        }
        for &(offset, dword) in &self.dwords {
            file.put32(HEADER.start + usize::from(offset) % (HEADER.len() - 3), dword);
        }
        file.0.truncate(file.0.len() - usize::from(self.cut / 4));
        file.0
    }
}
