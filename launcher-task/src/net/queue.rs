//! A packet queue: what waits for one port of a network.
//!
//! One stretch of memory is given to it once, and packets lie in it one behind
//! the other, each in one piece. Nothing is allocated for a packet.
//!
//! ```text
//!   head               tail                     end
//!  ... | record | record | free .................... |
//!        len, sender, offload, frame
//! ```
//!
//! It has a bound, so whoever sends more than is taken away loses packets. It
//! must be *its* packets that are lost, and not those of somebody who sends
//! one now and then: a sender may have no more in here than it leaves free.
//! The first flood gets half of the room, a second one half of the rest.
//!
//! Invariants:
//! - Packets come out as they went in, in order, or were refused
//!   (`what_goes_in_comes_out_in_order`).
//! - A flood leaves room for others (`a_flood_leaves_room_for_others`).
//!
//! Source: Choudhury and Hahne, "Dynamic queue length thresholds for
//! shared-memory packet switches", 1998, with a factor of one.
//!
//! Next on the tour: [`super::table`].

use super::{
    header::{HEADER_LEN, Offload},
    layers::LINK_MAX,
};

/// Most ports of a network, the gateway's among them.
pub const PORTS_MAX: usize = 32;
/// Longest frame: an Ethernet header with its tags, and as much as an IP packet can have.
pub const FRAME_MAX: usize = LINK_MAX + 65_536;
/// Bytes of a queue: two of the longest frames from one sender, and as much again for others.
pub const QUEUE_LEN: usize = 288 << 10;

/// What it costs whoever takes a packet out, in bytes of it, beside those it has.
const PACKET_COST: u32 = 512;
/// Bytes before the frame: its length, its sender, its offload.
const RECORD_LEN: usize = 16;

/// A packet in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// The port it came from.
    pub sender: usize,
    /// What is left to do to it.
    pub offload: Offload,
    /// Its bytes, from the Ethernet header on.
    pub frame: &'a [u8],
}

/// Packets in order, in memory that is lent.
#[derive(Debug)]
pub struct PacketQueue<'a> {
    bytes: &'a mut [u8],
    /// The first record.
    head: usize,
    /// Where the next record goes, if it fits.
    tail: usize,
    /// Where the records at the end stop, once others begin at the front again.
    turn: Option<usize>,
    packets: u32,
    held: [u32; PORTS_MAX],
    held_by_all: u32,
    /// What it cost to take out each sender's packets since somebody asked, ...
    work: [u32; PORTS_MAX],
    /// ... and whose there were, a bit each.
    workers: u32,
}

// Each port has a bit.
const _: () = assert!(PORTS_MAX <= u32::BITS as usize);

impl<'a> PacketQueue<'a> {
    /// An empty queue in `bytes`.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        let none = [0; PORTS_MAX];
        Self {
            bytes,
            head: 0,
            tail: 0,
            turn: None,
            packets: 0,
            held: none,
            held_by_all: 0,
            work: none,
            workers: 0,
        }
    }

    /// Packets in it.
    pub const fn len(&self) -> u32 {
        self.packets
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// Puts a packet in; `false` if there is no room for it, or its sender has had its share.
    pub fn push(&mut self, packet: Packet<'_>) -> bool {
        let need = RECORD_LEN + packet.frame.len().next_multiple_of(4);
        let free_then = self.bytes.len().checked_sub(self.held_by_all as usize + need);
        let held_then = self.held[packet.sender] as usize + need;
        if free_then.is_none_or(|free| held_then > free) {
            return false;
        }
        let Some(at) = self.place(need) else {
            return false;
        };
        self.write(at, packet);
        self.tail = at + need;
        self.packets += 1;
        self.held[packet.sender] += need as u32;
        self.held_by_all += need as u32;
        true
    }

    /// Room for `need` bytes in one piece; turns to the front if there is more.
    fn place(&mut self, need: usize) -> Option<usize> {
        if self.turn.is_some() {
            return (self.head - self.tail >= need).then_some(self.tail);
        }
        if self.bytes.len() - self.tail >= need {
            return Some(self.tail);
        }
        (self.head >= need).then(|| {
            self.turn = Some(self.tail);
            0
        })
    }

    fn write(&mut self, at: usize, packet: Packet<'_>) {
        let (record, frame) = self.bytes[at..].split_at_mut(RECORD_LEN);
        record[..4].copy_from_slice(&(packet.frame.len() as u32).to_le_bytes());
        record[4] = packet.sender as u8;
        record[RECORD_LEN - HEADER_LEN..].copy_from_slice(&packet.offload.to_wire(0));
        frame[..packet.frame.len()].copy_from_slice(packet.frame);
    }

    /// The packet that is next to be taken out.
    pub fn first(&self) -> Option<Packet<'_>> {
        if self.is_empty() {
            return None;
        }
        let (record, rest) = self.bytes[self.head..].split_at(RECORD_LEN);
        let (len, sender) = size_and_sender(record);
        let header = record[RECORD_LEN - HEADER_LEN..].try_into().expect("the record ends with it");
        let offload = Offload::from_wire(header).expect("what was written was an offload");
        Some(Packet { sender, offload, frame: &rest[..len] })
    }

    /// Takes the first packet out.
    pub fn pop(&mut self) {
        if self.is_empty() {
            return;
        }
        let (len, sender) = size_and_sender(&self.bytes[self.head..self.head + RECORD_LEN]);
        let need = RECORD_LEN + len.next_multiple_of(4);
        self.head += need;
        self.packets -= 1;
        self.held[sender] -= need as u32;
        self.work[sender] = self.work[sender].saturating_add(need as u32 + PACKET_COST);
        self.workers |= 1 << sender;
        self.held_by_all -= need as u32;
        if self.turn == Some(self.head) {
            (self.head, self.turn) = (0, None);
        }
        if self.is_empty() {
            (self.head, self.tail, self.turn) = (0, 0, None);
        }
    }

    /// Tells of each sender whose packets were taken out since the last call, and what that cost, in
    /// bytes or what is worth as much.
    pub fn take_work(&mut self, mut tell: impl FnMut(usize, u32)) {
        while self.workers != 0 {
            let sender = self.workers.trailing_zeros() as usize;
            tell(sender, core::mem::take(&mut self.work[sender]));
            self.workers &= self.workers - 1;
        }
    }

    /// Empties it, and returns how many packets were in it.
    pub fn clear(&mut self) -> u32 {
        (self.head, self.tail, self.turn) = (0, 0, None);
        (self.held, self.held_by_all) = ([0; PORTS_MAX], 0);
        core::mem::take(&mut self.packets)
    }
}

