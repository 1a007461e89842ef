//! The first address space, from four megabytes to all there is.
//!
//! The entry code makes tables for the first 4 MiB, mapped twice; its lines for
//! that are here. A Guest that started on the Host's tables switches to its own
//! later, in `init`; then the kernel half is completed, and the mapping at 0
//! dropped.
//!
//! Next on the tour: [`super::space`].

use core::ops::Range;

use abi::device_page::DEVICE_PAGES;
use abi::{GuestLinear, GuestPhys, PAGE_SIZE};

use super::{DEVICES, DIRECT_MAX, Root, WINDOW, format};
use crate::PAGE_OFFSET;
use crate::frames::{Frame, direct};
use crate::lazy;
use crate::page_table::{DIRECTORY_SPAN, Entry, Format};

/// What the entry code maps.
const MAPPED: u32 = DIRECTORY_SPAN;

/// Address 0.
const ZERO: GuestLinear = GuestLinear(0);

/// Byte offset of the directory entry for PAGE_OFFSET.
pub(crate) const HIGH_HALF: u32 = PAGE_OFFSET / DIRECTORY_SPAN * 4;
/// Byte offset of PAE's pointer for PAGE_OFFSET.
pub(crate) const HIGH_POINTER: u32 = (PAGE_OFFSET >> 30) * 8;

/// Maps the first 4 MiB at 0 and at PAGE_OFFSET; leaves the directory's physical address in EBX.
macro_rules! build_tables {
    () => {
        "mov edi, offset {TABLE} - {PAGE_OFFSET}
         mov eax, {KERNEL}
         mov ecx, 1024
     2:  stosd
         add eax, 4096
         loop 2b
         mov ebx, offset {DIRECTORY} - {PAGE_OFFSET}
         mov eax, offset {TABLE} - {PAGE_OFFSET} + {KERNEL}
         mov [ebx], eax
         mov [ebx + {HIGH_HALF}], eax"
    };
}

/// The same in three levels; in .bss, the high dwords are zero already.
macro_rules! build_pae_tables {
    () => {
        "mov edi, offset {TABLE} - {PAGE_OFFSET}
         mov eax, {KERNEL}
         mov ecx, 1024
     2:  mov [edi], eax
         add edi, 8
         add eax, {PAGE_SIZE}
         loop 2b
         mov edi, offset {MIDDLE} - {PAGE_OFFSET}
         mov eax, offset {TABLE} - {PAGE_OFFSET} + {KERNEL}
         mov [edi], eax
         add eax, {PAGE_SIZE}
         mov [edi + 8], eax
         mov ebx, offset {DIRECTORY} - {PAGE_OFFSET}
         lea eax, [edi + {POINTER}]
         mov [ebx], eax
         mov [ebx + {HIGH_POINTER}], eax"
    };
}

/// Copies 32 entries of the Host's directory to the kernel half, as kernels up to 2.6.28 do.
macro_rules! copy_boot_directory {
    () => {
        "test dword ptr [{DIALECT} - {PAGE_OFFSET}], {EDX_FIRST}
         jz 2f
         mov esi, [{DATA} - {PAGE_OFFSET} + {PGDIR}]
         lea edi, [esi + {HIGH_HALF}]
         mov ecx, 32
         rep movsd
     2:"
    };
}
pub(crate) use {build_pae_tables, build_tables, copy_boot_directory};

/// Where the frames end that are free at the start: with the memory the direct map reaches, or
/// below the lowest of the Host's tables, so that they stay there to be looked at.
pub(crate) fn first_not_free(memory_size: u32) -> GuestPhys {
    let end = GuestPhys(memory_size.min(DIRECT_MAX));
    Root::boot().map_or(end, |boot| {
        let lowest = match format() {
            Format::TwoLevel => boot.directory(ZERO),
            Format::Pae => boot.pointer(ZERO),
        };
        end.min(lowest.frame())
    })
}

/// Completes the kernel half: RAM, the window, the device pages; then drops the identity mapping
/// of the first steps.
pub(crate) fn init(memory_size: u32) {
    if Root::boot().is_some() {
        Root::kernel().switch_to();
    }
    let ram_end = memory_size.min(DIRECT_MAX);
    let devices_end = memory_size + DEVICE_PAGES * PAGE_SIZE;
    let span = format().span() as usize;
    lazy::batch(|| {
        for start in (MAPPED..ram_end).step_by(span) {
            add_kernel_table(direct(GuestPhys(start)), start..ram_end);
        }
        for at in (WINDOW.0..DEVICES.0).step_by(span) {
            add_kernel_table(GuestLinear(at), 0..0);
        }
        add_kernel_table(DEVICES, memory_size..devices_end);
        match format() {
            Format::TwoLevel => Root::kernel().put_directory(ZERO, Entry::ABSENT),
            Format::Pae => Root::kernel().put_pointer(ZERO, Entry::ABSENT),
        }
    });
}

const _: () = assert!(DEVICE_PAGES * PAGE_SIZE <= Format::Pae.span(), "one table maps the device pages");

/// Adds the table for `at` to the kernel half, with `frames` in its first entries.
fn add_kernel_table(at: GuestLinear, frames: Range<u32>) {
    let table = Frame::alloc();
    let pages = frames.step_by(PAGE_SIZE as usize).take(format().entries() as usize);
    for (slot, page) in (0u32..).step_by(format().entry_len() as usize).zip(pages) {
        table.write(slot, Entry::new(GuestPhys(page), Entry::KERNEL).0);
    }
    Root::kernel().put_directory(at, Entry::new(table.into_phys(), Entry::DIRECTORY));
}
