//! Frames a driver might send, and a judge of checksums that adds up by itself.
//!
//! Next on the tour: [`crate::net::cutter`].

/// A TCP packet over IPv4 from the first port's address to the second's, with these flags, sound in every checksum: identification 7, sequence
/// number 0xFFFF_FF00.
pub fn tcp4(flags: u8, data: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0, 0, 0, 0, 7, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 8, 10, 77, 0, 16];
    ip[2..4].copy_from_slice(&((40 + data.len()) as u16).to_be_bytes());
    let sum = !words(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    frame([0x08, 0x00], ip, flags, data)
}

/// A frame with VLAN tags of these kinds.
pub fn tagged(tags: &[u16], frame: &[u8]) -> Vec<u8> {
    let tags = tags.iter().flat_map(|kind| [kind.to_be_bytes(), [0, 5]].concat());
    frame[..12].iter().copied().chain(tags).chain(frame[12..].iter().copied()).collect()
}

/// The frame without them.
pub fn untagged(tags: &[u16], frame: &[u8]) -> Vec<u8> {
    [&frame[..12], &frame[12 + 4 * tags.len()..]].concat()
}

/// A TCP packet over IPv6, sound as well.
pub fn tcp6(flags: u8, data: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x60, 0, 0, 0, 0, 0, 6, 64];
    ip[4..6].copy_from_slice(&(20 + data.len() as u16).to_be_bytes());
    ip.extend([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    ip.extend([0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    frame([0x86, 0xDD], ip, flags, data)
}

fn frame(kind: [u8; 2], ip: Vec<u8>, flags: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2];
    frame.extend(kind);
    frame.extend(ip);
    let tcp = frame.len();
    frame.extend([0x12, 0x34, 0, 80, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 9, 0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    frame.extend(data);
    let sum = !segment_sum(&frame, tcp);
    frame[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// Tells whether the checksums of a TCP packet are what they should be.
pub fn checksums_are_right(frame: &[u8]) -> bool {
    let is_v6 = frame[12] == 0x86;
    let tcp = if is_v6 { 54 } else { 34 };
    (is_v6 || words(&frame[14..34]) == 0xFFFF) && segment_sum(frame, tcp) == 0xFFFF
}

fn segment_sum(frame: &[u8], tcp: usize) -> u16 {
    let addresses = if tcp == 54 { &frame[22..54] } else { &frame[26..34] };
    let len = (frame.len() - tcp) as u16;
    let mut all = addresses.to_vec();
    all.extend([0, 6]);
    all.extend(len.to_be_bytes());
    all.extend(&frame[tcp..]);
    words(&all)
}

fn words(bytes: &[u8]) -> u16 {
    let sum = bytes
        .chunks(2)
        .fold(0u64, |sum, pair| sum + u64::from(pair[0]) * 256 + u64::from(*pair.get(1).unwrap_or(&0)));
    (0..4).fold(sum, |sum, _| (sum & 0xFFFF) + (sum >> 16)) as u16
}
