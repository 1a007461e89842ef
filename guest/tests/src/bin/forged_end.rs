//! Says the Host's last line itself. With the word `stay` it then sleeps for good, so that nothing
//! comes behind it: whoever reads only the last line of the log believes it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::{Nanos, boot_params, hypercall, power, println, time};

kit::guest_test!(forged_end);

fn forged_end() {
    println!("test: PASS forged_end");
    println!("host: end, exit code 0");
    time::on_alarm(|| {});
    while boot_params::command_line().contains("stay") {
        // A Guest that sleeps without an alarm is told of after ten seconds, and would not be the last.
        time::set_alarm(Nanos::from_millis(1000));
        hypercall::halt();
    }
    power::off(format_args!("its end was forged"))
}
