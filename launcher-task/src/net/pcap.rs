//! Captures: what went over a network, in a form every tool reads.
//!
//! ```text
//!  24 bytes   magic, version 2.4, zone, accuracy, longest frame, link type: Ethernet
//!  16 bytes   seconds, microseconds, bytes kept, bytes there were     } for each
//!  n bytes    the frame                                               } frame
//! ```
//!
//! A capture is written to a ring here and taken from there to a slow line. It
//! never holds a packet up: a frame for which there is no room is not written
//! down, and how many that were is known.
//!
//! Frames are written as they are sent. One whose checksum is left to its
//! receiver shows that, and a large one is shown in one piece.
//!
//! Invariants: what comes out is a whole capture, whatever was lost
//! (`a_full_ring_loses_whole_frames`).
//!
//! Source: IETF draft-ietf-opsawg-pcap, "PCAP Capture File Format".
//!
//! Next on the tour: the network card, `device.rs`.

use abi::Nanos;

use super::queue::FRAME_MAX;

const MAGIC: u32 = 0xA1B2_C3D4;
const ETHERNET: u32 = 1;
const RECORD_LEN: usize = 16;

/// A network being written down.
#[derive(Debug)]
pub struct Capture<'a> {
    ring: &'a mut [u8],
    /// The oldest byte, and how many there are.
    start: usize,
    len: usize,
    /// Seconds since 1970 when the clock stood at zero.
    epoch: u32,
    lost: u64,
}

impl<'a> Capture<'a> {
    /// Bytes of memory it wants.
    pub const ROOM: usize = 256 << 10;

    /// An empty capture, its header ready to go; the clock stood at zero `epoch` seconds after 1970.
    pub fn new(ring: &'a mut [u8], epoch: u32) -> Self {
        let mut capture = Self { ring, start: 0, len: 0, epoch, lost: 0 };
        let fields = [MAGIC, 4 << 16 | 2, 0, 0, FRAME_MAX as u32, ETHERNET];
        fields.iter().for_each(|field| capture.push(&field.to_le_bytes()));
        capture
    }

    /// Writes a frame down that was sent at the time `now`.
    pub fn note(&mut self, now: Nanos, frame: &[u8]) {
        if self.ring.len() - self.len < RECORD_LEN + frame.len() {
            self.lost += 1;
            return;
        }
        let (seconds, nanos) = (now.0 / 1_000_000_000, now.0 % 1_000_000_000);
        let seconds = self.epoch.wrapping_add(seconds as u32);
        let len = frame.len() as u32;
        [seconds, (nanos / 1000) as u32, len, len].iter().for_each(|field| self.push(&field.to_le_bytes()));
        self.push(frame);
    }

    /// Frames not written down.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Bytes not taken away yet.
    pub const fn waiting(&self) -> usize {
        self.len
    }

    /// Adds bytes there is room for.
    fn push(&mut self, bytes: &[u8]) {
        let end = (self.start + self.len) % self.ring.len();
        let first = bytes.len().min(self.ring.len() - end);
        self.ring[end..end + first].copy_from_slice(&bytes[..first]);
        self.ring[..bytes.len() - first].copy_from_slice(&bytes[first..]);
        self.len += bytes.len();
    }

    /// Offers `take` the oldest bytes, until it takes none.
    pub fn drain(&mut self, take: &mut dyn FnMut(&[u8]) -> usize) {
        while self.len > 0 {
            let end = self.ring.len().min(self.start + self.len);
            let taken = take(&self.ring[self.start..end]);
            if taken == 0 {
                return;
            }
            self.start = (self.start + taken) % self.ring.len();
            self.len -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(capture: &mut Capture<'_>, at_once: usize) -> Vec<u8> {
        let mut all = Vec::new();
        capture.drain(&mut |bytes| {
            let len = bytes.len().min(at_once);
            all.extend_from_slice(&bytes[..len]);
            len
        });
        all
    }

    #[test]
    fn a_capture_begins_with_its_header() {
        let mut ring = [0; 200];
        let mut capture = Capture::new(&mut ring, 1000);
        capture.note(Nanos(2_000_003_999), b"frame");
        let bytes = taken(&mut capture, 7);
        assert_eq!(bytes[..8], [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0]);
        assert_eq!(bytes[20..24], [1, 0, 0, 0]);
        assert_eq!(bytes[24..40], [0xEA, 3, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0]);
        assert_eq!(&bytes[40..], b"frame");
    }

    #[test]
    fn a_full_ring_loses_whole_frames() {
        let mut ring = [0; 100];
        let mut capture = Capture::new(&mut ring, 0);
        let mut lens = Vec::new();
        for round in 0..50u8 {
            capture.note(Nanos(0), &vec![round; 20 + usize::from(round)]);
            if round % 3 == 0 {
                let bytes = taken(&mut capture, 13);
                let mut rest = &bytes[if lens.is_empty() { 24 } else { 0 }..];
                while !rest.is_empty() {
                    let len = usize::from(rest[8]);
                    let first = rest[16];
                    assert!(
                        rest[16..16 + len].iter().all(|&byte| byte == first)
                            && len == 20 + usize::from(first)
                    );
                    lens.push(len);
                    rest = &rest[16 + len..];
                }
            }
        }
        assert_eq!(lens.len() as u64 + capture.lost() + u64::from(capture.waiting() > 0), 50);
        assert!(capture.lost() > 10 && lens.len() > 10);
    }
}
