//! A network's switch together with who listens in: what a gateway is plugged into.
//!
//! Next on the tour: [`super::network`].

use abi::Nanos;

use super::{header::Offload, pcap::Capture, switch::Switch};

/// Number of the gateway's port.
pub const GATEWAY: usize = 0;

/// A switch, and who listens in.
pub struct Relay<'a> {
    /// The switch.
    pub switch: Switch<'a>,
    /// What is written down of it, if anything.
    pub capture: Option<Capture<'a>>,
}

impl Relay<'_> {
    /// Passes a frame on, as [`Switch::forward`] does, and writes it down.
    pub fn forward(&mut self, from: usize, offload: Offload, frame: &[u8], now: Nanos) -> usize {
        if let Some(capture) = &mut self.capture {
            capture.note(now, frame);
        }
        self.switch.forward(from, offload, frame, now)
    }
}
