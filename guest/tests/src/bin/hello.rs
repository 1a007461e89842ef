//! hello
#![no_std]
#![no_main]

kit::guest_test!(main);

fn main() {
    kit::println!("hello");
}
