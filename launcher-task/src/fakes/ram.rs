//! Guest memory in a vector.
//!
//! Next on the tour: [`crate::layout`].

use std::ops::{Deref, DerefMut};

use abi::{GuestMemory, GuestPhys, GuestResult};

/// Bytes that can be passed as `&mut dyn GuestMemory`, which a slice, being unsized, cannot.
#[derive(Clone, PartialEq, Eq)]
pub struct Ram(pub Vec<u8>);

impl Ram {
    /// Memory of zeroes.
    pub fn zeroed(len: u32) -> Self {
        Self(vec![0; len as usize])
    }
}

impl Deref for Ram {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Ram {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl GuestMemory for Ram {
    fn limit(&self) -> u32 {
        self.0.as_slice().limit()
    }

    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        self.0.as_slice().read_into(at, into)
    }

    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        self.0.as_mut_slice().write_from(at, from)
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        self.0.as_mut_slice().zero(at, len)
    }
}
