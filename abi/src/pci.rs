//! The PCI bus of Guests from Linux 4.0 on: where everything is.
//!
//! A Guest asks for a device's configuration space through two ports, finds
//! capabilities in it that say where the registers are, and from then on
//! speaks to the registers, in a window above RAM where no memory is:
//!
//! ```text
//!  port 0xCF8   1 | 0 | bus | slot | 0 | offset      which dword
//!  port 0xCFC   that dword, or a part of it
//!
//!  window + 0   common registers     features, status, queues
//!        + 56   notify               a queue's number, to kick it
//!        + 58   interrupt status     read to find out, and to clear it
//!        + 60   the device's configuration
//! ```
//!
//! Source: lguest ABI, "PCI (4.0+)"; virtio 1.0, 4.1 "Virtio Over PCI Bus";
//! PCI Local Bus 3.0, 3.2.2.3.2 and chapter 6.
//!
//! Next on the tour: [`crate::run`].

use crate::access::Width;
use crate::device_page::DEVICE_PAGES;
use crate::{GuestPhys, PAGE_SIZE};

/// The port that says which configuration dword is meant.
pub const ADDRESS_PORT: u16 = 0xCF8;
/// The first of four ports through which it is read and written.
pub const DATA_PORT: u16 = 0xCFC;
/// One past the last of them.
const PORTS_END: u16 = DATA_PORT + 4;
/// Bit of the address: it means a configuration dword at all.
pub const ADDRESS_ENABLE: u32 = 1 << 31;

/// Slots on the bus; the host bridge has the first.
pub const SLOTS: u8 = 32;
/// The slot in which a kernel looks for its early console.
pub const CONSOLE_SLOT: u8 = 1;

/// Bytes of a configuration space.
pub const CONFIG_LEN: usize = 256;
/// `u16`: who made it, [`VENDOR_VIRTIO`].
pub const VENDOR: u8 = 0;
/// `u16`: [`DEVICE_VIRTIO`] and the kind of device.
pub const DEVICE: u8 = 2;
/// `u16`: bit 4 says that there are capabilities.
pub const STATUS: u8 = 6;
/// `u8`: at least 1 for virtio 1.0.
pub const REVISION: u8 = 8;
/// `u8`: what kind of thing within its class, ...
pub const SUBCLASS: u8 = 0x0A;
/// `u8`: ... and what class.
pub const CLASS: u8 = 0x0B;
/// `u16`: scratch, of no meaning.
pub const CACHE_LINE: u8 = 0x0C;
/// `u32`: where the registers are.
pub const BAR_0: u8 = 0x10;
/// `u16`: kind of device, once more.
pub const SUBSYSTEM: u8 = 0x2E;
/// `u8`: where the first capability is.
pub const CAPABILITIES: u8 = 0x34;
/// `u8`: the interrupt line.
pub const INTERRUPT_LINE: u8 = 0x3C;

/// Value of [`VENDOR`].
pub const VENDOR_VIRTIO: u16 = 0x1AF4;
/// Added to a kind of device, the value of [`DEVICE`].
pub const DEVICE_VIRTIO: u16 = 0x1040;
/// Bit of [`STATUS`].
pub const STATUS_CAPABILITIES: u16 = 0x10;
/// First byte of each capability.
pub const CAPABILITY_VENDOR: u8 = 9;

/// Where the capability for the common registers is, ...
pub const CAP_COMMON: u8 = 0x40;
/// ... for [`NOTIFY`], ...
pub const CAP_NOTIFY: u8 = 0x50;
/// ... for [`ISR`], ...
pub const CAP_ISR: u8 = 0x64;
/// ... for the device's configuration, ...
pub const CAP_DEVICE: u8 = 0x74;
/// ... and the one through which registers are reached without a mapping.
pub const CAP_ACCESS: u8 = 0x84;
/// One past the last byte of the configuration space that is anything.
pub const CAPABILITIES_END: u8 = 0x98;

/// Kind of capability: common registers.
pub const TYPE_COMMON: u8 = 1;
/// Kind of capability: notify register.
pub const TYPE_NOTIFY: u8 = 2;
/// Kind of capability: interrupt status.
pub const TYPE_ISR: u8 = 3;
/// Kind of capability: device configuration.
pub const TYPE_DEVICE: u8 = 4;
/// Kind of capability: access through configuration space.
pub const TYPE_ACCESS: u8 = 5;

