//! The router: a Guest with a card on each of several networks, which passes IPv4 packets on between them.
//!
//! ```text
//!   10.77.0.16 -- lan -- 10.77.0.8 [router] 10.77.1.8 -- wan -- 10.77.1.16
//! ```
//!
//! Its cards have to be `open`: what it passes on comes from others. Whoever wants a packet passed on
//! sends it to the router's address on its own network. It says what it does not pass on, and
//! `poweroff`, typed, ends it.
//!
//! Next on the tour: [`port`].
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod port;
mod tap;

use heapless::Vec;
use kit::line::Line;
use kit::{Nanos, console, power, print, println, time};

use port::Port;

kit::guest!(main);

/// The tick ends each sleep, so that nothing waits longer.
const TICK: Nanos = Nanos::from_millis(10);
/// Most cards a Guest may have.
const CARDS_MAX: usize = 4;
/// Most times in a row that all cards are looked at.
const ROUNDS_MAX: usize = 64;

/// All cards.
type Ports = Vec<Port, CARDS_MAX>;

fn main() {
    console::virtio::start();
    time::start_ticking(TICK);
    kit::interrupts::enable();
    let mut ports: Ports = (0..CARDS_MAX).map_while(Port::start).collect();
    for port in &ports {
        println!("card {}: {}", port.number(), port.address());
    }
    if ports.len() < 2 {
        println!("A router needs two cards or more: net=lan,open net=wan,open");
        power::off(format_args!("the router has too few cards"));
    }
    println!("I pass packets on between them. Type poweroff to end me.");
    serve(&mut ports)
}

fn serve(ports: &mut Ports) -> ! {
    let mut line = Line::new();
    loop {
        print!("router> ");
        console::read_line(&mut line, || route(ports));
        match line.text().trim() {
            "" => {}
            "poweroff" => power::off(format_args!("poweroff was typed")),
            other => println!("I do not know \"{other}\"."),
        }
    }
}

/// Passes on what has come, but now and then listens to the console.
fn route(ports: &mut Ports) {
    for _ in 0..ROUNDS_MAX {
        let passed = (0..ports.len()).filter(|&from| has_passed_on(ports, from)).count();
        if passed == 0 {
            break;
        }
    }
}

/// Passes on what has come by one card, and says whether there was anything.
fn has_passed_on(ports: &mut Ports, from: usize) -> bool {
    ports[from].listen();
    let mut has = false;
    while let Some(packet) = ports[from].take() {
        has = true;
        let to = ports.iter().position(|port| port.leads_to(packet.destination()));
        if let Some(to) = to.filter(|&to| to != from) {
            ports[to].pass_on(packet);
        }
    }
    has
}
