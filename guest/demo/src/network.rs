//! The network: an address from the gateway, and an echo from whoever is asked for one.
//!
//! The card is started when it is first asked for; until then the demo is silent
//! on the network. From then on it answers pings, at the prompt too. With `router=10.77.0.8` on its command
//! line it reaches other networks by the router of that address.
//!
//! Next on the tour: [`crate::crash`].

use core::net::Ipv4Addr;

use kit::lan::{Host, Wire};
use kit::local::Local;
use kit::net::Card;
use kit::words::value;
use kit::{Nanos, boot_params, hypercall::halt, println};

/// How long to wait for an answer.
const PATIENCE: Nanos = Nanos::from_millis(2000);

/// The stack on the card, and what the gateway said of itself.
struct Network {
    host: Host<Wire>,
    gateway: Option<Ipv4Addr>,
}

/// Not held while it is used: what comes interrupts.
static NETWORK: Local<Option<Network>> = Local::new(None);

/// Tells the card's address and, once there is one, the Guest's.
pub fn net() {
    with_network(|network| {
        let [a, b, c, d, e, f] = network.host.wire.0.mac;
        println!("  card      {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        match network.host.stack.ipv4_addr() {
            Some(address) => println!("  address   {address}, by DHCP"),
            None => println!("  address   none: nobody answers to DHCP"),
        }
        if let Some(gateway) = network.gateway {
            println!("  gateway   {gateway}");
        }
    });
}

/// Answers what has come, if the card has been started.
pub fn listen() {
    if let Some(mut network) = NETWORK.with(Option::take) {
        network.host.listen();
        NETWORK.with(|place| *place = Some(network));
    }
}

/// Asks `whom`, or the gateway, for an echo.
pub fn ping(whom: &str) {
    match whom.parse() {
        Ok(address) => with_network(|network| echo(network, address)),
        Err(_) if whom.is_empty() => with_network(|network| match network.gateway {
            Some(gateway) => echo(network, gateway),
            None => println!("There is no gateway. Whom shall I ask?"),
        }),
        Err(_) => println!("\"{whom}\" is no address; 10.77.0.1 is one."),
    }
}

fn echo(network: &mut Network, whom: Ipv4Addr) {
    match network.host.ping(whom) {
        Some(Nanos(time)) => println!("{whom} answers after {} us.", time / 1000),
        None => println!("{whom} does not answer."),
    }
}

/// Runs `body` on the network, if there is a card. Without an address, asks for one first.
fn with_network(body: impl FnOnce(&mut Network)) {
    let known = NETWORK.with(Option::take);
    let Some(mut network) = known.or_else(start) else {
        println!("I find no network card. In the boot menu net=lan on my own");
        return println!("line gives me one.");
    };
    if network.host.stack.ipv4_addr().is_none() {
        network.gateway = network.host.ask_for_address();
    }
    body(&mut network);
    NETWORK.with(|place| *place = Some(network));
}

fn start() -> Option<Network> {
    // The tick of the clock ends each sleep.
    let mut host = Host::on(Wire(Card::start(0, 0)?), PATIENCE, halt);
    if let Some(Ok(router)) = value(boot_params::command_line(), "router").map(str::parse) {
        host.set_router(router);
    }
    Some(Network { host, gateway: None })
}
