//! What comes over the line, made into packets.
//!
//! ```text
//!   $ body # two hex digits       body: anything but $ and #; the digits are its sum
//!   0x03                          outside of a packet: Ctrl-C
//! ```
//!
//! The other side may vanish in the middle of a word, and another come. So a
//! packet begins at the last `$`, what is not in a packet is noise, and one
//! whose sum is wrong never was: who has sent it will say it again.
//!
//! Invariants:
//! - What comes out was framed and its sum right, whatever goes in
//!   (`only_sound_packets_come_out`).
//! - No more than [`LONGEST`] bytes are kept (`a_packet_too_long_is_noise`).
//!
//! Source: "Debugging with GDB", "Remote Protocol: Overview".
//!
//! Next on the tour: `request.rs`.

use alloc::vec::Vec;

/// Bytes in the longest packet, framing included; GDB is told that many.
pub const LONGEST: usize = 4096;

/// Ctrl-C.
const INTERRUPT: u8 = 3;

/// What was heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// A packet's body.
    Packet(Vec<u8>),
    /// The person wants the Guests to stop.
    Interrupt,
}

/// The bytes of a packet that has begun.
#[derive(Default)]
pub struct Intake {
    /// Empty, or from `$` on.
    packet: Vec<u8>,
    /// Where the body ends, once that is known.
    end: Option<usize>,
}

impl Intake {
    /// Takes a byte; some are the last of something.
    pub fn take(&mut self, byte: u8) -> Option<Heard> {
        match byte {
            b'$' => self.begin(),
            INTERRUPT if self.packet.is_empty() => return Some(Heard::Interrupt),
            _ if self.packet.is_empty() => {}
            _ if self.packet.len() == LONGEST => self.packet.clear(),
            _ => return self.go_on(byte),
        }
        None
    }

    fn begin(&mut self) {
        self.packet.clear();
        self.packet.push(b'$');
        self.end = None;
    }

    fn go_on(&mut self, byte: u8) -> Option<Heard> {
        self.packet.push(byte);
        if self.end.is_none() && byte == b'#' {
            self.end = Some(self.packet.len() - 1);
        }
        let end = self.end.filter(|end| end + 3 == self.packet.len())?;
        let packet = core::mem::take(&mut self.packet);
        let digits = str::from_utf8(&packet[end + 1..]).ok().filter(|digits| !digits.starts_with('+'));
        let told = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let sum = packet[1..end].iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        (told == Some(sum)).then(|| Heard::Packet(packet[1..end].into()))
    }
}

/// Frames a packet's body, in which there is nothing to be escaped.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
    [b"$", body, alloc::format!("#{sum:02x}").as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(intake: &mut Intake, bytes: &[u8]) -> Vec<Heard> {
        bytes.iter().filter_map(|&byte| intake.take(byte)).collect()
    }

    #[test]
    fn a_packet_is_heard_at_its_end() {
        let mut intake = Intake::default();
        assert_eq!(heard(&mut intake, b"+$g#6"), []);
        assert_eq!(heard(&mut intake, b"7"), [Heard::Packet(b"g".into())]);
        assert_eq!(heard(&mut intake, b"\x03"), [Heard::Interrupt]);
    }

    #[test]
    fn who_vanishes_in_a_packet_is_forgotten_at_the_next() {
        let mut intake = Intake::default();
        assert_eq!(heard(&mut intake, b"$m1234,4$g#67"), [Heard::Packet(b"g".into())]);
        assert_eq!(heard(&mut intake, b"$m1234#$g#67"), [Heard::Packet(b"g".into())]);
    }

    #[test]
    fn noise_and_wrong_sums_are_not_heard() {
        let mut intake = Intake::default();
        assert_eq!(heard(&mut intake, b"\xFFgarbage#00$g#68$g#+7$g#zz-"), []);
        assert_eq!(heard(&mut intake, &framed(b"?")), [Heard::Packet(b"?".into())]);
    }

    #[test]
    fn a_packet_too_long_is_noise() {
        let mut intake = Intake::default();
        let long = [b'a'; LONGEST];
        assert_eq!(heard(&mut intake, &[b"$", &long[..], b"#00"].concat()), []);
        assert_eq!(heard(&mut intake, &framed(b"g")), [Heard::Packet(b"g".into())]);
    }

    proptest! {
        #[test]
        fn only_sound_packets_come_out(bytes in proptest::collection::vec(prop_oneof![
            Just(b'$'), Just(b'#'), Just(b'6'), Just(b'7'), Just(b'g'), Just(3), any::<u8>()
        ], 0..200)) {
            for heard in heard(&mut Intake::default(), &bytes) {
                let Heard::Packet(body) = heard else { continue };
                prop_assert!(body.len() < LONGEST && !body.iter().any(|byte| b"$#".contains(byte)));
            }
        }
    }
}
