//! A neighbour that says it is others: in ARP, as the sender of frames, packets and datagrams, as a
//! server for addresses and as a router, with and without VLAN tags. It then counts what comes for
//! others and should not have come, with `for=` for so many milliseconds.
//!
//! Its own address ends in `own=`. With `open=1` its card may say all that, and what comes of it is
//! not its fault.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::{lan, number};
use kit::net::{Card, PLAIN};
use kit::{Nanos, interrupts, println, time};

kit::guest_test!(hostile_neighbour);

/// Whose addresses it claims, but for its own: the gateway's, and those of the first ports.
const CLAIMED: [u8; 5] = [1, 8, 16, 24, 32];
/// The tags a lie is hidden behind.
const TAGS: [&[u8]; 3] = [&[], &[0x81, 0, 0, 5], &[0x88, 0xA8, 0, 5, 0x81, 0, 0, 6]];
const EVERYBODY: [u8; 6] = [0xFF; 6];

fn hostile_neighbour() {
    let mut card = lan::card(0);
    time::on_alarm(|| {});
    interrupts::enable();
    let end = time::now().after(Nanos::from_millis(number("for", 0).into()));
    let (mut told, mut stolen) = (0, 0);
    loop {
        for tags in TAGS {
            told += lie(&mut card, tags);
        }
        stolen += stolen_packets(&mut card);
        if time::now() >= end {
            break;
        }
    }
    println!("neighbour: {told} lies were told, {stolen} packets of others came");
    assert!(stolen == 0 || number("open", 0) == 1, "{stolen} packets of others came");
}

/// Tells each lie once, and says how many that were.
fn lie(card: &mut Card, tags: &[u8]) -> u32 {
    let mac = card.mac;
    let mut told = 0;
    for who in CLAIMED.into_iter().filter(|who| *who != own()) {
        let address = [10, 77, 0, who];
        for operation in [1, 2] {
            let head = [0, 1, 8, 0, 6, 4, 0, operation];
            told += tell(card, mac, tags, [8, 6], &[&head, &mac, &address, &[0xFF; 6], &address]);
        }
        let ip = |protocol| [0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0];
        for protocol in [1, 6, 17] {
            told += tell(card, mac, tags, [8, 0], &[&ip(protocol), &address, &[255; 4], &[0; 20]]);
        }
        let made_of_another = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFE, 0, 0, who];
        let ipv6 = [0x60, 0, 0, 0, 0, 8, 58, 255];
        told += tell(card, mac, tags, [0x86, 0xDD], &[&ipv6, &made_of_another, &[0xFF; 16], &[136; 8]]);
    }
    // An offer of an address, from whatever port it comes.
    let ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, own()];
    told += tell(card, mac, tags, [8, 0], &[&ip, &[255; 4], &[0, 67, 0, 68, 0, 8, 0, 0]]);
    told += tell(card, mac, tags, [8, 0], &[&ip, &[255; 4], &[9, 9, 0, 68, 0, 8, 0, 0]]);
    let [a, b, c, d, e, _] = mac;
    told + tell(card, [a, b, c, d, e, !mac[5]], tags, [0x88, 0xB5], &[])
}

/// The last number of its own address.
fn own() -> u8 {
    number("own", 8) as u8
}

/// Sends one frame to everybody; 1 if there was room for it.
fn tell(card: &mut Card, from: [u8; 6], tags: &[u8], kind: [u8; 2], parts: &[&[u8]]) -> u32 {
    let (mut frame, mut len) = ([0; 128], 0);
    for part in [&EVERYBODY[..], &from, tags, &kind].iter().chain(parts) {
        frame[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    let is_sent = card.send(PLAIN, &frame[..len.max(60)]);
    card.kick();
    card.take_back();
    is_sent.into()
}

/// How many frames have come that are for another: for its card, or for its address.
fn stolen_packets(card: &mut Card) -> u32 {
    let (mac, mut frame, mut stolen) = (card.mac, [0; 1514], 0);
    while let Some((_, len)) = card.receive(&mut frame) {
        if len < 34 || frame[0] & 1 != 0 {
            continue; // for everybody
        }
        let is_others_address = frame[12..14] == [8, 0] && frame[33] != own();
        stolen += u32::from(frame[..6] != mac || is_others_address);
    }
    stolen
}
