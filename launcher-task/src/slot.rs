//! A device in its place: with its queues, and what its driver has accepted.
//!
//! This is the half of a bus that is the same for all of them. A bus knows
//! where registers and rings are and how a Guest is interrupted; what a kick, a
//! reset or the end of the negotiation mean to device and queues is here.
//!
//! ```text
//!   bus --kick(index)--> Slot --serve--> Device --pop, give_back--> Virtqueue
//!    ^                    |                                             |
//!    '--- interrupt due --'<-------------------- settle ----------------'
//! ```
//!
//! Invariants:
//! - Device and queues agree on what was accepted, and that was offered
//!   (`what_was_not_offered_cannot_be_accepted`).
//! - A queue that has nothing to do costs nothing until it is kicked
//!   (`only_what_is_not_idle_is_asked_again`).
//!
//! Source: virtio 1.0, "Feature Bits" and "Device Initialization".
//!
//! Next on the tour: [`crate::port`].

use alloc::{boxed::Box, vec::Vec};

use abi::{GuestMemory, GuestResult, Width};

use crate::{
    device::{Device, Progress, Shape},
    port::Ports,
    virtqueue::{Rings, Virtqueue},
};

/// A device, its queues and what was negotiated.
pub struct Slot<'a> {
    device: Box<dyn Device + 'a>,
    /// Features of the bus and its rings, which it offers along with the device's own.
    bus_features: u64,
    accepted: u64,
    queues: Vec<Served>,
    /// Queues that are not idle, and those that must be finished before the Guest goes on: a bit each.
    pending: u32,
    busy: u32,
}

/// A queue, and whether the device wants to be asked about it.
struct Served {
    queue: Virtqueue,
    progress: Progress,
    traffic: Traffic,
}

impl Served {
    /// A queue nothing has gone through yet.
    fn new(queue: Virtqueue) -> Self {
        Self { queue, progress: Progress::Idle, traffic: Traffic::default() }
    }
}

/// What has gone through a queue since its driver set it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// How often the device looked at it.
    pub served: u64,
    /// Chains given back.
    pub chains: u64,
    /// Interrupts asked for.
    pub interrupts: u64,
}

impl<'a> Slot<'a> {
    /// A device on a bus that offers `bus_features` besides its own. Its queues have no rings yet.
    ///
    /// # Panics
    /// If it has more than 32 queues.
    pub fn new(device: Box<dyn Device + 'a>, bus_features: u64) -> Self {
        let count = device.shape().queues;
        let queue = || Served::new(Virtqueue::default());
        let queues = core::iter::repeat_with(queue).take(count.into()).collect();
        assert!(u32::from(count) <= u32::BITS, "each queue has a bit");
        Self { device, bus_features, accepted: 0, queues, pending: 0, busy: 0 }
    }

