//! A Guest's tables in a box of bytes, and what its shadows make of them.

mod batch;
mod flush;
mod low;

use abi::hypercall::LHCALL_SET_PTE;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, HostPhys, KillReason, PAGE_SIZE};

use proptest::prelude::*;

use super::entry::{A, D, GuestEntry, P, PS, U, W};
use super::pool::pool_of;
use super::walk::{Format, directory_index};
use super::{MIN_TABLES, PageFault, Shadow};
use crate::cpu::exit::PageFaultCode;
use crate::hypercall::ring::Record;
use crate::hypercall::set_pte::{Run, SetPte};
use crate::scripted::Ram;

const BASE: HostPhys = HostPhys(0x0080_0000);
const KERNEL: u32 = 0xC000_0000;
const READ: PageFaultCode = PageFaultCode(0);
const WRITE: PageFaultCode = PageFaultCode(2);
const FREE_PAGES: u32 = 0x40;

/// A Guest with a bump allocator for its tables.
struct Guest {
    ram: Ram,
    shadow: Shadow,
    next: u32,
}

impl Guest {
    fn new(tables: usize) -> Self {
        let mut shadow = Shadow::new(pool_of(tables, HostPhys(0x0400_0000)), BASE);
        shadow.set_kernel_address(KERNEL);
        Self { ram: Ram::new(0x20_0000), shadow, next: FREE_PAGES * PAGE_SIZE }
    }

    fn page(&mut self) -> GuestPhys {
        let page = GuestPhys(self.next);
        self.next += PAGE_SIZE;
        page
    }

    fn map(&mut self, top: GuestPhys, at: u32, entry: u32) {
        let at = GuestLinear(at);
        let place = GuestPhys(top.0 + 4 * directory_index(at) as u32);
        if self.ram.read_u32(place).unwrap() == 0 {
            let table = self.page();
            self.ram.write_u32(place, table.0 | P | W | U).unwrap();
        }
        let table = GuestPhys(self.ram.read_u32(place).unwrap()).page_base();
        self.ram.write_u32(Format::TwoLevel.entry_at(table, at), entry).unwrap();
    }

    fn new_space(&mut self) -> GuestPhys {
        let top = self.page();
        self.shadow.switch_to(&self.ram, top).unwrap();
        top
    }

    fn touch(&mut self, at: u32, code: PageFaultCode) -> Result<PageFault, KillReason> {
        self.shadow.demand_page(&mut self.ram, GuestLinear(at), code)
    }

    fn set_pte(&mut self, top: GuestPhys, at: GuestLinear, entry: GuestEntry) -> GuestResult {
        self.shadow.set_pte(&self.ram, SetPte { top, at, entry: entry.0, high: 0 })
    }

    fn shadow_entry(&mut self, at: u32) -> u32 {
        let root = self.shadow.current().unwrap();
        self.shadow.lookup(root.directory, GuestLinear(at))
    }
}

#[test]
fn in_linear_mode_linear_is_physical_and_ends_with_memory() {
    let mut guest = Guest::new(MIN_TABLES);
    assert_eq!(guest.touch(0x1F_F123, WRITE), Ok(PageFault::Fixed));
    assert_eq!(guest.shadow_entry(0x1F_F000) & !0xFFF, BASE.0 + 0x1F_F000);
    assert!(guest.touch(0x20_0000, READ).is_err());
    assert_eq!(guest.touch(0x1000, PageFaultCode(4)), Ok(PageFault::Reflect(PageFaultCode(4))));
}

#[test]
fn a_clean_page_faults_once_more_when_it_is_written() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    guest.map(top, 0x40_0000, 0x5000 | P | W);
    assert_eq!(guest.touch(0x40_0000, READ), Ok(PageFault::Fixed));
    assert_eq!(guest.shadow_entry(0x40_0000) & W, 0);
    assert_eq!(guest.touch(0x40_0000, WRITE), Ok(PageFault::Fixed));
    assert_eq!(guest.shadow_entry(0x40_0000), (BASE.0 + 0x5000) | P | W | A | D);
}

#[test]
fn a_device_is_never_mapped() {
    let mut guest = Guest::new(MIN_TABLES);
    guest.shadow.set_device_limit(0x20_2000);
    let top = guest.new_space();
    let (at, entry) = (0x40_1000, 0x20_1000 | P | W | U | A | D);
    guest.map(top, 0x40_0000, 0x5000 | P | W);
    guest.map(top, at, entry);
    guest.touch(0x40_0000, WRITE).unwrap();
    assert_eq!(guest.shadow_entry(at), 0, "not as a neighbour");
    assert_eq!(guest.touch(at + 0x34, WRITE), Ok(PageFault::Device(GuestPhys(0x20_1034))));
    assert_eq!(guest.shadow_entry(at), 0, "not by a touch");
    guest.set_pte(top, GuestLinear(0x40_0000), GuestEntry(entry)).unwrap();
    assert_eq!(guest.shadow_entry(0x40_0000), 0, "not where memory was mapped");
    let beyond = GuestEntry(0x20_2000 | P | A);
    assert!(guest.set_pte(top, GuestLinear(at), beyond).is_err());
}

