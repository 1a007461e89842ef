//! A Guest has no ports: reading one gives all ones in just the part that was read, writing one
//! does nothing. Ring 3 gets the #GP itself.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::probe;
use kit::user::{self, Outcome, programs};

kit::guest_test!(no_ports);

fn no_ports() {
    assert_eq!(probe::in_all_widths(), Ok((0xFF, 0xFFFF, 0xFFFF_FFFF)));
    assert_eq!(probe::out_byte(), Ok(()));
    match user::run(programs::port(), [0; 3]) {
        Outcome::Trapped(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 3)),
        Outcome::Exited(_) => panic!("ring 3 has read a port"),
    }
}
