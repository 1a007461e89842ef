//! Segments: the descriptors a Guest asks for, and those it gets.
//!
//! A Guest's GDT is a copy the Host keeps and the CPU sees. Each descriptor is
//! admitted on its own: code and data only, never ring 0. Some entries are the
//! Switcher's and what a Guest writes there is ignored.
//!
//! Invariants:
//! - Whatever the 64 bits asked for, what reaches the CPU is null or a code or
//!   data segment of ring 1 or above (`no_descriptor_reaches_ring_0`).
//! - The accessed bit is set, for the CPU cannot set it on a read-only page.
//!
//! Source: lguest ABI, "GDT", "Descriptor fix-up"; Intel SDM Vol. 3, "Segment
//! Descriptors".
//!
//! Next on the tour: [`crate::guest::idt`].

use abi::GuestResult;
use abi::kill::DescriptorError;
use bit_field::BitField;
use switcher::descriptor::{FLAT_CODE_RING_1, FLAT_DATA_RING_1, GDT_ENTRIES};
use switcher::pages::switcher_gdt;
use switcher::{DOUBLE_FAULT_TSS_SELECTOR, HOST_CS, HOST_DS, TSS_SELECTOR};

/// Selector of a Guest kernel's code, as the Host pushes it.
pub const KERNEL_CS: u32 = 0x61;
/// Selector of a Guest kernel's data.
pub const KERNEL_DS: u32 = 0x69;
/// The three entries of thread-local storage.
pub const TLS_ENTRIES: core::ops::Range<usize> = 6..9;

/// What makes flat 32-bit code of a descriptor: base, limit, G, D and that it is code. DPL,
/// conforming, readable, accessed and the bit left to software may be anything.
const FLAT_CODE_SHAPE: u64 = 0xFFCF_98FF_FFFF_FFFF;

/// How much of a GDT changed since the CPU last saw it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum GdtDirt {
    /// Nothing.
    Clean,
    /// At most [`TLS_ENTRIES`].
    TlsOnly,
    /// Anything.
    Whole,
}

/// A descriptor the CPU may see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SafeDescriptor(u64);

impl SafeDescriptor {
    /// Makes the best of what a Guest asked for: null unless it is code or data, ring 1 for ring
    /// 0, accessed, and no 64-bit code.
    pub fn admit(asked: u64) -> Self {
        let is_code_or_data = asked.get_bit(44);
        if !is_code_or_data {
            return Self(0);
        }
        let mut descriptor = asked;
        descriptor.set_bit(40, true).set_bit(53, false);
        if descriptor.get_bits(45..47) == 0 {
            descriptor.set_bits(45..47, 1);
        }
        Self(descriptor)
    }
}

/// One Guest's GDT.
pub struct Gdt {
    entries: [u64; GDT_ENTRIES],
    dirt: GdtDirt,
}

impl Default for Gdt {
    /// What a Guest starts with: flat kernel code and data.
    fn default() -> Self {
        let mut entries = switcher_gdt();
        entries[KERNEL_CS as usize / 8] = FLAT_CODE_RING_1;
        entries[KERNEL_DS as usize / 8] = FLAT_DATA_RING_1;
        Self { entries, dirt: GdtDirt::Whole }
    }
}

impl Gdt {
    /// `LHCALL_LOAD_GDT_ENTRY`.
    ///
    /// # Errors
    /// [`DescriptorError::Index`] past the last entry.
    pub fn load_entry(&mut self, index: u32, asked: u64) -> GuestResult {
        let slot = self.entries.get_mut(index as usize).ok_or(DescriptorError::Index { index })?;
        if !is_switchers(index) {
            *slot = SafeDescriptor::admit(asked).0;
            self.dirt = GdtDirt::Whole;
        }
        Ok(())
    }

    /// `LHCALL_LOAD_TLS`.
    pub fn load_tls(&mut self, asked: [u64; 3]) {
        for (slot, asked) in self.entries[TLS_ENTRIES].iter_mut().zip(asked) {
            *slot = SafeDescriptor::admit(asked).0;
        }
        self.dirt = self.dirt.max(GdtDirt::TlsOnly);
    }

    /// Another GDT was in force since: all of it has to go to the CPU.
    pub fn forget_cpu(&mut self) {
        self.dirt = GdtDirt::Whole;
    }

    /// All entries, as the CPU sees them.
    pub const fn entries(&self) -> &[u64; GDT_ENTRIES] {
        &self.entries
    }

