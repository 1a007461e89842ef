//! Cards of two Guests on one network, each with a mock driver.
//!
//! Longer than most files: sending and receiving share one bench, of a card with both its rings.

use abi::{GuestPhys, Nanos};
use proptest::prelude::*;

use super::*;
use crate::fakes::frames::{checksums_are_right, tcp4};
use crate::fakes::lan::lan;
use crate::fakes::{Driver, FakeConsole, FakeEntropy, Ram};
use crate::net::header::Large;
use crate::net::network::Networks;
use crate::net::switch::Counters;
use crate::net::unfinished::Unfinished;
use crate::virtqueue::Rings;
use Direction::{Readable, Writable};

const LIMIT: u32 = 0x8_0000;
const RINGS: [GuestPhys; 2] = [GuestPhys(0x7_0000), GuestPhys(0x7_4000)];
const TRANSMIT: usize = 1;
const SENT_AT: u32 = 0x1000;
const HERE: u32 = 0x3_0000;

/// One Guest's memory, drivers and card.
struct Side {
    device: NetDevice,
    ram: Ram,
    drivers: [Driver; 2],
    queues: [Virtqueue; 2],
}

struct Bench {
    networks: Networks<'static>,
    sides: [Side; 2],
    now: Nanos,
}

fn address(guest: &str) -> MacAddress {
    MacAddress::derive("lan", guest)
}

fn bench(features: [u64; 2]) -> Bench {
    let (networks, plugs) = lan(&["a", "b"]);
    let side = |which: usize| {
        let mut device = NetDevice::new(plugs[which], address(["a", "b"][which]));
        device.accept(features[which]);
        let queues = RINGS.map(|ring| Virtqueue::new(Rings::in_one_run(ring), features[which]));
        Side { device, ram: Ram::zeroed(LIMIT), drivers: RINGS.map(Driver::new), queues }
    };
    Bench { networks, sides: [side(0), side(1)], now: Nanos(1) }
}

impl Bench {
    fn serve(&mut self, side: usize, index: usize) -> GuestResult<Progress> {
        let mut console = FakeConsole::default();
        let (net, entropy) = (&mut self.networks, &mut FakeEntropy::default());
        let mut ports = Ports { now: self.now, console: &mut console, net, entropy };
        let Side { device, ram, queues, .. } = &mut self.sides[side];
        device.serve(index, &mut queues[index], ram, &mut ports)
    }

    /// Writes a packet to side a's memory and has it sent.
    fn send(&mut self, header: &[u8], frame: &[u8]) -> GuestResult<Progress> {
        let packet = [header, frame].concat();
        let Side { ram, drivers, .. } = &mut self.sides[0];
        ram[SENT_AT as usize..][..packet.len()].copy_from_slice(&packet);
        drivers[TRANSMIT].offer(ram, &[(SENT_AT, packet.len() as u32, Readable)]);
        self.serve(0, TRANSMIT)
    }

    /// Has side b offer chains of these buffers, one after the other in its memory.
    fn offer(&mut self, chains: &[&[u32]]) {
        let Side { ram, drivers, .. } = &mut self.sides[1];
        let mut at = HERE;
        for chain in chains {
            let mut buffers = Vec::new();
            for &len in *chain {
                buffers.push((at, len, Writable));
                at += len;
            }
            drivers[RECEIVE].offer(ram, &buffers);
        }
    }

    /// What side b has received: the bytes of each chain.
    fn received(&mut self) -> Vec<u32> {
        self.serve(1, RECEIVE).unwrap();
        let Side { ram, drivers, .. } = &mut self.sides[1];
        drivers[RECEIVE].used(ram).into_iter().map(|(_, len)| len).collect()
    }

    fn at(&self, offset: u32, len: u32) -> &[u8] {
        &self.sides[1].ram[(HERE + offset) as usize..][..len as usize]
    }

    fn counters(&self, port: usize) -> Counters {
        self.networks.list()[0].relay.switch.ports()[port].counters
    }
}

/// A TCP packet from a to b.
fn packet(data: &[u8]) -> Vec<u8> {
    let mut frame = tcp4(0x18, data);
    frame[..6].copy_from_slice(&address("b").0);
    frame[6..12].copy_from_slice(&address("a").0);
    frame
}

fn large(segment: u16) -> [u8; HEADER_LEN] {
    let checksum = Some(Unfinished { start: 34, offset: 16 });
    Offload { checksum, large: Some(Large { is_v6: false, has_ecn: false, segment }) }.to_wire(0)
}

