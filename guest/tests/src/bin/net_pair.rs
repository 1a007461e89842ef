//! TCP from Guest to Guest: 200,000 bytes there, and a checksum of them back. `role=` is `server` or
//! `client`, and `far=` the server's address.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::lan::{self, pair};

kit::guest_test!(net_pair);

fn net_pair() {
    let role = pair::role();
    pair::talk(lan::start(), role);
}
