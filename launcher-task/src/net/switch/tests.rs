//! What a switch does with frames, learned addresses and full queues.

use super::*;
use crate::net::{subnet::Subnet, table::AGE, unfinished::Unfinished};
use proptest::prelude::*;

const NOW: Nanos = Nanos(7);

fn address(last: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, last])
}

/// A switch with a gateway and ports that may say what they like.
fn switch(ports: u8, room: usize) -> Switch<'static> {
    with_identities(ports, room, |_| None)
}

/// A switch with a gateway and ports that are held to what they are.
fn strict_switch(ports: u8) -> Switch<'static> {
    let identity = |port| Identity::new(address(port), Subnet::new(0), port.into());
    with_identities(ports, 4096, |port| (port > 0).then(|| identity(port)))
}

fn with_identities(ports: u8, room: usize, identity: impl Fn(u8) -> Option<Identity>) -> Switch<'static> {
    let mut switch = Switch::default();
    for port in 0..ports {
        switch.add("x", address(port), identity(port), vec![0; room].leak()).unwrap();
    }
    switch
}

fn frame(to: MacAddress, from: MacAddress, len: usize) -> Vec<u8> {
    let mut frame = [to.0, from.0].concat();
    frame.resize(len, 0);
    frame
}

/// Sends, and tells which ports had something come.
fn send(switch: &mut Switch<'_>, port: usize, to: MacAddress, from: MacAddress, now: Nanos) -> Vec<usize> {
    switch.forward(port, Offload::NONE, &frame(to, from, 60), now);
    let waiting: Vec<usize> = (0..switch.ports.len()).filter(|&at| switch.first(at).is_some()).collect();
    waiting.iter().for_each(|&at| switch.pop(at, true));
    waiting
}

#[test]
fn a_frame_goes_to_its_address_and_a_groups_to_all_others() {
    let mut switch = switch(4, 4096);
    assert_eq!(send(&mut switch, 1, address(3), address(1), NOW), [3]);
    assert_eq!(send(&mut switch, 1, MacAddress::BROADCAST, address(1), NOW), [0, 2, 3]);
    assert_eq!(send(&mut switch, 1, address(99), address(1), NOW), [0, 2, 3]);
    assert_eq!(send(&mut switch, 1, address(1), address(1), NOW), []);
}

#[test]
fn what_is_for_an_unknown_card_goes_where_it_may_be() {
    let mut switch = with_identities(4, 4096, |port| {
        (port == 1 || port == 2).then(|| Identity::new(address(port), Subnet::new(0), port.into()))
    });
    assert_eq!(send(&mut switch, 1, address(99), address(1), NOW), [0, 3], "2 has no card but its own");
    assert_eq!(send(&mut switch, 1, MacAddress::BROADCAST, address(1), NOW), [0, 2, 3]);
}

#[test]
fn what_lies_behind_a_card_is_learned_moves_and_ages() {
    let mut switch = switch(4, 4096);
    send(&mut switch, 2, address(0), address(50), NOW);
    assert_eq!(send(&mut switch, 1, address(50), address(1), NOW), [2]);
    send(&mut switch, 3, address(0), address(50), NOW);
    assert_eq!(send(&mut switch, 1, address(50), address(1), NOW), [3]);
    assert_eq!(send(&mut switch, 1, address(50), address(1), NOW.after(AGE)), [0, 2, 3]);
}

#[test]
fn nobody_speaks_in_another_s_name() {
    let mut switch = strict_switch(4);
    for other in [address(1), address(50), MacAddress::BROADCAST] {
        assert_eq!(send(&mut switch, 2, address(3), other, NOW), []);
    }
    let counters = switch.ports()[2].counters;
    assert_eq!((counters.sent, counters.refused.of(Refusal::Mac), counters.refused.all()), (3, 3, 3));
    assert_eq!(send(&mut switch, 3, address(1), address(3), NOW), [1]);
}

