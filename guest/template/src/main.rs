//! A Guest that says hello and powers off.
#![no_std]
#![no_main]

use kit::{boot_params, println};

kit::guest!(main);

fn main() {
    println!("Hello from a Guest of another project.");
    println!("My command line is \"{}\".", boot_params::command_line());
}
