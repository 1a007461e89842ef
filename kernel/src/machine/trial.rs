//! A trial of the CPU before any Guest runs: does its `iret` keep to the manual?
//!
//! An `iret` outside ring 0 ignores VM in the EFLAGS it loads. QEMU's does not:
//! there ring 3 can enter virtual-8086 mode, and gets IF and IOPL as it asks for them.
//! With IF clear in an endless loop that would be the end of everybody's time. So
//! where it is so, no page below [`kernel::shadow::VIRTUAL_8086_END`] is open to ring 3, and
//! that mode has no instruction to execute: its first fetch faults.
//!
//! The trial is a Guest of one instruction, on a directory that maps one page:
//!
//! ```text
//! page 0  directory      slot SLOT -> page 1, the last -> the Switcher's view
//! page 1  page table     entry 0 -> page 2, open to ring 3
//! page 2  iretd | ud2 …  | eip cs eflags esp ss es ds fs gs   what it takes
//!         ^ AT   ^ AT + 1  ^ AT + FRAME
//! ```
//!
//! A CPU that keeps to the manual goes on at `ud2`: #UD. Else it is in virtual-8086 mode, at an
//! address where nothing is mapped: #PF, by a frame that the Switcher marks. Interrupts are off all
//! along, so nothing else comes but an NMI.
//!
//! Source: Intel SDM Vol. 2, "IRET/IRETD/IRETQ".
//!
//! Next on the tour: [`super::clock`].

use abi::{HostPhys, PAGE_SIZE};
use kernel::cpu::eflags::VM;
use kernel::platform::boot_info::BootError;
use switcher::descriptor::{FLAT_CODE_RING_1, FLAT_DATA_RING_1};
use switcher::{BAD_FRAME, GuestRegs, SwitcherPages};
use x86::bits32::paging::{PAGE_SIZE_ENTRIES, PDFlags};

use super::memory::Memory;
use super::percpu::ThisCpu;

/// Where the page is mapped, ...
const AT: u32 = SLOT << 22;
/// ... by which slot of the directory.
const SLOT: u32 = 32;
/// Where in it the frame lies.
const FRAME: u32 = 0x100;
/// Entries of the GDT that are borrowed: code, and data behind it.
const CODE: u32 = 12;
/// The bytes of `iretd` and `ud2`.
const PROGRAM: [u8; 3] = [0xCF, 0x0F, 0x0B];
/// EFLAGS: the bit that is always one.
const ALWAYS: u32 = 1 << 1;
const NMI: u32 = 2;
/// How often an NMI may come in between.
const TRIES: u32 = 8;

/// Whether an `iret` of ring 1 or 3 enters virtual-8086 mode on this CPU.
///
/// # Errors
/// [`BootError::NoRoom`] if there are no three pages to try it.
pub fn is_iret_lax(cpu: &mut ThisCpu, memory: &mut Memory) -> Result<bool, BootError> {
    let is_lax = memory.with_zeroed(3, |room| [1, 3].into_iter().any(|ring| is_lax_at(ring, cpu, room)));
    is_lax.ok_or(BootError::NoRoom("a trial of the CPU"))
}

/// The same for one ring, in three pages of zeroes at `room`, or what the last call left there.
fn is_lax_at(ring: u32, cpu: &mut ThisCpu, room: HostPhys) -> bool {
    let (directory, table, page) = (room.0, room.0 + PAGE_SIZE, room.0 + 2 * PAGE_SIZE);
    let (code, data) = (CODE << 3 | ring, (CODE + 1) << 3 | ring);
    let rights = (PDFlags::P | PDFlags::RW | PDFlags::A).bits();
    let open = rights | PDFlags::US.bits();
    let frame = [AT + 1, code, VM | ALWAYS, AT + FRAME, data, 0, 0, 0, 0];
    // SAFETY: The three pages are RAM, mapped where they are, and ours alone; all lies inside them.
    unsafe {
        (directory as *mut u32).add(SLOT as usize).write(table | open);
        (directory as *mut u32).add(PAGE_SIZE_ENTRIES - 1).write(cpu.guest_view.0 | rights);
        (table as *mut u32).write(page | open);
        (page as *mut [u8; PROGRAM.len()]).write(PROGRAM);
        ((page + FRAME) as *mut [u32; 9]).write(frame);
    }
    let entries = CODE as usize..CODE as usize + 2;
    let dpl = u64::from(ring) << 45;
    let descriptors = [FLAT_CODE_RING_1, FLAT_DATA_RING_1].map(|entry| entry & !(3 << 45) | dpl);
    cpu.pages.state.gdt[entries.clone()].copy_from_slice(&descriptors);
    let start = GuestRegs {
        eip: AT,
        cs: code,
        eflags: ALWAYS,
        esp: AT + FRAME,
        ss: data,
        ds: data,
        es: data,
        ..GuestRegs::ZERO
    };
    let exit =
        (0..TRIES).map(|_| run(cpu.pages, start, directory)).find(|regs| regs.trapnum as u8 as u32 != NMI);
    cpu.pages.state.gdt[entries].fill(0);
    exit.is_some_and(|regs| regs.trapnum & BAD_FRAME != 0 && regs.eflags & VM != 0)
}

/// Runs it until it leaves.
#[inline(never)]
fn run(pages: &mut SwitcherPages, start: GuestRegs, directory: u32) -> GuestRegs {
    pages.stack.regs = start;
    // SAFETY: 1. Interrupts are off. 2. The pages are this CPU's, and their tables have been loaded.
    // 3. The directory maps the Switcher as its types say, and one page of RAM. 4. CS and SS are of
    // ring 1 or 3, VM, NT and IOPL clear; IF is clear too, but its one instruction ends at a fault.
    unsafe { switcher::enter(pages, directory) };
    pages.stack.regs
}
