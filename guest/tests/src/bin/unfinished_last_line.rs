//! The last thing it says has no newline, and is shown all the same: before its end, not after it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{power, print, println};

kit::guest_test!(unfinished_last_line);

fn unfinished_last_line() {
    println!("test: PASS unfinished_last_line");
    print!("this line has no end");
    power::off(format_args!("it stopped in the middle"))
}
