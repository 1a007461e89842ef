//! A device in its slot of the PCI bus: what each of its registers does.
//!
//! A read or write of a register goes to what the driver has set up so far
//! (`bus/pci/setup.rs`), to the device itself, or to its configuration, whichever
//! the register is about.
//!
//! ```text
//!  ports, window --> Register --+--> Setup     status, features, queues
//!                               +--> Slot      kicks, configuration
//!                               '--> isr       why there was an interrupt
//! ```
//!
//! Invariants:
//! - No buffer is touched before the driver is ready
//!   (`a_kick_before_the_driver_is_ready_waits_for_it`).
//!
//! Source: virtio 1.0, 3.1 "Device Initialization", 4.1.4.3 to 4.1.4.6; lguest
//! ABI, "PCI (4.0+)".
//!
//! Next on the tour: [`crate::slot`].

use alloc::{boxed::Box, vec::Vec};

use abi::device_page::{STATUS_DRIVER_OK, STATUS_FAILED};
use abi::kill::DeviceError;
use abi::pci::{
    CAP_ACCESS, CAP_EXTRA, FEATURE_VERSION_1, ISR_CONFIG, ISR_QUEUE, NO_VECTOR, STATUS_FEATURES_OK,
};
use abi::{GuestMemory, GuestPhys, GuestResult, Width};

use super::{ConfigSpace, registers::Register, setup::Setup, setup::half};
use crate::{
    bus::{Heard, Irqs, NOTHING},
    device::Device,
    port::Ports,
    slot::Slot,
    virtqueue::{EVENT_IDX, INDIRECT_DESC},
};

/// Features of this bus and its rings, offered with every device.
const BUS_FEATURES: u64 = FEATURE_VERSION_1 | INDIRECT_DESC | EVENT_IDX;

/// One device on the bus.
pub struct Function<'a> {
    slot: Slot<'a>,
    window: GuestPhys,
    irq: u8,
    space: ConfigSpace,
    setup: Setup,
    /// Why there was an interrupt since the driver last asked.
    isr: u8,
    /// Changes with the configuration.
    generation: u8,
    /// The device's configuration as the driver was last told of.
    config: Vec<u8>,
}

impl<'a> Function<'a> {
    /// `device` with its registers at `window` and its interrupts on line `irq`.
    pub fn new(device: Box<dyn Device + 'a>, window: GuestPhys, irq: u8) -> Self {
        let slot = Slot::new(device, BUS_FEATURES);
        let (space, config) = (ConfigSpace::new(&slot.shape(), window, irq), slot.shape().config.to_vec());
        let setup = Setup::new(slot.shape().queues);
        Self { slot, window, irq, space, setup, isr: 0, generation: 0, config }
    }

    /// Begins another life of the Guest.
    pub fn restart(&mut self) {
        self.slot.restart();
        self.space = ConfigSpace::new(&self.slot.shape(), self.window, self.irq);
        self.reset();
    }

    /// Forgets the driver. Where the window is, is the kernel's business and stays.
    fn reset(&mut self) {
        self.slot.reset();
        self.setup = Setup::new(self.slot.shape().queues);
        self.isr = 0;
    }

    /// How far `at` is into the window; `None` if it is outside.
    pub fn offset_of(&self, at: GuestPhys) -> Option<u32> {
        self.space.offset_of(at)
    }