    /// Copies to the CPU's table what it has not seen yet.
    #[inline]
    pub fn copy_changes(&mut self, table: &mut [u64; GDT_ENTRIES]) {
        match self.dirt {
            GdtDirt::Clean => return,
            GdtDirt::TlsOnly => table[TLS_ENTRIES].copy_from_slice(&self.entries[TLS_ENTRIES]),
            GdtDirt::Whole => *table = self.entries,
        }
        self.dirt = GdtDirt::Clean;
    }

    /// Whether `selector` names 32-bit code with base 0 and no limit, so that EIP is a linear
    /// address and the code means what 32-bit code means.
    pub fn is_flat_code(&self, selector: u32) -> bool {
        let entry = self.entries.get(selector as usize / 8).copied().unwrap_or(0);
        selector & 4 == 0 && (entry ^ FLAT_CODE_RING_1) & FLAT_CODE_SHAPE == 0
    }

    /// Whether `selector` names a present, writable data segment, fit for a ring-1 stack.
    pub fn is_stack(&self, selector: u32) -> bool {
        let entry = self.entries.get(selector as usize / 8).copied().unwrap_or(0);
        let is_present_writable_data = entry.get_bit(47) && !entry.get_bit(43) && entry.get_bit(41);
        let is_in_gdt = selector & 4 == 0 && selector < GDT_ENTRIES as u32 * 8;
        is_in_gdt && is_present_writable_data && entry.get_bits(45..47) == 1
    }
}

/// Whether the entry is the Switcher's own: a Guest's wish for it is ignored.
pub fn is_switchers(index: u32) -> bool {
    [0, HOST_CS, HOST_DS, TSS_SELECTOR, DOUBLE_FAULT_TSS_SELECTOR].contains(&(index as u16 * 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_descriptor_reaches_ring_0(asked: u64) {
            let SafeDescriptor(given) = SafeDescriptor::admit(asked);
            let is_segment = given.get_bit(44) && given.get_bits(45..47) >= 1 && given.get_bit(40);
            prop_assert!(given == 0 || (is_segment && !given.get_bit(53)));
        }
    }

    #[test]
    fn the_switchers_entries_stay_its_own() {
        let mut gdt = Gdt::default();
        let before = gdt.entries;
        for index in [10, 11, 16, 31] {
            gdt.load_entry(index, FLAT_DATA_RING_1).unwrap();
        }
        assert_eq!(gdt.entries, before);
        assert!(gdt.load_entry(32, 0).is_err());
    }

    #[test]
    fn only_what_changed_is_copied() {
        let mut gdt = Gdt::default();
        let mut table = [0; GDT_ENTRIES];
        gdt.copy_changes(&mut table);
        assert_eq!(table, gdt.entries);
        gdt.load_tls([FLAT_DATA_RING_1; 3]);
        let mut fresh = [0; GDT_ENTRIES];
        gdt.copy_changes(&mut fresh);
        assert_eq!(fresh.iter().filter(|&&entry| entry != 0).count(), 3);
    }

    #[test]
    fn flat_code_has_no_base_and_no_limit_and_is_32_bit() {
        let mut gdt = Gdt::default();
        assert!(gdt.is_flat_code(KERNEL_CS) && !gdt.is_flat_code(KERNEL_DS));
        assert!(!gdt.is_flat_code(0) && !gdt.is_flat_code(KERNEL_CS | 4) && !gdt.is_flat_code(0x1_0061));
        for flaw in [1 << 54, 1 << 55, 1 << 51, 1, 1 << 16, 1 << 63, 1 << 47] {
            gdt.load_entry(KERNEL_CS / 8, FLAT_CODE_RING_1 ^ flaw).unwrap();
            assert!(!gdt.is_flat_code(KERNEL_CS), "{flaw:#x}");
        }
        gdt.load_entry(KERNEL_CS / 8, 0x00CF_9E00_0000_FFFF).unwrap();
        assert!(gdt.is_flat_code(KERNEL_CS), "conforming, execute-only or not");
    }

    #[test]
    fn a_stack_is_writable_data_of_ring_1() {
        let gdt = Gdt::default();
        assert!(gdt.is_stack(KERNEL_DS));
        assert!(!gdt.is_stack(KERNEL_CS) && !gdt.is_stack(0) && !gdt.is_stack(0x1_0069));
    }
}
