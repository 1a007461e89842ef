//! The network card: queue 0 brings packets, queue 1 takes them.
//!
//! ```text
//!   transmit  chain: header | frame ...   --copied, judged--> the network
//!   receive   the network --cut for who cannot take it--> header | frame ... in a chain,
//!             or in several of them (MRG_RXBUF)
//! ```
//!
//! A driver need not kick for receive buffers while it has any: each step
//! looks whether a packet has come. When they run out packets wait in the
//! network, and get lost there once too many do. One that will never fit the
//! driver's buffers is lost at once.
//!
//! Invariants:
//! - A step moves a bounded number of bytes either way, fewer than a receiver's queue takes, so
//!   that it gets its turn before it loses any (`a_flood_is_served_in_steps`).
//! - A driver is shown nothing it has not accepted
//!   (`a_driver_without_features_gets_plain_packets`).
//! - Whatever a chain looks like, the packet goes out, is refused or kills its own Guest
//!   (`any_chain_is_a_packet_or_counted`).
//!
//! Source: virtio 1.0, 5.1 "Network Device"; lguest ABI, "Request formats".
//!
//! Next on the tour: [`crate::task`].

use abi::{
    GuestMemory, GuestResult, Nanos,
    device_page::{QUEUE_ENTRIES, TYPE_NET},
};

use super::{
    cutter::Cut,
    header::{
        CSUM, GUEST_CSUM, GUEST_ECN, GUEST_TSO4, GUEST_TSO6, HEADER_LEN, HOST_ECN, HOST_TSO4, HOST_TSO6, MAC,
        MRG_RXBUF, Offload, STATUS,
    },
    headers::TcpFrame,
    mac::{MAC_LEN, MacAddress},
    queue::{FRAME_MAX, Packet, QUEUE_LEN},
    scatter::{Handed, LONG_HEADER_LEN, Scatter, gather, room},
};
use crate::{
    chain::{Chain, Direction},
    device::{Device, Progress, Shape},
    port::{PacketPort, Plug, Ports},
    virtqueue::Virtqueue,
};

/// Number of the queue that brings packets; the other takes them.
const RECEIVE: usize = 0;
/// What it offers.
const FEATURES: u64 = CSUM
    | GUEST_CSUM
    | MAC
    | GUEST_TSO4
    | GUEST_TSO6
    | GUEST_ECN
    | HOST_TSO4
    | HOST_TSO6
    | HOST_ECN
    | MRG_RXBUF
    | STATUS;
/// Feature of the bus: the header has its last field.
const VERSION_1: u64 = 1 << 32;
/// Most work one step does either way, in bytes moved; what else a packet costs counts as some. With
/// the packet it ends in, that is a sender's share of an empty queue.
pub const WORK_PER_STEP: usize = QUEUE_LEN / 2 - FRAME_MAX - PACKET_COST;
const PACKET_COST: usize = 512;
const BUFFER_COST: usize = 32;
/// Most packets one step sends.
pub const PACKETS_PER_STEP: usize = WORK_PER_STEP / (PACKET_COST + BUFFER_COST) + 1;
// However long its chain, a packet gets on.
const _: () = assert!(WORK_PER_STEP > PACKET_COST + BUFFER_COST * QUEUE_ENTRIES as usize);

/// A card, and the packets it is in the middle of.
#[derive(Debug)]
pub struct NetDevice {
    plug: Plug,
    config: [u8; MAC_LEN + 2],
    features: u64,
    transmit: Chain,
    receive: Scatter,
    /// Which piece of the packet that is next the driver gets next.
    piece: usize,
    /// What waits is for a driver that is gone.
    is_stale: bool,
    /// When the step began that packets are taken in, and the work that is left of it: the clock
    /// stands still in a step, however many kicks there are in it.
    step: (Nanos, usize),
}

impl NetDevice {
    /// A card with this address, plugged in there.
    pub fn new(plug: Plug, address: MacAddress) -> Self {
        let mut config = [0; MAC_LEN + 2];
        config[..MAC_LEN].copy_from_slice(&address.0);
        config[MAC_LEN] = 1; // the cable is plugged in
        let (transmit, receive) = (Chain::default(), Scatter::default());
        Self { plug, config, features: 0, transmit, receive, piece: 0, is_stale: false, step: (Nanos(0), 0) }
    }

    const fn may_merge(&self) -> bool {
        self.features & MRG_RXBUF != 0
    }

    const fn header_len(&self) -> usize {
        if self.features & (VERSION_1 | MRG_RXBUF) == 0 { HEADER_LEN } else { LONG_HEADER_LEN }
    }

