//! What port 1 of network 0 may say, and what it may not.

use proptest::prelude::*;

use super::Refusal::Ipv6Source;
use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xA];
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 0xB];
const OWN: [u8; 4] = [10, 77, 0, 8];
const GATEWAY: [u8; 4] = [10, 77, 0, 1];
const NOBODY: [u8; 4] = [0; 4];
const OWN_V6: [u8; 16] = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFE, 0, 0, 0xA];
const OTHERS_V6: [u8; 16] = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFE, 0, 0, 0xB];

fn judge(frame: &[u8]) -> Result<(), Refusal> {
    Identity::new(MacAddress(MAC), Subnet::new(0), 1).judge(frame, None)
}

fn frame(kind: u16, packet: &[u8]) -> Vec<u8> {
    [&[0xFF; 6][..], &MAC, &kind.to_be_bytes(), packet].concat()
}

fn arp(operation: u8, card: [u8; 6], address: [u8; 4]) -> Vec<u8> {
    let packet = [&ARP_SHAPE[..], &[0, operation], &card, &address, &[0; 6], &OWN].concat();
    frame(ARP, &packet)
}

fn ipv4(protocol: u8, from: [u8; 4], behind: &[u8]) -> Vec<u8> {
    let head = [0x45, 0, 0, 20 + behind.len() as u8, 0, 0, 0, 0, 64, protocol, 0, 0];
    frame(IPV4, &[&head[..], &from, &[255; 4], behind].concat())
}

fn udp(from: u16, to: u16) -> Vec<u8> {
    [from.to_be_bytes(), to.to_be_bytes(), [0, 8], [0, 0]].concat()
}

fn ipv6(next: u8, from: [u8; 16], behind: &[u8]) -> Vec<u8> {
    let head = [0x60, 0, 0, 0, 0, behind.len() as u8, next, 255];
    frame(IPV6, &[&head[..], &from, &[0xFF; 16], behind].concat())
}

/// A message about a neighbour: kind, whose address, an option with a card.
fn neighbour(kind: u8, target: [u8; 16], option: u8, card: [u8; 6]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target, &[option, 1], &card].concat()
}

#[test]
fn what_ordinary_clients_say_is_heard() {
    for heard in [
        frame(0x88B5, &[1, 2, 3]),
        arp(1, MAC, OWN),
        arp(2, MAC, OWN),
        arp(1, MAC, NOBODY),
        ipv4(6, OWN, &[0; 20]),
        ipv4(17, OWN, &udp(5353, 5353)),
        ipv4(17, [10, 77, 0, 15], &udp(1000, 67)),
        ipv4(17, NOBODY, &udp(68, 67)),
        ipv4(2, NOBODY, &[0; 8]),
        ipv4(1, OWN, &[8, 0, 0, 0, 0, 0, 0, 0]),
        ipv6(58, [0; 16], &neighbour(135, OWN_V6, 14, OTHER)),
        ipv6(58, OWN_V6, &neighbour(135, OTHERS_V6, 1, MAC)),
        ipv6(58, OWN_V6, &neighbour(136, OWN_V6, 2, MAC)),
        ipv6(58, OWN_V6, &[133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 0xA]),
        ipv6(0, OWN_V6, &[58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0]),
        ipv6(6, OWN_V6, &[0; 20]),
        ipv6(17, OWN_V6, &udp(546, 547)),
    ] {
        assert_eq!(judge(&heard), Ok(()), "{heard:x?}");
    }
}

/// Each lie, with what it is about.
fn lies() -> Vec<(Vec<u8>, Refusal)> {
    let mut others_frame = frame(0x88B5, &[]);
    others_frame[6..12].copy_from_slice(&OTHER);
    let mut rarp = arp(4, MAC, OWN);
    rarp[12..14].copy_from_slice(&RARP.to_be_bytes());
    vec![
        (others_frame, Mac),
        (arp(1, MAC, GATEWAY), ArpSender),
        (arp(2, MAC, [10, 77, 0, 16]), ArpSender),
        (arp(2, OTHER, OWN), ArpSender),
        (arp(2, MAC, NOBODY), ArpSender),
        (rarp, Server),
        (ipv4(6, GATEWAY, &[0; 20]), Ipv4Source),
        (ipv4(17, [10, 77, 1, 8], &udp(1, 2)), Ipv4Source),
        (ipv4(17, NOBODY, &udp(68, 53)), Ipv4Source),
        (ipv4(6, NOBODY, &[0, 68, 0, 67]), Ipv4Source),
        (ipv4(17, OWN, &udp(67, 68)), Server),
        (ipv4(17, OWN, &udp(4000, 68)), Server),
        (ipv4(1, OWN, &[5, 0, 0, 0]), Server),
        (ipv4(1, OWN, &[9, 0, 0, 0]), Server),
        (ipv6(6, OTHERS_V6, &[0; 20]), Ipv6Source),
        (ipv6(6, [0; 16], &[0; 20]), Ipv6Source),
        (ipv6(58, OWN_V6, &neighbour(136, OTHERS_V6, 2, MAC)), Ipv6Source),
        (ipv6(58, OWN_V6, &neighbour(136, OWN_V6, 2, OTHER)), Ipv6Source),
        (ipv6(58, OWN_V6, &neighbour(135, OTHERS_V6, 1, OTHER)), Ipv6Source),
        (ipv6(58, OWN_V6, &neighbour(134, OWN_V6, 1, MAC)), Server),
        (ipv6(58, OWN_V6, &neighbour(137, OWN_V6, 2, MAC)), Server),
        (ipv6(17, OWN_V6, &udp(547, 546)), Server),
    ]
}