#[test]
fn a_packet_goes_from_one_memory_to_the_other() {
    let mut bench = bench([0, 0]);
    bench.offer(&[&[10, 1514]]);
    let frame = packet(b"hello");
    assert_eq!(bench.send(&[0; 10], &frame), Ok(Progress::Idle));
    assert_eq!(bench.received(), [10 + frame.len() as u32]);
    assert_eq!(bench.at(0, 10), [0; 10]);
    assert_eq!(bench.at(10, frame.len() as u32), frame);
    assert_eq!((bench.counters(1).sent, bench.counters(2).received), (1, 1));
}

#[test]
fn buffers_cut_anywhere_make_no_difference() {
    let mut bench = bench([0, 0]);
    bench.offer(&[&[3, 5, 9, 0, 1500]]);
    let frame = packet(b"hello");
    let bytes = [&[0; 10][..], &frame].concat();
    let Side { ram, drivers, .. } = &mut bench.sides[0];
    ram[0x1000..][..bytes.len()].copy_from_slice(&bytes);
    let parts = [(0x1000, 7, Readable), (0x1007, 0, Readable), (0x1007, 20, Readable)];
    let rest = (0x101B, bytes.len() as u32 - 27, Readable);
    drivers[TRANSMIT].offer(ram, &[&parts[..], &[rest]].concat());
    bench.serve(0, TRANSMIT).unwrap();
    assert_eq!(bench.received(), [bytes.len() as u32]);
    assert_eq!(bench.at(10, frame.len() as u32), frame);
}

