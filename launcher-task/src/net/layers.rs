//! Where the packet begins in a frame: behind the Ethernet header and whatever tags follow it.
//!
//! ```text
//!  0            12       14
//!  | to | from | kind | packet ...                       no tag
//!  | to | from | 8100 tag | kind | packet ...            802.1Q
//!  | to | from | 88A8 tag | 8100 tag | kind | packet     802.1ad, "QinQ"
//!  | to | from | length | AA AA 03 00 00 00 | kind | ... IEEE 802.2 with SNAP
//! ```
//!
//! A receiver may take the tags off and read what lies behind them, so whoever
//! judges a frame does the same.
//!
//! Invariants: a packet's place is in its frame (`any_frame_s_packet_begins_in_it`).
//!
//! Source: IEEE 802.1Q-2022, 9 "Tag formats"; RFC 1042.
//!
//! Next on the tour: [`super::headers`].

/// Bytes of an Ethernet header.
pub const ETHERNET_LEN: usize = 14;
/// Most tags that are looked behind.
pub const TAGS_MAX: usize = 4;
/// Most bytes before the packet, of a frame with nothing but tags.
pub const LINK_MAX: usize = ETHERNET_LEN + TAGS_MAX * TAG_LEN;

const TAG_LEN: usize = 4;
const SNAP: [u8; 6] = [0xAA, 0xAA, 0x03, 0, 0, 0];
const SNAP_LEN: usize = 8;
/// Below it, the kind of a frame is a length.
const KIND_MIN: u16 = 0x0600;

/// Kind of a frame with IPv4 in it.
pub const IPV4: u16 = 0x0800;
/// Kind of one with ARP in it.
pub const ARP: u16 = 0x0806;
/// Kind of one with reverse ARP in it.
pub const RARP: u16 = 0x8035;
/// Kind of one with IPv6 in it.
pub const IPV6: u16 = 0x86DD;

/// What is in a frame, and where it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    /// Its kind.
    pub kind: u16,
    /// Offset of its first byte.
    pub at: usize,
}

impl Content {
    /// Finds it behind at most [`TAGS_MAX`] tags; `None` if there are more, or the frame ends before.
    #[inline]
    pub fn find(frame: &[u8]) -> Option<Self> {
        let kind = word(frame, ETHERNET_LEN - 2)?;
        match kind {
            IPV4 | ARP | IPV6 => Some(Self { kind, at: ETHERNET_LEN }),
            _ => Self::behind_tags(frame, kind),
        }
    }

    #[cold]
    #[inline(never)]
    fn behind_tags(frame: &[u8], mut kind: u16) -> Option<Self> {
        let mut at = ETHERNET_LEN;
        for _ in 0..TAGS_MAX {
            match kind {
                0x8100 | 0x88A8 | 0x9100 | 0x9200 | 0x9300 => at += TAG_LEN,
                ..KIND_MIN if frame.get(at..).is_some_and(|rest| rest.starts_with(&SNAP)) => at += SNAP_LEN,
                _ => break,
            }
            kind = word(frame, at - 2)?;
        }
        let is_tag = matches!(kind, 0x8100 | 0x88A8 | 0x9100 | 0x9200 | 0x9300);
        (!is_tag).then_some(Self { kind, at })
    }
}

#[inline]
fn word(frame: &[u8], at: usize) -> Option<u16> {
    let bytes = frame.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(behind: &[u8]) -> Option<(u16, usize)> {
        let frame = [&[0; 12][..], behind].concat();
        Content::find(&frame).map(|content| (content.kind, content.at))
    }

    #[test]
    fn a_packet_is_found_behind_its_tags() {
        assert_eq!(found(&[8, 0]), Some((IPV4, 14)));
        assert_eq!(found(&[0x81, 0, 0, 5, 8, 6]), Some((ARP, 18)));
        assert_eq!(found(&[0x88, 0xA8, 0, 5, 0x81, 0, 0, 6, 0x86, 0xDD]), Some((IPV6, 22)));
        assert_eq!(found(&[0, 30, 0xAA, 0xAA, 3, 0, 0, 0, 8, 6]), Some((ARP, 22)));
        assert_eq!(found(&[0, 30, 0x42, 0x42, 3]), Some((30, 14)), "802.2 without SNAP");
    }

    #[test]
    fn too_many_tags_or_too_few_bytes_are_none() {
        let tags = |count| [[0x81, 0, 0, 5].repeat(count), vec![8, 0]].concat();
        assert_eq!(found(&tags(TAGS_MAX)), Some((IPV4, LINK_MAX)));
        assert_eq!(found(&tags(TAGS_MAX + 1)), None);
        assert_eq!((found(&[]), found(&[8]), found(&[0x81, 0, 0, 5, 8])), (None, None, None));
    }

    proptest! {
        #[test]
        fn any_frame_s_packet_begins_in_it(mut frame in proptest::collection::vec(any::<u8>(), 0..60), tagged: bool) {
            if tagged {
                frame.iter_mut().skip(12).step_by(4).for_each(|byte| *byte = 0x81);
                frame.iter_mut().skip(13).step_by(4).for_each(|byte| *byte = 0);
            }
            if let Some(content) = Content::find(&frame) {
                prop_assert!(content.at <= frame.len() && content.at <= ETHERNET_LEN + TAGS_MAX * SNAP_LEN);
            }
        }
    }
}