/// Offset in a capability of `u8`: the next one, 0 for none.
pub const CAP_NEXT: u8 = 1;
/// Offset in a capability of `u8`: its bytes.
pub const CAP_LEN: u8 = 2;
/// Offset in a capability of `u8`: its kind.
pub const CAP_TYPE: u8 = 3;
/// Offset in a capability of `u8`: which window.
pub const CAP_BAR: u8 = 4;
/// Offset in a capability of `u32`: where in it.
pub const CAP_OFFSET: u8 = 8;
/// Offset in a capability of `u32`: how many bytes.
pub const CAP_LENGTH: u8 = 12;
/// Offset in [`CAP_NOTIFY`] of `u32`: a queue's own register is so far behind the one before; and
/// in [`CAP_ACCESS`] of `u32`: the data.
pub const CAP_EXTRA: u8 = 16;

/// `u32`: which half of the features offered is shown.
pub const DEVICE_FEATURE_SELECT: u32 = 0;
/// `u32`: half of the features offered.
pub const DEVICE_FEATURE: u32 = 4;
/// `u32`: which half of the features accepted is shown.
pub const DRIVER_FEATURE_SELECT: u32 = 8;
/// `u32`: half of the features accepted.
pub const DRIVER_FEATURE: u32 = 12;
/// `u16`: no such interrupts here: [`NO_VECTOR`].
pub const MSIX_CONFIG: u32 = 16;
/// `u16`: how many queues.
pub const NUM_QUEUES: u32 = 18;
/// `u8`: how far the driver has come; 0 resets.
pub const DEVICE_STATUS: u32 = 20;
/// `u8`: changes with the device's configuration.
pub const CONFIG_GENERATION: u32 = 21;
/// `u16`: which queue the rest is about.
pub const QUEUE_SELECT: u32 = 22;
/// `u16`: its entries; 0 if there is no such queue.
pub const QUEUE_SIZE: u32 = 24;
/// `u16`: no such interrupts here: [`NO_VECTOR`].
pub const QUEUE_MSIX_VECTOR: u32 = 26;
/// `u16`: 1 once it is in use.
pub const QUEUE_ENABLE: u32 = 28;
/// `u16`: always 0.
pub const QUEUE_NOTIFY_OFF: u32 = 30;
/// `u64`, by halves: where its descriptors are, ...
pub const QUEUE_DESC: u32 = 32;
/// ... its available ring, ...
pub const QUEUE_AVAIL: u32 = 40;
/// ... and its used ring.
pub const QUEUE_USED: u32 = 48;
/// One past the common registers; `u16`: a queue's number, written to kick it.
pub const NOTIFY: u32 = 56;
/// `u8`: why there was an interrupt; reading clears it.
pub const ISR: u32 = 58;
/// Where the device's configuration begins.
pub const DEVICE_CONFIG: u32 = 60;

/// Value of the interrupt vectors there are none of.
pub const NO_VECTOR: u16 = 0xFFFF;
/// Bit of [`DEVICE_STATUS`]: the driver's features are final, and the device agrees.
pub const STATUS_FEATURES_OK: u8 = 8;
/// Bit of [`ISR`]: a queue has something.
pub const ISR_QUEUE: u8 = 1;
/// Bit of [`ISR`]: the device's configuration has changed.
pub const ISR_CONFIG: u8 = 2;
/// The feature without which this bus is not spoken.
pub const FEATURE_VERSION_1: u64 = 1 << 32;

/// Whether an access to `port` is the Launcher's to answer.
#[inline]
pub const fn is_config_port(port: u16, width: Width) -> bool {
    port < PORTS_END && port as u32 + width.bytes() > ADDRESS_PORT as u32
}

/// Where the windows of devices begin above `memory` bytes of RAM.
pub const fn first_window(memory: u32) -> GuestPhys {
    GuestPhys(memory + DEVICE_PAGES * PAGE_SIZE)
}

/// Bytes of the window of a device with so much configuration.
pub const fn window_len(config_len: usize) -> u32 {
    (DEVICE_CONFIG + config_len as u32).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_that_touches_one_of_the_eight_ports_is_the_launchers() {
        let touches = |port| Width::ALL.map(|width| is_config_port(port, width));
        assert_eq!(touches(0xCF4), [false; 3]);
        assert_eq!(touches(0xCF5), [false, false, true]);
        assert_eq!(touches(0xCF7), [false, true, true]);
        assert_eq!((touches(0xCF8), touches(0xCFF)), ([true; 3], [true; 3]));
        assert_eq!((touches(0xD00), touches(0xFFFF)), ([false; 3], [false; 3]));
    }

    #[test]
    fn a_window_is_a_power_of_two_and_holds_all_registers() {
        assert_eq!([0, 4, 5, 12, 68, 69].map(window_len), [64, 64, 128, 128, 128, 256]);
    }
}
