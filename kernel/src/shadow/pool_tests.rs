//! Tables taken, filled and given back.

use super::*;
use crate::shadow::entry::P;

#[test]
fn a_table_given_back_is_empty() {
    let mut pool = pool_of(1, HostPhys(0x80_0000));
    let table = pool.take().unwrap();
    for index in [0, 31, 32, 700, 1023] {
        pool.set(table, index, 0xABC0_0001);
    }
    pool.give_back(table);
    let table = pool.take().unwrap();
    assert!((0..ENTRIES).all(|index| table.get(index) == 0));
    assert_eq!(pool.next_used(table, 0..ENTRIES), None);
}

#[test]
fn an_empty_pool_says_so() {
    let mut pool = pool_of(2, HostPhys(0x80_0000));
    assert!(pool.take().is_some() && pool.take().is_some());
    assert_eq!(pool.take(), None);
    assert_eq!(pool.at_most(), 2);
}

#[test]
fn an_entry_leads_back_to_its_table() {
    let mut pool = pool_of(3, HostPhys(0x80_0000));
    let table = pool.take().unwrap();
    assert_eq!(pool.table_at(pool.address(table).0 | P), Some(table));
    assert_eq!(pool.table_at(0x80_3000 | P), None);
    assert_eq!(pool.table_at(0x7F_F000 | P), None);
    assert_eq!(pool.table_at(0), None);
}

#[test]
fn clearing_a_part_leaves_the_rest() {
    let mut pool = pool_of(1, HostPhys(0x80_0000));
    let table = pool.take().unwrap();
    pool.set(table, 767, 1);
    pool.set(table, 768, 1);
    pool.clear(table, 0..768);
    assert_eq!((table.get(767), table.get(768)), (0, 1));
    assert_eq!(pool.next_used(table, 0..ENTRIES), Some(768));
}

#[test]
fn what_is_renewed_is_what_was_used() {
    let mut pool = pool_of(1, HostPhys(0x80_0000));
    let table = pool.take().unwrap();
    [5, 31, 64, 511, 512, 1023].into_iter().for_each(|index| pool.set(table, index, 1));
    let mut seen = Vec::new();
    pool.renew(table, 0..512, |index, old| {
        seen.push((index, old));
        if index == 31 { 0 } else { 7 }
    });
    assert_eq!(seen, [5, 31, 64, 511].map(|index| (index, 1)));
    assert_eq!([5, 31, 64, 511, 512].map(|index| table.get(index)), [7, 0, 7, 7, 1]);
    pool.clear(table, 0..512);
    assert_eq!(pool.next_used(table, 0..ENTRIES), Some(512));
}