    /// The device, its queues and what was negotiated.
    pub const fn slot(&self) -> &Slot<'a> {
        &self.slot
    }

    /// Tells whether something must be finished before the Guest goes on.
    pub fn is_busy(&self) -> bool {
        self.slot.is_busy()
    }

    /// Goes on with what is not idle, and tells the driver if the configuration has changed.
    ///
    /// # Errors
    /// What the device finds wrong.
    pub fn go_on(
        &mut self,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
        due: &mut Irqs,
    ) -> GuestResult {
        let mut is_due = false;
        self.slot.go_on(memory, ports, |_| is_due = true)?;
        if is_due {
            self.interrupt(ISR_QUEUE, due);
        }
        if self.slot.shape().config != self.config {
            self.config.clear();
            self.config.extend_from_slice(self.slot.shape().config);
            self.generation = self.generation.wrapping_add(1);
            if self.setup.is_ready() {
                self.interrupt(ISR_CONFIG, due);
            }
        }
        Ok(())
    }

    fn interrupt(&mut self, reason: u8, due: &mut Irqs) {
        self.isr |= reason;
        due.add(self.irq);
    }

    fn serve(
        &mut self,
        index: usize,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
        due: &mut Irqs,
    ) -> GuestResult {
        if self.slot.serve(index, memory, ports)? {
            self.interrupt(ISR_QUEUE, due);
        }
        Ok(())
    }

    /// Reads the configuration space; its data window leads to the registers.
    ///
    /// # Errors
    /// As [`Function::read`].
    pub fn read_config(&mut self, offset: u32, width: Width) -> GuestResult<u32> {
        match offset.checked_sub(DATA) {
            Some(byte) if byte < 4 => match self.space.accessed() {
                Some((offset, width)) => Ok(self.read(offset, width)? >> (8 * byte)),
                None => Ok(NOTHING),
            },
            Some(_) | None => Ok(self.space.read(offset, width)),
        }
    }

    /// Writes the configuration space; its data window leads to the registers.
    ///
    /// # Errors
    /// As [`Function::write`].
    pub fn write_config(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        if offset == DATA
            && let Some((offset, width)) = self.space.accessed()
        {
            return self.write(offset, width, value & width.mask(), memory, ports);
        }
        self.space.write(offset, width, value);
        Ok(Heard::Nothing)
    }

    /// What the driver reads `offset` bytes into the window.
    ///
    /// # Errors
    /// [`DeviceError::Register`].
    pub fn read(&mut self, offset: u32, width: Width) -> GuestResult<u32> {
        let setup = &self.setup;
        let queue = setup.queue();
        Ok(match Register::at(offset, width)? {
            Register::DeviceFeatureSelect => setup.device_feature_select,
            Register::DeviceFeature => half(self.slot.offered(), setup.device_feature_select),
            Register::DriverFeatureSelect => setup.driver_feature_select,
            Register::DriverFeature => half(setup.driver_features, setup.driver_feature_select),
            Register::MsixVector => NO_VECTOR.into(),
            Register::NumQueues => setup.queues.len() as u32,
            Register::Status => setup.status.into(),
            Register::Generation => self.generation.into(),
            Register::QueueSelect => setup.queue_select.into(),
            Register::QueueSize => queue.map_or(0, |queue| queue.size.into()),
            Register::QueueEnable => queue.is_some_and(|queue| queue.is_enabled).into(),
            Register::QueueNotifyOff | Register::Notify => 0,
            Register::QueuePart(part, shift) => queue.map_or(0, |queue| (queue.places[part] >> shift) as u32),
            Register::Isr => core::mem::take(&mut self.isr).into(),
            Register::Config(at) => self.slot.read_config(at, width),
        })
    }

    /// Does what the driver wants that has written `value`, `offset` bytes into the window. What
    /// is only to be read stays as it is.
    ///
    /// # Errors
    /// [`DeviceError`] if that is against the protocol, or what the device finds wrong.
    pub fn write(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        let setup = &mut self.setup;
        match Register::at(offset, width)? {
            Register::Notify => return self.kicked(value as u16, memory, ports),
            Register::Status => return self.set_status(value as u8, memory, ports),
            Register::DeviceFeatureSelect => setup.device_feature_select = value,
            Register::DriverFeatureSelect => setup.driver_feature_select = value,
            Register::DriverFeature => setup.accept(value),
            Register::QueueSelect => setup.queue_select = value as u16,
            Register::QueueSize => setup.set_up(|queue| queue.size = value as u16),
            Register::QueuePart(part, shift) => setup.set_up(|queue| {
                let half = u64::from(u32::MAX) << shift;
                queue.places[part] = queue.places[part] & !half | u64::from(value) << shift;
            }),
            Register::QueueEnable if value == 1 => {
                if let Some(rings) = setup.enable(memory.limit())? {
                    self.slot.set_rings(setup.queue_select.into(), rings);
                }
            }
            Register::Config(at) => {
                let bytes = &value.to_le_bytes()[..width.bytes() as usize];
                if at as usize + bytes.len() <= self.config.len() {
                    self.slot.write_config(at, bytes, ports);
                    self.config.copy_from_slice(self.slot.shape().config); // which is no news
                }
            }
            Register::DeviceFeature
            | Register::MsixVector
            | Register::NumQueues
            | Register::Generation
            | Register::QueueEnable
            | Register::QueueNotifyOff
            | Register::Isr => {}
        }
        Ok(Heard::Nothing)
    }

    fn set_status(
        &mut self,
        to: u8,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        if to == 0 {
            self.reset();
            return Ok(Heard::Reset);
        }
        let new = self.setup.advance(to, self.slot.offered())?;
        if new & STATUS_FEATURES_OK != 0 {
            self.slot.accept(self.setup.driver_features);
        }
        if new & STATUS_FAILED != 0 {
            return Ok(Heard::Failed(self.slot.shape().name));
        }
        if new & STATUS_DRIVER_OK == 0 {
            return Ok(Heard::Status(self.setup.status));
        }
        // What was made available before counts now.
        let mut due = Irqs::default();
        for index in 0..self.setup.queues.len() {
            self.serve(index, memory, ports, &mut due)?;
        }
        Ok(Heard::Kicked(due))
    }

    fn kicked(
        &mut self,
        queue: u16,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        let is_there = self.setup.queues.get(usize::from(queue)).is_some_and(|queue| queue.is_enabled);
        if !is_there {
            return Err(DeviceError::Kick { queue }.into());
        }
        let mut due = Irqs::default();
        if self.setup.is_ready() {
            self.serve(queue.into(), memory, ports, &mut due)?;
        }
        Ok(Heard::Kicked(due))
    }
}

/// Where in the configuration space the registers are reached without a mapping.
const DATA: u32 = CAP_ACCESS as u32 + CAP_EXTRA as u32;
