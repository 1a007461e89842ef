//! PCI for the drivers: two ports. The search, the transport and each register are theirs.
//!
//! Source: PCI Local Bus 3.0, 3.2.2.3.2 "Software Generation of Configuration Transactions".
//!
//! Next on the tour: [`crate::lguest`].

use abi::Width::Dword;
use abi::pci::{ADDRESS_ENABLE, ADDRESS_PORT, DATA_PORT, INTERRUPT_LINE};
use kit::interrupts;
use kit::pci::{read_port, write_port};
use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction, PciRoot};
use virtio_drivers::transport::pci::{PciTransport, virtio_device_type};

use crate::Ram;

/// The two ports that lead to every configuration space.
struct Ports;

fn name(function: DeviceFunction, offset: u8) {
    let DeviceFunction { bus, device, function } = function;
    let place = u32::from(bus) << 16 | u32::from(device) << 11 | u32::from(function) << 8;
    write_port(ADDRESS_PORT, Dword, ADDRESS_ENABLE | place | u32::from(offset & !3));
}

impl ConfigurationAccess for Ports {
    fn read_word(&self, function: DeviceFunction, offset: u8) -> u32 {
        name(function, offset);
        read_port(DATA_PORT, Dword)
    }

    fn write_word(&mut self, function: DeviceFunction, offset: u8, value: u32) {
        name(function, offset);
        write_port(DATA_PORT, Dword, value);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}

/// Finds device number `number` of a kind.
///
/// # Panics
/// If the drivers cannot make sense of its configuration space.
pub(crate) fn find(kind: DeviceType, number: usize) -> Option<PciTransport> {
    let mut root = PciRoot::new(Ports);
    let mut found = root.enumerate_bus(0).filter(|(_, about)| virtio_device_type(about) == Some(kind));
    let (function, _) = found.nth(number)?;
    let line = Ports.read_word(function, INTERRUPT_LINE) as u8;
    interrupts::handle(line, || {}); // its only task is to end a HALT
    Some(PciTransport::new::<Ram, _>(&mut root, function).expect("a device as virtio describes it"))
}
