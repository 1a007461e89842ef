//! What every device has in common.
//!
//! A device has a shape, which becomes its descriptor on the bus, and serves
//! its queues when it is asked to. It is asked when the Guest kicks a queue,
//! and again at each step while its last answer was not [`Progress::Idle`]. It
//! never waits: what cannot be done now is done at a later step. Which bus it
//! hangs on, it does not know: features of the bus and of the rings are not its
//! to offer.
//!
//! Source: virtio 1.0, "Basic Facilities of a Virtio Device".
//!
//! Next on the tour: [`crate::slot`].

use abi::{GuestMemory, GuestResult};

use crate::{port::Ports, virtqueue::Virtqueue};

/// What a device looks like to the Guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape<'a> {
    /// Kind of device, one of [`abi::device_page`]'s types.
    pub kind: u8,
    /// What to call it in messages.
    pub name: &'static str,
    /// Virtqueues it has.
    pub queues: u8,
    /// Features it offers of its own, bit by bit.
    pub features: u64,
    /// Its configuration.
    pub config: &'a [u8],
}

/// How far a device has come with a queue, from nothing left to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub enum Progress {
    /// There is nothing to do until the next kick.
    Idle,
    /// Something from outside may come at any time: ask at each step.
    Waiting,
    /// Enough for one step, but not all: ask again before the Guest goes on.
    Busy,
    /// As busy, and for more somebody else must take away what there is: ask again at the next turn.
    Yields,
}

/// A device of one Guest.
pub trait Device {
    /// What it looks like.
    fn shape(&self) -> Shape<'_>;

    /// Learns which features the driver has accepted, of those that it and its bus have offered.
    /// Until then, and again after a reset, there are none. Old drivers make up their minds bit by
    /// bit, so this may come more than once; the last one counts.
    fn accept(&mut self, _features: u64) {}

    /// Does what can be done now for queue number `index`, within a bound on time.
    ///
    /// # Errors
    /// The [`abi::KillReason`] if the Guest broke the rules.
    fn serve(
        &mut self,
        index: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Progress>;

    /// Takes what the driver has written at `offset` of the configuration; only some devices have
    /// anything there that is not just for reading.
    fn write_config(&mut self, _offset: u32, _bytes: &[u8], _ports: &mut Ports<'_>) {}

    /// Forgets everything about the driver; its queues are being reset too.
    fn reset(&mut self);

    /// Begins another life: the Guest has been started or restarted. A reset follows.
    fn restart(&mut self) {}
}