#[test]
fn a_sum_that_would_change_the_sender_is_refused() {
    let mut switch = strict_switch(3);
    let offload = Offload { checksum: Some(Unfinished { start: 6, offset: 0 }), large: None };
    assert_eq!(switch.forward(1, offload, &frame(address(2), address(1), 60), NOW), 0);
    assert_eq!(switch.ports()[1].counters.refused.of(Refusal::Malformed), 1);
}

#[test]
fn an_open_port_says_what_it_likes_and_hears_no_more_for_it() {
    let mut switch = switch(4, 4096);
    assert_eq!(send(&mut switch, 2, address(3), address(1), NOW), [3]);
    assert_eq!(send(&mut switch, 3, address(1), address(3), NOW), [1], "not 2, which claimed to be it");
    assert_eq!(send(&mut switch, 2, address(3), MacAddress::BROADCAST, NOW), [], "that is nobody's");
}

#[test]
fn a_port_that_makes_addresses_up_harms_itself() {
    let mut switch = switch(4, 4096);
    send(&mut switch, 3, address(0), address(50), NOW);
    for made_up in 100..200 {
        send(&mut switch, 2, address(0), address(made_up), NOW.after(Nanos(1)));
    }
    assert_eq!(send(&mut switch, 1, address(50), address(1), NOW), [3]);
    assert_eq!(send(&mut switch, 1, address(100), address(1), NOW), [0, 2, 3], "forgotten");
    assert_eq!(send(&mut switch, 1, address(199), address(1), NOW), [2]);
}

#[test]
fn a_full_queue_drops_and_counts_and_holds_nobody_up() {
    let mut switch = switch(3, 1024);
    for _ in 0..100 {
        switch.forward(1, Offload::NONE, &frame(address(2), address(1), 112), NOW);
    }
    let port = &switch.ports()[2];
    assert_eq!((port.waiting(), port.counters.dropped), (4, 96));
    assert_eq!(switch.forward(1, Offload::NONE, &frame(address(0), address(1), 112), NOW), 1);
    assert_eq!(switch.ports()[0].waiting(), 1);
}

#[test]
fn only_a_first_packet_awakens() {
    let mut switch = switch(3, 4096);
    let hello = frame(address(2), address(1), 60);
    switch.forward(1, Offload::NONE, &hello, NOW);
    assert_eq!((switch.take_awakened(), switch.take_awakened()), (0b100, 0));
    switch.forward(1, Offload::NONE, &hello, NOW);
    assert_eq!(switch.take_awakened(), 0);
}

#[test]
fn a_card_that_is_gone_gets_nothing() {
    let mut switch = switch(3, 4096);
    switch.forward(1, Offload::NONE, &frame(address(2), address(1), 60), NOW);
    switch.unplug(2);
    switch.forward(1, Offload::NONE, &frame(address(2), address(1), 60), NOW);
    assert_eq!((switch.ports()[2].counters.dropped, switch.ports()[2].waiting()), (2, 0));
}

proptest! {
    #[test]
    fn every_packet_is_accounted_for(
        acts in proptest::collection::vec((0u8..6, 0usize..4, 0u8..6, 0u8..6, 0usize..300), 0..500),
    ) {
        let mut switch = switch(4, 2048);
        for (act, port, to, from, len) in acts {
            match act {
                0 => switch.pop(port, len % 2 == 0),
                1 if len < 3 => switch.clear(port),
                1 => switch.refuse(port, Refusal::Malformed),
                _ => {
                    let to = if to == 5 { MacAddress::BROADCAST } else { address(to) };
                    let mut frame = frame(to, address(from), len.max(12));
                    frame.truncate(len);
                    switch.forward(port, Offload::NONE, &frame, NOW);
                }
            }
            let sum = |of: fn(&Port<'_>) -> u64| switch.ports().iter().map(of).sum::<u64>();
            let arrived = sum(|port| port.counters.received + port.counters.dropped + port.waiting() as u64);
            prop_assert_eq!(sum(|port| port.counters.copies), arrived);
            prop_assert!(sum(|port| port.counters.sent) >= sum(|port| port.counters.refused.all()));
        }
    }
}
