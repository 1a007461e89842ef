//! Drivers that were not written for the Host's devices alone, in a Guest.
//!
//! What one hand has written on both sides agrees with itself, right or wrong.
//! The crate `virtio-drivers` knows nothing of Kennel; here is what it asks of
//! a machine ([`ram`], [`heap`]) and a way to each bus: its own transport
//! over PCI ([`pci`]), and one for the lguest bus ([`lguest`]).
//!
//! ```text
//!   VirtIOBlk, VirtIOConsole, VirtIONet, VirtIORng        several reads at once: disk
//!                 |
//!        PciTransport            lguest::Device
//!   ports, registers: pci      device page, NOTIFY: relay
//! ```
//!
//! Invariants: what is `unsafe` stays in this crate and the kit; a test Guest
//! that uses the drivers needs none.
//!
//! Source: Virtio 1.0, 3.1 "Device Initialization"; lguest ABI, "Devices".
//!
//! Next on the tour: [`ram`].
#![no_std]

pub mod disk;
pub mod heap;
pub mod lguest;
pub mod pci;
pub mod ram;
mod relay;

pub use ram::Ram;
pub use virtio_drivers::{Error, Result, device, transport};

use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::pci::PciTransport;

/// A device on the bus this Guest has.
pub enum Found {
    /// On the device page.
    Lguest(lguest::Device),
    /// On PCI, as the drivers' own search finds it.
    Pci(PciTransport),
}

/// Finds device number `number`, from 0, of a kind, and lets its interrupts end a HALT.
pub fn find(kind: DeviceType, number: usize) -> Option<Found> {
    if kit::pci::is_here() {
        pci::find(kind, number).map(Found::Pci)
    } else {
        lguest::Device::find(kind, number).map(Found::Lguest)
    }
}

/// Runs a function on device number 0 of a kind, whichever bus it is on, or skips the test.
#[macro_export]
macro_rules! on_device {
    ($kind:ident, $body:ident) => {
        match $crate::find($crate::transport::DeviceType::$kind, 0) {
            Some($crate::Found::Lguest(device)) => $body(device),
            Some($crate::Found::Pci(device)) => $body(device),
            None => kit::report::skip("there is no such device"),
        }
    };
}
