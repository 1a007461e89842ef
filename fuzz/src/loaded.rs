//! Memory as it should have been loaded: what is expected there is taken away, piece by piece, and
//! zeroes must be left.

use crate::player::Player;

const PAGE: usize = 4096;

impl Player {
    /// Takes what should be at `at` away, if it is there.
    pub fn take(&mut self, at: u32, bytes: &[u8]) {
        let place = &mut self.ram.0[at as usize..][..bytes.len()];
        assert!(place == bytes, "what was loaded at {at:#x} is something else");
        place.fill(0);
    }

    /// Nothing is left. Compared by the page: by the byte, a case is ten times as slow.
    pub fn assert_empty(&self) {
        let is_zero = |page: &[u8]| page == &[0; PAGE][..page.len()];
        assert!(self.ram.0.chunks(PAGE).all(is_zero), "something was written beside");
    }
}
