//! What a device may reach beyond its Guest.
//!
//! A port is what the Host's machine looks like to the Launcher: a small trait,
//! passed along as an argument and never kept. So a device can be tested with
//! a fake one, and needs no lock for a real one.
//!
//! Next on the tour: [`crate::console`].

use core::fmt;

use abi::{GuestResult, Nanos};

use crate::net::{header::HEADER_LEN, queue::Packet};

/// A person's terminal, or what passes for one.
///
/// It is one Guest's share of it: whom the keyboard is given to, and how lines of several
/// Guests are told apart, is the business of whoever implements this.
pub trait Console {
    /// Shows bytes, in the end: until then they are kept. What they mean is between the Guest and
    /// the terminal.
    fn write(&mut self, bytes: &[u8]);

    /// Whether so much of what was written waits to be shown that its Guest should wait too. What
    /// is written all the same is kept as well, as long as it is no more than a few KiB.
    fn is_full(&self) -> bool;

    /// Takes up to `into.len()` bytes that have arrived, and returns how many; 0 if there are
    /// none just now. What is not taken waits.
    fn read(&mut self, into: &mut [u8]) -> usize;
}

/// Where lines about a Guest go.
pub trait Log {
    /// A line that the Guest can cause again and again. Of too many some are only counted.
    fn news(&mut self, line: fmt::Arguments<'_>);

    /// The line about its end.
    fn end(&mut self, line: fmt::Arguments<'_>);

    /// A line that it can cause only once, whatever it does: always said.
    fn once(&mut self, line: fmt::Arguments<'_>) {
        self.end(line);
    }
}

/// Where bytes come from that nobody can foresee.
pub trait Entropy {
    /// Fills `into` with such bytes. It takes time in proportion to their number, and never waits.
    fn fill(&mut self, into: &mut [u8]);
}

/// All ports of one Guest's devices.
pub struct Ports<'a> {
    /// What time it is.
    pub now: Nanos,
    /// For the console device, and for text from before it works.
    pub console: &'a mut dyn Console,
    /// For network cards.
    pub net: &'a mut dyn PacketPort,
    /// For the entropy device.
    pub entropy: &'a mut dyn Entropy,
}

/// Where a network card is plugged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plug {
    /// Number of the network.
    pub network: usize,
    /// Number of the port of its switch.
    pub port: usize,
}

/// The networks, as a card reaches them.
pub trait PacketPort {
    /// Takes a packet of `len` bytes that `fill` writes, with the header that came before it from a
    /// driver that has accepted `features`. Returns how many copies were made of it: none if header
    /// or frame cannot be true.
    ///
    /// # Errors
    /// What `fill` returns; the packet is gone then.
    fn send(
        &mut self,
        from: Plug,
        header: [u8; HEADER_LEN],
        features: u64,
        len: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> GuestResult,
    ) -> GuestResult<usize>;

    /// Counts a packet that is too short or too long to be one.
    fn refuse(&mut self, from: Plug);

    /// The packet that is next for a card.
    fn first(&self, at: Plug) -> Option<Packet<'_>>;

    /// Takes it out: the card has received it, or never will.
    fn pop(&mut self, at: Plug, is_received: bool);

    /// Throws away what waits for a card that was reset.
    fn clear(&mut self, at: Plug);
}
