//! What a Guest finds on its network without any set-up: an address, an answer to its ping, a page
//! about the Host.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::lan::{self, gateway};

kit::guest_test!(net_gateway);

fn net_gateway() {
    gateway::visit(lan::start());
}