    /// Takes packets from the driver.
    fn transmit(
        &mut self,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        net: &mut dyn PacketPort,
        now: Nanos,
    ) -> GuestResult<Progress> {
        if self.step.0 != now {
            self.step = (now, WORK_PER_STEP);
        }
        while self.step.1 > 0 {
            if !queue.pop(memory, &mut self.transmit)? {
                return Ok(Progress::Idle);
            }
            self.transmit.require(Direction::Readable)?;
            let cost = self.send(memory, net)?;
            queue.give_back(memory, &mut self.transmit, 0)?;
            self.step.1 = self.step.1.saturating_sub(cost);
        }
        Ok(Progress::Yields)
    }

    /// Sends the packet in the open chain, and returns what that cost.
    fn send(&mut self, memory: &dyn GuestMemory, net: &mut dyn PacketPort) -> GuestResult<usize> {
        let header_len = self.header_len();
        let chain = &mut self.transmit;
        let cost = PACKET_COST + BUFFER_COST * chain.buffers().len();
        let Some(len) = room(chain).checked_sub(header_len).filter(|&len| len <= FRAME_MAX) else {
            net.refuse(self.plug);
            return Ok(cost);
        };
        let mut header = [0; LONG_HEADER_LEN];
        gather(chain, memory, &mut header[..header_len])?;
        let header = header.first_chunk().expect("the short header is the long one's beginning");
        let copies =
            net.send(self.plug, *header, self.features, len, &mut |frame| gather(chain, memory, frame))?;
        Ok(cost + len * copies.max(1))
    }

    /// Hands packets over to the driver.
    fn receive(
        &mut self,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        net: &mut dyn PacketPort,
    ) -> GuestResult<Progress> {
        if core::mem::take(&mut self.is_stale) {
            net.clear(self.plug);
        }
        let mut budget = WORK_PER_STEP;
        while let Some(packet) = net.first(self.plug) {
            let cut = Cut::new(packet.frame, packet.offload, self.features);
            let mut handed = Handed::Over;
            while handed == Handed::Over && self.piece < cut.pieces() {
                if budget == 0 {
                    return Ok(Progress::Waiting);
                }
                handed = self.hand_over(&packet, &cut, queue, memory)?;
                self.piece += 1;
                budget = budget.saturating_sub(PACKET_COST + packet.frame.len() / cut.pieces());
            }
            if handed == Handed::NotYet {
                self.piece -= 1;
                queue.want_kicks(memory, true)?;
                return Ok(Progress::Idle);
            }
            self.piece = 0;
            net.pop(self.plug, handed == Handed::Over);
        }
        queue.want_kicks(memory, false)?;
        Ok(Progress::Waiting)
    }

    /// Hands the next piece of a packet over.
    fn hand_over(
        &mut self,
        packet: &Packet<'_>,
        cut: &Cut,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
    ) -> GuestResult<Handed> {
        let frame = packet.frame;
        match cut {
            Cut::Whole(offload) => {
                let large = offload.large.and_then(|_| TcpFrame::parse(frame));
                let header = self.header(*offload, large.map_or(0, |tcp| tcp.data as u16));
                self.write(&[&header[..self.header_len()], frame], queue, memory)
            }
            Cut::Summed { at, checksum } => {
                let header = self.header(Offload::NONE, 0);
                let parts =
                    [&header[..self.header_len()], &frame[..*at], &checksum.to_be_bytes(), &frame[at + 2..]];
                self.write(&parts, queue, memory)
            }
            Cut::Segments(segments) => {
                let segment = segments.segment(self.piece, frame);
                let header = self.header(segment.offload, 0);
                let parts = [&header[..self.header_len()], segment.headers(), &frame[segment.data.clone()]];
                self.write(&parts, queue, memory)
            }
        }
    }

    /// The header, with room for the number of chains, which is one unless it is told otherwise.
    fn header(&self, offload: Offload, hint: u16) -> [u8; LONG_HEADER_LEN] {
        let mut header = [0; LONG_HEADER_LEN];
        header[..HEADER_LEN].copy_from_slice(&offload.to_wire(hint));
        header[HEADER_LEN] = 1;
        header
    }

    fn write(
        &mut self,
        parts: &[&[u8]],
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
    ) -> GuestResult<Handed> {
        self.receive.write(parts, self.may_merge(), queue, memory)
    }
}

impl Device for NetDevice {
    fn shape(&self) -> Shape<'_> {
        Shape { kind: TYPE_NET, name: "network card", queues: 2, features: FEATURES, config: &self.config }
    }

    fn accept(&mut self, features: u64) {
        self.features = features;
    }

    fn serve(
        &mut self,
        index: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Progress> {
        if index == RECEIVE {
            self.receive(queue, memory, ports.net)
        } else {
            self.transmit(queue, memory, ports.net, ports.now)
        }
    }

    fn reset(&mut self) {
        self.transmit.close();
        (self.features, self.piece, self.is_stale) = (0, 0, true);
    }
}

#[cfg(test)]
mod tests;