#[test]
fn the_header_has_twelve_bytes_for_new_drivers() {
    let mut bench = bench([VERSION_1, VERSION_1]);
    bench.offer(&[&[2000]]);
    let frame = packet(b"hello");
    bench.send(&[0; 12], &frame).unwrap();
    assert_eq!(bench.received(), [12 + frame.len() as u32]);
    assert_eq!(bench.at(0, 12), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(bench.at(12, frame.len() as u32), frame);
}

#[test]
fn a_large_packet_goes_through_untouched_to_who_takes_it() {
    let features = CSUM | HOST_TSO4 | GUEST_CSUM | GUEST_TSO4;
    let mut bench = bench([features, features]);
    bench.offer(&[&[65_562]]);
    let frame = packet(&[7; 30_000]);
    bench.send(&large(1460), &frame).unwrap();
    assert_eq!(bench.received(), [10 + frame.len() as u32]);
    assert_eq!(bench.at(0, 10), [1, 1, 54, 0, 0xB4, 5, 34, 0, 16, 0]);
    assert_eq!(bench.at(10, frame.len() as u32), frame);
}

#[test]
fn a_driver_without_features_gets_plain_packets() {
    let mut bench = bench([CSUM | HOST_TSO4, 0]);
    bench.offer(&[&[2000][..]; 5]);
    bench.send(&large(1000), &packet(&[7; 4500])).unwrap();
    assert_eq!(bench.received(), [1064, 1064, 1064, 1064, 564]);
    for piece in 0..5 {
        let len = if piece < 4 { 1054 } else { 554 };
        assert_eq!(bench.at(2000 * piece, 10), [0; 10]);
        assert!(checksums_are_right(bench.at(2000 * piece + 10, len)));
    }
    assert_eq!(bench.counters(2).received, 1, "a packet is counted as it was sent");
}

#[test]
fn segments_wait_for_buffers_and_go_on_where_they_were() {
    let mut bench = bench([CSUM | HOST_TSO4, 0]);
    bench.offer(&[&[2000][..]; 2]);
    bench.send(&large(1000), &packet(&[7; 2500])).unwrap();
    assert_eq!(bench.received(), [1064, 1064]);
    assert_eq!(bench.sides[1].drivers[RECEIVE].used_flags(&bench.sides[1].ram), 0, "a kick is wanted");
    bench.offer(&[&[2000]]);
    assert_eq!(bench.received(), [564]);
    assert_eq!(bench.sides[1].drivers[RECEIVE].used_flags(&bench.sides[1].ram), 1, "none is needed now");
}

#[test]
fn a_packet_is_spread_over_chains_that_may_be_merged() {
    let features = CSUM | HOST_TSO4 | GUEST_CSUM | GUEST_TSO4 | MRG_RXBUF;
    let mut bench = bench([features, features]);
    bench.offer(&[&[1000][..]; 4]);
    let frame = packet(&[7; 3000]);
    bench.send(&[&large(1460)[..], &[0, 0]].concat(), &frame).unwrap();
    assert_eq!(bench.received(), [1000, 1000, 1000, 66]);
    assert_eq!(bench.at(0, 12), [1, 1, 54, 0, 0xB4, 5, 34, 0, 16, 0, 4, 0]);
    assert_eq!(bench.at(12, frame.len() as u32), frame);
}

#[test]
fn a_packet_that_does_not_fit_takes_no_buffers() {
    let mut bench = bench([MRG_RXBUF, MRG_RXBUF]);
    bench.offer(&[&[1000]]);
    bench.send(&[0; 12], &packet(&[7; 1400])).unwrap();
    assert_eq!(bench.received(), []);
    bench.offer(&[&[1000][..]; 2]);
    assert_eq!(bench.received(), [1000, 466], "the first chain was put back");
    let mut bench = self::bench([0, 0]);
    bench.offer(&[&[1000], &[1000]]);
    bench.send(&[0; 10], &packet(&[7; 1400])).unwrap();
    bench.send(&[0; 10], &packet(&[7; 14])).unwrap();
    assert_eq!(bench.received(), [78], "the packet too long is lost, the next one is not");
    assert_eq!((bench.counters(2).dropped, bench.counters(2).received), (1, 1));
}

#[test]
fn a_header_that_lies_costs_the_packet() {
    let mut bench = bench([CSUM | HOST_TSO4, 0]);
    let frame = packet(&[7; 3000]);
    let mut hopeless = large(1000);
    hopeless[4..6].fill(0);
    for header in [hopeless, [1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0], [0, 3, 0, 0, 200, 0, 34, 0, 6, 0]] {
        assert_eq!(bench.send(&header, &frame), Ok(Progress::Idle));
    }
    assert_eq!((bench.counters(1).sent, bench.counters(1).refused.all()), (3, 3));
    bench.send(&[0, 0, 0xFF, 0xFF, 0, 0, 9, 9, 9, 9], &packet(b"")).unwrap();
    assert_eq!(bench.counters(1).refused.all(), 3, "what is not used may be anything");
}

#[test]
fn what_is_no_packet_is_refused_and_given_back() {
    let mut bench = bench([0, 0]);
    let Side { ram, drivers, .. } = &mut bench.sides[0];
    for buffers in [
        vec![(0x1000, 0, Readable)],
        vec![(0x1000, 9, Readable)],
        vec![(0x1000, 23, Readable)],
        vec![(0, 0x7_0000, Readable)],
        vec![(0, 0x7_0000, Readable); 100],
    ] {
        drivers[TRANSMIT].offer(ram, &buffers);
    }
    assert_eq!(bench.serve(0, TRANSMIT), Ok(Progress::Idle));
    assert_eq!((bench.counters(1).sent, bench.counters(1).refused.all()), (5, 5));
    let Side { ram, drivers, .. } = &mut bench.sides[0];
    assert_eq!(drivers[TRANSMIT].used(ram).len(), 5);
}

#[test]
fn a_buffer_of_the_wrong_direction_kills_the_guest() {
    let mut bench = bench([0, 0]);
    let Side { ram, drivers, .. } = &mut bench.sides[0];
    drivers[TRANSMIT].offer(ram, &[(0x1000, 60, Writable)]);
    assert!(bench.serve(0, TRANSMIT).is_err());
}

#[test]
fn no_memory_is_taken_for_a_packet() {
    let features = CSUM | HOST_TSO4 | MRG_RXBUF;
    let mut bench = bench([features, features]);
    let large = Offload {
        checksum: Some(Unfinished { start: 34, offset: 16 }),
        large: Some(Large { is_v6: false, has_ecn: false, segment: 1460 }),
    };
    for (offload, len) in [(Offload::NONE, 60), (Offload::NONE, 1460), (large, 20_000)] {
        let bytes = [&offload.to_wire(54)[..], &[0; 2], &packet(&vec![7; len])].concat();
        let buffers: Vec<&[u32]> = vec![&[2048]; 20];
        bench.offer(&buffers);
        let Side { ram, drivers, .. } = &mut bench.sides[0];
        ram[SENT_AT as usize..][..bytes.len()].copy_from_slice(&bytes);
        drivers[TRANSMIT].offer(ram, &[(SENT_AT, bytes.len() as u32, Readable)]);
        let received = bench.counters(2).received;
        let taken = allocation_counter::measure(|| {
            bench.serve(0, TRANSMIT).unwrap();
            bench.serve(1, RECEIVE).unwrap();
        });
        assert_eq!((taken.count_total, bench.counters(2).received), (0, received + 1), "{len}");
    }
}

/// However long the packets are, a receiver that gets its turn after each step loses none.
#[test]
fn what_one_step_sends_fits_the_receivers_queue() {
    for len in [60, 1514, 9000, 30_000, 43_000, 60_000, FRAME_MAX - 1] {
        let (mut bench, frame) = (bench([0, 0]), packet(&vec![7; len - 54]));
        let bytes = [&[0; 10][..], &frame].concat();
        let Side { ram, drivers, .. } = &mut bench.sides[0];
        ram[SENT_AT as usize..][..bytes.len()].copy_from_slice(&bytes);
        for _ in 0..256 {
            drivers[TRANSMIT].offer(ram, &[(SENT_AT, bytes.len() as u32, Readable)]);
        }
        bench.serve(0, TRANSMIT).unwrap();
        assert!(
            bench.counters(1).sent > 1 && bench.counters(2).dropped == 0,
            "{len}: {:?}",
            bench.counters(2)
        );
    }
}

#[test]
fn a_flood_is_served_in_steps() {
    let mut bench = bench([0, 0]);
    let frame = packet(&[7; 1400]);
    let bytes = [&[0; 10][..], &frame].concat();
    let Side { ram, drivers, .. } = &mut bench.sides[0];
    ram[SENT_AT as usize..][..bytes.len()].copy_from_slice(&bytes);
    for _ in 0..256 {
        drivers[TRANSMIT].offer(ram, &[(SENT_AT, bytes.len() as u32, Readable)]);
    }
    assert_eq!(bench.serve(0, TRANSMIT), Ok(Progress::Yields));
    assert_eq!(bench.serve(0, TRANSMIT), Ok(Progress::Yields), "another kick is no other step");
    assert_eq!((bench.counters(1).sent, bench.counters(2).dropped), (41, 0));
    for step in 2..8 {
        bench.now = Nanos(step);
        let progress = bench.serve(0, TRANSMIT);
        assert_eq!(progress == Ok(Progress::Yields), bench.counters(1).sent < 256);
    }
    assert_eq!(bench.counters(1).sent, 256);
    let port = &bench.networks.list()[0].relay.switch.ports()[2];
    assert_eq!(port.counters.dropped + u64::from(port.waiting()), 256);
}

#[test]
fn a_reset_throws_away_what_waits() {
    let mut bench = bench([0, 0]);
    bench.send(&[0; 10], &packet(b"old")).unwrap();
    bench.sides[1].device.reset();
    bench.offer(&[&[2000]]);
    assert_eq!(bench.received(), []);
    assert_eq!(bench.counters(2).dropped, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_chain_is_a_packet_or_counted(
        packets in proptest::collection::vec(
            (any::<[u8; 12]>(), 0usize..5000, proptest::collection::vec(0u32..3000, 1..5), any::<bool>()), 1..20,
        ),
        features in any::<[u64; 2]>(), room in proptest::collection::vec(0u32..3000, 1..20),
    ) {
        let mut bench = bench(features);
        for (mut header, len, lens, is_sane) in packets {
            if is_sane {
                let segment = u16::from(header[4]) * 8;
                header[..HEADER_LEN].copy_from_slice(&large(segment));
            }
            let bytes = [&header[..bench.sides[0].device.header_len()], &packet(&vec![1; len])].concat();
            let Side { ram, drivers, .. } = &mut bench.sides[0];
            ram[SENT_AT as usize..][..bytes.len()].copy_from_slice(&bytes);
            let mut at = SENT_AT;
            let buffers: Vec<_> = lens.iter().map(|&len| {
                at += len;
                (at - len, len, Readable)
            }).collect();
            drivers[TRANSMIT].offer(ram, &buffers);
            bench.serve(0, TRANSMIT).unwrap();
            let chains: Vec<&[u32]> = room.chunks(2).collect();
            bench.offer(&chains);
            bench.received();
        }
        let ports = bench.networks.list()[0].relay.switch.ports();
        let sum = |of: fn(&Counters) -> u64| ports.iter().map(|port| of(&port.counters)).sum::<u64>();
        let waiting: u64 = ports.iter().map(|port| u64::from(port.waiting())).sum();
        prop_assert_eq!(sum(|counters| counters.copies), sum(|counters| counters.received + counters.dropped) + waiting);
    }
}
