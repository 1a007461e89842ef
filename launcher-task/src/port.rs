//! What a device may reach beyond its Guest.
//!
//! A port is what the Host's machine looks like to the Launcher: a small trait,
//! passed along as an argument and never kept. So a device can be tested with
//! a fake one, and needs no lock for a real one.
//!
//! Next on the tour: [`crate::console`].

use abi::Nanos;

/// A person's terminal, or what passes for one.
///
/// It is one Guest's share of it: whom the keyboard is given to, and how lines of several
/// Guests are told apart, is the business of whoever implements this.
pub trait Console {
    /// Shows bytes. What they mean is between the Guest and the terminal.
    fn write(&mut self, bytes: &[u8]);

    /// Takes up to `into.len()` bytes that have arrived, and returns how many; 0 if there are
    /// none just now. What is not taken waits.
    fn read(&mut self, into: &mut [u8]) -> usize;
}

/// All ports of one Guest's devices.
pub struct Ports<'a> {
    /// What time it is.
    pub now: Nanos,
    /// For the console device, and for text from before it works.
    pub console: &'a mut dyn Console,
}
