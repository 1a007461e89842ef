//! A kernel build of sorts: makes bzImages, with any field bent as a test wants it.
//!
//! Next on the tour: the bzImage parser, and its tests.

/// The bytes of a file.
#[derive(Clone, Debug)]
pub struct BzImageFile(pub Vec<u8>);

/// Setup sectors of each file, the boot sector not counted.
pub const SETUP_SECTORS: u8 = 2;
/// Where the protected-mode part begins.
pub const PROTECTED: usize = 512 * (1 + SETUP_SECTORS as usize);

impl BzImageFile {
    /// A kernel of boot protocol 2.12 called `release`, whose protected-mode part is `code`. Its
    /// last four bytes are the unpacked length, as behind a packed kernel.
    pub fn new(release: &str, code: &[u8]) -> Self {
        let mut file = Self(vec![0; PROTECTED]);
        let code_len = code.len().next_multiple_of(16);
        file.0[0x1F1] = SETUP_SECTORS;
        file.put32(0x1F4, code_len as u32 / 16);
        file.0[0x1FE..0x206].copy_from_slice(&[0x55, 0xAA, 0xEB, 0x66, b'H', b'd', b'r', b'S']);
        file.put16(0x206, 0x020C).put16(0x20E, 0x100);
        file.0[0x211] = 1;
        file.put32(0x214, 0x10_0000).put32(0x22C, 0x37FF_FFFF).put32(0x230, 0x10_0000);
        file.put32(0x238, 255);
        file.put32(0x248, 0).put32(0x24C, code_len as u32);
        file.put32(0x258, 0x10_0000).put32(0x260, 0x4000);
        file.0[0x300..0x300 + release.len()].copy_from_slice(release.as_bytes());
        file.0.extend_from_slice(code);
        file.0.resize(PROTECTED + code_len, 0);
        file
    }

    /// The least that starts: two `ud2`.
    pub fn small() -> Self {
        Self::new("3.11.10-small (a@b) #1", &[0x0F, 0x0B, 0x0F, 0x0B])
    }

    /// Puts a word at `offset`.
    pub fn put16(&mut self, offset: usize, value: u16) -> &mut Self {
        self.0[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
        self
    }

    /// Puts a dword at `offset`.
    pub fn put32(&mut self, offset: usize, value: u32) -> &mut Self {
        self.0[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        self
    }
}