/// Bytes of the frame, and who has sent it, as its record has them.
#[inline]
fn size_and_sender(record: &[u8]) -> (usize, usize) {
    (u32::from_le_bytes([record[0], record[1], record[2], record[3]]) as usize, record[4].into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::unfinished::Unfinished;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn packet(sender: usize, frame: &[u8]) -> Packet<'_> {
        Packet { sender, offload: Offload::NONE, frame }
    }

    #[test]
    fn a_packet_keeps_its_offload() {
        let mut bytes = vec![0; 256];
        let mut queue = PacketQueue::new(&mut bytes);
        let offload = Offload { checksum: Some(Unfinished { start: 34, offset: 6 }), large: None };
        let sent = Packet { sender: 3, offload, frame: &[5; 45] };
        assert!(queue.push(sent));
        assert_eq!(queue.first(), Some(sent));
    }

    #[test]
    fn each_sender_s_packets_are_its_own_work() {
        let mut bytes = vec![0; 4096];
        let mut queue = PacketQueue::new(&mut bytes);
        for sender in [1, 2, 2] {
            assert!(queue.push(packet(sender, &[0; 64])));
        }
        (0..3).for_each(|_| queue.pop());
        let mut work = Vec::new();
        queue.take_work(|sender, cost| work.push((sender, cost)));
        let &[(1, one), (2, two)] = &work[..] else { panic!("{work:?}") };
        assert!(one > 64 && two == 2 * one);
        queue.take_work(|sender, _| panic!("{sender} was told of"));
    }

    #[test]
    fn a_flood_leaves_room_for_others() {
        let mut bytes = vec![0; 4096];
        let mut queue = PacketQueue::new(&mut bytes);
        let mut fill = |sender| (0..1000).take_while(|_| queue.push(packet(sender, &[0; 48]))).count();
        let counts = [fill(1), fill(2), fill(3)];
        assert_eq!(counts, [32, 16, 8]);
    }

    #[test]
    fn two_of_the_longest_frames_fit_and_another_sender_s_too() {
        let mut bytes = vec![0; QUEUE_LEN];
        let mut queue = PacketQueue::new(&mut bytes);
        let frame = vec![0; FRAME_MAX];
        assert!(queue.push(packet(1, &frame)) && queue.push(packet(1, &frame)));
        assert!(!queue.push(packet(1, &frame)) && queue.push(packet(2, &frame)));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(
            acts in proptest::collection::vec((0usize..5, 14usize..700, any::<u8>()), 0..400),
        ) {
            let mut bytes = vec![0; 2048];
            let mut queue = PacketQueue::new(&mut bytes);
            let mut expected: VecDeque<(usize, Vec<u8>)> = VecDeque::new();
            for (sender, len, fill) in acts {
                if sender < 3 {
                    let frame = vec![fill; len];
                    if queue.push(packet(sender, &frame)) {
                        expected.push_back((sender, frame));
                    } else {
                        prop_assert!(!expected.is_empty(), "an empty queue takes {len} bytes");
                    }
                } else {
                    queue.pop();
                    expected.pop_front();
                }
                prop_assert_eq!(queue.len() as usize, expected.len());
                let first = queue.first().map(|first| (first.sender, first.frame.to_vec()));
                prop_assert_eq!(first.as_ref(), expected.front());
            }
            prop_assert_eq!(queue.clear() as usize, expected.len());
            prop_assert!(queue.first().is_none() && queue.held_by_all == 0);
        }
    }
}
