//! A driver and an IP stack that were not written for the Host's network alone: an address, a ping, a
//! page; with `role=server` or `role=client`, TCP from Guest to Guest.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use drivers::transport::Transport;
use kennel_guest_tests::lan::foreign::ForeignWire;
use kennel_guest_tests::lan::{self, gateway, pair};
use kit::{boot_params, words};

kit::guest_test!(drivers_net);

fn drivers_net() {
    drivers::on_device!(Network, works);
}

fn works(device: impl Transport) {
    let host = lan::on(ForeignWire::start(device));
    match words::value(boot_params::command_line(), "role") {
        Some(role) => pair::talk(host, role),
        None => gateway::visit(host),
    }
}
