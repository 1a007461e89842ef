//! Guests with disks: what is asked is done, what is written is found, and modes mean what they say.

use std::time::Duration;

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Outcome, Qemu, artefacts, verdict};

/// Longest a boot with much to read takes on a slow computer.
const LIMIT: Duration = Duration::from_secs(240);

/// A test Guest with the disk it knows, on the bus it likes.
fn boot(scratch: &Scratch, guest: &str, words: &str) -> Boot {
    boot_on("", scratch, guest, words)
}

/// The same with one more option.
fn boot_on(bus: &str, scratch: &Scratch, guest: &str, words: &str) -> Boot {
    let line = format!("guest name={guest} mem=8M disk=d {bus} -- {words}");
    Boot::bare().with(artefacts::guest(guest), line).with(scratch.numbered_disk(), "disk name=d")
}

/// The Guest has passed its test, and has not skipped it.
#[track_caller]
pub fn passes(guest: &str, outcome: &Outcome) {
    if let Err(fault) = verdict::judge(outcome, guest) {
        panic!("{fault}\n--- serial line ---\n{}", outcome.log);
    }
    assert!(!outcome.log.contains("test: SKIP"), "nothing was tested:\n{}", outcome.log);
}

#[track_caller]
fn passes_in_qemu(guest: &str, words: &str) {
    let scratch = Scratch::new();
    passes(guest, &Qemu::kernel(&boot(&scratch, guest, words)).counted().limit(LIMIT).start().finish());
}

#[track_caller]
fn passes_in_bochs(guest: &str, words: &str) {
    let scratch = Scratch::new();
    passes(guest, &Bochs::grub(&boot(&scratch, guest, words)).start().finish());
}

#[test]
fn requests_are_answered_in_qemu() {
    passes_in_qemu("disk_requests", "");
}

#[test]
fn requests_are_answered_in_bochs() {
    passes_in_bochs("disk_requests", "");
}

#[test]
fn ten_thousand_random_requests_lose_nothing() {
    passes_in_qemu("disk_random", "rounds=10000");
}

#[test]
fn random_requests_lose_nothing_in_bochs() {
    passes_in_bochs("disk_random", "rounds=100");
}

#[test]
fn tables_and_events_work_in_qemu() {
    passes_in_qemu("disk_events", "");
}

#[test]
fn tables_and_events_work_in_bochs() {
    passes_in_bochs("disk_events", "");
}

/// On PCI it is the same disk: requests, tables and events, what is written, and what is answered to
/// a driver that lies.
#[test]
fn a_disk_on_pci_is_the_same_disk() {
    let same =
        [("disk_requests", ""), ("disk_events", ""), ("disk_random", "rounds=2000"), ("hostile_disk", "")];
    for (guest, words) in same {
        let scratch = Scratch::new();
        let boot = boot_on("bus=pci", &scratch, guest, words);
        passes(guest, &Qemu::kernel(&boot).counted().limit(LIMIT).start().finish());
    }
}

#[test]
fn requests_on_pci_are_answered_in_bochs() {
    let scratch = Scratch::new();
    let boot = boot_on("bus=pci", &scratch, "disk_requests", "");
    passes("disk_requests", &Bochs::grub(&boot).start().finish());
}

#[test]
fn a_hostile_driver_is_answered_too() {
    passes_in_qemu("hostile_disk", "for=200");
}

#[test]
fn requests_that_cannot_be_answered_kill() {
    passes_in_qemu("kill_disk_no_status", "");
    passes_in_qemu("kill_disk_direction", "");
}

/// Modules for `disk_lives`: each begins with a sector of ones.
fn with_lives(boot: Boot, scratch: &Scratch, disks: &[&str]) -> Boot {
    let mut bytes = vec![0; 64 << 10];
    bytes[..512].fill(1);
    disks.iter().enumerate().fold(boot, |boot, (number, line)| {
        boot.with(scratch.file(&format!("{number}.img"), &bytes), format!("disk {line}"))
    })
}

#[test]
fn what_was_written_is_there_in_the_next_life_as_the_mode_says() {
    let scratch = Scratch::new();
    let line = "guest name=disk_lives mem=8M disk=a,b,c,d --";
    let boot = Boot::bare().with(artefacts::guest("disk_lives"), line);
    let boot = with_lives(boot, &scratch, &["name=a", "name=b ro", "name=c cow", "name=d cow=keep"]);
    let outcome = Qemu::kernel(&boot).start().finish();
    passes("disk_lives", &outcome);
    assert!(outcome.log.contains("\nlife 2\n"), "{}", outcome.log);
}

/// Each Guest finds of the shared disks only what it wrote itself.
#[test]
fn guests_that_share_a_disk_do_not_see_each_other_s_changes() {
    let scratch = Scratch::new();
    let boot = ["1", "2"].iter().fold(Boot::bare(), |boot, id| {
        let line = format!("guest name=g{id} mem=8M disk=own{id},b,c,d --");
        boot.with(artefacts::guest("disk_lives"), line)
    });
    let lines = ["name=own1", "name=own2", "name=b ro", "name=c cow", "name=d cow=keep"];
    let outcome = Qemu::kernel(&with_lives(boot, &scratch, &lines)).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let passed = outcome.log.lines().filter(|line| *line == "test: PASS disk_lives").count();
    assert_eq!(passed, 2, "{}", outcome.log);
}

/// Room for changes is made when the Host starts; where there is none, one Guest does not.
#[test]
fn a_disk_whose_changes_find_no_room_costs_its_guest() {
    let scratch = Scratch::new();
    let large = scratch.file("large.img", vec![0; 14 << 20]);
    let boot = Boot::guest("hello", "")
        .with(artefacts::guest("disk_requests"), "guest name=wrong mem=1M disk=large --")
        .with(large, "disk name=large cow");
    let outcome = Qemu::kernel(&boot).options(&["-m", "40"]).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 2, "{}", outcome.log);
    assert!(outcome.log.contains("test: PASS hello"), "{}", outcome.log);
    let told = "disk large: no memory is left to keep changes in";
    assert!(
        outcome.host_lines().any(|line| line.contains("guest wrong: ") && line.contains(told)),
        "{}",
        outcome.log
    );
}
