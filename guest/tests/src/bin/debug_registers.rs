//! The debug registers are nobody's: ring 1 can neither set, read nor clear one, ring 3 neither, so
//! that no Guest leaves a breakpoint behind for the next, or for the Host. Weakness 10 of the
//! original Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::probe;

kit::guest_test!(debug_registers);

fn debug_registers() {
    let accesses = [
        ("mov dr0, eax", probe::mov_to_dr0 as fn() -> probe::Probed),
        ("mov dr3, eax", probe::mov_to_dr3),
        ("mov dr6, eax", probe::mov_to_dr6),
        ("mov dr7, eax", probe::mov_to_dr7),
        ("mov eax, dr0", probe::mov_from_dr0),
        ("mov eax, dr6", probe::mov_from_dr6),
        ("mov eax, dr7", probe::mov_from_dr7),
    ];
    for (name, access) in accesses {
        match access() {
            Err(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 1), "{name}"),
            Ok(()) => panic!("{name} was executed"),
        }
    }
}
