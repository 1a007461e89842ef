//! What a driver has written into the registers of a device, and how far that brings it.
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
//! - The status only moves forward (`the_status_only_moves_forward`).
//! - A queue's places are judged when it is enabled, on a copy, and fixed from
//!   then on (`a_queue_in_use_stays_where_it_is`).
//!
//! Source: virtio 1.0, 3.1 "Device Initialization", 4.1.4.3 "Common configuration structure layout".
//!
//! Next on the tour: `bus/pci/function.rs`.

use alloc::{vec, vec::Vec};

use abi::device_page::{QUEUE_ENTRIES, STATUS_DRIVER_OK};
use abi::kill::DeviceError;
use abi::pci::{FEATURE_VERSION_1, STATUS_FEATURES_OK};
use abi::{GuestPhys, GuestResult};

use crate::virtqueue::Rings;

/// The half of `features` that a register selects.
pub const fn half(features: u64, select: u32) -> u32 {
    match select {
        0 => features as u32,
        1 => (features >> 32) as u32,
        _ => 0,
    }
}

/// What the driver has written.
#[derive(Clone, Default)]
pub struct Setup {
    /// Which half of the features offered it wants to see.
    pub device_feature_select: u32,
    /// Which half of those accepted it reads and writes.
    pub driver_feature_select: u32,
    /// What it accepts.
    pub driver_features: u64,
    /// It has accepted a feature beyond the sixty-fourth.
    wants_unknown: bool,
    /// How far it has come.
    pub status: u8,
    /// The queue it is about.
    pub queue_select: u16,
    /// What it wants of each queue.
    pub queues: Vec<QueueSetup>,
}

/// What the driver wants of a queue.
#[derive(Clone, Copy)]
pub struct QueueSetup {
    /// Entries.
    pub size: u16,
    /// It is in use.
    pub is_enabled: bool,
    /// Descriptors, available and used ring.
    pub places: [u64; 3],
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

impl Setup {
    /// Nothing yet, of a device with so many queues.
    pub fn new(queues: u8) -> Self {
        Self { queues: vec![QueueSetup::RESET; queues.into()], ..Self::default() }
    }

    const fn has_agreed(&self) -> bool {
        self.status & STATUS_FEATURES_OK != 0
    }

    /// Tells whether devices may be served.
    pub const fn is_ready(&self) -> bool {
        self.status & STATUS_DRIVER_OK != 0
    }

    /// Takes half of the features the driver accepts; when both sides have agreed, they stay.
    pub fn accept(&mut self, value: u32) {
        if self.has_agreed() {
            return;
        }
        let value = u64::from(value);
        match self.driver_feature_select {
            0 => self.driver_features = self.driver_features >> 32 << 32 | value,
            1 => self.driver_features = self.driver_features << 32 >> 32 | value << 32,
            _ => self.wants_unknown |= value != 0,
        }
    }

    /// The queue selected, if there is one of that number.
    pub fn queue(&self) -> Option<&QueueSetup> {
        self.queues.get(usize::from(self.queue_select))
    }

    /// Changes the queue selected, if there is such a queue and it is not in use yet.
    pub fn set_up(&mut self, change: impl FnOnce(&mut QueueSetup)) {
        let queue = self.queues.get_mut(usize::from(self.queue_select));
        if let Some(queue) = queue.filter(|queue| !queue.is_enabled) {
            change(queue);
        }
    }

    /// Enables the queue selected in a memory of `limit` bytes; returns where it is, once.
    ///
    /// # Errors
    /// [`DeviceError::QueueEarly`] before features are agreed on, or what is wrong with its places.
    pub fn enable(&mut self, limit: u32) -> GuestResult<Option<Rings>> {
        let (queue, has_agreed) = (self.queue_select, self.has_agreed());
        let Some(setup) = self.queues.get_mut(usize::from(queue)) else {
            return Ok(None);
        };
        if !has_agreed {
            return Err(DeviceError::QueueEarly { queue }.into());
        }
        if setup.is_enabled {
            return Ok(None);
        }
        let rings = setup.admit(queue, limit)?;
        setup.is_enabled = true;
        Ok(Some(rings))
    }

    /// Moves the status on to `to`, but not to features agreed on unless they can be, by a device
    /// that offers `offered`; returns what is new.
    ///
    /// # Errors
    /// [`DeviceError::Status`] for a step back, or one before the step it rests on.
    pub fn advance(&mut self, to: u8, offered: u64) -> GuestResult<u8> {
        let from = self.status;
        let agrees = to & STATUS_FEATURES_OK != 0 && (self.has_agreed() || self.can_agree(offered));
        let status = if agrees { to } else { to & !STATUS_FEATURES_OK };
        let is_too_early = status & STATUS_DRIVER_OK != 0 && !agrees;
        if from & !to != 0 || is_too_early {
            return Err(DeviceError::Status { from, to }.into());
        }
        self.status = status;
        Ok(status & !from)
    }

    const fn can_agree(&self, offered: u64) -> bool {
        let accepted = self.driver_features;
        accepted & !offered == 0 && !self.wants_unknown && accepted & FEATURE_VERSION_1 != 0
    }
}
