//! A ring in honest hands, and in others.

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
fn an_interrupt_is_due_once_and_only_if_wanted() {
    let mut bench = bench();
    assert!(!bench.settle());
    for (flags, wanted) in [(0, true), (1, false)] {
        bench.driver.set_available_flags(&mut bench.ram, flags);
        bench.one_round();
        assert_eq!(bench.settle(), wanted);
        assert!(!bench.settle());
    }
}

#[test]
fn an_empty_ring_interrupts_all_the_same_if_that_was_agreed() {
    let mut bench = bench_with(NOTIFY_ON_EMPTY);
    bench.driver.set_available_flags(&mut bench.ram, 1);
    assert!(!bench.settle(), "it is empty, but nothing was given back");
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    bench.one_round();
    assert!(!bench.settle(), "one is left");
    assert_eq!(bench.pop(), Ok(true));
    bench.give_back(0);
    assert!(bench.settle());
}

#[test]
fn an_interrupt_is_due_when_the_used_index_passes_the_event() {
    let mut bench = bench_with(EVENT_IDX);
    bench.driver.set_available_flags(&mut bench.ram, 1);
    bench.one_round();
    assert!(bench.settle(), "at 0, the flags do not count");
    bench.driver.set_used_event(&mut bench.ram, 3);
    for wanted in [false, false, true, false] {
        bench.one_round();
        assert_eq!(bench.settle(), wanted);
    }
    bench.driver.set_used_event(&mut bench.ram, 6);
    (0..4).for_each(|_| bench.one_round());
    assert!(bench.settle(), "passed among others");
}

#[test]
fn a_kick_is_asked_for_at_the_next_chain_if_kicks_are_wanted() {
    let mut bench = bench_with(EVENT_IDX);
    bench.one_round();
    bench.one_round();
    bench.settle();
    assert_eq!(bench.driver.avail_event(&bench.ram), 2);
    bench.queue.want_kicks(&mut bench.ram, false).unwrap();
    bench.one_round();
    bench.settle();
    assert_eq!(bench.driver.avail_event(&bench.ram), 2, "no kick at what comes");
    bench.queue.want_kicks(&mut bench.ram, true).unwrap();
    bench.settle();
    assert_eq!(bench.driver.avail_event(&bench.ram), 3);
}

#[test]
fn events_are_passed_across_the_end_of_the_index() {
    assert!(has_passed(0xFFFF, 0xFFFE, 0));
    assert!(has_passed(0, 0xFFFE, 2));
    assert!(!has_passed(1, 0xFFFE, 1));
    assert!(!has_passed(5, 6, 9));
}

#[test]
fn a_table_stands_for_its_descriptors() {
    let mut bench = bench_with(INDIRECT_DESC);
    let head =
        bench.driver.offer_in_table(&mut bench.ram, 0x100, &[(0x10, 1, Readable), (0x20, 2, Writable)]);
    assert_eq!(bench.pop(), Ok(true));
    let expected = [
        Buffer { at: GuestPhys(0x10), len: 1, direction: Readable },
        Buffer { at: GuestPhys(0x20), len: 2, direction: Writable },
    ];
    assert_eq!(bench.chain.buffers(), expected);
    bench.give_back(2);
    assert_eq!(bench.driver.used(&bench.ram), [(head.into(), 2)]);
}

#[test]
fn a_table_may_end_a_chain() {
    let mut bench = bench_with(INDIRECT_DESC);
    write_descriptor(&mut bench.ram, 0x100, 0, (0x20, 2, DESC_WRITE, 0));
    bench.driver.describe(&mut bench.ram, 0, (0x10, 1, DESC_NEXT, 1));
    bench.driver.describe(&mut bench.ram, 1, (0x100, 16, DESC_INDIRECT | DESC_WRITE, 0));
    bench.driver.publish(&mut bench.ram, 0);
    assert_eq!(bench.pop(), Ok(true));
    assert_eq!(bench.chain.buffers().iter().map(|buffer| buffer.at.0).collect::<Vec<_>>(), [0x10, 0x20]);
}

/// Kicks with one indirect descriptor and a table of one.
fn table_error(descriptor: (u64, u32, u16, u16), inner: (u64, u32, u16, u16)) -> KillReason {
    let mut bench = bench_with(INDIRECT_DESC);
    write_descriptor(&mut bench.ram, 0x100, 0, inner);
    bench.driver.describe(&mut bench.ram, 9, descriptor);
    bench.driver.publish(&mut bench.ram, 9);
    bench.pop_error()
}

#[test]
fn a_table_that_is_none_kills_the_guest() {
    const PLAIN: (u64, u32, u16, u16) = (0, 1, 0, 0);
    let table = |at, len| table_error((at, len, DESC_INDIRECT, 0), PLAIN);
    assert_eq!(table(0x100, 0), RingError::Table { index: 9, len: 0 }.into());
    assert_eq!(table(0x100, 17), RingError::Table { index: 9, len: 17 }.into());
    assert_eq!(table(1 << 32, 16), RingError::HighAddress { index: 9 }.into());
    let at = GuestPhys(LIMIT - 15);
    assert_eq!(table(at.0.into(), 16), KillReason::OutOfGuestMemory { at, len: 16 });
    let linked = table_error((0x100, 16, DESC_INDIRECT | DESC_NEXT, 3), PLAIN);
    assert_eq!(linked, RingError::Nested { index: 9 }.into());
}

#[test]
fn a_table_within_a_table_kills_the_guest() {
    let nested = table_error((0x100, 16, DESC_INDIRECT, 0), (0x100, 16, DESC_INDIRECT, 0));
    assert_eq!(nested, RingError::Nested { index: 0 }.into());
}

#[test]
fn a_table_that_loops_kills_the_guest() {
    let looped = table_error((0x100, 16, DESC_INDIRECT, 0), (0, 1, DESC_NEXT, 0));
    assert_eq!(looped, RingError::Loop.into());
    let beyond = table_error((0x100, 16, DESC_INDIRECT, 0), (0, 1, DESC_NEXT, 1));
    assert_eq!(beyond, RingError::Index { index: 1 }.into());
}

#[test]
fn kicks_are_refused_and_wanted_again_by_the_used_flags() {
    let mut bench = bench();
    bench.queue.want_kicks(&mut bench.ram, false).unwrap();
    assert_eq!(bench.driver.used_flags(&bench.ram), 1);
    bench.queue.want_kicks(&mut bench.ram, true).unwrap();
    assert_eq!(bench.driver.used_flags(&bench.ram), 0);
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
