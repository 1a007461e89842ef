//! The lguest bus for the drivers: the device page, and NOTIFY.
//!
//! The drivers speak virtio 1.0's order of things; what a device of the old
//! bus hears of it is the status byte, the features accepted, and kicks. That
//! FEATURES_OK was never a bit of such a device's status does not disturb it.
//!
//! Invariants: nothing but this device's own bytes of the page is written
//! (`place` asserts it).
//!
//! Source: lguest ABI, "Device page (legacy bus)" and "Status protocol".
//!
//! Next on the tour: `src/relay.rs`.

use core::ops::Range;

use abi::device_page::STATUS;
use abi::{GuestMemory, GuestPhys};
use kit::device_window::DeviceWindow;
use kit::devices::{Queue, devices};
use kit::hypercall::Call;
use kit::interrupts;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::relay::Relay;

/// Most queues a device has.
const QUEUES: usize = 2;
/// What the rings of a driver's own could not say through a [`Relay`]: it carries buffers over when the
/// driver kicks, and by this feature the driver would not, where the device looks by itself.
const EVENT_IDX: u32 = 1 << 29;

const PAGE_IS_THERE: &str = "the device page is inside the window";

/// A device on the device page.
pub struct Device {
    window: DeviceWindow,
    kind: DeviceType,
    /// Where in the window its descriptor is.
    at: GuestPhys,
    offered: u32,
    accepted: Range<u32>,
    config: Range<u32>,
    queues: [Option<Queue>; QUEUES],
    relays: [Option<Relay>; QUEUES],
}

impl Device {
    /// Finds device number `number` of a kind.
    pub(crate) fn find(kind: DeviceType, number: usize) -> Option<Self> {
        let window = DeviceWindow::new();
        let page = window.device_page();
        let device = devices(&page).filter(|device| device.kind == kind as u8).nth(number)?;
        let start = window.start();
        let place = |range: Range<u32>| start + range.start..start + range.end;
        let accepted = device.accepted_features();
        let config = accepted.end..accepted.end + device.config().len() as u32;
        let (at, offered) = (GuestPhys(start + device.offset), device.offered() & !EVENT_IDX);
        let queues = [0, 1].map(|index| device.queue(index));
        let (accepted, config) = (place(accepted), place(config));
        Some(Self { window, kind, at, offered, accepted, config, queues, relays: [None, None] })
    }

    fn queue(&self, index: u16) -> Option<Queue> {
        self.queues.get(usize::from(index)).copied().flatten()
    }

    fn relay(&mut self, index: u16) -> Option<&mut Relay> {
        self.relays.get_mut(usize::from(index))?.as_mut()
    }

    fn status(&self) -> GuestPhys {
        GuestPhys(self.at.0 + STATUS)
    }

    /// Where `len` bytes at `offset` of the configuration are.
    fn in_config(&self, offset: usize, len: usize) -> Result<GuestPhys> {
        let at = self.config.start + offset as u32;
        if at + len as u32 > self.config.end { Err(Error::ConfigSpaceTooSmall) } else { Ok(GuestPhys(at)) }
    }
}

impl Transport for Device {
    fn device_type(&self) -> DeviceType {
        self.kind
    }

    fn read_device_features(&mut self) -> u64 {
        self.offered.into()
    }

    fn write_driver_features(&mut self, features: u64) {
        for (at, byte) in self.accepted.clone().zip(features.to_le_bytes()) {
            self.window.write_u8(GuestPhys(at), byte).expect(PAGE_IS_THERE);
        }
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.queue(queue).map_or(0, |queue| queue.entries.into())
    }

    fn notify(&mut self, queue: u16) {
        let (window, relay) = (&mut self.window, &mut self.relays[usize::from(queue)]);
        let relay = relay.as_mut().expect("a driver kicks the queues it has set up");
        relay.hand_over(window);
        Call::notify(relay.ring()).make();
        relay.hand_back(window);
    }

    fn get_status(&self) -> DeviceStatus {
        let status = self.window.read_u8(self.status()).expect(PAGE_IS_THERE);
        DeviceStatus::from_bits_truncate(status.into())
    }

    fn set_status(&mut self, status: DeviceStatus) {
        if status.is_empty() {
            self.relays = [None, None]; // a reset empties the rings
        }
        self.window.write_u8(self.status(), status.bits() as u8).expect(PAGE_IS_THERE);
        Call::notify(self.at).make();
    }

    fn set_guest_page_size(&mut self, _: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        true
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        available: PhysAddr,
        used: PhysAddr,
    ) {
        let ours = self.queue(queue).expect("a driver sets up queues it has asked for");
        let places = [descriptors, available, used].map(|at| GuestPhys(at as u32));
        self.relays[usize::from(queue)] = Some(Relay::new(ours, size as u16, places));
        interrupts::handle(ours.irq, || {}); // its only task is to end a HALT
    }

    /// There is no way to take back one queue: what is on offer stays so until the reset.
    fn queue_unset(&mut self, queue: u16) {
        self.relays[usize::from(queue)] = None;
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.relay(queue).is_some()
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        let relays = self.relays.iter_mut().flatten();
        let came = relays.fold(0, |came, relay| came + relay.hand_back(&mut self.window));
        if came > 0 { InterruptStatus::QUEUE_INTERRUPT } else { InterruptStatus::empty() }
    }

    fn read_config_generation(&self) -> u32 {
        0
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let mut value = T::new_zeroed();
        let at = self.in_config(offset, size_of::<T>())?;
        self.window.read_into(at, value.as_mut_bytes()).expect(PAGE_IS_THERE);
        Ok(value)
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, offset: usize, value: T) -> Result<()> {
        let at = self.in_config(offset, size_of::<T>())?;
        self.window.write_from(at, value.as_bytes()).expect(PAGE_IS_THERE);
        Ok(())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.set_status(DeviceStatus::empty());
    }
}
