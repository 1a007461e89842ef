//! The demo Guest: a kernel of its own, small enough to read, with a shell.
//!
//! It is what a new user meets first, so each command tells what happened in
//! terms of the machine: which instruction, which address, who dealt with it.
//!
//! ```text
//!   greeting -> prompt -> line -> command -> prompt …
//!                 ^ asleep in HALT while nobody types
//! ```
//!
//! Invariants: the greeting is the same on every boot, so that a restart can be
//! recognised by it.
//!
//! Next on the tour: [`commands`].
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod commands;
mod crash;
mod devices;
mod network;
mod stories;

use core::sync::atomic::Ordering;

use kit::line::Line;
use kit::local::Local;
use kit::{Nanos, boot_params, console, frames, power, print, println, shared, time};

kit::guest!(main);

/// A hundred timer interrupts a second.
const TICK: Nanos = Nanos::from_millis(10);
/// When it began, by its own clock.
static START: Local<Nanos> = Local::new(Nanos(0));

fn main() {
    let found = console::virtio::start();
    START.set(time::now());
    time::start_ticking(TICK);
    kit::interrupts::enable();
    greet();
    if !found {
        println!("There is no console to type on.");
        power::off(format_args!("the demo found no console"));
    }
    serve()
}

fn greet() {
    let mib = shared::reserve_mem().load(Ordering::Relaxed) >> 20;
    println!("\nHello! I am the demo Guest: a kernel of its own, at ring 1.");
    println!("  Host          speaks the lguest ABI; keeps the top {mib} MiB of my address space");
    match shared::tsc_khz().load(Ordering::Relaxed) {
        0 => println!("  clock         the Host's, as of the last interrupt"),
        khz => println!("  clock         the TSC, at {}.{:03} MHz", khz / 1000, khz % 1000),
    }
    println!("  memory        {} MiB, {} pages free", boot_params::memory_size() >> 20, frames::free_count());
    println!("  command line  \"{}\"", boot_params::command_line());
    println!("Type help for what I can do.");
}

fn serve() -> ! {
    let mut line = Line::new();
    loop {
        print!("demo> ");
        console::read_line(&mut line, network::listen);
        commands::run(line.text());
    }
}
