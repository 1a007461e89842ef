//! A flood of packets from one Guest to another, numbered, so that none can be invented, doubled or
//! put in another order; what gets lost, the Host must have counted.
//!
//! With `look=0` the receiver does not look, and what the sender says each has cost is the price of
//! the way alone, Host and both Guests together. With `large=1` each is TCP in 60 KB, for a wire to
//! cut up, which nobody does where both sides take it as it is.
//!
//! `role=send` sends `packets=` of them to `to=`, the last two digits of the receiver's address,
//! which is `02:00:00:00:00:XX`; `role=receive` counts until nothing has come for a while.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};

use kennel_guest_tests::{lan, number};
use kit::frames::Frame;
use kit::net::{Card, HEADER_LEN, PLAIN, feature};
use kit::{Nanos, PAGE_SIZE, boot_params, hypercall, interrupts, println, report, time, words};

kit::guest_test!(net_flood);

const BATCH: u32 = 32;
const LEN: usize = 1514;
/// Packets before the count begins.
const WARM: u32 = 1000;
/// What a card must do for large packets.
const LARGE: u64 =
    feature::CSUM | feature::GUEST_CSUM | feature::HOST_TSO4 | feature::GUEST_TSO4 | feature::MRG_RXBUF;
/// Pages of one, and how many are in the ring at a time.
const PAGES: usize = 15;
const DEPTH: u16 = 8;
/// A checksum from byte 34 on to be put at 50; TCP over IPv4, to be cut into 1,460 bytes each.
const TO_BE_CUT: [u8; HEADER_LEN] = [1, 1, 54, 0, 0xB4, 5, 34, 0, 16, 0];
/// How long the receiver waits for another packet; before the first one, three times that.
const SILENCE: Nanos = Nanos::from_millis(300);

/// An alarm that is still to come need not be set again, which would be an exit.
static ALARM_IS_SET: AtomicBool = AtomicBool::new(false);

fn net_flood() {
    let role = words::value(boot_params::command_line(), "role");
    if role.is_none() {
        report::skip("nobody to flood");
    }
    let is_large = number("large", 0) != 0;
    let card = lan::card(if is_large { LARGE } else { 0 });
    time::on_alarm(|| ALARM_IS_SET.store(false, Ordering::Relaxed));
    interrupts::enable();
    match role {
        Some("send") if is_large => send_large(card),
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

/// The same packet again and again: headers in front of fifteen pages of nothing.
fn send_large(mut card: Card) {
    let (packets, to) = (number("packets", 100), number("to", 2) as u8);
    time::spin(Nanos::from_millis(20)); // until the receiver is there
    let pages: [Frame; PAGES] = core::array::from_fn(|_| Frame::alloc());
    let mut head = [0; 12 + 54];
    head[..HEADER_LEN].copy_from_slice(&TO_BE_CUT);
    let frame = &mut head[12..];
    frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, to]);
    frame[6..12].copy_from_slice(&card.mac);
    let len = PAGES as u32 * PAGE_SIZE - 12 - 14;
    frame[12..20].copy_from_slice(&[0x08, 0x00, 0x45, 0, (len >> 8) as u8, len as u8, 0, 0]);
    (frame[23], frame[46]) = (6, 5 << 4); // TCP, whose header has five words
    frame[26..30].copy_from_slice(&[10, 77, 0, number("from", 8) as u8]); // the first Guest's address
    pages[0].write_from(0, &head);
    let buffers: [_; PAGES] = core::array::from_fn(|page| (pages[page].phys(), PAGE_SIZE, 0));
    let mut start = 0;
    for number in 0..packets {
        if number == packets / 5 {
            start = time::rdtsc();
        }
        card.send_chain(128 + PAGES as u16 * (number as u16 % DEPTH), &buffers);
        if number % u32::from(DEPTH) == u32::from(DEPTH) - 1 {
            card.kick();
            assert!(card.take_back() == DEPTH.into(), "what was kicked for is done");
        }
    }
    card.kick();
    let kib = u64::from(packets - packets / 5) * PAGES as u64 * u64::from(PAGE_SIZE >> 10);
    println!("flood: {} each", (time::rdtsc() - start) / kib);
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
        if !ALARM_IS_SET.swap(true, Ordering::Relaxed) {
            time::set_alarm(Nanos::from_millis(5));
        }
        hypercall::halt();
        interrupts::restore(saved);
    }
    println!("flood: {heard} received");
    assert!(heard > 0, "nothing has come");
}
