//! A ring in honest hands, and in others.

mod notices;
mod tables;

use abi::{KillReason, device_page::QUEUE_ENTRIES};
use proptest::prelude::*;

use super::*;
use crate::fakes::{Driver, Ram, write_descriptor};
use Direction::{Readable, Writable};

const RING: GuestPhys = GuestPhys(0x1_0000);
const LIMIT: u32 = 0x1_3000;

struct Bench {
    ram: Ram,
    driver: Driver,
    queue: Virtqueue,
    chain: Chain,
}

fn bench() -> Bench {
    bench_with(0)
}

fn bench_with(features: u64) -> Bench {
    let (driver, queue) = (Driver::new(RING), Virtqueue::new(Rings::in_one_run(RING), features));
    Bench { ram: Ram::zeroed(LIMIT), driver, queue, chain: Chain::default() }
}

impl Bench {
    fn pop(&mut self) -> GuestResult<bool> {
        self.queue.pop(&self.ram, &mut self.chain)
    }

    fn pop_error(&mut self) -> KillReason {
        self.pop().expect_err("the ring should kill its Guest")
    }

    fn give_back(&mut self, written: u32) {
        self.queue.give_back(&mut self.ram, &mut self.chain, written).unwrap();
    }

    fn settle(&mut self) -> bool {
        self.queue.settle(&mut self.ram).unwrap()
    }

    /// Offers, takes and gives back one chain.
    fn one_round(&mut self) {
        self.driver.offer(&mut self.ram, &[(0, 1, Readable)]);
        assert_eq!(self.pop(), Ok(true));
        self.give_back(0);
    }
}

#[test]
fn an_empty_ring_gives_nothing() {
    assert_eq!(bench().pop(), Ok(false));
}

#[test]
fn a_chain_comes_as_it_was_linked_and_goes_back() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0x10, 1, Readable)]);
    let head = bench.driver.offer(&mut bench.ram, &[(0x100, 5, Readable), (0x200, 7, Writable)]);
    assert_eq!(bench.pop(), Ok(true));
    bench.give_back(0);
    assert_eq!(bench.pop(), Ok(true));
    let expected = [
        Buffer { at: GuestPhys(0x100), len: 5, direction: Readable },
        Buffer { at: GuestPhys(0x200), len: 7, direction: Writable },
    ];
    assert_eq!(bench.chain.buffers(), expected);
    bench.give_back(6);
    assert_eq!(bench.pop(), Ok(false));
    assert_eq!(bench.driver.used(&bench.ram), [(0, 0), (head.into(), 6)]);
}

#[test]
fn indices_wrap_around() {
    let mut bench = bench();
    // Miri is a thousand times slower, and looks for something else.
    let rounds: u32 = if cfg!(miri) { 70 } else { 70_000 };
    for round in 0..rounds {
        let head = bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
        assert_eq!(bench.pop(), Ok(true));
        bench.give_back(round);
        assert_eq!(bench.driver.used(&bench.ram), [(head.into(), round)]);
    }
}

#[test]
fn a_full_ring_is_not_too_much() {
    let mut bench = bench();
    for _ in 0..256 {
        bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    }
    for _ in 0..256 {
        assert_eq!(bench.pop(), Ok(true));
        bench.give_back(0);
    }
    assert_eq!(bench.pop(), Ok(false));
}

#[test]
fn an_index_run_ahead_kills_the_guest() {
    let mut bench = bench();
    bench.driver.set_available_index(&mut bench.ram, 257);
    assert_eq!(bench.pop_error(), RingError::Overrun { index: 257 }.into());
    bench.driver.set_available_index(&mut bench.ram, 0xFFFF);
    assert_eq!(bench.pop_error(), RingError::Overrun { index: 0xFFFF }.into());
}

#[test]
fn a_ring_that_loops_kills_the_guest() {
    let mut bench = bench();
    bench.driver.describe(&mut bench.ram, 3, (0, 1, DESC_NEXT, 3));
    bench.driver.publish(&mut bench.ram, 3);
    assert_eq!(bench.pop_error(), RingError::Loop.into());
}

#[test]
fn a_chain_through_every_descriptor_is_no_loop() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable); 256]);
    assert_eq!(bench.pop(), Ok(true));
    assert_eq!(bench.chain.buffers().len(), 256);
}

#[test]
fn a_descriptor_beyond_the_queue_kills_the_guest() {
    let mut first = bench();
    first.driver.publish(&mut first.ram, 256);
    assert_eq!(first.pop_error(), RingError::Index { index: 256 }.into());
    let mut linked = bench();
    linked.driver.describe(&mut linked.ram, 0, (0, 1, DESC_NEXT, 0xFFFF));
    linked.driver.publish(&mut linked.ram, 0);
    assert_eq!(linked.pop_error(), RingError::Index { index: 0xFFFF }.into());
}

#[test]
fn a_buffer_outside_memory_kills_the_guest() {
    for (at, len) in [(LIMIT, 1), (LIMIT - 4, 5), (0, LIMIT + 1), (0xFFFF_FFFF, 2), (0x1000, 0xFFFF_FFFF)] {
        let mut bench = bench();
        bench.driver.offer(&mut bench.ram, &[(at, len, Readable)]);
        assert_eq!(bench.pop_error(), KillReason::OutOfGuestMemory { at: GuestPhys(at), len });
    }
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(LIMIT - 4, 4, Readable)]);
    assert_eq!(bench.pop(), Ok(true), "a buffer may end at the limit");
}

