//! A network driver that lies: headers that cannot be true, packets of no length and of far too
//! much, chains as long as a ring. Each costs the packet; the card goes on. With `for=` it does so
//! for so many milliseconds.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::{lan, number};
use kit::frames::Frame;
use kit::net::{Card, HEADER_LEN, PLAIN, feature};
use kit::{GuestPhys, Nanos, interrupts, println, time};

kit::guest_test!(hostile_net);

/// flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, as they stand in memory.
const LIES: [[u8; HEADER_LEN]; 8] = [
    [1, 1, 54, 0, 0, 0, 34, 0, 16, 0],         // segments of no bytes
    [1, 1, 54, 0, 1, 0, 34, 0, 16, 0],         // of one byte
    [1, 1, 0xFF, 0xFF, 0xE8, 3, 34, 0, 16, 0], // headers longer than the packet
    [1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 16, 0],     // a sum that begins behind the end
    [1, 0, 0, 0, 0, 0, 34, 0, 0xFF, 0xFF],     // or goes there
    [0, 1, 54, 0, 0xE8, 3, 34, 0, 16, 0],      // a large packet that needs no sum
    [1, 4, 54, 0, 0xE8, 3, 34, 0, 16, 0],      // IPv6 that is none
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
];

fn hostile_net() {
    let mut card = lan::card(feature::CSUM | feature::HOST_TSO4);
    interrupts::enable();
    let (page, mut told) = (Frame::alloc(), 0);
    let end = time::now().after(Nanos::from_millis(number("for", 0).into()));
    loop {
        told += lie(&mut card, &page);
        if time::now() >= end {
            break;
        }
    }
    println!("{told} lies were told");
}

/// Tells all lies, and one truth; says how many that were.
fn lie(card: &mut Card, page: &Frame) -> usize {
    let mut frame = [0xFF; 1514];
    frame[6..12].copy_from_slice(&card.mac);
    for round in 0..200u32 {
        for lie in LIES {
            frame[12..14].copy_from_slice(if round % 2 == 0 { &[0x08, 0x00] } else { &[0x88, 0xB5] });
            while !card.send(lie, &frame[..(round as usize * 7) % 1514]) {
                card.kick();
            }
        }
        card.kick();
    }
    card.take_back();
    for buffers in [
        &[(page.phys(), 0, 0)][..],
        &[(page.phys(), 9, 0)],
        &[(page.phys(), 10, 0), (page.phys(), 0, 0)],
        &[(GuestPhys(0), 1 << 20, 0)],
        &[(GuestPhys(0), 1 << 20, 0); 64],
        &[(page.phys(), 4096, 0); 64],
    ] {
        card.send_chain(128, buffers);
        card.kick();
        assert_eq!(card.take_back(), 1, "it comes back, whatever it was");
    }
    assert!(card.send(PLAIN, &frame), "and the card still works");
    card.kick();
    assert_eq!(card.take_back(), 1);
    200 * LIES.len()
}
