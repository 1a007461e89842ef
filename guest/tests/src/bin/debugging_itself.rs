//! A kernel that debugs itself: breakpoints by debug registers, single steps, `int3`, each told to it
//! as by a CPU of its own. Nothing comes of a breakpoint on what is not its own.
//!
//! Booted with a debugger attached besides, it must see the same.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kit::debug::{OFF, QUIET, Register};
use kit::traps::{self, TrapFrame, Verdict};
use kit::trespass::{self, TF};
use kit::user::{self, Outcome, programs};

kit::guest_test!(debugging_itself);

const RF: u32 = 1 << 16;
/// DR7 with DR0 on, for execution.
const EXECUTE: u32 = OFF | 1 << 0;
/// With DR1 on, for four bytes written.
const WRITE: u32 = OFF | 1 << 2 | 0b1101 << 20;
/// With DR0 on, for four bytes written or read.
const ACCESS: u32 = OFF | 1 | 0b1111 << 16;
/// DR7.GD.
const DETECT: u32 = 1 << 13;

/// #DBs and #BPs so far.
static EVENTS: AtomicU32 = AtomicU32::new(0);
/// DR6 and EIP at the last.
static STATUS: AtomicU32 = AtomicU32::new(0);
static EIP: AtomicU32 = AtomicU32::new(0);

static WATCHED: AtomicU32 = AtomicU32::new(0);

fn note(frame: &mut TrapFrame) -> Verdict {
    EVENTS.fetch_add(1, Relaxed);
    EIP.store(frame.eip, Relaxed);
    if frame.vector() == 1 {
        STATUS.store(Register::Dr6.read().unwrap(), Relaxed);
        Register::Dr6.write(0).unwrap();
        frame.eflags = frame.eflags & !TF | RF;
    }
    Verdict::Resume
}

/// Does `what` with DR0 or DR1 `at` and DR7 holding `control`; how often it was told, and with which
/// DR6 the last time.
fn told(at: u32, control: u32, what: impl FnOnce()) -> (u32, u32) {
    EVENTS.store(0, Relaxed);
    STATUS.store(0, Relaxed);
    for (register, value) in [(Register::Dr0, at), (Register::Dr1, at), (Register::Dr7, control)] {
        assert_eq!(register.write(value), Ok(()));
    }
    what();
    let seen = Register::Dr7.read();
    assert_eq!(Register::Dr7.write(OFF), Ok(()));
    assert_eq!(seen, Ok(control & !DETECT));
    (EVENTS.load(Relaxed), STATUS.load(Relaxed))
}

/// A breakpoint is an address first of all, and this Guest executes nothing but its code.
#[inline(never)]
fn stepped_on() -> u32 {
    core::hint::black_box(7)
}

fn debugging_itself() {
    traps::handle(1, note);
    traps::handle(3, note);

    let here = stepped_on as *const () as u32;
    let twice = || assert_eq!(stepped_on() + core::hint::black_box(stepped_on)(), 14);
    assert_eq!(told(here, EXECUTE, twice), (2, QUIET | 1), "executed twice");
    assert_eq!(EIP.load(Relaxed), here, "in front of the instruction");

    let watched = WATCHED.as_ptr() as u32;
    let write = || WATCHED.store(1, Relaxed);
    let read = || assert_eq!(WATCHED.load(Relaxed), 1);
    assert_eq!(told(watched, WRITE, write), (1, QUIET | 2), "written");
    assert_eq!(told(watched, WRITE, read), (0, 0), "only read");
    assert_eq!(told(watched, ACCESS, read), (1, QUIET | 1), "read");

    let stepped = told(0, OFF, trespass::single_step_a_call);
    assert_eq!(stepped, (1, QUIET | 1 << 14), "stepped behind the call");
    let flags = told(0, OFF, || assert_eq!(trespass::flags_in_a_step() & TF, TF, "TF is its own"));
    assert_eq!(flags, (1, QUIET | 1 << 14), "stepped");

    assert_eq!(told(0, OFF, trespass::breakpoint), (1, 0), "int3");
    let user = || assert_eq!(user::run(programs::breakpoint(), [0; 3]), Outcome::Exited(7));
    assert_eq!(told(0, OFF, user), (1, 0), "int3 in ring 3");

    assert_eq!(told(0, OFF | DETECT, || ()), (1, QUIET | 1 << 13), "the next access was detected");

    what_is_not_its_own();
}

/// Every page of the Switcher, and low addresses, where the Host has its code, data and stack: a
/// breakpoint there must not be felt by anybody.
fn what_is_not_its_own() {
    let low = (0..64).map(|number| 0x10_0000 + number * 0x1_F0FC);
    let pages = trespass::switcher_pages().take(32).flat_map(|page| [page.0, page.0 + 0xFE8]);
    for at in low.chain(pages) {
        for control in [EXECUTE, ACCESS] {
            let calls = || (0..2).for_each(|_| trespass::hypercall(0, [0; 3]));
            assert_eq!(told(at, control, calls), (0, 0), "{at:#x}");
        }
    }
    // Held off until the Host's first instruction, it comes to nothing, or to the Guest.
    let (events, _) =
        told(WATCHED.as_ptr() as u32, ACCESS, || trespass::call_behind_watched_mov_ss(&WATCHED));
    assert!(matches!(events, 1 | 2), "{events}");
}
