//! The Multiboot header and the way from there to `main`.
//!
//! Source: Multiboot Specification 0.6.96, 3.1 "OS image format" and 3.3
//! "Boot information format".
//!
//! Next on the tour: [`super::descriptors`].

use core::arch::global_asm;
use core::mem::{offset_of, size_of};

use abi::boot_params::{CMD_LINE_PTR, COMMAND_LINE_AT, E820_MAP};
use abi::hypercall::SYSCALL_VECTOR;
use abi::lguest_data::{BLOCKED_INTERRUPTS, RING_ENTRIES};
use abi::{GuestPhys, Variant};

use super::{calls, descriptors, machine};
use crate::entry::{STACK, STACK_LEN, clear_bss, guest_main, set_up};
use crate::frames::{read_phys, write_phys};
use crate::page_table::Entry;
use crate::paging::first::{HIGH_HALF, build_tables};
use crate::shared::{self, Places, fill_in_shared};
use crate::{PAGE_OFFSET, paging, power};

const MAGIC: u32 = 0x1BAD_B002;
/// Asks for the size of memory.
const FLAGS: u32 = 1 << 1;
/// Offset in the boot information of KiB above 1 MiB.
const MEM_UPPER: u32 = 8;
/// CR0.PG and CR0.WP.
const PAGING: u32 = 1 << 31 | 1 << 16;

global_asm!(
    ".pushsection .multiboot, \"ax\"",
    ".balign 4",
    ".long {MAGIC}, {FLAGS}, -({MAGIC} + {FLAGS})",
    ".globl native_entry_physical",
    ".set native_entry_physical, native_entry - {PAGE_OFFSET}",
    "native_entry:",
    clear_bss!(),
    "mov ebp, ebx", // the boot information
    "mov edx, {C}",
    fill_in_shared!(),
    build_tables!(),
    "mov cr3, ebx",
    "mov eax, cr0",
    "or eax, {PAGING}",
    "mov cr0, eax",
    "mov esp, offset {STACK} + {STACK_LEN}",
    "push ebp",
    "push 0", // where a return address would be
    "mov eax, offset {start}",
    "jmp eax",
    ".popsection",
    MAGIC = const MAGIC,
    FLAGS = const FLAGS,
    PAGE_OFFSET = const PAGE_OFFSET,
    PAGING = const PAGING,
    C = const Variant::C as u32,
    DATA = sym shared::DATA,
    ONE_IRET = const Variant::D as u32,
    PLACES = sym shared::PLACES,
    PLACES_LEN = const size_of::<Places>(),
    NOIRQ = const offset_of!(Places, noirq),
    KERNEL_ADDRESS = const offset_of!(Places, kernel_address),
    HCALL_STATUS = const offset_of!(Places, hcall_status),
    BLOCKED = const BLOCKED_INTERRUPTS,
    RING_ENTRIES = const RING_ENTRIES,
    SYSCALL_VECTOR = const SYSCALL_VECTOR,
    TABLE = sym paging::INITIAL_TABLES,
    DIRECTORY = sym paging::INITIAL_DIRECTORY,
    HIGH_HALF = const HIGH_HALF,
    KERNEL = const Entry::KERNEL,
    STACK = sym STACK,
    STACK_LEN = const STACK_LEN,
    start = sym start,
);

extern "C" fn start(boot_information: u32) -> ! {
    descriptors::load();
    machine::init();
    calls::init();
    leave_boot_params(GuestPhys(boot_information));
    set_up();
    guest_main();
    power::off(format_args!("main has returned"))
}

/// Writes the two fields that [`crate::boot_params`] reads, where a Launcher would have put them.
fn leave_boot_params(boot_information: GuestPhys) {
    // SAFETY: the loader's structure and the first two pages are below 4 MiB, so mapped; no Rust
    // variable is in either. The BIOS's own variables go, but so has the BIOS.
    unsafe {
        let kibibytes = read_phys(GuestPhys(boot_information.0 + MEM_UPPER));
        write_phys(GuestPhys(E820_MAP + 8), (kibibytes + 1024) / 1024 * 0x10_0000);
        write_phys(GuestPhys(CMD_LINE_PTR), COMMAND_LINE_AT);
        write_phys(GuestPhys(COMMAND_LINE_AT), 0);
    }
}