#[test]
fn a_device_is_no_place_for_the_hosts_own_reads_and_pushes() {
    let mut guest = Guest::new(MIN_TABLES);
    guest.shadow.set_device_limit(0x20_1000);
    let top = guest.new_space();
    guest.map(top, 0x40_0000, 0x20_0000 | P | W | A | D);
    let at = GuestLinear(0x40_0000);
    assert_eq!(guest.shadow.readable(&mut guest.ram, at, READ), Ok(None));
    assert_eq!(guest.shadow.writable(&mut guest.ram, at), Ok(None));
}

#[test]
fn neighbours_that_were_accessed_come_along() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    guest.map(top, 0x40_0000, 0x5000 | P | W);
    guest.map(top, 0x40_1000, 0x6000 | P | W | A | D);
    guest.map(top, 0x40_2000, 0x7000 | P | W);
    guest.map(top, 0x40_3000, 0x8000 | P | W | A | PS);
    guest.touch(0x40_0000, READ).unwrap();
    assert_eq!(guest.shadow_entry(0x40_1000), (BASE.0 + 0x6000) | P | W | D);
    assert_eq!((guest.shadow_entry(0x40_2000), guest.shadow_entry(0x40_3000)), (0, 0));
}

#[test]
fn a_kernel_page_is_there_in_every_root_at_once() {
    let mut guest = Guest::new(MIN_TABLES);
    let first = guest.new_space();
    guest.map(first, KERNEL, 0x5000 | P | W | A | D);
    guest.touch(KERNEL, WRITE).unwrap();
    let second = guest.new_space();
    assert_eq!(guest.shadow_entry(KERNEL), (BASE.0 + 0x5000) | P | W | A | D);
    let entry = GuestEntry(0x6000 | P | W | A | D);
    guest.set_pte(first, GuestLinear(KERNEL), entry).unwrap();
    assert_eq!(guest.shadow_entry(KERNEL) & !0xFFF, BASE.0 + 0x6000);
    guest.shadow.switch_to(&guest.ram, first).unwrap();
    assert_eq!(guest.shadow_entry(KERNEL) & !0xFFF, BASE.0 + 0x6000);
    let _both = second;
}

#[test]
fn a_user_page_is_changed_in_its_own_root_only() {
    let mut guest = Guest::new(MIN_TABLES);
    let (first, at) = (guest.new_space(), 0x40_0000);
    guest.map(first, at, 0x5000 | P | W);
    guest.touch(at, WRITE).unwrap();
    let second = guest.new_space();
    guest.map(second, at, 0x6000 | P | W);
    guest.touch(at, WRITE).unwrap();
    guest.map(first, at, 0);
    guest.set_pte(first, GuestLinear(at), GuestEntry(0)).unwrap();
    assert_ne!(guest.shadow_entry(at), 0);
    guest.shadow.switch_to(&guest.ram, first).unwrap();
    assert_eq!(guest.shadow_entry(at), 0);
}

#[test]
fn a_small_pool_evicts_and_the_guest_goes_on() {
    let mut guest = Guest::new(MIN_TABLES);
    for space in 0..40 {
        let top = guest.new_space();
        guest.map(top, 0x40_0000, 0x5000 | P | W);
        guest.map(top, 0x80_0000, 0x5000 | P | W);
        guest.touch(0x40_0000, WRITE).unwrap_or_else(|why| panic!("space {space}: {why}"));
        guest.touch(0x80_0000, WRITE).unwrap();
    }
    guest.shadow.reset();
    assert_eq!(guest.shadow.tables(), (MIN_TABLES, MIN_TABLES - 1));
}

#[test]
fn one_space_larger_than_the_pool_goes_on_too() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    for slot in 1..60 {
        guest.map(top, slot << 22, 0x5000 | P | W);
        assert_eq!(guest.touch(slot << 22, WRITE), Ok(PageFault::Fixed));
        assert_ne!(guest.shadow_entry(slot << 22), 0);
    }
}

