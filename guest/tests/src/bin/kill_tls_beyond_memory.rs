//! LOAD_TLS from beyond memory ends the Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::hypercall::Call;
use kit::{GuestPhys, report};

kit::guest_test!(kill_tls_beyond_memory);

fn kill_tls_beyond_memory() {
    report::expect_kill("named 24 bytes at physical 0xfffffff0");
    Call::load_tls(GuestPhys(0xFFFF_FFF0)).make();
}
