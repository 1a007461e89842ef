//! An interrupt that is due just when a handler returns must not pile its frame upon the one that is
//! about to be popped: a hundred of them use no more stack than one.
//!
//! The Host comes by at the `iret` itself because the frame lies across two pages, and the far one is
//! not in the shadow: ESP and SS are only read when the rest has been popped. Where the Guest named
//! one `iret` (since 4.0) the pending interrupt takes over the frame, and the program it leads to
//! never gets to run; where it named a range, the interrupt waits until the program does.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use abi::Variant;
use abi::lguest_data::IF;
use kit::dialect::Dialect;
use kit::frames::Frame;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, Nanos, PAGE_SIZE, interrupts, shared, time};

kit::guest_test!(iret_under_a_storm);

const STORM: u32 = 100;
/// Pages of the stack the frame lies on.
const STACK: GuestLinear = GuestLinear(0x5000_0000);
const STACK_PAGES: u32 = 4;
/// The page with ESP and SS, right above.
const FAR: GuestLinear = GuestLinear(STACK.0 + STACK_PAGES * PAGE_SIZE);
/// The page the program watches.
const FLAG: GuestLinear = GuestLinear(0x5800_0000);
/// EIP, CS and EFLAGS lie on the near side.
const NEAR_BYTES: u32 = 12;

static FAR_FRAME: Local<Option<Frame>> = Local::new(None);
static FLAG_FRAME: Local<Option<Frame>> = Local::new(None);
static COUNT: AtomicU32 = AtomicU32::new(0);
static LOWEST: AtomicU32 = AtomicU32::new(u32::MAX);
static HIGHEST: AtomicU32 = AtomicU32::new(0);
static ALWAYS_AT_START: AtomicBool = AtomicBool::new(true);
static NEVER_INSIDE: AtomicBool = AtomicBool::new(true);

fn iret_under_a_storm() {
    lay_out();
    time::on_alarm(storm);
    interrupts::disable();
    make_pending();
    hide_far_page();
    let frame = GuestLinear(FAR.0 - NEAR_BYTES);
    let outcome = user::run_by_frame(programs::wait_for_change(), [FLAG.0, 0, 0], frame);
    assert!(matches!(outcome, Outcome::Exited(_)), "{outcome:?}");
    assert!(COUNT.load(Ordering::Relaxed) >= STORM);
    let [lowest, highest] = [&LOWEST, &HIGHEST].map(|at| at.load(Ordering::Relaxed));
    assert_eq!(lowest, highest, "every handler had the stack of the first");
    assert!(NEVER_INSIDE.load(Ordering::Relaxed), "a frame was pushed upon the one to be popped");
    if Dialect::current().variant() == Variant::D {
        assert!(ALWAYS_AT_START.load(Ordering::Relaxed), "the frame was taken over each time");
    }
}

/// Maps the stack, puts a frame across its end, and maps the flag.
fn lay_out() {
    let (root, far, flag) = (Root::current(), Frame::alloc(), Frame::alloc());
    for page in 0..STACK_PAGES - 1 {
        root.map_fresh(GuestLinear(STACK.0 + page * PAGE_SIZE), Entry::KERNEL);
    }
    let near = Frame::alloc();
    let (near_words, far_words) = user::FRAME.split_at(NEAR_BYTES as usize / 4);
    for (word, offset) in near_words.iter().zip((PAGE_SIZE - NEAR_BYTES..).step_by(4)) {
        near.write(offset, *word);
    }
    far_words.iter().zip((0..).step_by(4)).for_each(|(word, offset)| far.write(offset, *word));
    root.map(GuestLinear(FAR.0 - PAGE_SIZE), &near, Entry::KERNEL);
    root.map(FLAG, &flag, Entry::KERNEL | Entry::US);
    core::mem::forget(near); // stays mapped for good
    FAR_FRAME.with(|slot| *slot = Some(far));
    FLAG_FRAME.with(|slot| *slot = Some(flag));
}

/// Has the next interrupt wait for the flag.
fn make_pending() {
    time::set_alarm(Nanos::from_micros(10));
    match shared::irq_pending() {
        Some(word) => assert!(time::wait_until(|| word.load(Ordering::Relaxed) == IF)),
        None => time::spin(Nanos::from_millis(1)),
    }
}

/// Takes the far page out of the shadow: an entry that nobody accessed is not installed.
fn hide_far_page() {
    FAR_FRAME.with(|far| {
        let far = far.as_ref().expect("`lay_out` put it there");
        Root::current().map(FAR, far, Entry::P | Entry::RW);
    });
}

fn storm() {
    let here = 0u32;
    let at = &raw const here as u32;
    LOWEST.fetch_min(at, Ordering::Relaxed);
    HIGHEST.fetch_max(at, Ordering::Relaxed);
    let interrupted_at = interrupts::interrupted_at();
    ALWAYS_AT_START.fetch_and(interrupted_at == user::CODE_AT, Ordering::Relaxed);
    NEVER_INSIDE.fetch_and(!shared::noirq().contains(&interrupted_at.0), Ordering::Relaxed);
    if COUNT.fetch_add(1, Ordering::Relaxed) + 1 < STORM {
        make_pending();
        hide_far_page();
    } else {
        FLAG_FRAME.with(|flag| flag.as_ref().expect("`lay_out` put it there").write(0, 1));
    }
}
