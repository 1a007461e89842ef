//! The Host's body: everything that touches the machine.
//!
//! One file per thing: a chip, a table the CPU reads, a way in or out. All
//! `unsafe` of the Host is here, in blocks of a few lines, each with what it
//! relies on; what can be thought without a machine is in [`kernel::platform`].
//! [`start`] calls them in the only order that works.
//!
//! ```text
//! console -> boot_info -> cpu -> memory -> paging, percpu -> heap -> pic, clock
//! a voice    what is      can it  frames   Host address      Vec,    interrupts,
//! first      there        run us           space, IDT        Box     time
//! ```
//!
//! Invariants:
//! - Whatever stops the start is a [`BootError`] with a sentence, never a hang.
//! - The parts of [`Machine`] are owned: who has one is the only one who does.
//!
//! Next on the tour: [`boot`].

pub mod boot;
pub mod boot_info;
pub mod clock;
pub mod console;
pub mod cpu;
pub mod debug;
pub mod double_fault;
pub mod emergency;
pub mod enter;
pub mod entropy;
pub mod exceptions;
pub mod fpu;
pub mod gdtr;
pub mod heap;
pub mod interrupts;
pub mod keyboard;
pub mod machine_check;
pub mod memory;
pub mod nmi;
pub mod paging;
pub mod percpu;
pub mod pic;
pub mod port;
pub mod power;
pub mod ram;
pub mod second_line;
pub mod selftest;
pub mod stack;
pub mod timer;
pub mod trial;
pub mod uart;
pub mod vga;
pub mod witness;

use alloc::boxed::Box;

use kernel::platform::boot_info::{BootError, BootInfo};

use self::cpu::Features;
use self::memory::Memory;
use self::paging::HostSpace;
use self::percpu::ThisCpu;
use self::stack::BOOT_STACK;
use crate::host;

/// The machine, taken into possession.
pub struct Machine {
    /// What the loader said: modules, command line. Large, and so not on the stack of those who stay.
    pub info: Box<BootInfo>,
    /// The frames.
    pub memory: Memory,
    /// The CPU, with its tables loaded.
    pub cpu: ThisCpu,
    /// What the CPU can do beyond what is required.
    pub features: Features,
}

/// Takes possession of the machine, given EAX and EBX as the loader left them.
///
/// Whole pages are laid out on its stack, which must be free again when Guests are made.
///
/// # Errors
/// A [`BootError`] with what the machine lacks.
///
/// # Safety
/// 1. Called once, first, with interrupts and paging off. 2. `magic` and `at` are what the loader
///    left.
#[inline(never)]
pub unsafe fn start(magic: u32, at: u32) -> Result<Machine, BootError> {
    console::start();
    // SAFETY: (1) and (2); the frame pool will keep clear of what is read.
    let info = unsafe { boot_info::read(magic, at) };
    greet(info.as_ref());
    if !console::has_serial() {
        host!("no serial line at COM1; the screen is all there is");
    }
    let mut info = info?;
    if info.has_word("debug-exit") {
        power::has_debug_exit();
    }
    let features = cpu::check()?;
    let mut memory = Memory::new(&mut info)?;
    // SAFETY: (1), and the CPU has been checked.
    let mut cpu = unsafe { enter_own_space(&mut memory, &info, features) }?;
    cpu.lax_iret = trial::is_iret_lax(&mut cpu, &mut memory)?;
    heap::start(&mut memory)?;
    pic::start(&[pic::TIMER, pic::KEYBOARD, pic::SERIAL, pic::SECOND_SERIAL]);
    clock::start(info.acpi_timer)?;
    Ok(Machine { info: Box::new(info), memory, cpu, features })
}

/// From the loader's address space and tables to our own.
///
/// # Safety
/// Called once, with interrupts and paging off, on a CPU with these `features`.
unsafe fn enter_own_space(
    memory: &mut Memory,
    info: &BootInfo,
    features: Features,
) -> Result<ThisCpu, BootError> {
    let mut space = HostSpace::new(memory, &info.ram)?;
    let prepared = ThisCpu::prepare(0, memory, &mut space)?;
    assert!(BOOT_STACK.guard_is_untouched(), "the boot stack has overflowed");
    // SAFETY: The space maps all RAM one to one, the image and this stack included; it and its
    // tables are never given back. The pages were prepared for this CPU, the only one.
    unsafe {
        cpu::start_paging(space.root().0, features);
        cpu::close_side_doors();
        Ok(prepared.load())
    }
}

/// The first line of all.
fn greet(info: Result<&BootInfo, &BootError>) {
    let version = env!("CARGO_PKG_VERSION");
    match info {
        Ok(info) => host!("Kennel {version}, started by {} (Multiboot {})", info.loader, info.multiboot),
        Err(_) => host!("Kennel {version}, started by an unknown loader"),
    }
}
