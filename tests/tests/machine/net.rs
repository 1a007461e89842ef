//! Guests on a network: what the gateway does for one, what two say to each other, what becomes of
//! a flood, and that a capture shows it all.

use std::process::Command;

use emulated::{Boot, Outcome, Qemu, artefacts, scratch::Scratch};

/// What `tshark` says of [`net_gateway`](../../guest/tests/src/bin/net_gateway.rs)'s network, in order.
const EXCHANGE: [&str; 13] = [
    "0.0.0.0 255.255.255.255 DHCP Discover",
    "10.77.0.1 10.77.0.8 DHCP Offer",
    "0.0.0.0 255.255.255.255 DHCP Request",
    "10.77.0.1 10.77.0.8 DHCP ACK",
    "ARP Who has 10.77.0.1? Tell 10.77.0.8",
    "ARP 10.77.0.1 is at 02:",
    "10.77.0.8 10.77.0.1 ICMP Echo (ping) request",
    "10.77.0.1 10.77.0.8 ICMP Echo (ping) reply",
    "10.77.0.8 10.77.0.1 TCP 40000 80 [SYN]",
    "10.77.0.1 10.77.0.8 TCP 80 40000 [SYN, ACK]",
    "10.77.0.8 10.77.0.1 TCP 40000 80 [ACK]",
    "10.77.0.8 10.77.0.1 HTTP GET / HTTP/1.0",
    "10.77.0.1 10.77.0.8 HTTP HTTP/1.0 200 OK",
];

fn boot(guests: &[(&str, &str)]) -> Boot {
    guests.iter().fold(Boot::bare(), |boot, (name, rest)| {
        boot.with(artefacts::guest(name), format!("guest mem=4M {rest}"))
    })
}

/// Runs Guests that must all pass.
#[track_caller]
fn pass(guests: &[(&str, &str)]) -> Outcome {
    let outcome = Qemu::kernel(&boot(guests)).counted().start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let passed = outcome.log.lines().filter(|line| line.starts_with("test: PASS")).count();
    assert_eq!(passed, guests.len(), "{}", outcome.log);
    outcome
}

/// What the Host has counted at a port, `NETWORK: PORT`: sent, refused, copies, received, dropped, waiting.
#[track_caller]
pub fn counters(outcome: &Outcome, port: &str) -> Vec<u64> {
    let prefix = format!("net {port}: ");
    let line = outcome.host_lines().find_map(|line| line.strip_prefix(&prefix));
    let line = line.unwrap_or_else(|| panic!("nothing about {port} in:\n{}", outcome.log));
    line.split(' ').filter_map(|word| word.parse().ok()).collect()
}

/// The number before `words` in a line of a Guest's.
#[track_caller]
fn said(outcome: &Outcome, words: &str) -> u64 {
    let number =
        outcome.log.lines().find_map(|line| line.strip_prefix("flood: ")?.strip_suffix(words)?.parse().ok());
    number.unwrap_or_else(|| panic!("nobody says{words}:\n{}", outcome.log))
}

#[test]
fn a_guest_finds_an_address_an_answer_and_a_page() {
    pass(&[("net_gateway", "name=net_gateway net=lan --")]);
}

#[test]
fn two_guests_talk_over_tcp() {
    let outcome =
        pass(&[("net_pair", "name=s net=lan -- role=server"), ("net_pair", "name=c net=lan -- role=client")]);
    assert!(outcome.log.contains("client: 200000 bytes sent, 4 heard"), "{}", outcome.log);
}

