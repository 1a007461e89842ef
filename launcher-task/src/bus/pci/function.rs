//! A device in its slot of the PCI bus: what each of its registers does.
//!
//! A driver writes its way up the status, and each step rests on the one before:
//!
//! ```text
//!  0 --> 1 seen --> 2 has a driver --> 8 features agreed --> 4 ready
//!  ^                                     ^ stays clear if they are not
//!  '-- 0 written, any time               queues are set up here, kicks count from 4 on
//! ```
//!
//! Invariants:
//! - Features are agreed on only if all that was accepted was offered, version
//!   1 among it (`features_not_offered_are_not_agreed_on`,
//!   `a_driver_without_version_1_is_not_agreed_with`).
//! - A queue's places are judged when it is enabled, on a copy, and fixed from
//!   then on (`a_queue_in_use_stays_where_it_is`).
//! - No buffer is touched before the driver is ready
//!   (`a_kick_before_the_driver_is_ready_waits_for_it`).
//!
//! Source: virtio 1.0, 3.1 "Device Initialization", 4.1.4.3 to 4.1.4.6; lguest
//! ABI, "PCI (4.0+)".
//!
//! Next on the tour: [`crate::slot`].

use alloc::{boxed::Box, vec, vec::Vec};

use abi::device_page::{QUEUE_ENTRIES, STATUS_DRIVER_OK, STATUS_FAILED};
use abi::kill::DeviceError;
use abi::pci::{
    CAP_ACCESS, CAP_EXTRA, FEATURE_VERSION_1, ISR_CONFIG, ISR_QUEUE, NO_VECTOR, STATUS_FEATURES_OK,
};
use abi::{GuestMemory, GuestPhys, GuestResult, Width};

use super::{ConfigSpace, registers::Register};
use crate::{
    bus::{Heard, Irqs, NOTHING},
    device::Device,
    port::Ports,
    slot::Slot,
    virtqueue::{EVENT_IDX, INDIRECT_DESC, Rings},
};

/// Features of this bus and its rings, offered with every device.
const BUS_FEATURES: u64 = FEATURE_VERSION_1 | INDIRECT_DESC | EVENT_IDX;

/// One device on the bus.
pub struct Function<'a> {
    slot: Slot<'a>,
    window: GuestPhys,
    irq: u8,
    space: ConfigSpace,
    registers: Registers,
    /// The device's configuration as the driver was last told of.
    config: Vec<u8>,
}

/// What the driver has written.
#[derive(Clone, Default)]
struct Registers {
    device_feature_select: u32,
    driver_feature_select: u32,
    driver_features: u64,
    /// It has accepted a feature beyond the sixty-fourth.
    wants_unknown: bool,
    status: u8,
    generation: u8,
    isr: u8,
    queue_select: u16,
    queues: Vec<QueueSetup>,
}

/// What the driver wants of a queue.
#[derive(Clone, Copy)]
struct QueueSetup {
    size: u16,
    is_enabled: bool,
    /// Descriptors, available and used ring.
    places: [u64; 3],
}

impl QueueSetup {
    const RESET: Self = Self { size: QUEUE_ENTRIES, is_enabled: false, places: [0; 3] };

    /// Judges it as queue number `queue` against a memory of `limit` bytes.
    fn admit(&self, queue: u16, limit: u32) -> GuestResult<Rings> {
        let mut places = [GuestPhys(0); 3];
        for (place, &at) in places.iter_mut().zip(&self.places) {
            place.0 = u32::try_from(at).map_err(|_| DeviceError::QueueBeyond { queue, at })?;
        }
        Rings::admit(self.size, places, limit)
    }
}

impl<'a> Function<'a> {
    /// `device` with its registers at `window` and its interrupts on line `irq`.
    pub fn new(device: Box<dyn Device + 'a>, window: GuestPhys, irq: u8) -> Self {
        let slot = Slot::new(device, BUS_FEATURES);
        let (space, config) = (ConfigSpace::new(&slot.shape(), window, irq), slot.shape().config.to_vec());
        let mut function = Self { slot, window, irq, space, registers: Registers::default(), config };
        function.reset();
        function
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
        let queues = vec![QueueSetup::RESET; self.slot.shape().queues.into()];
        let generation = self.registers.generation;
        self.registers = Registers { queues, generation, ..Registers::default() };
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
        for index in 0..self.registers.queues.len() {
            if self.slot.is_pending(index) {
                self.serve(index, memory, ports, due)?;
            }
        }
        if self.slot.shape().config != self.config {
            self.config.clear();
            self.config.extend_from_slice(self.slot.shape().config);
            self.registers.generation = self.registers.generation.wrapping_add(1);
            if self.is_ready() {
                self.interrupt(ISR_CONFIG, due);
            }
        }
        Ok(())
    }

    const fn is_ready(&self) -> bool {
        self.registers.status & STATUS_DRIVER_OK != 0
    }

