//! The configuration space of a slot: what is there, and where its registers are.
//!
//! It is 256 bytes and, for each bit, whether the Guest may change it. All a
//! Guest learns about a device before it has a driver stands here; all it can
//! change is where the window is, and what it wants to reach through the last
//! capability without having mapped the window.
//!
//! ```text
//!  00 vendor device | 08 class | 10 BAR 0, the window | 2E kind | 34 -> 40 | 3C line
//!  40 common -> 50 notify -> 64 interrupt status -> 84 access -> 74 configuration
//! ```
//!
//! Invariants:
//! - Bytes are read and written one by one, so every width and place means the
//!   same (`every_width_reads_the_same_bytes`).
//! - Nothing changes but the bits that may (`only_what_may_change_changes`).
//!
//! Source: lguest ABI, "PCI (4.0+)"; virtio 1.0, 4.1.4 "Virtio Structure PCI
//! Capabilities"; PCI Local Bus 3.0, 6.2.5.1 "Address Maps".
//!
//! Next on the tour: `bus/pci/registers.rs`.

use abi::device_page::{TYPE_BLOCK, TYPE_CONSOLE, TYPE_NET};
use abi::pci::*;
use abi::{GuestPhys, Width};

use crate::device::Shape;

/// Subclass and class of a host bridge.
const HOST_BRIDGE: [u8; 2] = [0, 6];

/// One slot's configuration space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigSpace {
    bytes: [u8; CONFIG_LEN],
    /// Bytes of the window, 0 without one; a power of two.
    window_len: u32,
}

impl ConfigSpace {
    /// The host bridge: nothing but what it is. Its vendor 0 makes kernels pass over it.
    pub fn host_bridge() -> Self {
        let mut space = Self { bytes: [0; CONFIG_LEN], window_len: 0 };
        space.put(SUBCLASS, &HOST_BRIDGE);
        space
    }

    /// That of a device with its registers at `window` and its interrupts on line `irq`.
    pub fn new(shape: &Shape<'_>, window: GuestPhys, irq: u8) -> Self {
        let mut space = Self { bytes: [0; CONFIG_LEN], window_len: abi::pci::window_len(shape.config.len()) };
        space.bytes[CAPABILITIES_END.into()..].fill(0xFF);
        space.put(VENDOR, &VENDOR_VIRTIO.to_le_bytes());
        space.put(DEVICE, &(DEVICE_VIRTIO + u16::from(shape.kind)).to_le_bytes());
        space.put(STATUS, &STATUS_CAPABILITIES.to_le_bytes());
        space.put(REVISION, &[1]);
        space.put(SUBCLASS, &class(shape.kind));
        space.put(BAR_0, &window.0.to_le_bytes());
        space.put(SUBSYSTEM, &u16::from(shape.kind).to_le_bytes());
        space.put(CAPABILITIES, &[CAP_COMMON]);
        space.put(INTERRUPT_LINE, &[irq]);
        let config_len = shape.config.len() as u32;
        let last = if config_len > 0 { CAP_DEVICE } else { 0 };
        space.put_capability(CAP_COMMON, CAP_NOTIFY, TYPE_COMMON, 0..NOTIFY);
        space.put_capability(CAP_NOTIFY, CAP_ISR, TYPE_NOTIFY, NOTIFY..ISR);
        space.put_capability(CAP_ISR, CAP_ACCESS, TYPE_ISR, ISR..ISR + 1);
        space.put_capability(CAP_ACCESS, last, TYPE_ACCESS, 0..0);
        space.put_capability(CAP_DEVICE, 0, TYPE_DEVICE, DEVICE_CONFIG..DEVICE_CONFIG + config_len);
        space
    }

    fn put(&mut self, offset: u8, bytes: &[u8]) {
        self.bytes[offset.into()..][..bytes.len()].copy_from_slice(bytes);
    }

    fn put_capability(&mut self, at: u8, next: u8, kind: u8, registers: core::ops::Range<u32>) {
        let has_extra = matches!(kind, TYPE_NOTIFY | TYPE_ACCESS);
        let len = if has_extra { CAP_EXTRA + 4 } else { CAP_EXTRA };
        self.put(at, &[CAPABILITY_VENDOR, next, len, kind]);
        self.put(at + CAP_OFFSET, &registers.start.to_le_bytes());
        self.put(at + CAP_LENGTH, &(registers.end - registers.start).to_le_bytes());
    }

    /// What is at `offset`, of which no byte is beyond the space.
    pub fn read(&self, offset: u32, width: Width) -> u32 {
        let bytes = &self.bytes[offset as usize..][..width.bytes() as usize];
        bytes.iter().rfold(0, |value, &byte| value << 8 | u32::from(byte))
    }

    /// Changes what may be changed at `offset`.
    pub fn write(&mut self, offset: u32, width: Width, value: u32) {
        for (at, byte) in (offset..).zip(&value.to_le_bytes()[..width.bytes() as usize]) {
            let mask = self.changeable(at);
            let place = &mut self.bytes[at as usize];
            *place = *place & !mask | byte & mask;
        }
    }

    /// The bits of the byte at `offset` that a Guest may change.
    fn changeable(&self, offset: u32) -> u8 {
        const BAR: u32 = BAR_0 as u32;
        const SCRATCH: u32 = CACHE_LINE as u32;
        const ACCESS: u32 = CAP_ACCESS as u32;
        match offset {
            SCRATCH..=0x0D => 0xFF,
            BAR..=0x13 if self.window_len > 0 => {
                !(self.window_len - 1).to_le_bytes()[(offset - BAR) as usize]
            }
            0x88 | 0x8C..=0x93 => {
                const { assert!(ACCESS + CAP_BAR as u32 == 0x88 && ACCESS + CAP_OFFSET as u32 == 0x8C) }
                0xFF
            }
            _ => 0,
        }
    }

