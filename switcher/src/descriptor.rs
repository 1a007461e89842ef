//! The three eight-byte shapes the CPU reads its rules from.
//!
//! Segment descriptors, gates and the pseudo-descriptors that `lgdt` and
//! `lidt` take, as constants and constructors for the Host's own. What a
//! *Guest* asks for is judged elsewhere, by the Host's mind.
//!
//! Source: Intel SDM Vol. 3, "Segment Descriptors", "IDT Descriptors",
//! "Task-State Segment (TSS)".
//!
//! Next on the tour: [`crate::pages`].

/// Entries of a GDT here, Host's or Guest's.
pub const GDT_ENTRIES: usize = 32;
/// Entries of an IDT.
pub const IDT_ENTRIES: usize = 256;

/// Flat 4 GiB code, ring 0, accessed.
pub const FLAT_CODE_RING_0: u64 = 0x00CF_9B00_0000_FFFF;
/// Flat 4 GiB data, ring 0, accessed.
pub const FLAT_DATA_RING_0: u64 = 0x00CF_9300_0000_FFFF;
/// Flat 4 GiB code, ring 1, accessed: what a Guest starts with.
pub const FLAT_CODE_RING_1: u64 = 0x00CF_BB00_0000_FFFF;
/// Flat 4 GiB data, ring 1, accessed: what a Guest starts with.
pub const FLAT_DATA_RING_1: u64 = 0x00CF_B300_0000_FFFF;

/// A 32-bit interrupt gate: entering clears IF.
pub const fn interrupt_gate(selector: u16, offset: u32, dpl: u8) -> u64 {
    let high = (offset & 0xFFFF_0000) | 0x8E00 | (dpl as u32) << 13;
    let low = (selector as u32) << 16 | offset & 0xFFFF;
    (high as u64) << 32 | low as u64
}

/// A task gate: the CPU changes to a whole other TSS, stack and CR3 included.
pub const fn task_gate(tss_selector: u16) -> u64 {
    0x0000_8500_u64 << 32 | (tss_selector as u64) << 16
}

/// An available 32-bit TSS of [`Tss`]'s size at linear address `base`.
pub const fn tss_descriptor(base: u32) -> u64 {
    let limit = size_of::<Tss>() as u64 - 1;
    let base = base as u64;
    limit | (base & 0x00FF_FFFF) << 16 | 0x89 << 40 | (base >> 24) << 56
}

/// An LDT of one entry, the eight bytes at linear address `base`.
pub const fn ldt_descriptor(base: u32) -> u64 {
    let base = base as u64;
    7 | (base & 0x00FF_FFFF) << 16 | 0x82 << 40 | (base >> 24) << 56
}

/// What `lgdt` and `lidt` load: bytes minus one, and where.
#[repr(C, packed)]
#[derive(Clone, Copy, Debug)]
pub struct TablePointer {
    /// Bytes of the table minus one.
    pub limit: u16,
    /// Linear address of the table.
    pub base: u32,
}

impl TablePointer {
    /// Points at a table of `entries` eight-byte entries at `base`.
    pub const fn new(base: u32, entries: usize) -> Self {
        Self { limit: (entries * 8 - 1) as u16, base }
    }
}

/// A 32-bit task-state segment without an I/O bitmap: no port is free to ring 1 or 3.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the fields are the SDM's, by their names there")]
pub struct Tss {
    pub link: u32,
    pub esp0: u32,
    pub ss0: u32,
    pub esp1: u32,
    pub ss1: u32,
    pub esp2: u32,
    pub ss2: u32,
    pub cr3: u32,
    pub eip: u32,
    pub eflags: u32,
    pub eax: u32,
    pub ecx: u32,
    pub edx: u32,
    pub ebx: u32,
    pub esp: u32,
    pub ebp: u32,
    pub esi: u32,
    pub edi: u32,
    pub es: u32,
    pub cs: u32,
    pub ss: u32,
    pub ds: u32,
    pub fs: u32,
    pub gs: u32,
    pub ldtr: u32,
    pub trap: u16,
    pub io_map_base: u16,
}

impl Tss {
    /// All zero but for the I/O bitmap, which lies beyond the limit.
    pub const EMPTY: Self = Self {
        link: 0,
        esp0: 0,
        ss0: 0,
        esp1: 0,
        ss1: 0,
        esp2: 0,
        ss2: 0,
        cr3: 0,
        eip: 0,
        eflags: 0,
        eax: 0,
        ecx: 0,
        edx: 0,
        ebx: 0,
        esp: 0,
        ebp: 0,
        esi: 0,
        edi: 0,
        es: 0,
        cs: 0,
        ss: 0,
        ds: 0,
        fs: 0,
        gs: 0,
        ldtr: 0,
        trap: 0,
        io_map_base: size_of::<Self>() as u16,
    };
}

const _: () = assert!(size_of::<Tss>() == 104 && size_of::<TablePointer>() == 6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_takes_its_offset_apart() {
        assert_eq!(interrupt_gate(0x50, 0xFFC0_01F0, 1), 0xFFC0_AE00_0050_01F0);
    }

    #[test]
    fn a_tss_descriptor_takes_its_base_apart() {
        assert_eq!(tss_descriptor(0xFFC1_1034), 0xFF00_89C1_1034_0067);
    }
}
