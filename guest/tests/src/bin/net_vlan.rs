//! TCP in packets larger than a wire takes, behind one VLAN tag and behind two: whoever cannot take
//! them whole gets them cut, each piece with the same tags.
//!
//! `role=send` sends `packets=` of them behind each number of tags; `role=receive` counts pieces until
//! nothing has come for a while, and looks at each.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::{lan, number};
use kit::net::{Card, HEADER_LEN, PLAIN, feature};
use kit::{Nanos, boot_params, hypercall, interrupts, println, report, time, words};

kit::guest_test!(net_vlan);

const LARGE: u64 =
    feature::CSUM | feature::GUEST_CSUM | feature::HOST_TSO4 | feature::GUEST_TSO4 | feature::MRG_RXBUF;
const TAGS: [&[u8]; 3] = [&[], &[0x81, 0, 0, 5], &[0x88, 0xA8, 0, 5, 0x81, 0, 0, 6]];
/// Bytes of TCP in a packet, and in each piece but the last.
const DATA: usize = 3000;
const PIECE: u16 = 1448;
/// How long the receiver waits for another piece; before the first one, three times that.
const SILENCE: Nanos = Nanos::from_millis(300);

fn net_vlan() {
    match words::value(boot_params::command_line(), "role") {
        Some("send") => send(lan::card(LARGE)),
        Some(_) => receive(lan::card(0)),
        None => report::skip("nobody to send to"),
    }
}

fn send(mut card: Card) {
    time::spin(Nanos::from_millis(20)); // until the receiver is there
    for tags in TAGS {
        let mut frame = [0x5A; 14 + 8 + 40 + DATA];
        let ip = 14 + tags.len();
        frame[..6].fill(0xFF);
        frame[6..12].copy_from_slice(&card.mac);
        frame[12..12 + tags.len()].copy_from_slice(tags);
        frame[ip - 2..ip].copy_from_slice(&[8, 0]);
        let [high, low] = (40 + DATA as u16).to_be_bytes();
        frame[ip..ip + 10].copy_from_slice(&[0x45, 0, high, low, 0, 7, 0x40, 0, 64, 6]);
        frame[ip + 10..ip + 20].copy_from_slice(&[0, 0, 10, 77, 0, 8, 10, 77, 0, 16]);
        frame[ip + 20..ip + 40].fill(0);
        (frame[ip + 32], frame[ip + 33]) = (5 << 4, 0x10);
        let [segment_low, segment_high] = PIECE.to_le_bytes();
        let start = (ip + 20) as u8;
        let header: [u8; HEADER_LEN] = [1, 1, start + 20, 0, segment_low, segment_high, start, 0, 16, 0];
        for _ in 0..number("packets", 10) {
            while !card.send(header, &frame[..ip + 40 + DATA]) {
                card.kick();
            }
            card.kick();
        }
    }
    println!("vlan: sent");
}

fn receive(mut card: Card) {
    time::on_alarm(|| {});
    interrupts::enable();
    let (mut frame, mut pieces) = ([0; 1600], [0; TAGS.len()]);
    let mut end = time::now().after(Nanos(3 * SILENCE.0));
    while time::now() < end {
        while let Some((header, len)) = card.receive(&mut frame) {
            let tags =
                TAGS.iter().rposition(|tags| frame[12..].starts_with(tags)).expect("none is a tag too");
            look_at(&frame[..len], 14 + TAGS[tags].len(), header);
            pieces[tags] += 1;
            end = time::now().after(SILENCE);
        }
        let saved = interrupts::save_and_disable();
        time::set_alarm(Nanos::from_millis(5));
        hypercall::halt();
        interrupts::restore(saved);
    }
    println!("vlan: {pieces:?} pieces have come");
    assert_eq!(pieces, [3 * number("packets", 10); 3], "three of each packet, however it is tagged");
}

/// Looks at a piece whose IP header is at `ip`: lengths, checksums, and data.
fn look_at(frame: &[u8], ip: usize, header: [u8; HEADER_LEN]) {
    assert_eq!(header, PLAIN, "nothing is left to do");
    assert_eq!(frame[ip - 2..ip], [8, 0], "IPv4 behind the tags");
    let len = usize::from(u16::from_be_bytes([frame[ip + 2], frame[ip + 3]]));
    assert_eq!(len, frame.len() - ip, "as long as it says");
    assert_eq!(sum(&frame[ip..ip + 20]), 0xFFFF, "the header's checksum");
    let tcp = (len - 20) as u16;
    let pseudo = [&frame[ip + 12..ip + 20], &[0, 6], &tcp.to_be_bytes()]
        .iter()
        .map(|part| u32::from(sum(part)))
        .sum::<u32>();
    let whole = pseudo + u32::from(sum(&frame[ip + 20..]));
    assert_eq!((whole & 0xFFFF) + (whole >> 16), 0xFFFF, "TCP's checksum");
    assert!(frame[ip + 40..].iter().all(|&byte| byte == 0x5A) && frame.len() - ip - 40 <= PIECE.into());
}

/// The sum of words, with the carries added.
fn sum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let sum: u32 = bytes.chunks(2).map(word).sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    ((folded & 0xFFFF) + (folded >> 16)) as u16
}