    /// What the device looks like.
    pub fn shape(&self) -> Shape<'_> {
        self.device.shape()
    }

    /// All that a driver may accept.
    pub fn offered(&self) -> u64 {
        self.device.shape().features | self.bus_features
    }

    /// What the driver has accepted so far.
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Notes what the driver accepts; what was not offered is not.
    pub fn accept(&mut self, features: u64) {
        let features = features & self.offered();
        if features != self.accepted {
            self.accepted = features;
            self.device.accept(features);
            self.queues.iter_mut().for_each(|served| served.queue.accept(features));
        }
    }

    /// Gives queue `index` its rings, empty as they are.
    ///
    /// # Panics
    /// If the device has no such queue.
    pub fn set_rings(&mut self, index: usize, rings: Rings) {
        self.queues[index] = Served::new(Virtqueue::new(rings, self.accepted));
        self.note(index, Progress::Idle);
    }

    /// Notes how far the device has come with queue `index`.
    fn note(&mut self, index: usize, progress: Progress) {
        let (is_pending, is_busy) = (progress != Progress::Idle, progress >= Progress::Busy);
        self.queues[index].progress = progress;
        self.pending = self.pending & !(1 << index) | u32::from(is_pending) << index;
        self.busy = self.busy & !(1 << index) | u32::from(is_busy) << index;
    }

    /// Serves queue `index`, and tells whether an interrupt is due. A queue that is not there or
    /// has no rings has nothing to serve.
    ///
    /// # Errors
    /// What the device finds wrong.
    pub fn serve(
        &mut self,
        index: usize,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<bool> {
        let Some(served) = self.queues.get_mut(index).filter(|served| served.queue.has_rings()) else {
            return Ok(false);
        };
        let before = served.queue.given_back();
        let progress = self.device.serve(index, &mut served.queue, memory, ports)?;
        let is_due = served.queue.settle(memory)?;
        served.traffic.served += 1;
        served.traffic.chains += u64::from(served.queue.given_back().wrapping_sub(before));
        served.traffic.interrupts += u64::from(is_due);
        self.note(index, progress);
        Ok(is_due)
    }

    /// The size of each queue, 0 if it has no rings, and what has gone through it.
    pub fn traffic(&self) -> impl Iterator<Item = (u16, Traffic)> + '_ {
        self.queues.iter().map(|served| (served.queue.size(), served.traffic))
    }

    /// Serves each queue that is not idle; `due` is told those an interrupt is due for.
    ///
    /// # Errors
    /// What the device finds wrong.
    pub fn go_on(
        &mut self,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
        mut due: impl FnMut(usize),
    ) -> GuestResult {
        let mut pending = self.pending;
        while pending != 0 {
            let index = pending.trailing_zeros() as usize;
            if self.serve(index, memory, ports)? {
                due(index);
            }
            pending &= pending - 1;
        }
        Ok(())
    }

    /// Tells whether something must be finished before the Guest goes on.
    #[inline]
    pub const fn is_busy(&self) -> bool {
        self.busy != 0
    }

    /// Tells whether others must have their turn before that can be finished.
    pub fn yields(&self) -> bool {
        self.queues.iter().any(|served| served.progress == Progress::Yields)
    }

    /// Bytes of the device's configuration from `at` on; behind its end they are all ones.
    pub fn read_config(&self, at: u32, width: Width) -> u32 {
        let shape = self.shape();
        let byte = |place| shape.config.get(place as usize).copied().unwrap_or(0xFF);
        (at..at + width.bytes()).rev().fold(0, |value, place| value << 8 | u32::from(byte(place)))
    }

    /// Passes on what the driver writes into the configuration.
    pub fn write_config(&mut self, offset: u32, bytes: &[u8], ports: &mut Ports<'_>) {
        self.device.write_config(offset, bytes, ports);
    }

    /// Forgets the driver: what it has accepted, its chains, its rings.
    pub fn reset(&mut self) {
        self.accepted = 0;
        self.device.reset();
        let fresh = || Served::new(Virtqueue::default());
        self.queues.fill_with(fresh);
        (self.pending, self.busy) = (0, 0);
    }

    /// Begins another life of the Guest.
    pub fn restart(&mut self) {
        self.device.restart();
        self.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::network::Networks;
    use crate::{
        chain::{Chain, Direction},
        fakes::{Driver, FakeConsole, FakeEntropy, Ram},
        virtqueue::INDIRECT_DESC,
    };
    use abi::{GuestPhys, Nanos};
    use core::cell::{Cell, RefCell};

    const RING: GuestPhys = GuestPhys(0x1000);
    const BUS_FEATURE: u64 = 1 << 32;

    /// What a device that is looked at from outside was told and asked.
    #[derive(Default)]
    struct Record {
        accepted: RefCell<Vec<u64>>,
        served: Cell<u32>,
        progress: Cell<Option<Progress>>,
    }

    struct Recorder<'a>(&'a Record);

    impl Device for Recorder<'_> {
        fn shape(&self) -> Shape<'_> {
            Shape { kind: 9, name: "recorder", queues: 1, features: 0x81, config: &[] }
        }

        fn accept(&mut self, features: u64) {
            self.0.accepted.borrow_mut().push(features);
        }

        fn serve(
            &mut self,
            _: usize,
            queue: &mut Virtqueue,
            memory: &mut dyn GuestMemory,
            _: &mut Ports<'_>,
        ) -> GuestResult<Progress> {
            self.0.served.set(self.0.served.get() + 1);
            let mut chain = Chain::default();
            while queue.pop(memory, &mut chain)? {
                queue.give_back(memory, &mut chain, 0)?;
            }
            Ok(self.0.progress.get().unwrap_or(Progress::Idle))
        }

        fn reset(&mut self) {}
    }

    fn serve(slot: &mut Slot<'_>, ram: &mut Ram) -> GuestResult<bool> {
        let (console, net) = (&mut FakeConsole::default(), &mut Networks::none());
        let entropy = &mut FakeEntropy::default();
        slot.serve(0, ram, &mut Ports { now: Nanos(0), console, net, entropy })
    }

    #[test]
    fn what_was_not_offered_cannot_be_accepted() {
        let record = Record::default();
        let mut slot = Slot::new(Box::new(Recorder(&record)), BUS_FEATURE);
        assert_eq!(slot.offered(), 0x81 | BUS_FEATURE);
        slot.accept(0x7F | BUS_FEATURE);
        slot.accept(0x1 | BUS_FEATURE);
        slot.accept(u64::MAX);
        assert_eq!(*record.accepted.borrow(), [0x1 | BUS_FEATURE, 0x81 | BUS_FEATURE]);
    }

    #[test]
    fn only_what_is_not_idle_is_asked_again() {
        let record = Record::default();
        let mut slot = Slot::new(Box::new(Recorder(&record)), 0);
        let mut ram = Ram::zeroed(0x4000);
        assert_eq!(serve(&mut slot, &mut ram), Ok(false));
        assert_eq!(record.served.get(), 0, "a queue without rings is not served");
        slot.set_rings(0, Rings::in_one_run(RING));
        for (progress, is_pending, is_busy) in [
            (Progress::Idle, false, false),
            (Progress::Waiting, true, false),
            (Progress::Busy, true, true),
            (Progress::Yields, true, true),
        ] {
            record.progress.set(Some(progress));
            assert_eq!(serve(&mut slot, &mut ram), Ok(false));
            assert_eq!((slot.pending != 0, slot.is_busy()), (is_pending, is_busy));
            assert_eq!(slot.yields(), progress == Progress::Yields);
        }
        slot.reset();
        assert!(slot.pending == 0 && !slot.is_busy());
    }

    #[test]
    fn features_accepted_after_the_rings_reach_them() {
        let record = Record::default();
        let mut slot = Slot::new(Box::new(Recorder(&record)), INDIRECT_DESC);
        let (mut ram, mut driver) = (Ram::zeroed(0x4000), Driver::new(RING));
        slot.set_rings(0, Rings::in_one_run(RING));
        slot.accept(INDIRECT_DESC);
        driver.offer_in_table(&mut ram, 0x100, &[(0, 1, Direction::Readable)]);
        assert_eq!(serve(&mut slot, &mut ram), Ok(true));
        let once = Traffic { served: 1, chains: 1, interrupts: 1 };
        assert_eq!(slot.traffic().collect::<Vec<_>>(), [(256, once)]);
        slot.reset();
        assert_eq!(slot.traffic().collect::<Vec<_>>(), [(0, Traffic::default())]);
        slot.set_rings(0, Rings::in_one_run(RING));
        assert!(serve(&mut slot, &mut ram).is_err(), "a reset forgets them");
    }
}