#[track_caller]
fn flood_on(bus: &str) {
    let sender = format!("name=a net=lan{bus} -- role=send packets=5000");
    let receiver = format!("name=b net=lan,mac=02:00:00:00:00:02{bus} -- role=receive");
    let outcome = pass(&[("net_flood", &sender), ("net_flood", &receiver)]);
    let (a, b) = (counters(&outcome, "lan: a"), counters(&outcome, "lan: b"));
    assert_eq!((a[0], a[1], a[2]), (5000, 0, 5000), "{}", outcome.log);
    assert_eq!(b[3] + b[4], 5000, "received and dropped:\n{}", outcome.log);
    assert_eq!((said(&outcome, " sent"), said(&outcome, " received")), (5000, b[3]), "{}", outcome.log);
    assert!(b[3] >= 4000, "the receiver gets its turns:\n{}", outcome.log);
}

#[test]
fn a_flood_adds_up_and_none_of_it_is_invented() {
    flood_on("");
}

/// How often a Guest has left.
#[track_caller]
fn exits(outcome: &Outcome, guest: &str) -> u64 {
    let prefix = format!("guest {guest}: exits all=");
    let line = outcome.log.lines().find_map(|line| line.strip_prefix(&prefix));
    let count = line.and_then(|line| line.split(' ').next()?.parse().ok());
    count.unwrap_or_else(|| panic!("nothing about {guest} in:\n{}", outcome.log))
}

/// Two floods of 32 packets to a kick, one of them a hundred kicks longer: what it exits more often,
/// sender and receiver together and slices included, is the price of a hundred batches.
#[test]
fn a_batch_of_32_packets_costs_at_most_three_exits() {
    for bus in ["", " bus=pci"] {
        let card = format!("mac=02:00:00:00:00:02{bus} -- role=receive");
        let outcome = pass(&[
            ("net_flood", &format!("name=a net=lan{bus} -- role=send packets=1032")),
            ("net_flood", &format!("name=b net=lan,{card}")),
            ("net_flood", &format!("name=c net=far{bus} -- role=send packets=4232")),
            ("net_flood", &format!("name=d net=far,{card}")),
        ]);
        assert_eq!(counters(&outcome, "far: d")[3..5], [4232, 0], "none is lost:\n{}", outcome.log);
        let (short, long) = (["a", "b"], ["c", "d"]);
        let [short, long] =
            [short, long].map(|pair| pair.iter().map(|guest| exits(&outcome, guest)).sum::<u64>());
        assert!((100..=300).contains(&(long - short)), "{short} and {long}:\n{}", outcome.log);
    }
}

#[test]
fn a_flood_takes_nothing_from_a_third_guest() {
    let outcome = pass(&[
        ("net_flood", "name=a net=lan -- role=send packets=5000"),
        ("net_flood", "name=b net=lan,mac=02:00:00:00:00:02 -- role=receive"),
        ("innocent", "name=i -- rounds=200 within=600"),
    ]);
    assert!(outcome.log.contains("test: PASS innocent"), "{}", outcome.log);
}

#[test]
fn a_card_on_pci_finds_what_any_card_finds() {
    pass(&[("net_gateway", "name=net_gateway net=lan bus=pci --")]);
}

/// The headers of the two buses differ in length, and neither card can tell what the other's is.
#[test]
fn cards_on_two_buses_talk_over_tcp() {
    let outcome = pass(&[
        ("net_pair", "name=s net=lan bus=pci -- role=server"),
        ("net_pair", "name=c net=lan -- role=client"),
    ]);
    assert!(outcome.log.contains("client: 200000 bytes sent, 4 heard"), "{}", outcome.log);
}

#[test]
fn a_flood_on_pci_adds_up_too() {
    flood_on(" bus=pci");
}

#[test]
fn a_driver_that_lies_loses_its_packets_and_nothing_else() {
    let outcome = pass(&[
        ("hostile_net", "name=liar net=lan --"),
        ("net_pair", "name=s net=lan -- role=server far=10.77.0.16"),
        ("net_pair", "name=c net=lan -- role=client far=10.77.0.16"),
    ]);
    let liar = counters(&outcome, "lan: liar");
    assert_eq!(liar[0], 1607, "{}", outcome.log);
    assert_eq!(liar[1], 1606, "{}", outcome.log);
}

