//! What belongs to one CPU: its descriptor tables, its stacks, its Switcher pages.
//!
//! The Host's GDT, IDT and double-fault TSS live in the CPU's private Switcher
//! page, so that the way back from a Guest finds them by rounding ESP. The GDT
//! has the Switcher's selectors in the Host as in every Guest, so a switch
//! needs no far jump, and one TSS stays loaded for good.
//!
//! Invariants:
//! - A [`ThisCpu`] is made once per CPU and not copied: who holds it by `&mut`
//!   is the only one to touch the pages.
//! - Every exception has a gate; #DF has a task of its own
//!   (`selftest=stack`, `selftest=divide`).
//!
//! Source: Intel SDM Vol. 3, "Protected-Mode System Data Structures",
//! "Interrupt 8—Double Fault Exception".
//!
//! Next on the tour: [`super::exceptions`].

use core::arch::asm;

use abi::HostPhys;
use kernel::platform::boot_info::BootError;
use switcher::descriptor::{TablePointer, Tss, interrupt_gate, task_gate};
use switcher::{DOUBLE_FAULT_TSS_SELECTOR, HOST_CS, HOST_DS, LDT_SELECTOR, SwitcherPages, TSS_SELECTOR};

use super::memory::Memory;
use super::paging::{self, HostSpace};
use super::stack::DOUBLE_FAULT_STACK;
use super::{debug, double_fault, exceptions, nmi};

const DEBUG: usize = 1;
const NMI: usize = 2;
const DOUBLE_FAULT: usize = 8;

/// The CPU the Host runs on.
pub struct ThisCpu {
    /// Its pages, as the Host sees them.
    pub pages: &'static mut SwitcherPages,
    /// The page table that maps the Switcher into the Guests it runs.
    pub guest_view: HostPhys,
    /// Its `iret` takes any ring into virtual-8086 mode ([`super::trial`]).
    pub lax_iret: bool,
}

impl ThisCpu {
    /// Lays out the pages of CPU `number` and maps them; nothing is loaded yet.
    ///
    /// # Errors
    /// [`BootError::NoRoom`] if there are no frames for them.
    pub fn prepare(number: u32, memory: &mut Memory, space: &mut HostSpace) -> Result<Prepared, BootError> {
        // SAFETY: Zero is a value of every field: they are integers.
        let room = unsafe { memory.own_zeroed::<SwitcherPages>(1) };
        let room = room.ok_or(BootError::NoRoom("the Switcher's pages"))?;
        let physical = HostPhys(room.as_ptr() as u32);
        let at = switcher::pages_address(number);
        room[0] = SwitcherPages::new(at, space.root().0);
        room[0].private.double_fault_tss = double_fault_tss(space.root());
        for (vector, gate) in room[0].private.idt.iter_mut().enumerate().take(exceptions::VECTORS) {
            *gate = match vector {
                DEBUG => interrupt_gate(HOST_CS, debug::entry as *const () as u32, 0),
                NMI => interrupt_gate(HOST_CS, nmi::entry as *const () as u32, 0),
                DOUBLE_FAULT => task_gate(DOUBLE_FAULT_TSS_SELECTOR),
                _ => interrupt_gate(HOST_CS, exceptions::stub(vector), 0),
            };
        }
        space.map_switcher_pages(number, physical);
        let guest_view = paging::guest_view(memory, number, physical)?;
        Ok(Prepared { at, guest_view })
    }
}

/// A CPU's pages, before the CPU uses them.
pub struct Prepared {
    at: u32,
    guest_view: HostPhys,
}

impl Prepared {
    /// Loads the tables. From here on an exception is told instead of ending the machine.
    ///
    /// # Safety
    /// The Host's address space is in force, and this is the CPU the pages were prepared for.
    pub unsafe fn load(self) -> ThisCpu {
        // SAFETY: The pages are mapped at `at`, writable, for good; `Prepared` is used up, and the
        // place they were filled in through is not used any more.
        let pages = unsafe { &mut *(self.at as *mut SwitcherPages) };
        let (gdtr, idtr) = (pages.private.host_gdtr, pages.private.host_idtr);
        // SAFETY: Both tables are complete, mapped for good, and describe flat segments.
        unsafe { load_tables(&gdtr, &idtr) };
        ThisCpu { pages, guest_view: self.guest_view, lax_iret: false }
    }
}

/// The task that double faults are told by.
fn double_fault_tss(root: HostPhys) -> Tss {
    let data = HOST_DS.into();
    Tss {
        cr3: root.0,
        eip: double_fault::entry as *const () as u32,
        esp: DOUBLE_FAULT_STACK.end(),
        // Bit 1 is always set; interrupts stay off.
        eflags: 1 << 1,
        cs: HOST_CS.into(),
        ds: data,
        es: data,
        ss: data,
        ..Tss::EMPTY
    }
}

/// Loads GDT, IDT, TR, LDTR and every segment register.
///
/// # Safety
/// The tables are as the Switcher's constants say and stay where they are.
unsafe fn load_tables(gdtr: &TablePointer, idtr: &TablePointer) {
    // SAFETY: The contract. CS is loaded by `iretd`, which works in emulators without far calls.
    unsafe {
        asm!(
            "lgdt [{gdtr}]",
            "lidt [{idtr}]",
            "pushfd",
            "push {CS}",
            "lea {scratch}, [2f]",
            "push {scratch}",
            "iretd",
            "2:",
            "mov {scratch}, {DS}",
            "mov ds, {scratch:x}",
            "mov es, {scratch:x}",
            "mov ss, {scratch:x}",
            "xor {scratch}, {scratch}",
            "mov fs, {scratch:x}",
            "mov gs, {scratch:x}",
            "mov {scratch}, {TSS}",
            "ltr {scratch:x}",
            "mov {scratch}, {LDT}",
            "lldt {scratch:x}",
            gdtr = in(reg) gdtr,
            idtr = in(reg) idtr,
            scratch = out(reg) _,
            CS = const HOST_CS,
            DS = const HOST_DS,
            TSS = const TSS_SELECTOR,
            LDT = const LDT_SELECTOR,
        );
    }
}