#[test]
fn a_lie_about_the_sender_is_refused() {
    for (lie, why) in lies() {
        assert_eq!(judge(&lie), Err(why), "{lie:x?}");
    }
}

#[test]
fn a_tag_hides_no_lie() {
    for (lie, why) in lies() {
        for tags in [&[0x81, 0, 0, 5][..], &[0x88, 0xA8, 0, 5, 0x81, 0, 0, 6], &[0x81, 0, 0, 0].repeat(4)] {
            let tagged = [&lie[..12], tags, &lie[12..]].concat();
            assert_eq!(judge(&tagged), Err(why), "{tagged:x?}");
        }
        let tagged = [&lie[..12], &[0x81, 0, 0, 5].repeat(5), &lie[12..]].concat();
        assert_eq!(judge(&tagged), Err(Malformed), "more tags than are looked behind");
    }
}

#[test]
fn an_extension_or_a_fragment_hides_no_lie() {
    let lie = neighbour(136, OTHERS_V6, 2, MAC);
    let advertised = neighbour(134, OWN_V6, 1, MAC);
    let behind = |head: &[u8], message: &[u8]| [head, message].concat();
    let options = [58, 0, 1, 4, 0, 0, 0, 0];
    assert_eq!(judge(&ipv6(0, OWN_V6, &behind(&options, &lie))), Err(Ipv6Source));
    assert_eq!(judge(&ipv6(60, OWN_V6, &behind(&options, &advertised))), Err(Server));
    let first_fragment = [58, 0, 0, 1, 0, 0, 0, 7];
    assert_eq!(judge(&ipv6(44, OWN_V6, &behind(&first_fragment, &advertised))), Err(Server));
    let truth = neighbour(136, OWN_V6, 2, MAC);
    assert_eq!(judge(&ipv6(44, OWN_V6, &behind(&first_fragment, &truth))), Err(Malformed));
    assert_eq!(judge(&ipv6(44, OWN_V6, &behind(&[58, 0, 0, 9, 0, 0, 0, 7], &lie))), Ok(()), "later ones");
    let many = [[60, 0, 1, 4, 0, 0, 0, 0].repeat(20), lie].concat();
    assert_eq!(judge(&ipv6(60, OWN_V6, &many)), Err(Malformed), "more than are looked at");
}

#[test]
fn a_later_fragment_is_from_whom_it_says() {
    let mut fragment = ipv4(17, GATEWAY, &[0; 8]);
    fragment[21] = 1;
    assert_eq!(judge(&fragment), Err(Ipv4Source));
    let mut fragment = ipv4(17, OWN, &udp(67, 68));
    fragment[21] = 1;
    assert_eq!(judge(&fragment), Ok(()), "these are no ports");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let mut short = arp(1, MAC, OWN);
    short.truncate(41);
    let (mut header, mut shape) = (ipv4(6, OWN, &[]), arp(1, MAC, OWN));
    header[14] = 0x46;
    shape[18] = 8;
    for unreadable in
        [vec![0xFF; 13], short, header, shape, ipv4(17, OWN, &[0, 67, 0]), ipv6(58, OWN_V6, &[])]
    {
        assert_eq!(judge(&unreadable), Err(Malformed), "{unreadable:x?}");
    }
}

#[test]
fn a_checksum_goes_where_nothing_was_judged() {
    let identity = Identity::new(MacAddress(MAC), Subnet::new(0), 1);
    let goes =
        |frame: &[u8], start, offset| identity.judge(frame, Some(Unfinished { start, offset })).is_ok();
    let (tcp, udp) = (ipv4(6, OWN, &[0; 40]), ipv4(17, OWN, &[udp(9, 9), vec![0; 30]].concat()));
    let ping = ipv6(58, OWN_V6, &[128, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(goes(&tcp, 34, 16) && goes(&udp, 34, 6) && goes(&ping, 54, 2), "each at its own place");
    assert!(goes(&udp, 42, 0), "inside of a tunnel");
    assert!(!goes(&tcp, 14, 12) && !goes(&tcp, 26, 0), "the sender's address");
    assert!(!goes(&udp, 34, 0) && !goes(&udp, 14, 20), "ports");
    assert!(!goes(&ping, 54, 0) && !goes(&ping, 54, 8), "kind and target");
    assert!(!goes(&arp(1, MAC, OWN), 14, 14) && !goes(&frame(0x88B5, &[0; 8]), 6, 0));
    assert!(goes(&frame(0x88B5, &[0; 8]), 14, 0));
}

proptest! {
    #[test]
    fn any_frame_is_judged(
        noise in proptest::collection::vec(any::<u8>(), 0..200), which in 0usize..22, cut in 0usize..100,
        changes in proptest::collection::vec((12usize..90, any::<u8>()), 0..4),
    ) {
        let mut frame = lies()[which].0.clone();
        frame.extend(noise);
        frame.truncate(frame.len() - cut.min(frame.len()));
        for (place, byte) in changes {
            frame.get_mut(place).into_iter().for_each(|old| *old = byte);
        }
        let _ = judge(&frame);
    }
}
