//! The PCI bus, virtio 1.0: how a Guest from Linux 4.0 on finds its devices.
//!
//! There is one bus with one row of slots. The host bridge has the first, the
//! console the second, because kernels look for an early console there; then
//! come the others. Each has one window of registers above RAM and one
//! interrupt line.
//!
//! ```text
//!  port 0xCF8, 0xCFC --> which slot --> config_space ---'access through it'--.
//!  a window above RAM ------------------------------------------> registers <'
//!                                                                    |
//!                                            function: what each register does
//! ```
//!
//! What no device answers reads all ones, and takes whatever is written.
//!
//! Invariants:
//! - What the Guest writes into a configuration space moves windows within what
//!   it sees, and nothing else (`a_window_may_be_moved_and_found_again`,
//!   `a_window_moved_over_ram_is_just_gone`).
//! - No access whatever does more than kill its own Guest
//!   (`any_accesses_are_answered_or_a_reason`).
//!
//! Source: lguest ABI, "PCI (4.0+)"; PCI Local Bus 3.0, 3.2.2.3.2.
//!
//! Next on the tour: `bus/pci/config_space.rs`.

mod config_space;
mod function;
mod registers;
mod setup;

use alloc::{boxed::Box, vec::Vec};

use abi::device_page::TYPE_CONSOLE;
use abi::hypercall::IRQ_LINES;
use abi::pci::{ADDRESS_ENABLE, ADDRESS_PORT, DATA_PORT, SLOTS, first_window, window_len};
use abi::{GuestMemory, GuestPhys, GuestResult, PAGE_SIZE, Place, Width};

use super::{Bus, Heard, Irqs, NOTHING};
use crate::{device::Device, port::Ports, slot::Slot};
use config_space::ConfigSpace;
use function::Function;

/// Bits of the address register that mean something: enable, bus, slot, function, dword.
const ADDRESS_BITS: u32 = ADDRESS_ENABLE | 0x00FF_FFFC;

/// All devices of one Guest.
pub struct PciBus<'a> {
    /// Which dword of which configuration space the data ports are.
    address: u32,
    bridge: ConfigSpace,
    /// From the second slot on.
    functions: Vec<Function<'a>>,
    device_limit: u32,
}

/// What a port is.
enum Port {
    /// The address register, from this byte on.
    Address(u32),
    /// The dword it names, from this byte on.
    Data(u32),
}

impl Port {
    /// Which one an access of `width` to `number` is to, if it is wholly to one.
    fn of(number: u16, width: Width) -> Option<Self> {
        let is_within = |first: u16| number >= first && u32::from(number - first) + width.bytes() <= 4;
        if is_within(ADDRESS_PORT) {
            Some(Self::Address((number - ADDRESS_PORT).into()))
        } else {
            is_within(DATA_PORT).then(|| Self::Data((number - DATA_PORT).into()))
        }
    }
}

impl<'a> PciBus<'a> {
    /// Gives each device its slot, its line and its window above `memory` bytes of RAM.
    ///
    /// # Panics
    /// If there are more than slots: the Launcher has made them, and a Guest has no say in it.
    pub fn new(mut devices: Vec<Box<dyn Device + 'a>>, memory: u32) -> Self {
        assert!(devices.len() < SLOTS.into(), "each device has a slot");
        assert!(devices.len() < IRQ_LINES.into(), "each device has an interrupt line");
        devices.sort_by_key(|device| device.shape().kind != TYPE_CONSOLE);
        let (mut at, mut functions) = (first_window(memory), Vec::with_capacity(devices.len()));
        for (irq, device) in (1..).zip(devices) {
            let len = window_len(device.shape().config.len());
            at = GuestPhys(at.0.next_multiple_of(len));
            functions.push(Function::new(device, at, irq));
            at.0 += len;
        }
        let device_limit = at.0.next_multiple_of(PAGE_SIZE);
        Self { address: 0, bridge: ConfigSpace::host_bridge(), functions, device_limit }
    }