    fn interrupt(&mut self, reason: u8, due: &mut Irqs) {
        self.registers.isr |= reason;
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
        let registers = &mut self.registers;
        let half = |features: u64, select: u32| match select {
            0 => features as u32,
            1 => (features >> 32) as u32,
            _ => 0,
        };
        let queue = registers.queues.get(usize::from(registers.queue_select)).copied();
        Ok(match Register::at(offset, width)? {
            Register::DeviceFeatureSelect => registers.device_feature_select,
            Register::DeviceFeature => half(self.slot.offered(), registers.device_feature_select),
            Register::DriverFeatureSelect => registers.driver_feature_select,
            Register::DriverFeature => half(registers.driver_features, registers.driver_feature_select),
            Register::MsixVector => NO_VECTOR.into(),
            Register::NumQueues => registers.queues.len() as u32,
            Register::Status => registers.status.into(),
            Register::Generation => registers.generation.into(),
            Register::QueueSelect => registers.queue_select.into(),
            Register::QueueSize => queue.map_or(0, |queue| queue.size.into()),
            Register::QueueEnable => queue.is_some_and(|queue| queue.is_enabled).into(),
            Register::QueueNotifyOff | Register::Notify => 0,
            Register::QueuePart(part, shift) => queue.map_or(0, |queue| (queue.places[part] >> shift) as u32),
            Register::Isr => core::mem::take(&mut registers.isr).into(),
            Register::Config(at) => self.read_device(at, width),
        })
    }

    /// Bytes of the device's configuration; behind its end they are all ones.
    fn read_device(&self, at: u32, width: Width) -> u32 {
        let shape = self.slot.shape();
        let byte = |place| shape.config.get(place as usize).copied().unwrap_or(0xFF);
        (at..at + width.bytes()).rev().fold(0, |value, place| value << 8 | u32::from(byte(place)))
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
        let registers = &mut self.registers;
        match Register::at(offset, width)? {
            Register::Notify => return self.kicked(value as u16, memory, ports),
            Register::Status => return self.set_status(value as u8, memory, ports),
            Register::DeviceFeatureSelect => registers.device_feature_select = value,
            Register::DriverFeatureSelect => registers.driver_feature_select = value,
            Register::DriverFeature => registers.accept(value),
            Register::QueueSelect => registers.queue_select = value as u16,
            Register::QueueSize => registers.set_up(|queue| queue.size = value as u16),
            Register::QueuePart(part, shift) => registers.set_up(|queue| {
                let half = u64::from(u32::MAX) << shift;
                queue.places[part] = queue.places[part] & !half | u64::from(value) << shift;
            }),
            Register::QueueEnable if value == 1 => self.enable_queue(memory.limit())?,
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
        let from = self.registers.status;
        if to == 0 {
            self.reset();
            return Ok(Heard::Reset);
        }
        let agrees = to & STATUS_FEATURES_OK != 0 && self.agree(from);
        let status = if agrees { to } else { to & !STATUS_FEATURES_OK };
        let is_too_early = status & STATUS_DRIVER_OK != 0 && !agrees;
        if from & !to != 0 || is_too_early {
            return Err(DeviceError::Status { from, to }.into());
        }
        self.registers.status = status;
        let is_new = |bit: u8| status & !from & bit != 0;
        if is_new(STATUS_FAILED) {
            return Ok(Heard::Failed(self.slot.shape().name));
        }
        if !is_new(STATUS_DRIVER_OK) {
            return Ok(Heard::Status(status));
        }
        // What was made available before counts now.
        let mut due = Irqs::default();
        for index in 0..self.registers.queues.len() {
            self.serve(index, memory, ports, &mut due)?;
        }
        Ok(Heard::Kicked(due))
    }

    /// Tells whether the features accepted are fine, and if so puts them in force.
    fn agree(&mut self, from: u8) -> bool {
        if from & STATUS_FEATURES_OK != 0 {
            return true;
        }
        let accepted = self.registers.driver_features;
        let are_known = accepted & !self.slot.offered() == 0 && !self.registers.wants_unknown;
        let agrees = are_known && accepted & FEATURE_VERSION_1 != 0;
        if agrees {
            self.slot.accept(accepted);
        }
        agrees
    }

    fn enable_queue(&mut self, limit: u32) -> GuestResult {
        let (number, status) = (self.registers.queue_select, self.registers.status);
        let Some(queue) = self.registers.queues.get_mut(usize::from(number)) else {
            return Ok(());
        };
        if status & STATUS_FEATURES_OK == 0 {
            return Err(DeviceError::QueueEarly { queue: number }.into());
        }
        if !queue.is_enabled {
            self.slot.set_rings(number.into(), queue.admit(number, limit)?);
            queue.is_enabled = true;
        }
        Ok(())
    }

    fn kicked(
        &mut self,
        queue: u16,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        let is_there = self.registers.queues.get(usize::from(queue)).is_some_and(|queue| queue.is_enabled);
        if !is_there {
            return Err(DeviceError::Kick { queue }.into());
        }
        let mut due = Irqs::default();
        if self.is_ready() {
            self.serve(queue.into(), memory, ports, &mut due)?;
        }
        Ok(Heard::Kicked(due))
    }
}

/// Where in the configuration space the registers are reached without a mapping.
const DATA: u32 = CAP_ACCESS as u32 + CAP_EXTRA as u32;

impl Registers {
    /// Takes half of the features the driver accepts; when both sides have agreed, they stay.
    fn accept(&mut self, value: u32) {
        if self.status & STATUS_FEATURES_OK != 0 {
            return;
        }
        let value = u64::from(value);
        match self.driver_feature_select {
            0 => self.driver_features = self.driver_features >> 32 << 32 | value,
            1 => self.driver_features = self.driver_features << 32 >> 32 | value << 32,
            _ => self.wants_unknown |= value != 0,
        }
    }

    /// Changes the queue selected, if there is such a queue and it is not in use yet.
    fn set_up(&mut self, change: impl FnOnce(&mut QueueSetup)) {
        let queue = self.queues.get_mut(usize::from(self.queue_select));
        if let Some(queue) = queue.filter(|queue| !queue.is_enabled) {
            change(queue);
        }
    }
}