    /// How far `at` is into the window; `None` if it is outside.
    pub fn offset_of(&self, at: GuestPhys) -> Option<u32> {
        let offset = at.0.checked_sub(self.read(BAR_0.into(), Width::Dword))?;
        (offset < self.window_len).then_some(offset)
    }

    /// What a read or write of the data in the last capability is to, if that is in the window.
    pub fn accessed(&self) -> Option<(u32, Width)> {
        let field = |offset| self.read(u32::from(CAP_ACCESS) + u32::from(offset), Width::Dword);
        let (offset, width) = (field(CAP_OFFSET), Width::of(field(CAP_LENGTH))?);
        let is_window_0 = self.bytes[usize::from(CAP_ACCESS + CAP_BAR)] == 0;
        let is_inside = offset.is_multiple_of(width.bytes()) && offset < self.window_len;
        (is_window_0 && is_inside).then_some((offset, width))
    }
}

/// Subclass and class of a kind of device.
const fn class(kind: u8) -> [u8; 2] {
    match kind {
        TYPE_CONSOLE => [0, 7],
        TYPE_NET => [0, 2],
        TYPE_BLOCK => [0x80, 1],
        _ => [0, 0xFF],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: GuestPhys = GuestPhys(0x0110_0000);

    fn space(config: &[u8]) -> ConfigSpace {
        let shape = Shape { kind: TYPE_BLOCK, name: "block", queues: 1, features: 0, config };
        ConfigSpace::new(&shape, WINDOW, 5)
    }

    #[test]
    fn a_device_says_what_it_is() {
        let space = space(&[0; 16]);
        let dwords = [(0, 0x1042_1AF4), (4, 0x0010_0000), (8, 0x0180_0001), (0x10, WINDOW.0)];
        for (offset, value) in dwords.into_iter().chain([(0x2C, 0x0002_0000), (0x34, 0x40), (0x3C, 5)]) {
            assert_eq!(space.read(offset, Width::Dword), value, "{offset:#x}");
        }
        assert_eq!(space.read(0x98, Width::Dword), u32::MAX);
    }

    #[test]
    fn capabilities_lead_to_all_registers() {
        let find = |config: &[u8]| {
            let (space, mut found) = (space(config), Vec::new());
            let mut at = space.read(0x34, Width::Byte);
            while at != 0 {
                let dword = |offset| space.read(at + offset, Width::Dword);
                found.push((dword(0) >> 24, dword(4) & 0xFF, dword(8), dword(12)));
                at = dword(0) >> 8 & 0xFF;
            }
            found
        };
        let most = [(1, 0, 0, 56), (2, 0, 56, 2), (3, 0, 58, 1), (5, 0, 0, 0)];
        assert_eq!(find(&[]), most);
        assert_eq!(find(&[0; 12]), [&most[..], &[(4, 0, 60, 12)]].concat());
    }

    #[test]
    fn a_window_tells_its_size_when_asked_with_ones() {
        let mut space = space(&[0; 16]);
        space.write(0x10, Width::Dword, u32::MAX);
        assert_eq!(space.read(0x10, Width::Dword), !127);
        for absent in [0x14, 0x18, 0x1C, 0x20, 0x24, 0x30] {
            space.write(absent, Width::Dword, u32::MAX);
            assert_eq!(space.read(absent, Width::Dword), 0, "{absent:#x}");
        }
    }

    #[test]
    fn only_what_may_change_changes() {
        let mut space = space(&[0; 16]);
        let before = space.clone();
        (0..256).for_each(|offset| space.write(offset, Width::Byte, 0xFF));
        let changed = (0..256).filter(|&at| space.bytes[at] != before.bytes[at]);
        let expected = [0x0C, 0x0D, 0x10, 0x11, 0x12, 0x13, 0x88].into_iter().chain(0x8C..0x94);
        assert!(changed.eq(expected));
        (0..256).for_each(|offset| space.write(offset, Width::Byte, 0));
        assert_eq!(space.bytes[..0x0C], before.bytes[..0x0C]);
        let mut bridge = ConfigSpace::host_bridge();
        bridge.write(0x10, Width::Dword, u32::MAX);
        assert_eq!(bridge.read(0x10, Width::Dword), 0);
    }

    #[test]
    fn every_width_reads_the_same_bytes() {
        let space = space(&[0; 16]);
        for offset in (0..256).step_by(4) {
            let dword = space.read(offset, Width::Dword);
            for byte in 0..4 {
                assert_eq!(space.read(offset + byte, Width::Byte), dword >> (8 * byte) & 0xFF);
            }
            assert_eq!(space.read(offset + 2, Width::Word), dword >> 16);
        }
    }

    #[test]
    fn an_access_through_the_space_stays_in_the_window() {
        let accessed = |bar, offset, length| {
            let mut space = space(&[0; 16]);
            space.write(0x88, Width::Byte, bar);
            space.write(0x8C, Width::Dword, offset);
            space.write(0x90, Width::Dword, length);
            space.accessed()
        };
        assert_eq!(accessed(0, 20, 1), Some((20, Width::Byte)));
        assert_eq!(accessed(0, 124, 4), Some((124, Width::Dword)));
        for outside in
            [(1, 0, 4), (0, 128, 1), (0, 126, 4), (0, 21, 2), (0, 0, 3), (0, 0, 0), (0, u32::MAX, 1)]
        {
            assert_eq!(accessed(outside.0, outside.1, outside.2), None, "{outside:?}");
        }
    }
}
