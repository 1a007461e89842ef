//! Exceptions of ring 1 arrive with the right vector, through an interrupt gate by way of the Host
//! and through a trap gate straight from the CPU.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::gate::GateKind;
use kit::{interrupts, probe, traps};

kit::guest_test!(exceptions);

fn exceptions() {
    interrupts::enable(); // a direct trap pushes the real flag, which is on
    for kind in [GateKind::Interrupt, GateKind::Trap, GateKind::Interrupt] {
        [0, 6, 13].into_iter().for_each(|vector| traps::load_gate(vector, kind, 0));
        let divide = probe::divide_by_zero().expect_err("dividing by zero");
        assert_eq!((divide.vector, divide.code, divide.ring), (0, 0, 1), "{kind:?}");
        let undefined = probe::ud2().expect_err("an undefined instruction");
        assert_eq!((undefined.vector, undefined.code), (6, 0), "{kind:?}");
        let absent = probe::load_fs(30 << 3 | 1).expect_err("an empty slot of the GDT");
        assert_eq!((absent.vector, absent.code), (13, 30 << 3), "{kind:?}");
        let software = probe::software_interrupt().expect_err("vector 0x81 is closed");
        assert_eq!((software.vector, software.code), (13, 0x81 << 3 | 2), "{kind:?}");
        assert!(interrupts::are_enabled());
    }
}