/// What the Host says of why packets of a port were refused.
#[track_caller]
fn reasons<'o>(outcome: &'o Outcome, port: &str) -> &'o str {
    let prefix = format!("net {port}: ");
    let line = outcome.host_lines().find(|line| line.starts_with(&prefix));
    line.and_then(|line| line.split_once(" waiting")).map_or("", |(_, reasons)| reasons)
}

/// A neighbour claims to be everybody, the gateway too, while two others talk.
#[test]
fn who_claims_to_be_others_hears_nothing_that_is_theirs() {
    for bus in ["", " bus=pci"] {
        let outcome = pass(&[
            ("net_pair", &format!("name=s net=lan{bus} -- role=server")),
            ("net_pair", &format!("name=c net=lan{bus} -- role=client")),
            ("hostile_neighbour", &format!("name=liar net=lan{bus} -- own=24 for=300")),
        ]);
        assert!(outcome.log.contains("client: 200000 bytes sent, 4 heard"), "{}", outcome.log);
        let liar = counters(&outcome, "lan: liar");
        assert_eq!((liar[0], liar[2]), (liar[1], 0), "all of it was refused:\n{}", outcome.log);
        let reasons = reasons(&outcome, "lan: liar");
        for reason in ["MAC address", "ARP sender", "IPv4 source", "IPv6 source", "server"] {
            assert!(reasons.contains(&format!("{reason} ")), "{reason} is not in {reasons:?}");
        }
        for innocent in ["lan: s", "lan: c"] {
            assert_eq!(counters(&outcome, innocent)[1], 0, "{}", outcome.log);
        }
    }
}

/// For those who teach exactly that.
#[test]
fn an_open_card_may_claim_what_it_likes() {
    let outcome = pass(&[("hostile_neighbour", "name=liar net=lan,open -- open=1")]);
    let liar = counters(&outcome, "lan: liar");
    assert!(liar[0] > 50 && liar[1] == 0 && liar[2] == liar[0], "{}", outcome.log);
    assert!(outcome.log.contains("may have 10.77.0.8, and may speak as anybody"), "{}", outcome.log);
}

#[test]
fn large_packets_are_cut_behind_their_vlan_tags() {
    for bus in ["", " bus=pci"] {
        let outcome = pass(&[
            ("net_vlan", &format!("name=a net=lan{bus} -- role=send")),
            ("net_vlan", &format!("name=b net=lan{bus} -- role=receive")),
        ]);
        let (a, b) = (counters(&outcome, "lan: a"), counters(&outcome, "lan: b"));
        assert_eq!((a[0], a[1], b[3]), (30, 0, 30), "{}", outcome.log);
    }
}

#[test]
fn a_capture_is_what_tshark_reads() {
    let scratch = Scratch::new();
    let file = scratch.path("lan.pcap");
    let mut boot = boot(&[("net_gateway", "name=net_gateway net=lan --")]);
    boot.options += " com2=pcap:lan";
    let qemu = Qemu::kernel(&boot).counted().second_line(&file);
    let outcome = qemu.start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let tshark =
        Command::new("tshark").arg("-r").arg(&file).args(["-o", "tcp.check_checksum:FALSE"]).output();
    let tshark = tshark.expect("scripts/setup brings tshark");
    let said = String::from_utf8_lossy(&tshark.stdout);
    assert!(tshark.status.success(), "{said}\n{}", String::from_utf8_lossy(&tshark.stderr));
    let mut lines =
        said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").replace("→ ", ""));
    for expected in EXCHANGE {
        let line = lines.next().unwrap_or_else(|| panic!("no {expected:?} in:\n{said}"));
        let mut rest = line.as_str();
        for word in expected.split(' ') {
            let at = rest.find(word).unwrap_or_else(|| panic!("{word:?} of {expected:?} is not in {line:?}"));
            rest = &rest[at + word.len()..];
        }
    }
}
