//! Drivers that were not written for the Host's devices alone, on both buses.

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Qemu, Session, artefacts};

use crate::disks::passes;

/// Buses there are.
const BUSES: [&str; 2] = ["lguest", "pci"];

/// A test Guest with a network and a disk.
fn boot(scratch: &Scratch, guest: &str, bus: &str, words: &str) -> Boot {
    let line = format!("guest name={guest} mem=8M bus={bus} net=lan disk=d -- {words}");
    Boot::bare().with(artefacts::guest(guest), line).with(scratch.numbered_disk(), "disk name=d")
}

#[track_caller]
fn passes_on_both_buses(guest: &str) {
    for bus in BUSES {
        let scratch = Scratch::new();
        passes(guest, &Qemu::kernel(&boot(&scratch, guest, bus, "")).counted().start().finish());
    }
}

#[track_caller]
fn passes_in_bochs(guest: &str) {
    for bus in BUSES {
        let scratch = Scratch::new();
        passes(guest, &Bochs::grub(&boot(&scratch, guest, bus, "")).start().finish());
    }
}

#[test]
fn a_disk_keeps_what_is_written() {
    passes_on_both_buses("drivers_disk");
}

#[test]
fn a_disk_keeps_what_is_written_in_bochs() {
    passes_in_bochs("drivers_disk");
}

#[test]
fn an_entropy_source_never_says_the_same_twice() {
    passes_on_both_buses("drivers_entropy");
}

#[test]
fn a_network_has_an_address_an_answer_and_a_page() {
    passes_on_both_buses("drivers_net");
}

#[test]
fn a_network_has_an_address_an_answer_and_a_page_in_bochs() {
    passes_in_bochs("drivers_net");
}

/// Types for the driver and reads what it makes of that, on both buses.
fn shows_what_is_typed(start: impl Fn(&Boot) -> Session) {
    for bus in BUSES {
        let scratch = Scratch::new();
        let mut session = start(&boot(&scratch, "drivers_console", bus, "lines=2"));
        for line in ["one line", "and one more, which is longer than the first"] {
            session.wait_for("type: ");
            session.send(&format!("{line}\n"));
            session.wait_for(&format!("{line} is what was typed"));
        }
        let outcome = session.finish();
        passes("drivers_console", &outcome);
        let goes_on = format!("by the driver, in one go\n{}\n", ".".repeat(4998));
        assert!(outcome.log.replace('\r', "").contains(&goes_on), "{}", outcome.log);
    }
}

#[test]
fn a_console_shows_what_is_typed() {
    shows_what_is_typed(|boot| Qemu::kernel(boot).start());
}

#[test]
fn a_console_shows_what_is_typed_in_bochs() {
    shows_what_is_typed(|boot| Bochs::grub(boot).start());
}

/// Two Guests, each on a bus of its own, or both on the same.
#[test]
fn two_guests_talk_over_tcp() {
    for buses in [["lguest", "lguest"], ["pci", "pci"], ["lguest", "pci"]] {
        let roles = ["server", "client"].into_iter().zip(buses);
        let boot = roles.fold(Boot::bare(), |boot, (role, bus)| {
            let line = format!("guest name={role} mem=8M bus={bus} net=lan -- role={role}");
            boot.with(artefacts::guest("drivers_net"), line)
        });
        let outcome = Qemu::kernel(&boot).counted().start().finish();
        assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
        for words in ["server: 4 bytes sent, 200000 heard", "client: 200000 bytes sent, 4 heard"] {
            assert!(outcome.log.contains(words), "{words}:\n{}", outcome.log);
        }
        assert_eq!(outcome.log.lines().filter(|line| *line == "test: PASS drivers_net").count(), 2);
    }
}
