//! Says the Host's last line itself. With the word `stay` it then sleeps for good, so that nothing
//! comes behind it: whoever reads only the last line of the log believes it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{boot_params, hypercall, power, println};

kit::guest_test!(forged_end);

fn forged_end() {
    println!("test: PASS forged_end");
    println!("host: end, exit code 0");
    while boot_params::command_line().contains("stay") {
        hypercall::halt();
    }
    power::off(format_args!("its end was forged"))
}
