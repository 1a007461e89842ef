//! Guest memory made of bytes.
//!
//! Next on the tour: [`crate::hardware`].

use abi::{GuestMemory, GuestPhys, GuestResult};

/// `limit` bytes, any number of them.
pub struct Ram(pub Box<[u8]>);

impl Ram {
    /// `limit` bytes, all zero.
    pub fn new(limit: u32) -> Self {
        Self(vec![0; limit as usize].into_boxed_slice())
    }

    /// The dword at `at`, which is known to be inside.
    pub fn word(&self, at: u32) -> u32 {
        self.read_u32(GuestPhys(at)).unwrap()
    }

    /// Sets the dword at `at`, which is known to be inside.
    pub fn set_word(&mut self, at: u32, value: u32) {
        self.write_u32(GuestPhys(at), value).unwrap();
    }
}

impl GuestMemory for Ram {
    fn limit(&self) -> u32 {
        self.0.limit()
    }

    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        self.0.read_into(at, into)
    }

    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        self.0.write_from(at, from)
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        self.0.zero(at, len)
    }
}
