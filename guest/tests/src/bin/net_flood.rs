//! A flood of packets from one Guest to another, numbered, so that none can be invented, doubled or
//! put in another order; what gets lost, the Host must have counted.
//!
//! With `look=0` the receiver does not look, and what the sender says each has cost is the price of
//! the way alone, Host and both Guests together.
//!
//! `role=send` sends `packets=` of them to `to=`, the last two digits of the receiver's address,
//! which is `02:00:00:00:00:XX`; `role=receive` counts until nothing has come for a while.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::{lan, number};
use kit::net::{Card, PLAIN};
use kit::{Nanos, boot_params, hypercall, interrupts, println, report, time, words};

kit::guest_test!(net_flood);

const BATCH: u32 = 32;
const LEN: usize = 1514;
/// Packets before the count begins.
const WARM: u32 = 1000;
/// How long the receiver waits for another packet; before the first one, three times that.
const SILENCE: Nanos = Nanos::from_millis(300);

fn net_flood() {
    let role = words::value(boot_params::command_line(), "role");
    if role.is_none() {
        report::skip("nobody to flood");
    }
    let card = lan::card(0);
    time::on_alarm(|| {});
    interrupts::enable();
    match role {
        Some("send") => send(card),
        _ => receive(card),
    }
}

fn send(mut card: Card) {
    let (packets, to, len) =
        (number("packets", 1000), number("to", 2) as u8, number("len", LEN as u32) as usize);
    time::spin(Nanos::from_millis(20)); // until the receiver is there
    let mut frame = [0x5A; LEN];
    frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, to]);
    frame[6..12].copy_from_slice(&card.mac);
    frame[12..14].copy_from_slice(&[0x88, 0xB5]); // for experiments
    let mut start = 0;
    for number in 0..packets {
        if number == WARM {
            start = time::rdtsc();
        }
        frame[14..18].copy_from_slice(&number.to_le_bytes());
        while !card.send(PLAIN, &frame[..len]) {
            card.kick();
        }
        if number % BATCH == BATCH - 1 {
            card.kick();
        }
    }
    card.kick();
    if packets > WARM {
        let each = (time::rdtsc() - start) / u64::from(packets - WARM);
        println!("flood: {each} each");
    }
    println!("flood: {packets} sent");
}

fn receive(mut card: Card) {
    let (mut frame, mut heard, mut next) = ([0; LEN], 0u32, 0u32);
    let mut end = time::now().after(Nanos(3 * SILENCE.0));
    let looks = number("look", 1) != 0;
    while time::now() < end {
        while !looks && card.discard().is_some() {
            heard += 1;
            end = time::now().after(SILENCE);
        }
        while let Some((header, len)) = card.receive(&mut frame) {
            let number = u32::from_le_bytes([frame[14], frame[15], frame[16], frame[17]]);
            assert_eq!((header, len), (PLAIN, LEN));
            assert!(frame[12..14] == [0x88, 0xB5] && frame[18..].iter().all(|&byte| byte == 0x5A));
            assert!(number >= next, "packet {number} after {next} had come");
            (heard, next) = (heard + 1, number + 1);
            end = time::now().after(SILENCE);
        }
        let saved = interrupts::save_and_disable();
        time::set_alarm(Nanos::from_millis(5));
        hypercall::halt();
        interrupts::restore(saved);
    }
    println!("flood: {heard} received");
    assert!(heard > 0, "nothing has come");
}
