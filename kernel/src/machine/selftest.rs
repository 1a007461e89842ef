//! Faults on request: `selftest=WORD` on the Host's command line.
//!
//! The way the Host ends when it is wrong must work when it is needed, so it
//! can be provoked. Each word makes one mistake on purpose; what follows is a
//! dump and exit code 3, and the boot tests read the dump.
//!
//! | word     | mistake                                  | comes as             |
//! |----------|------------------------------------------|----------------------|
//! | `panic`  | a broken promise in Rust code            | panic                |
//! | `null`   | reads address 0                          | #PF                  |
//! | `text`   | writes to its own code                   | #PF                  |
//! | `divide` | divides by zero                          | #DE                  |
//! | `gate`   | calls a vector that has no gate          | #GP                  |
//! | `stack`  | recurses until the guard page            | #DF, task switched   |
//! | `turn`   | a broken promise while a Guest has its turn | panic, with what that Guest did |
//! | `nmi`    | calls vector 2, which must do no harm    | a line, then goes on |
//! | `echo`   | none: repeats what is typed, to Ctrl-D   | a line, then goes on |
//!
//! Next on the tour: [`super::fpu`].

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use abi::Nanos;

use super::memory::Image;
use super::{console, cpu, nmi, timer};
use crate::host;

/// The mistake is made in a Guest's turn.
static IN_TURN: AtomicBool = AtomicBool::new(false);

/// Makes the mistake `word` asks for. Returns for words that ask for none.
pub fn run(word: &str) {
    match word {
        "panic" => panic!("this is a test"),
        "null" => read_null(),
        "text" => write_text(),
        "divide" => divide_by_zero(),
        "gate" => call_vector::<0x40>(),
        "stack" => {
            recurse(0);
        }
        "nmi" => {
            call_vector::<2>();
            host!("selftest=nmi: {} counted", nmi::take());
        }
        "turn" => IN_TURN.store(true, Relaxed),
        "echo" => echo(),
        other => host!("selftest={other}: there is no such test"),
    }
}

/// An interrupt has come in a Guest's turn: the moment for a mistake that was asked for.
pub fn interrupted() {
    assert!(!IN_TURN.load(Relaxed), "this is a test, in a Guest's turn");
}

fn read_null() {
    // SAFETY: None: the page is not mapped, so this faults, and the fault ends the machine.
    unsafe { asm!("mov {0}, [{0}]", inout(reg) 0 => _, options(nostack)) }
}

fn write_text() {
    // SAFETY: None: text is read-only, so this faults, and the fault ends the machine.
    unsafe { asm!("mov dword ptr [{0}], 0", in(reg) Image::linked().start, options(nostack)) }
}

fn divide_by_zero() {
    // SAFETY: None: this faults, and the fault ends the machine.
    unsafe { asm!("div {0}", in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _, options(nostack)) }
}

fn call_vector<const VECTOR: u8>() {
    // SAFETY: Vector 2 returns with everything as it was; any other ends the machine.
    unsafe { asm!("int {0}", const VECTOR) }
}

/// Listens until Ctrl-D, woken by the serial line and by the timer, and repeats it on one line.
fn echo() {
    const CTRL_D: u8 = 4;
    let (mut heard, mut sleeps) = (Vec::new(), 0_u32);
    while heard.last() != Some(&CTRL_D) {
        match console::read() {
            Some(byte) => heard.push(byte),
            None => {
                sleeps += 1;
                timer::arm(Nanos::from_millis(10));
                cpu::wait_for_interrupt();
            }
        }
    }
    host!("selftest=echo: {} bytes, {sleeps} sleeps: {}", heard.len(), heard.escape_ascii());
}

/// Deeper and deeper, with something on the stack at each step.
fn recurse(depth: u32) -> u32 {
    let here = black_box([depth; 64]);
    if depth == u32::MAX { 0 } else { recurse(depth + 1) + here[depth as usize % 64] }
}
