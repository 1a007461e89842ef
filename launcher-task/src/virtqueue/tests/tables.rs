//! A descriptor that stands for a table of them.

use super::*;

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