#[test]
fn the_kernel_stack_is_pinned_and_pinned_again() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    guest.map(top, KERNEL + 0x1000, 0x5000 | P | W);
    guest.shadow.set_stack(KERNEL + 0x2000, 1);
    guest.shadow.pin_stack(&mut guest.ram).unwrap();
    assert_eq!(guest.shadow_entry(KERNEL + 0x1000) & W, W);
    guest.shadow.flush_all();
    guest.shadow.pin_stack(&mut guest.ram).unwrap();
    assert_eq!(guest.shadow_entry(KERNEL + 0x1000) & W, W);
    guest.map(top, KERNEL + 0x1000, 0);
    guest.set_pte(top, GuestLinear(KERNEL + 0x1000), GuestEntry(0)).unwrap();
    assert!(guest.shadow.pin_stack(&mut guest.ram).is_err());
}

#[test]
fn the_switchers_area_is_out_of_reach() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    assert_eq!(guest.touch(0xFFC0_0000, READ), Ok(PageFault::Reflect(READ)));
    let at = GuestLinear(0xFFFF_F000);
    assert!(guest.set_pte(top, at, GuestEntry(0)).is_err());
    assert!(guest.shadow.set_pgd(top, 1024).is_err());
    assert_eq!(guest.shadow.set_pgd(top, 1023), Ok(()));
}

#[test]
fn a_pae_guest_has_the_same_shadows() {
    let mut guest = Guest::new(MIN_TABLES);
    let (top, middle, table) = (guest.page(), guest.page(), guest.page());
    let at = 0x0060_5000;
    guest.ram.write_u32(top, middle.0 | P).unwrap();
    guest.ram.write_u32(GuestPhys(middle.0 + 3 * 8), table.0 | P | W | U).unwrap();
    guest.ram.write_u32(GuestPhys(table.0 + 5 * 8), 0x5000 | P | W).unwrap();
    guest.ram.write_u32(GuestPhys(table.0 + 6 * 8), 0x6000 | P | A).unwrap();
    guest.shadow.switch_to(&guest.ram, top).unwrap();
    assert_eq!(guest.shadow.format(), Format::Pae);
    assert_eq!(guest.touch(at, WRITE), Ok(PageFault::Fixed));
    assert_eq!(guest.shadow_entry(at), (BASE.0 + 0x5000) | P | W | A | D);
    assert_eq!(guest.shadow_entry(at + 0x1000) & !0xFFF, BASE.0 + 0x6000);
    guest.shadow.set_pmd(&guest.ram, middle, 2).unwrap();
    assert_ne!(guest.shadow_entry(at), 0, "the other half stays");
    guest.shadow.set_pmd(&guest.ram, middle, 3).unwrap();
    assert_eq!(guest.shadow_entry(at), 0);
    guest.touch(at, WRITE).unwrap();
    guest.shadow.set_pgd(top, 0).unwrap();
    assert_eq!(guest.shadow_entry(at), 0);
    assert!(guest.shadow.set_pgd(top, 4).is_err() && guest.shadow.set_pmd(&guest.ram, middle, 512).is_err());
}

#[test]
fn pointers_that_were_given_up_may_hold_anything() {
    let mut guest = Guest::new(MIN_TABLES);
    let (old, middle, top) = (guest.page(), guest.page(), guest.page());
    guest.shadow.set_format(Some(Format::Pae));
    guest.ram.write_u32(old, middle.0 | P).unwrap();
    guest.shadow.switch_to(&guest.ram, old).unwrap();
    guest.shadow.switch_to(&guest.ram, top).unwrap();
    for used_again in [u32::MAX, 0xFF00_0000 | P, P | PS] {
        guest.ram.write_u32(old, used_again).unwrap();
        assert_eq!(guest.shadow.set_pmd(&guest.ram, middle, 0), Ok(()), "{used_again:#x}");
    }
}

#[test]
fn both_pages_of_a_stack_are_pinned_however_full_the_pool_is() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    for slot in 1..32 {
        guest.map(top, slot << 22, 0x5000 | P | W);
    }
    guest.map(top, (30 << 22) - 0x1000, 0x6000 | P | W);
    (1..14).for_each(|slot| assert_eq!(guest.touch(slot << 22, READ), Ok(PageFault::Fixed)));
    guest.shadow.set_stack((30 << 22) + 0x1000, 2);
    guest.shadow.pin_stack(&mut guest.ram).unwrap();
    for page in [30 << 22, (30 << 22) - 0x1000] {
        assert_eq!(guest.shadow_entry(page) & W, W);
    }
}

#[test]
fn a_page_that_was_never_used_is_judged_when_it_is() {
    let mut guest = Guest::new(MIN_TABLES);
    let top = guest.new_space();
    let at = GuestLinear(0x40_0000);
    let beyond = GuestEntry(0xFF00_0000 | P);
    assert_eq!(guest.set_pte(top, at, beyond), Ok(()));
    guest.map(top, at.0, beyond.0);
    assert!(guest.touch(at.0, READ).is_err());
}