    /// The slot the address register names, and the byte of its configuration space that is `byte`
    /// of the dword; `None` if that is on another bus, or nothing at all.
    fn named(&self, byte: u32) -> Option<(usize, u32)> {
        let is_here = self.address & ADDRESS_ENABLE != 0 && self.address >> 16 & 0xFF == 0;
        let is_function_0 = self.address >> 8 & 7 == 0;
        let slot = self.address >> 11 & 0x1F;
        (is_here && is_function_0).then_some((slot as usize, (self.address & 0xFC) + byte))
    }

    fn read_data(&mut self, byte: u32, width: Width) -> GuestResult<u32> {
        let Some((slot, offset)) = self.named(byte) else {
            return Ok(NOTHING);
        };
        match slot.checked_sub(1) {
            None => Ok(self.bridge.read(offset, width)),
            Some(slot) => {
                self.functions.get_mut(slot).map_or(Ok(NOTHING), |one| one.read_config(offset, width))
            }
        }
    }

    fn write_data(
        &mut self,
        byte: u32,
        width: Width,
        value: u32,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        let named = self.named(byte).and_then(|(slot, offset)| Some((slot.checked_sub(1)?, offset)));
        match named.and_then(|(slot, offset)| Some((self.functions.get_mut(slot)?, offset))) {
            Some((function, offset)) => function.write_config(offset, width, value, memory, ports),
            None => Ok(Heard::Nothing),
        }
    }

    /// Whose window `at` lies in, and how far.
    fn window_at(&mut self, at: GuestPhys) -> Option<(&mut Function<'a>, u32)> {
        self.functions.iter_mut().find_map(|function| {
            let offset = function.offset_of(at)?;
            Some((function, offset))
        })
    }
}

impl Bus for PciBus<'_> {
    fn install(&mut self, _memory: &mut dyn GuestMemory) -> GuestResult {
        self.address = 0;
        self.functions.iter_mut().for_each(Function::restart);
        Ok(())
    }

    fn device_limit(&self) -> u32 {
        self.device_limit
    }

    fn read(&mut self, from: Place, width: Width) -> GuestResult<u32> {
        match from {
            Place::Port(number) => match Port::of(number, width) {
                Some(Port::Address(byte)) => Ok(self.address >> (8 * byte)),
                Some(Port::Data(byte)) => self.read_data(byte, width),
                None => Ok(NOTHING),
            },
            Place::Memory(at) => match self.window_at(at) {
                Some((function, offset)) => function.read(offset, width),
                None => Ok(NOTHING),
            },
        }
    }

    fn write(
        &mut self,
        to: Place,
        width: Width,
        value: u32,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Heard> {
        match to {
            Place::Port(number) => match Port::of(number, width) {
                Some(Port::Address(byte)) => {
                    let mask = width.mask() << (8 * byte);
                    self.address = (self.address & !mask | value << (8 * byte) & mask) & ADDRESS_BITS;
                    Ok(Heard::Nothing)
                }
                Some(Port::Data(byte)) => self.write_data(byte, width, value, memory, ports),
                None => Ok(Heard::Nothing),
            },
            Place::Memory(at) => match self.window_at(at) {
                Some((function, offset)) => function.write(offset, width, value, memory, ports),
                None => Ok(Heard::Nothing),
            },
        }
    }

    fn serve(&mut self, memory: &mut dyn GuestMemory, ports: &mut Ports<'_>) -> GuestResult<Irqs> {
        let mut due = Irqs::default();
        for function in &mut self.functions {
            function.go_on(memory, ports, &mut due)?;
        }
        Ok(due)
    }

    fn is_busy(&self) -> bool {
        self.functions.iter().any(Function::is_busy)
    }

    fn yields(&self) -> bool {
        self.functions.iter().any(|function| function.slot().yields())
    }

    fn show(&self, look: &mut dyn FnMut(&Slot<'_>)) {
        self.functions.iter().for_each(|function| look(function.slot()));
    }
}

#[cfg(test)]
mod tests;
