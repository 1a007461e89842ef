//! Segment descriptors, as a Guest writes them.
//!
//! Nearly every segment of a Guest is flat: base 0, limit 4 GiB. Only
//! thread-local storage has a base worth the name.
//!
//! ```text
//! low : 31 base 16 | 15 limit 0
//! high: 31 base 24 | G D 0 avl limit:4 | P dpl:2 S type:4 | base:8
//! ```
//!
//! Invariants: `flat_segments_are_those_the_host_starts_with`.
//!
//! Source: Intel SDM Vol. 3, 3.4.5 "Segment Descriptors"; lguest ABI, "GDT".
//!
//! Next on the tour: [`crate::page_table`].

use bit_field::BitField;

/// GDT index of the first of three descriptors for thread-local storage.
pub const TLS_INDEX: u32 = 6;
/// Selector of the kernel's code, at ring 1.
pub const KERNEL_CODE: u16 = 0x61;
/// Selector of the kernel's data, at ring 1.
pub const KERNEL_DATA: u16 = 0x69;
/// Selector of user code, at ring 3.
pub const USER_CODE: u16 = 0x73;
/// Selector of user data, at ring 3.
pub const USER_DATA: u16 = 0x7B;

/// Type bits of readable code that was accessed.
const CODE: u32 = 0xB;
/// Type bits of writable data that was accessed.
const DATA: u32 = 0x3;

/// The eight bytes of a segment descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SegmentDescriptor {
    /// First dword.
    pub low: u32,
    /// Second dword.
    pub high: u32,
}

impl SegmentDescriptor {
    /// An empty slot: loading it faults.
    pub const ABSENT: Self = Self { low: 0, high: 0 };

    /// Code over the whole linear space for ring `dpl`.
    pub fn flat_code(dpl: u8) -> Self {
        Self::segment(CODE, dpl, 0)
    }

    /// Data over the whole linear space for ring `dpl`.
    pub fn flat_data(dpl: u8) -> Self {
        Self::segment(DATA, dpl, 0)
    }

    /// Data from `base` on, for ring `dpl`.
    pub fn data_at(base: u32, dpl: u8) -> Self {
        Self::segment(DATA, dpl, base)
    }

    /// An available 32-bit TSS of `len` bytes at `base`; only a bare machine has one.
    pub fn task_state(base: u32, len: u32) -> Self {
        let mut tss = Self { low: len - 1, high: 0x8900 };
        tss.set_base(base);
        tss
    }

    fn segment(kind: u32, dpl: u8, base: u32) -> Self {
        let mut segment = Self { low: 0xFFFF, high: 0x00CF_9000 | kind << 8 };
        segment.high.set_bits(13..15, dpl.into());
        segment.set_base(base);
        segment
    }

    fn set_base(&mut self, base: u32) {
        self.low.set_bits(16..32, base.get_bits(0..16));
        self.high.set_bits(0..8, base.get_bits(16..24)).set_bits(24..32, base.get_bits(24..32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_segments_are_those_the_host_starts_with() {
        let code = SegmentDescriptor { low: 0x0000_FFFF, high: 0x00CF_BB00 };
        let data = SegmentDescriptor { low: 0x0000_FFFF, high: 0x00CF_B300 };
        assert_eq!(SegmentDescriptor::flat_code(1), code);
        assert_eq!(SegmentDescriptor::flat_data(1), data);
    }

    #[test]
    fn a_base_is_spread_over_three_fields() {
        let tls = SegmentDescriptor::data_at(0x1234_5678, 3);
        assert_eq!(tls, SegmentDescriptor { low: 0x5678_FFFF, high: 0x12CF_F334 });
    }

    #[test]
    fn a_task_state_ends_at_its_last_byte() {
        let tss = SegmentDescriptor::task_state(0xC010_2000, 104);
        assert_eq!(tss, SegmentDescriptor { low: 0x2000_0067, high: 0xC000_8910 });
    }
}
