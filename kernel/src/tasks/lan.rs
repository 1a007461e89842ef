//! Networks in the Host: memory for them, a turn for their gateways, and who is to be woken.
//!
//! The Launcher knows what a network is; here it is given what it needs of the
//! machine. Its memory is taken once, when all Guests' lines have been read,
//! and if there are no networks it takes none.
//!
//! ```text
//!   a Guest's step --packets--> network --> whose Guests sleep? wake them
//!                                      '--> gateways' turn     '--> a capture, to the second line
//! ```
//!
//! Invariants:
//! - A gateway's turn is bounded, so a Guest waits for it no longer than for another Guest's slice
//!   ([`launcher_task::net::gateway`]).
//!
//! Next on the tour: [`crate::machine`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Display;

use abi::Nanos;
use launcher_task::Plan;
use launcher_task::config::networks;
use launcher_task::device::Device;
use launcher_task::net::device::NetDevice;
use launcher_task::net::gateway::connections::Shelf;
use launcher_task::net::gateway::page::About;
use launcher_task::net::network::Networks;
use launcher_task::net::pcap::Capture;
use launcher_task::net::room::Room;
use launcher_task::port::{Entropy, Plug};

use crate::host;
use crate::machine::memory::Memory;
use crate::machine::{clock, heap, second_line};

/// All networks, and which task each card belongs to.
pub struct Lan {
    /// What the Guests' cards are plugged into.
    pub networks: Networks<'static>,
    room: Room<'static>,
    cards: Vec<(Plug, usize)>,
    has_capture: bool,
    /// What the last turn did for each task; empty between two turns.
    work: Vec<(usize, u32)>,
}

impl Lan {
    /// The networks that are named in `plans`; what goes over `captured` goes over the second line
    /// as well. If there is too little memory for all cards, the last Guests that have some are
    /// taken out of `plans`, which `complain` is told.
    pub fn new(
        plans: &mut Vec<Plan>,
        captured: Option<&str>,
        memory: &mut Memory,
        chance: &mut dyn Entropy,
        mut complain: impl FnMut(&dyn Display),
    ) -> Self {
        loop {
            let names = networks(plans);
            let Some(last) = plans.iter().rposition(|plan| !plan.nets.is_empty()) else {
                return Self::none();
            };
            let cards = plans.iter().map(|plan| plan.nets.len()).sum();
            // The network to be captured may have gone with its last card.
            let captured = captured.filter(|name| names.contains(name));
            let len = Networks::room(names.len(), cards, captured.iter().len());
            let has_heap = heap::reserve(Networks::bookkeeping(names.len(), cards));
            if let Some(room) = has_heap.then(|| memory.own_bytes(len)).flatten() {
                let mut lan = Self { room: Room::new(room), ..Self::none() };
                lan.connect(plans, &names, captured, chance);
                return lan;
            }
            let Plan { name, file, .. } = plans.remove(last);
            complain(&format_args!(
                "guest {name}: {file}: no memory is left for its network cards ({} KiB for all {cards})",
                len >> 10
            ));
        }
    }

    fn none() -> Self {
        Self {
            networks: Networks::none(),
            room: Room::new(&mut []),
            cards: Vec::new(),
            has_capture: false,
            work: Vec::new(),
        }
    }

    fn connect(&mut self, plans: &[Plan], names: &[&str], captured: Option<&str>, chance: &mut dyn Entropy) {
        self.networks = Networks::new(&mut self.room);
        for name in names {
            let cards = plans.iter().flat_map(|plan| &plan.nets).filter(|card| card.network == *name).count();
            let mut seed = [0; 8];
            chance.fill(&mut seed);
            // Networks are made once and for good.
            let shelf = Box::leak(Box::new(Shelf::new(cards)));
            let number = self.networks.add(name, cards, u64::from_le_bytes(seed), &mut self.room, shelf);
            if captured == Some(*name) {
                let ring = self.room.take(Capture::ROOM);
                self.networks.capture(number, Capture::new(ring, clock::epoch()));
                self.has_capture = true;
            }
        }
    }

    /// Plugs the cards of `plan` in, whose task is number `task`; what is wrong is told by
    /// `complain`, and the Guest does without.
    pub fn plug(&mut self, plan: &Plan, task: usize) -> Vec<Box<dyn Device>> {
        let mut devices: Vec<Box<dyn Device>> = Vec::new();
        for card in &plan.nets {
            // Only if there was no memory for any of them; that has been told.
            let Some(network) = self.networks.find(&card.network) else { continue };
            let address = card.address(&plan.name);
            let plug = self.networks.plug(network, &plan.name, address, card.is_open, &mut self.room);
            let plug = plug.expect("config has counted the cards");
            let at = self.networks.list()[network].subnet().of_port(plug.port, 0);
            let open = if card.is_open { ", and may speak as anybody" } else { "" };
            host!("net {}: guest {} has {address} and may have {at}{open}", card.network, plan.name);
            self.cards.push((plug, task));
            self.work.reserve(self.cards.len());
            devices.push(Box::new(NetDevice::new(plug, address)));
        }
        devices
    }

    /// Takes the cards back of a Guest that did not come about.
    pub fn unplug_for_good(&mut self, task: usize) {
        self.unplug(task);
        self.cards.retain(|(_, of)| *of != task);
    }

    /// Pulls the plugs of a task whose Guest has ended.
    pub fn unplug(&mut self, task: usize) {
        for (plug, _) in self.cards.iter().filter(|(_, of)| *of == task) {
            self.networks.unplug(*plug);
        }
    }

    /// Gives the gateways their turn and the second line what is for it; `wake` is told the tasks
    /// packets have come for.
    pub fn turn(&mut self, now: Nanos, about: &About<'_>, mut wake: impl FnMut(usize)) {
        if self.networks.list().is_empty() {
            return;
        }
        self.networks.now = now;
        self.networks.turn(about);
        let cards = &self.cards;
        self.networks.take_awakened(|plug| {
            let owner = cards.iter().find(|(of, _)| *of == plug);
            owner.into_iter().for_each(|(_, task)| wake(*task));
        });
        if self.has_capture {
            self.networks.drain_captures(second_line::send);
        }
    }

    /// Shares out what a turn took among the tasks whose packets it was about.
    pub fn charge(&mut self, took: Nanos, mut charge: impl FnMut(usize, Nanos)) {
        let mut all = 0;
        self.networks.take_work(|plug, work| {
            if let Some((_, task)) = self.cards.iter().find(|(of, _)| *of == plug) {
                all += work;
                self.work.push((*task, work));
            }
        });
        for (task, work) in self.work.drain(..) {
            charge(task, Nanos(took.0 * u64::from(work) / u64::from(all)));
        }
    }

    /// Says what went over each network, when all is over.
    pub fn tell(&mut self) {
        if self.has_capture {
            self.networks.drain_captures(|bytes| {
                second_line::send_all(bytes);
                bytes.len()
            });
        }
        for network in self.networks.list() {
            for port in network.relay.switch.ports() {
                let (name, counted) = (&network.name, &port.counters);
                host!(
                    "net {name}: {}: {} sent, {} refused, {} copies, {} received, {} dropped, {} waiting{}",
                    port.name,
                    counted.sent,
                    counted.refused.all(),
                    counted.copies,
                    counted.received,
                    counted.dropped,
                    port.waiting(),
                    counted.refused
                );
            }
            if let Some(lost) = network.relay.capture.as_ref().map(Capture::lost).filter(|&lost| lost > 0) {
                host!("net {}: {lost} frames are not in the capture", network.name);
            }
        }
    }
}
