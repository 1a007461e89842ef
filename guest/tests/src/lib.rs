//! What test Guests that run beside others share: how long to go on.
//!
//! Alone, a test Guest is soon done. Beside others it is told, on its command
//! line, how much to do: `for=600` is 600 ms, however little of that it gets.
//!
//! Next on the tour: `src/bin/innocent.rs`.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

pub mod lan;
pub mod random;
pub mod rings;
pub mod virtual_8086;

use kit::{Nanos, boot_params, time, words};

/// Milliseconds a Guest goes on that was not told.
const A_WHILE: u32 = 50;

/// The number after `name=` on the command line, or `default`.
pub fn number(name: &str, default: u32) -> u32 {
    words::value(boot_params::command_line(), name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// Does `act` again and again, for as long as `for=` says, and counts how often that was.
pub fn for_a_while(mut act: impl FnMut()) -> u32 {
    let end = time::now().after(Nanos::from_millis(number("for", A_WHILE).into()));
    let mut count = 0;
    while time::now() < end {
        act();
        count += 1;
    }
    count
}
