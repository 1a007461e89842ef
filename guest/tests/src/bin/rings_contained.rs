//! Everything an instruction of ring 1 or 3 might load that is not a Guest's: flags, segments, tasks, control
//! and debug registers, modes. Silicon refuses it or ignores it; an emulator may not. Whatever comes
//! of each, afterwards the code is where it was, IF is on, IOPL is 0, nothing is in another mode, and the timer
//! still ticks.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::lguest_data::IF;
use kennel_guest_tests::rings::{self, MAY_PASS, MUST_FAULT, RING_1_MAY};
use kit::traps::Exception;
use kit::trespass::IOPL;
use kit::user::{self, Outcome};
use kit::{GuestLinear, Nanos, interrupts, println, probe, time};

kit::guest_test!(rings_contained);

/// Where the code of ring 1 lies: low, so that what keeps 16 bits of an address comes back as well.
const AT: GuestLinear = GuestLinear(0x8000);
/// EFLAGS: virtual-8086 mode, and its interrupt flags.
const OTHER_MODES: u32 = 1 << 17 | 3 << 19;

fn rings_contained() {
    for (name, code) in MUST_FAULT {
        assert!(at_ring_1(name, code).is_err(), "{name} was executed at ring 1");
        assert!(at_ring_3(name, code).is_err(), "{name} was executed at ring 3");
    }
    for (name, code) in RING_1_MAY {
        let _ = at_ring_1(name, code);
        assert!(at_ring_3(name, code).is_err(), "{name} was executed at ring 3");
    }
    for (name, code) in MAY_PASS {
        let _ = (at_ring_1(name, code), at_ring_3(name, code));
    }
    (0..=u8::MAX).for_each(call_vector);
    for selector in rings::SELECTORS {
        for (name, code) in rings::with_selector(selector) {
            let _ = (at_ring_1(name, &code), at_ring_3(name, &code));
        }
    }
    for flags in rings::flags() {
        for (name, code) in rings::with_flags(flags, AT.0 as u16, 0x61) {
            let _ = at_ring_1(name, &code);
        }
        for (name, code) in rings::with_flags(flags, 0x8000, 0x73) {
            let _ = at_ring_3(name, &code);
        }
    }
    time::start_ticking(Nanos::from_millis(1));
    interrupts::enable();
    let before = time::ticks();
    assert!(time::wait_until(|| time::ticks() > before + 3), "the real flag was turned off");
}

/// Executes `code` at ring 1.
fn at_ring_1(name: &str, code: &[u8]) -> Result<u32, Exception> {
    let result = probe::execute(AT, code);
    if let Ok(flags) = result {
        assert_eq!(flags & (IF | IOPL | OTHER_MODES), IF, "{name} at ring 1");
    }
    result
}

/// Executes `code` at ring 3, and then asks for its flags.
fn at_ring_3(name: &str, code: &[u8]) -> Result<u32, Exception> {
    let mut program = [0x90; 64];
    program[..code.len()].copy_from_slice(code);
    // pushfd; pop ebx; xor eax, eax; int 0x80: the EXIT call with the flags
    program[58..].copy_from_slice(&[0x9C, 0x5B, 0x31, 0xC0, 0xCD, 0x80]);
    match user::run(&program, [0; 3]) {
        Outcome::Exited(flags) => {
            assert_eq!(flags & (IF | IOPL | OTHER_MODES), IF, "{name} at ring 3");
            Ok(flags)
        }
        Outcome::Trapped(fault) => Err(fault),
    }
}

/// `int n`: a vector is open to the rings its gate names, and else #GP says which it was.
fn call_vector(vector: u8) {
    if matches!(vector, 0x1F | 0x80) {
        return; // these are calls
    }
    let code = [0xCD, vector];
    for (ring, result) in [(1, at_ring_1("int", &code)), (3, at_ring_3("int", &code))] {
        let fault = result.expect_err("int");
        let is_open = matches!(vector, 3 | 4) && fault.vector == vector;
        let is_refused = (fault.vector, fault.code) == (13, u32::from(vector) << 3 | 2);
        assert!(is_open || is_refused, "int {vector:#x} at ring {ring}: {fault}");
    }
    if vector == u8::MAX {
        println!("256 vectors, two rings");
    }
}
