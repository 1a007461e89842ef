//! Where things lie in a Guest's memory.
//!
//! ```text
//!  limit   +---------------------------+
//!          | rings of the virtqueues   |  device pages: the Launcher's,
//!          | device page               |  though the Guest may write them
//!  memory  +---------------------------+
//!          | initrd, if there is one   |  at the end of RAM, or where the image
//!          |                           |  wants it to end
//!  free_end+---------------------------+
//!          |                           |
//!          | the image's segments      |  anywhere in between
//!          |                           |
//!  0x2000  +---------------------------+
//!          | command line              |
//!  0x1000  +---------------------------+
//!          | boot parameters           |
//!       0  +---------------------------+
//! ```
//!
//! Invariants:
//! - The areas above do not overlap, whatever sizes the plan and the initrd
//!   have (`an_initrd_that_leaves_no_room_is_refused`).
//! - Who wants a place in the free part is told what is in the way
//!   (`a_claim_is_told_what_is_in_the_way`).
//!
//! Source: lguest ABI, "Guest memory map as prepared".
//!
//! Next on the tour: [`crate::image`].

use core::{fmt, ops::Range};

use abi::{GuestPhys, PAGE_SIZE, boot_params::COMMAND_LINE_AT, device_page::DEVICE_PAGES};

/// First address an image may occupy.
pub const FREE_START: u32 = COMMAND_LINE_AT + PAGE_SIZE;

/// The places in one Guest's memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    memory: u32,
    initrd: Range<u32>,
}

/// What a piece of an image must keep clear of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Area {
    /// Page 0.
    BootParams,
    /// The page behind it.
    CommandLine,
    /// The end of RAM, usually.
    Initrd,
    /// The device page and the rings.
    DevicePages,
    /// Where there is no memory at all.
    Nothing,
}

impl Layout {
    /// Lays out `memory` bytes of RAM with an initrd of `initrd_len` bytes, 0 for none, that has no
    /// byte above `initrd_max`; `None` if not a page is left for the image.
    pub fn admit(memory: u32, initrd_len: usize, initrd_max: u32) -> Option<Self> {
        let initrd_len = u32::try_from(initrd_len).ok()?.checked_next_multiple_of(PAGE_SIZE)?;
        let end = match initrd_max.checked_add(1) {
            Some(limit) if initrd_len > 0 => memory.min(limit / PAGE_SIZE * PAGE_SIZE),
            Some(_) | None => memory,
        };
        let start = end.checked_sub(initrd_len)?;
        (start > FREE_START).then_some(Self { memory, initrd: start..end })
    }

    /// Bytes of RAM.
    pub const fn memory(&self) -> u32 {
        self.memory
    }

    /// The initrd's place, rounded up to whole pages, or `None` without one.
    pub fn initrd(&self) -> Option<Range<u32>> {
        (!self.initrd.is_empty()).then(|| self.initrd.clone())
    }

    /// Where the device page is: the first address above RAM.
    pub const fn device_page(&self) -> GuestPhys {
        GuestPhys(self.memory)
    }

    /// One past the last address an image may use before it has looked around.
    pub const fn free_end(&self) -> u32 {
        self.initrd.start
    }

    /// Says what is in the way of `len` bytes at `at`, or `None` if the place is free. Of several
    /// things in the way it names the lowest.
    pub fn obstacle(&self, at: GuestPhys, len: u32) -> Option<Area> {
        let limit = u64::from(self.memory) + u64::from(DEVICE_PAGES * PAGE_SIZE);
        let areas = [
            (Area::BootParams, 0..u64::from(COMMAND_LINE_AT)),
            (Area::CommandLine, COMMAND_LINE_AT.into()..FREE_START.into()),
            (Area::Initrd, self.initrd.start.into()..self.initrd.end.into()),
            (Area::DevicePages, self.memory.into()..limit),
            (Area::Nothing, limit..u64::MAX),
        ];
        let start = u64::from(at.0);
        let end = start + u64::from(len);
        let is_in_the_way = |area: &Range<u64>| !area.is_empty() && start < area.end && area.start < end;
        areas.into_iter().find(|(_, area)| is_in_the_way(area)).map(|(name, _)| name)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BootParams => "overlaps the boot parameters",
            Self::CommandLine => "overlaps the command line",
            Self::Initrd => "overlaps the initrd",
            Self::DevicePages => "overlaps the device page or the rings, above the end of RAM",
            Self::Nothing => "lies beyond the end of memory",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MIB;

    #[test]
    fn a_claim_is_told_what_is_in_the_way() {
        let layout = Layout::admit(2 * MIB, 5000, u32::MAX).unwrap();
        let obstacle = |at, len| layout.obstacle(GuestPhys(at), len);
        assert_eq!(obstacle(0xFFF, 1), Some(Area::BootParams));
        assert_eq!(obstacle(0x1FFF, 1), Some(Area::CommandLine));
        assert_eq!(obstacle(0x2000, 2 * MIB - 0x4000), None);
        assert_eq!(obstacle(0x2000, 2 * MIB - 0x3FFF), Some(Area::Initrd));
        assert_eq!(obstacle(2 * MIB, 1), Some(Area::DevicePages));
        assert_eq!(obstacle(3 * MIB, 1), Some(Area::Nothing));
        assert_eq!(obstacle(0xFFFF_FFFF, 0xFFFF_FFFF), Some(Area::Nothing));
    }

    #[test]
    fn without_an_initrd_the_image_may_reach_the_end_of_ram() {
        let layout = Layout::admit(MIB, 0, u32::MAX).unwrap();
        assert_eq!(layout.initrd(), None);
        assert_eq!(layout.obstacle(GuestPhys(MIB - 1), 1), None);
        assert_eq!(layout.obstacle(GuestPhys(MIB - 1), 2), Some(Area::DevicePages));
    }

    #[test]
    fn an_initrd_lies_in_whole_pages_at_the_end_of_ram() {
        let layout = Layout::admit(MIB, 4097, u32::MAX).unwrap();
        assert_eq!(layout.initrd(), Some(MIB - 8192..MIB));
    }

    #[test]
    fn an_initrd_that_leaves_no_room_is_refused() {
        assert!(Layout::admit(MIB, (MIB - 0x3000) as usize, u32::MAX).is_some());
        assert!(Layout::admit(MIB, (MIB - 0x2FFF) as usize, u32::MAX).is_none());
        assert!(Layout::admit(MIB, MIB as usize + 1, u32::MAX).is_none());
        assert!(Layout::admit(MIB, u32::MAX as usize, u32::MAX).is_none());
    }
    #[test]
    fn an_initrd_ends_where_the_image_can_still_see_it() {
        let layout = Layout::admit(4 * MIB, 4097, 2 * MIB - 1).unwrap();
        assert_eq!(layout.initrd(), Some(2 * MIB - 8192..2 * MIB));
        assert_eq!(layout.obstacle(GuestPhys(MIB), 2 * MIB), Some(Area::Initrd));
        assert_eq!(layout.obstacle(GuestPhys(2 * MIB), 2 * MIB), None);
        assert_eq!(Layout::admit(4 * MIB, 1, 0), None);
        assert_eq!(Layout::admit(4 * MIB, 0, 0).unwrap().initrd(), None);
    }
}
