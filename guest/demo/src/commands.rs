//! The shell: what can be typed.
//!
//! Next on the tour: [`crate::stories`].

use kit::words::split_first;
use kit::{PAGE_SIZE, boot_params, frames, power, println, time};

use crate::{START, TICK, crash, devices, network, stories};

/// Something that can be typed.
struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(&str),
}

const COMMANDS: &[Command] = &[
    Command { name: "help", help: "this list", run: |_| help() },
    Command { name: "mem", help: "the memory I have", run: |_| mem() },
    Command { name: "uptime", help: "how long I have been up, by my own clock", run: |_| uptime() },
    Command { name: "echo", help: "says what you say", run: |words| println!("{words}") },
    Command { name: "fault", help: "takes a page fault and handles it", run: |_| stories::fault() },
    Command { name: "user", help: "enters ring 3 and makes a system call", run: |_| stories::user() },
    Command { name: "disks", help: "the disks I have", run: |_| devices::disks() },
    Command { name: "sum", help: "reads a disk: sum vda tells its checksum", run: devices::sum },
    Command { name: "net", help: "my address on the network", run: |_| network::net() },
    Command { name: "ping", help: "asks the gateway for an echo, or who is named", run: network::ping },
    Command { name: "random", help: "some bytes nobody can foresee", run: |_| devices::random() },
    Command { name: "crash", help: "does something forbidden; crash help lists what", run: crash::run },
    Command { name: "reboot", help: "starts again with fresh memory", run: |_| reboot() },
    Command { name: "poweroff", help: "ends me", run: |_| power_off() },
];

/// Runs what was typed.
pub fn run(line: &str) {
    let (name, rest) = split_first(line);
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest),
        None if name.is_empty() => {}
        None => println!("I do not know \"{name}\". Type help for what I can do."),
    }
}

fn help() {
    for command in COMMANDS {
        println!("  {:<10}{}", command.name, command.help);
    }
}

fn mem() {
    let total = boot_params::memory_size();
    let free = frames::free_count() * PAGE_SIZE;
    println!("{} MiB in all, {} KiB in use, {} KiB free", total >> 20, (total - free) >> 10, free >> 10);
}

fn uptime() {
    let (ticks, period) = (time::ticks(), TICK.0 / 1_000_000);
    let millis = START.get().until(time::now()).0 / 1_000_000;
    println!(
        "up {}.{:02} s: {ticks} timer interrupts, one each {period} ms",
        millis / 1000,
        millis % 1000 / 10
    );
}

fn reboot() {
    println!("See you in a moment.");
    power::restart(format_args!("reboot was typed"))
}

fn power_off() {
    println!("Goodbye.");
    power::off(format_args!("poweroff was typed"))
}
