//! How a test Guest says what came of it.
//!
//! ```text
//!   test: PASS name                     its body returned
//!   test: FAIL name: reason             its body panicked: `assert!` is all it takes
//!   test: SKIP name: reason             the Guest speaks no dialect that could show it
//!   test: expect-kill part of sentence  it is about to break the treaty …
//!   test: FAIL name: survived           … and nobody minded
//! ```
//!
//! A Guest that says nothing at all has failed too; who reads the serial line
//! sees to that.
//!
//! Next on the tour: [`crate::trespass`].

use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::{power, println};

/// Points at the name once a test runs. An atomic, not a `Local`: the panic handler reads it.
static NAME: AtomicPtr<&'static str> = AtomicPtr::new(core::ptr::null_mut());
static EXPECTS_KILL: AtomicBool = AtomicBool::new(false);

/// The test's name, if this Guest is one.
pub fn name() -> Option<&'static str> {
    let name = NAME.load(Ordering::Relaxed);
    // SAFETY: null, or stored by `run` from a reference that it never lets go of: it does not return.
    unsafe { name.as_ref().copied() }
}

/// Runs a test and powers off with its report.
pub fn run(name: &'static str, body: fn()) -> ! {
    let mut kept = name;
    NAME.store(&raw mut kept, Ordering::Relaxed);
    body();
    if EXPECTS_KILL.load(Ordering::Relaxed) {
        println!("test: FAIL {name}: survived");
        power::off(format_args!("{name} is over"))
    }
    pass()
}

/// Says that the test has passed and powers off; for a body that cannot return.
pub fn pass() -> ! {
    let name = name().unwrap_or("?");
    println!("test: PASS {name}");
    power::off(format_args!("{name} is over"))
}

/// Says that the test has nothing to show here, and powers off.
pub fn skip(reason: &str) -> ! {
    let name = name().unwrap_or("?");
    println!("test: SKIP {name}: {reason}");
    power::off(format_args!("{name} is over"))
}

/// Says that the Host should now end this Guest, with a sentence that contains `sentence`.
pub fn expect_kill(sentence: &str) {
    EXPECTS_KILL.store(true, Ordering::Relaxed);
    println!("test: expect-kill {sentence}");
}
