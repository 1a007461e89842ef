//! Buses: how a Guest finds its devices and speaks to them.
//!
//! Devices are the same on all of them. Kernels up to 3.19 know the [`lguest`]
//! bus, a page of descriptors and one hypercall; from 4.0 on they know
//! [`pci`], ports and registers. The Launcher calls both by this one trait.
//!
//! ```text
//!   Stop::Notify --------> notify \
//!   Stop::Read, Write ---> read, write  ==> Slot ==> Device
//!   each step -----------> serve  /
//! ```
//!
//! Next on the tour: [`lguest`].

pub mod lguest;
pub mod pci;

use abi::{GuestMemory, GuestPhys, GuestResult, KillReason, Place, Width};

use crate::{port::Ports, slot::Slot};

pub use lguest::{EARLY_TEXT_MAX, LguestBus};
pub use pci::PciBus;

/// What is read where nothing is.
pub const NOTHING: u32 = u32::MAX;

/// All devices of one Guest, and the way to them.
pub trait Bus {
    /// Begins another life of every device; memory is zero but for the image and what goes with it.
    ///
    /// # Errors
    /// [`KillReason::OutOfGuestMemory`] if `memory` is smaller than the bus was told.
    fn install(&mut self, memory: &mut dyn GuestMemory) -> GuestResult;

    /// Bytes of memory it needs above RAM.
    fn memory_len(&self) -> u32 {
        0
    }

    /// One past the last address above RAM at which registers are; 0 if there are none.
    fn device_limit(&self) -> u32 {
        0
    }

    /// Does what a Guest wants that has notified `at`.
    ///
    /// # Errors
    /// [`KillReason::UnknownNotify`] if nothing is there, or what a device finds wrong.
    fn notify(
        &mut self,
        at: GuestPhys,
        _memory: &mut dyn GuestMemory,
        _ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        Err(KillReason::UnknownNotify { at })
    }

    /// What a Guest reads from a register or port.
    ///
    /// # Errors
    /// [`abi::kill::DeviceError`] if it is no way to read a register.
    fn read(&mut self, _from: Place, _width: Width) -> GuestResult<u32> {
        Ok(NOTHING)
    }

    /// Does what a Guest wants that has written `value` to a register or port.
    ///
    /// # Errors
    /// [`abi::kill::DeviceError`] if it is no way to write a register, or what a device finds wrong.
    fn write(
        &mut self,
        _to: Place,
        _width: Width,
        _value: u32,
        _memory: &mut dyn GuestMemory,
        _ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        Ok(Heard::Nothing)
    }

    /// Goes on with whatever is not idle, and returns the interrupts that are due.
    ///
    /// # Errors
    /// What a device finds wrong.
    fn serve(&mut self, memory: &mut dyn GuestMemory, ports: &mut Ports<'_>) -> GuestResult<Irqs>;

    /// Tells whether something must be finished before the Guest goes on.
    fn is_busy(&self) -> bool;

    /// Tells whether others must have their turn before that can be finished.
    fn yields(&self) -> bool;

    /// Shows its devices to `look`, in the Guest's order.
    fn show(&self, look: &mut dyn FnMut(&Slot<'_>));
}

/// What a Guest was understood to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Nothing that matters outside the bus.
    Nothing,
    /// It wanted this device reset, and it has been.
    Reset,
    /// A driver has got on with setting up its device.
    Status(u8),
    /// It has given up on the device of this name.
    Failed(&'static str),
    /// A queue was kicked and served; these interrupts are due.
    Kicked(Irqs),
    /// Text from before the console works; it has been shown.
    Text,
}

/// A set of interrupt lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Irqs(u32);

impl Irqs {
    /// Adds a line, `0..32`.
    pub const fn add(&mut self, irq: u8) {
        self.0 |= 1 << irq;
    }
}

/// The lines, lowest first.
impl Iterator for Irqs {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let irq = (self.0 != 0).then(|| self.0.trailing_zeros() as u8)?;
        self.0 &= self.0 - 1;
        Some(irq)
    }
}
