//! The law of time: whatever the others make the Host do, an innocent Guest gets its share of each
//! second, and never waits longer than a slice for each of them and 5 ms.
//!
//! The victim measures both itself, by the counted clock, and fails if the law is broken. Beside it
//! stands each kind of Guest that has ever taken more than its part.

use std::fs;
use std::path::Path;
use std::time::Duration;

use emulated::boot::bus;
use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Qemu, artefacts};

/// How long the victim looks, in milliseconds of the counted clock.
const LOOKS: u32 = 2000;
/// Beside those who write the machine is slower, by this shift: an emulator takes long over each byte.
const SLOWER_AT_TEXT: u8 = 3;
/// For how much longer the others go on.
const LONGER: u32 = 200;
/// Longest a boot takes on a slow computer.
const LIMIT: Duration = Duration::from_secs(600);

/// A victim beside these: programs, options of their lines, and what they are told. It must not notice.
#[track_caller]
fn beside(others: &[(&str, &str, &str)]) {
    beside_at(0, others);
}

/// The same where an instruction lasts `1 << shift` nanoseconds.
#[track_caller]
fn beside_at(shift: u8, others: &[(&str, &str, &str)]) {
    let scratch = Scratch::new();
    let goes_on = LOOKS + LONGER;
    let told = format!("beside={} for={LOOKS}", others.len());
    let victim =
        Boot::bare().with(artefacts::guest("fair_victim"), format!("guest name=v mem=8M net=lan -- {told}"));
    let boot = others.iter().enumerate().fold(victim, |boot, (number, (program, options, told))| {
        let line = format!("guest name=g{number}{} {options} -- {told} for={goes_on}", bus(program));
        boot.with(artefacts::guest(program), line)
    });
    let boot = boot.with(scratch.numbered_disk(), "disk name=d cow");
    // Some of them never end.
    let mut session = Qemu::kernel(&boot).counted_at(shift).options(&["-m", "1024"]).limit(LIMIT).start();
    let said = session.wait_for("fair_victim is over");
    assert!(said.contains("test: PASS fair_victim"), "{said}");
}

#[test]
fn text_in_kicks_one_by_one_and_queued_takes_no_more_than_its_part() {
    beside_at(SLOWER_AT_TEXT, &[("greedy", "mem=8M", "how=text")]);
    beside_at(SLOWER_AT_TEXT, &[("greedy", "mem=8M", "how=text-queued"), ("hostile_notify", "mem=8M", "")]);
}

/// Bochs keeps to the line's speed: 11,520 bytes a second.
#[test]
fn text_takes_no_more_than_its_part_at_115200_baud() {
    let line = |number: u32, how: &str| format!("guest name=g{number} mem=8M -- how={how} for=1200");
    let boot = Boot::guest("fair_victim", "beside=2 for=1000")
        .with(artefacts::guest("greedy"), line(1, "text"))
        .with(artefacts::guest("greedy"), line(2, "text-queued"));
    let mut session = Bochs::grub(&boot).start();
    let said = session.wait_for("fair_victim is over");
    assert!(said.contains("test: PASS fair_victim"), "{said}");
}

#[test]
fn endless_restarts_of_a_large_guest_are_not_noticed() {
    beside(&[("greedy", "mem=512M", "how=restarts")]);
    beside(&[("greedy", "mem=256M", "how=restarts"), ("greedy", "mem=256M", "how=restarts")]);
}

#[test]
fn floods_of_flushes_faults_timers_and_calls_are_not_noticed() {
    beside(&[
        ("greedy", "mem=8M", "how=flushes-queued"),
        ("hostile_flushes", "mem=8M", ""),
        ("hostile_faults", "mem=8M", ""),
        ("hostile_timer", "mem=8M", ""),
        ("hostile_calls", "mem=8M", ""),
    ]);
}

#[test]
fn floods_of_requests_to_disk_and_entropy_source_are_not_noticed() {
    beside(&[("hostile_disk", "mem=8M disk=d", ""), ("hostile_entropy", "mem=8M bus=pci", "")]);
}

#[test]
fn floods_of_packets_are_not_noticed() {
    beside(&[
        ("net_flood", "mem=8M net=lan", "role=send packets=1000000 to=9"),
        ("hostile_net", "mem=8M net=lan,mac=02:00:00:00:00:09", ""),
    ]);
}

/// `path`: `NAME`, `NAME` in the last column of the list of loops.
#[test]
fn every_bound_in_the_list_is_a_constant_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a part of the project");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|_| panic!("no {path}"));
    let text = read("docs/weaknesses.md");
    let list = text.split("## Loops a Guest chooses the length of").nth(1).expect("there is a list");
    let rows =
        list.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let mut bounds = 0;
    for row in rows.skip(2) {
        let column = row.trim_end_matches('|').rsplit('|').next().expect("a row has columns");
        let mut words = column.split('`').skip(1).step_by(2);
        let source = read(words.next().expect("a bound is in a file"));
        for name in words {
            assert!(source.contains(&format!("const {name}: ")), "no constant {name}: {row}");
            bounds += 1;
        }
    }
    assert!(bounds >= 25, "{bounds} bounds");
}
