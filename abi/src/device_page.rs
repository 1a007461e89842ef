//! The device page: how a Guest of the lguest bus learns what it has.
//!
//! Right above the Guest's RAM lies one page of descriptors packed back to
//! back, and above that the pages of the virtqueues. A descriptor names a kind
//! of device, its queues and its features:
//!
//! ```text
//! type | num_vq | feature_len | config_len | status      5 bytes
//! entries:u16 irq:u16 page_frame:u32                     8 bytes a queue
//! features offered | features accepted                   feature_len each
//! configuration                                          config_len
//! ```
//!
//! Source: lguest ABI, section "Devices"; virtio 0.9.5 for the rings.
//!
//! Next on the tour: [`crate::access`].

/// Pages above RAM for devices: the descriptor page and the rings.
pub const DEVICE_PAGES: u32 = 256;

/// Bytes of a descriptor before its queues.
pub const HEADER_LEN: u32 = 5;
/// Bytes of a queue's entry in the descriptor.
pub const QUEUE_LEN: u32 = 8;
/// Offset of the status byte in a descriptor.
pub const STATUS: u32 = 4;

/// Kind of device: ends the list.
pub const TYPE_END: u8 = 0;
/// Kind of device: network card.
pub const TYPE_NET: u8 = 1;
/// Kind of device: disk.
pub const TYPE_BLOCK: u8 = 2;
/// Kind of device: console; queue 0 is input, queue 1 output.
pub const TYPE_CONSOLE: u8 = 3;
/// Kind of device: entropy source.
pub const TYPE_RNG: u8 = 4;

/// Status: the Guest has seen the device.
pub const STATUS_ACKNOWLEDGE: u8 = 1;
/// Status: the Guest has a driver.
pub const STATUS_DRIVER: u8 = 2;
/// Status: the driver is ready.
pub const STATUS_DRIVER_OK: u8 = 4;
/// Status: the Guest has given up on the device.
pub const STATUS_FAILED: u8 = 0x80;

/// Entries of each virtqueue.
pub const QUEUE_ENTRIES: u16 = 256;
/// Alignment of the used ring.
pub const RING_ALIGNMENT: u32 = 4096;

/// Descriptor flag: another follows.
pub const DESC_NEXT: u16 = 1;
/// Descriptor flag: the device writes this buffer.
pub const DESC_WRITE: u16 = 2;
/// Descriptor flag: the buffer is a table of descriptors.
pub const DESC_INDIRECT: u16 = 4;
/// Available-ring flag: the driver wants no interrupt.
pub const AVAIL_NO_INTERRUPT: u16 = 1;
/// Used-ring flag: the device wants no notification.
pub const USED_NO_NOTIFY: u16 = 1;

/// Offset of the available ring in a queue of `entries`.
pub const fn avail_offset(entries: u16) -> u32 {
    16 * entries as u32
}

/// Offset of the used ring in a queue of `entries`.
pub const fn used_offset(entries: u16) -> u32 {
    (avail_offset(entries) + 4 + 2 * entries as u32).next_multiple_of(RING_ALIGNMENT)
}

/// Bytes of a whole queue of `entries`, rounded up to pages.
pub const fn ring_len(entries: u16) -> u32 {
    (used_offset(entries) + 4 + 8 * entries as u32).next_multiple_of(RING_ALIGNMENT)
}

const _: () = assert!(ring_len(QUEUE_ENTRIES) == 3 * 4096);
