//! Packets of any content, with headers that claim anything, to a neighbour, the gateway or both:
//! each is refused or accounted for, what a receiver gets of a large one is all of it in pieces no
//! longer than they should be, and the gateway does its bounded work.
#![no_main]

use abi::Nanos;
use kennel_fuzz::noise;
use launcher_task::net::cutter::Cut;
use launcher_task::net::gateway::connections::Shelf;
use launcher_task::net::header::HEADER_LEN;
use launcher_task::net::mac::MacAddress;
use launcher_task::net::network::Networks;
use launcher_task::net::room::Room;
use launcher_task::port::PacketPort;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

#[derive(Arbitrary, Debug)]
struct Sent {
    second: bool,
    to: u8,
    header: [u8; HEADER_LEN],
    features: u64,
    receivers: u64,
    /// Kind of frame, and of packet in it, put where they belong.
    kind: u8,
    frame: Vec<u8>,
    later: u16,
}

impl Sent {
    fn frame(&self) -> Vec<u8> {
        let mut frame = self.frame.clone();
        let name = |guest| MacAddress::derive("lan", guest).0;
        let to = [name(""), name("a"), name("b"), [0xFF; 6]][usize::from(self.to % 4)];
        let head = [to, name(if self.second { "b" } else { "a" })].concat();
        let len = head.len().min(frame.len());
        frame[..len].copy_from_slice(&head[..len]);
        let kind: &[(usize, u8)] = match self.kind % 6 {
            0 => &[(12, 8), (13, 6), (14, 0), (15, 1), (16, 8), (17, 0), (18, 6), (19, 4), (20, 0)],
            1 => &[(12, 8), (13, 0), (14, 0x45), (20, 0), (21, 0), (23, 6), (26, 10), (27, 77), (28, 0)],
            2 => &[(12, 8), (13, 0), (14, 0x45), (20, 0), (21, 0), (23, 17), (36, 0), (37, 67)],
            3 => &[(12, 0x86), (13, 0xDD), (14, 0x60), (20, 6)],
            4 => &[(12, 8), (13, 0), (14, 0x45), (23, 1)],
            _ => &[],
        };
        for &(place, byte) in kind {
            if let Some(old) = frame.get_mut(place) {
                *old = byte;
            }
        }
        frame
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|packets: Vec<Sent>| {
    let (mut bytes, mut shelf) = (vec![0; Networks::room(1, 2, 0)], Shelf::new(2));
    let mut room = Room::new(&mut bytes);
    let mut networks = Networks::new(&mut room);
    networks.add("lan", 2, 1, &mut room, &mut shelf);
    let plugs = ["a", "b"].map(|guest| {
        networks.plug(0, guest, MacAddress::derive("lan", guest), guest == "b", &mut room).expect("there are ports")
    });
    let mut now = Nanos(1);
    for sent in packets {
        now = now.after(Nanos::from_millis(sent.later.into()));
        networks.now = now;
        let (from, frame) = (plugs[usize::from(sent.second)], sent.frame());
        let fill = &mut |place: &mut [u8]| {
            place.copy_from_slice(&frame);
            Ok(())
        };
        networks.send(from, sent.header, sent.features, frame.len(), fill).expect("filling does not fail");
        networks.turn(&|_, _| Ok(()));
        for plug in plugs {
            while let Some(packet) = networks.first(plug) {
                let cut = Cut::new(packet.frame, packet.offload, sent.receivers);
                if let Cut::Segments(segments) = &cut {
                    let pieces = (0..cut.pieces()).map(|index| segments.segment(index, packet.frame));
                    let data: Vec<u8> =
                        pieces.flat_map(|piece| packet.frame[piece.data.clone()].to_vec()).collect();
                    assert!(packet.frame.ends_with(&data));
                    let most = packet.offload.large.expect("it was cut").segment;
                    assert_eq!(cut.pieces(), data.len().div_ceil(most.into()).max(1));
                }
                networks.pop(plug, true);
            }
        }
    }
    let ports = networks.list()[0].relay.switch.ports();
    let sum = |of: fn(&launcher_task::net::switch::Port<'_>) -> u64| ports.iter().map(of).sum::<u64>();
    let arrived = sum(|port| port.counters.received + port.counters.dropped + u64::from(port.waiting()));
    assert_eq!(sum(|port| port.counters.copies), arrived);
});
