//! `int 0x80` from ring 3 reaches the kernel's trap gate with its registers, interrupts still on,
//! and what the kernel leaves in EAX reaches the program.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::interrupts;
use kit::traps::TrapFrame;
use kit::user::{self, Outcome, programs};

kit::guest_test!(direct_system_call);

const ADD_ONE: u32 = 2;

fn direct_system_call() {
    user::on_system_call(|frame| {
        check(frame);
        frame.eax = frame.ebx + 1;
    });
    assert_eq!(user::run(programs::call_once(), [ADD_ONE, 41, 0]), Outcome::Exited(42));
    assert_eq!(user::run(programs::exit_at_once(), [7, 0, 0]), Outcome::Exited(7));
    let calls = 100_000;
    assert_eq!(user::run(programs::call_in_a_loop(), [calls, 0, 0]), Outcome::Exited(calls));
}

fn check(frame: &TrapFrame) {
    assert!(interrupts::are_enabled(), "a trap gate leaves the flag alone");
    assert_eq!((frame.cs, frame.ss, frame.eax), (0x73, 0x7B, ADD_ONE));
    assert!(frame.esp > user::STACK_AT.0 && frame.esp <= user::STACK_AT.0 + kit::PAGE_SIZE);
}