#[test]
fn an_address_of_64_bits_and_an_indirect_table_kill_the_guest() {
    let mut high = bench();
    high.driver.describe(&mut high.ram, 9, (0x1_0000_0000, 1, 0, 0));
    high.driver.publish(&mut high.ram, 9);
    assert_eq!(high.pop_error(), RingError::HighAddress { index: 9 }.into());
    let mut indirect = bench();
    indirect.driver.describe(&mut indirect.ram, 9, (0, 16, DESC_INDIRECT, 0));
    indirect.driver.publish(&mut indirect.ram, 9);
    assert_eq!(indirect.pop_error(), RingError::Indirect { index: 9 }.into());
}

#[test]
fn a_chain_rewritten_after_it_was_taken_stays_as_it_was() {
    let mut bench = bench();
    let head = bench.driver.offer(&mut bench.ram, &[(0x100, 5, Readable)]);
    assert_eq!(bench.pop(), Ok(true));
    bench.driver.describe(&mut bench.ram, head, (0xFFFF_F000, 0xFFFF, DESC_WRITE, 7));
    assert_eq!(bench.chain.buffers(), [Buffer { at: GuestPhys(0x100), len: 5, direction: Readable }]);
}

#[test]
fn the_used_ring_is_never_read_back() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    assert_eq!(bench.pop(), Ok(true));
    bench.ram[RING.0 as usize + 8192..].fill(0xEE);
    bench.give_back(3);
    let used = RING.0 as usize + 8192;
    assert_eq!(bench.ram[used + 2..used + 12], [1, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
}

#[test]
fn a_small_queue_anywhere_works_like_a_large_one() {
    let places = [0x40, 0x92, 0xA4].map(GuestPhys);
    let (mut ram, mut chain) = (Ram::zeroed(0x1000), Chain::default());
    let mut queue = Virtqueue::new(Rings::admit(4, places, 0x1000).unwrap(), EVENT_IDX);
    // Miri is a thousand times slower, and looks for something else.
    let rounds: u32 = if cfg!(miri) { 70 } else { 70_000 };
    for round in 0..rounds {
        let place = round % 4;
        write_descriptor(&mut ram, 0x40, place as u16, (0x800, 8, DESC_WRITE, 0));
        ram.write_u16(GuestPhys(0x92 + 4 + 2 * place), place as u16).unwrap();
        ram.write_u16(GuestPhys(0x92 + 2), (round + 1) as u16).unwrap();
        assert_eq!(queue.pop(&ram, &mut chain), Ok(true));
        queue.give_back(&mut ram, &mut chain, round).unwrap();
        queue.settle(&mut ram).unwrap();
        assert_eq!(ram.read_u32(GuestPhys(0xA4 + 4 + 8 * place + 4)), Ok(round));
        assert_eq!(ram.read_u16(GuestPhys(0xA4 + 4 + 8 * 4)), Ok((round + 1) as u16), "avail_event");
    }
    let index = (rounds + 5) as u16;
    ram.write_u16(GuestPhys(0x92 + 2), index).unwrap();
    assert_eq!(queue.pop(&ram, &mut chain), Err(RingError::Overrun { index }.into()));
}

#[test]
fn without_rings_there_is_nothing() {
    assert!(!Virtqueue::default().has_rings());
}

fn is_in_memory(buffer: &Buffer) -> bool {
    u64::from(buffer.at.0) + u64::from(buffer.len) <= u64::from(LIMIT)
}

/// Rings whose fields are near the edges of what they may be, or anything.
fn any_descriptor() -> impl Strategy<Value = (u64, u32, u16, u16)> {
    let address = prop_oneof![0u64..0x100, u64::from(LIMIT) - 16..u64::from(LIMIT) + 16, any::<u64>()];
    let len = prop_oneof![0u32..32, any::<u32>()];
    let flags = prop_oneof![4 => Just(1u16), 2 => 0u16..8, 1 => any::<u16>()];
    let next = prop_oneof![4 => 0u16..8, 1 => any::<u16>()];
    (address, len, flags, next)
}

proptest! {
    #[test]
    fn any_ring_gives_chains_or_a_reason(
        descriptors in prop::collection::vec(any_descriptor(), 8),
        heads in prop::collection::vec(prop_oneof![4 => 0u16..8, 1 => any::<u16>()], 1..8),
        ahead in prop_oneof![4 => Just(0u16), 1 => any::<u16>()],
    ) {
        let mut bench = bench_with(INDIRECT_DESC | EVENT_IDX);
        bench.ram[..0x100].fill(1); // a table of 1s is one too
        for (index, &descriptor) in descriptors.iter().enumerate() {
            bench.driver.describe(&mut bench.ram, index as u16, descriptor);
        }
        for &head in &heads {
            bench.driver.publish(&mut bench.ram, head);
        }
        let published = (heads.len() as u16).wrapping_add(ahead);
        bench.driver.set_available_index(&mut bench.ram, published);
        for taken in 0..=QUEUE_ENTRIES {
            match bench.pop() {
                Ok(false) => {
                    prop_assert_eq!(taken, published);
                    break;
                }
                Ok(true) => prop_assert!(bench.chain.buffers().iter().all(is_in_memory)),
                Err(KillReason::Ring(_) | KillReason::OutOfGuestMemory { .. }) => break,
                Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
        prop_assert!(bench.chain.buffers().len() <= 256);
    }
}
