//! An IP stack behind a network card: `smoltcp`, which nobody here wrote.
//!
//! Next on the tour: `src/lan/gateway.rs`.

pub mod foreign;
pub mod gateway;
pub mod pair;

use kit::net::{Card, FRAME_MAX, PLAIN};
use kit::{Nanos, hypercall, interrupts, report, time};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::dhcpv4;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

/// Bytes of the longest frame on a wire.
const MTU: usize = 1514;
/// How long to sleep at most while nothing comes.
const NAP: Nanos = Nanos::from_millis(5);
/// How long anything may take.
const PATIENCE: Nanos = Nanos::from_millis(20_000);

/// A network card, as a stack needs it.
pub trait Nic: Device {
    /// Its address.
    fn mac(&self) -> [u8; 6];

    /// Sees to it that what was sent goes out.
    fn kick(&mut self);
}

/// The kit's card for the stack, which copies each packet once.
pub struct Wire(pub Card);

/// A packet that has come.
pub struct Came {
    frame: [u8; MTU],
    len: usize,
}

/// A packet about to go.
pub struct Goes<'a>(&'a mut Card);

/// Card and stack.
pub struct Host<N: Nic> {
    /// The card.
    pub wire: N,
    /// The stack.
    pub stack: Interface,
}

/// The Guest's card, or the end of the test where there is none.
pub fn card(features: u64) -> Card {
    Card::start(0, features).unwrap_or_else(|| report::skip("no network card"))
}

impl Device for Wire {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Came, Goes<'_>)> {
        let mut came = Came { frame: [0; MTU], len: 0 };
        (_, came.len) = self.0.receive(&mut came.frame)?;
        Some((came, Goes(&mut self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Goes<'_>> {
        Some(Goes(&mut self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        ethernet()
    }
}

impl Nic for Wire {
    fn mac(&self) -> [u8; 6] {
        self.0.mac
    }

    fn kick(&mut self) {
        self.0.kick();
    }
}

/// What a stack must know of a card.
fn ethernet() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = MTU;
    capabilities
}

impl Came {
    /// Copies a packet, as far as it fits a wire.
    fn copy(packet: &[u8]) -> Self {
        let (mut frame, len) = ([0; MTU], packet.len().min(MTU));
        frame[..len].copy_from_slice(&packet[..len]);
        Self { frame, len }
    }
}

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, hear: F) -> R {
        hear(&self.frame[..self.len])
    }
}

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = [0; MTU];
        let result = write(&mut frame[..len.min(FRAME_MAX)]);
        while !self.0.send(PLAIN, &frame[..len]) {
            self.0.kick();
        }
        result
    }
}

impl Host<Wire> {
    /// Starts the kit's card, clock and stack; ends the test if there is no card.
    pub fn start() -> Self {
        Self::on(Wire(card(0)))
    }
}

impl<N: Nic> Host<N> {
    /// Starts clock and stack on a card.
    pub fn on(mut wire: N) -> Self {
        time::on_alarm(|| {});
        interrupts::enable();
        let mut config = Config::new(EthernetAddress(wire.mac()).into());
        config.random_seed = time::rdtsc();
        let stack = Interface::new(config, &mut wire, instant());
        Self { wire, stack }
    }

    /// Takes this address instead of any other.
    pub fn set_address(&mut self, address: Ipv4Cidr) {
        self.stack.update_ip_addrs(|addresses| {
            addresses.clear();
            addresses.push(address.into()).expect("the first of one or more");
        });
    }

    /// Asks for an address until there is one, and takes it; says what the gateway's is.
    pub fn ask_for_address(&mut self, sockets: &mut SocketSet<'_>) -> Ipv4Address {
        let handle = sockets.add(dhcpv4::Socket::new());
        let (address, router) =
            self.until(sockets, |_, sockets| match sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
                Some(dhcpv4::Event::Configured(config)) => Some((config.address, config.router)),
                _ => None,
            });
        sockets.remove(handle);
        self.set_address(address);
        router.expect("the gateway tells its address")
    }

    /// Lets the stack work until `done` has something to say; sleeps while nothing comes.
    pub fn until<T>(
        &mut self,
        sockets: &mut SocketSet<'_>,
        mut done: impl FnMut(&mut Interface, &mut SocketSet<'_>) -> Option<T>,
    ) -> T {
        let end = time::now().after(PATIENCE);
        loop {
            assert!(time::now() < end, "nothing has come of it in {} s", PATIENCE.0 / 1_000_000_000);
            self.stack.poll(instant(), &mut self.wire, sockets);
            self.wire.kick();
            if let Some(done) = done(&mut self.stack, sockets) {
                self.stack.poll(instant(), &mut self.wire, sockets);
                self.wire.kick();
                return done;
            }
            self.nap();
        }
    }

    /// Sleeps until a packet has come, but not for long.
    fn nap(&mut self) {
        let saved = interrupts::save_and_disable();
        time::set_alarm(NAP);
        hypercall::halt();
        interrupts::restore(saved);
    }
}

fn instant() -> Instant {
    Instant::from_micros((time::now().0 / 1000) as i64)
}
