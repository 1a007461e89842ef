//! What test Guests on a network have in common: the kit's IP stack on a card, or the end of the
//! test where there is no card or nothing comes.
//!
//! Next on the tour: `src/lan/gateway.rs`.

pub mod foreign;
pub mod gateway;
pub mod pair;

use kit::lan::{Host, Nic, Wire};
use kit::net::Card;
use kit::{Nanos, hypercall, interrupts, report, time};
use smoltcp::iface::{Interface, SocketSet};

/// How long to sleep at most while nothing comes.
const NAP: Nanos = Nanos::from_millis(5);
/// How long anything may take.
const PATIENCE: Nanos = Nanos::from_millis(20_000);

/// The Guest's card, or the end of the test where there is none.
pub fn card(features: u64) -> Card {
    Card::start(0, features).unwrap_or_else(|| report::skip("no network card"))
}

/// Starts the kit's card, clock and stack; ends the test if there is no card.
pub fn start() -> Host<Wire> {
    on(Wire(card(0)))
}

/// Starts clock and stack on a card.
pub fn on<N: Nic>(wire: N) -> Host<N> {
    time::on_alarm(|| {});
    interrupts::enable();
    Host::on(wire, PATIENCE, nap)
}

/// Lets the stack work until `done` has something to say, or ends the test.
pub fn until<N: Nic, T>(
    host: &mut Host<N>,
    sockets: &mut SocketSet<'_>,
    done: impl FnMut(&mut Interface, &mut SocketSet<'_>) -> Option<T>,
) -> T {
    host.until(sockets, done)
        .unwrap_or_else(|| panic!("nothing has come of it in {} s", PATIENCE.0 / 1_000_000_000))
}

/// Sleeps until a packet has come, but not for long.
fn nap() {
    let saved = interrupts::save_and_disable();
    time::set_alarm(NAP);
    hypercall::halt();
    interrupts::restore(saved);
}
