//! Several Guests at once: an innocent one beside each that attacks, and who gets how much.
//!
//! A Guest alone shows what the Host allows; only a neighbour shows what it protects. The
//! innocent one checks its memory, its numbers in the FPU, its faults and its tick all the
//! while, and how long its work takes on the machine's counted clock.

use std::time::Duration;

use emulated::boot::bus;
use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Outcome, Qemu, artefacts};

use crate::guests::SILENT;
use crate::net;

/// What the innocent Guest does, and the milliseconds of the counted clock that takes at most if it
/// has the CPU to itself.
const WORK: (&str, usize) = ("rounds=200", 150);
/// The same for Bochs, whose clock counts twenty nanoseconds an instruction.
const WORK_IN_BOCHS: (&str, usize) = ("rounds=30", 450);
/// Longest a boot with attackers takes on a slow computer: counting makes switches slow.
const LIMIT: Duration = Duration::from_secs(240);

/// An attacker: the program, and what it is told.
type Attacker<'a> = (&'a str, &'a str);

/// The option for a Guest whose name does not say that it is about PCI.
const ON_PCI: &str = "bus=pci";

/// An innocent Guest at either end of a row of attackers, who all have one more option. Each may take
/// the CPU for as long as it, and no longer. Those whose name says that they are about disks share one.
fn boot(scratch: &Scratch, (rounds, alone): (&str, usize), attackers: &[Attacker<'_>], option: &str) -> Boot {
    let within = alone * (attackers.len() + 2);
    let innocent = |boot: Boot, seed: usize| {
        let line = format!("guest name=innocent{seed} mem=3M -- seed={seed} {rounds} within={within}");
        boot.with(artefacts::guest("innocent"), line)
    };
    let crowd = attackers.iter().fold(innocent(Boot::bare(), 1), |boot, (name, told)| {
        let disk = if name.contains("disk") { "disk=d" } else { "" };
        let line = format!("guest name={name} mem=3M{} {option} {disk} -- {told}", bus(name));
        boot.with(artefacts::guest(name), line)
    });
    innocent(crowd, 2).with(scratch.numbered_disk(), "disk name=d cow")
}

/// Runs attackers, who must not make a difference.
#[track_caller]
fn disturb(attackers: &[Attacker<'_>], option: &str) -> Outcome {
    let scratch = Scratch::new();
    let boot = boot(&scratch, WORK, attackers, option);
    let qemu = Qemu::kernel(&boot).counted().options(&["-m", "512"]);
    let outcome = qemu.limit(LIMIT).start().finish();
    outcome.agreed_exit_code();
    undisturbed(&outcome);
    outcome
}

#[track_caller]
fn undisturbed(outcome: &Outcome) {
    let passed = outcome.log.lines().filter(|line| *line == "test: PASS innocent").count();
    assert_eq!(passed, 2, "{}", outcome.log);
    let bad = outcome.log.lines().find(|line| line.starts_with("test: FAIL") || line.contains("panic"));
    assert_eq!(bad, None, "{}", outcome.log);
    let frames = outcome.frames().unwrap_or_else(|| panic!("no count of frames:\n{}", outcome.log));
    assert_eq!(frames.free, frames.total, "{}", outcome.log);
}

/// Runs attackers who stay within the treaty, so that all must end well.
#[track_caller]
fn survive(attackers: &[Attacker<'_>], option: &str) {
    let outcome = disturb(attackers, option);
    assert_eq!(outcome.exit_code(), Some(0), "{}", outcome.log);
    for (name, _) in attackers {
        let report = format!("test: PASS {name}");
        assert!(outcome.log.lines().any(|line| line == report), "{name} did not pass:\n{}", outcome.log);
    }
}

#[test]
fn an_innocent_guest_is_undisturbed_by_floods_of_flushes_timers_and_faults() {
    let all_along = "for=400";
    survive(
        &[
            ("fpu_thief", all_along),
            ("hostile_flushes", all_along),
            ("hostile_timer", all_along),
            ("hostile_faults", all_along),
        ],
        "",
    );
}

#[test]
fn an_innocent_guest_is_undisturbed_by_floods_of_calls_kicks_text_and_exceptions() {
    survive(
        &[
            ("hostile_calls", "for=200"),
            ("hostile_notify", "for=100"),
            ("hostile_console", "pages=16"),
            ("hostile_exceptions", "for=200"),
        ],
        "",
    );
}

#[test]
fn an_innocent_guest_is_undisturbed_by_those_who_never_sleep_and_those_who_forge() {
    let all_along = "for=400";
    survive(
        &[
            ("hostile_spin", all_along),
            ("hostile_scribble", all_along),
            ("switcher_protected", ""),
            ("privileged_instructions", ""),
            ("rings_contained", ""),
            ("low_user_memory", ""),
            ("descriptors_tamed", ""),
            ("eflags_tamed", ""),
            ("io_privilege", ""),
            ("recursive_tables", ""),
            ("queue_of_anything", ""),
            ("many_spaces", ""),
        ],
        "",
    );
}

/// On either bus: all of memory to write into, the rings themselves, and far too often.
#[test]
fn an_innocent_guest_is_undisturbed_by_drivers_that_point_everywhere() {
    for option in ["", ON_PCI] {
        survive(&[("hostile_disk", "for=300"), ("hostile_entropy", "for=300")], option);
    }
}

/// Two talk over TCP while a third floods one of them, a fourth lies to all, and the fifth computes.
/// Nothing of what the two say is lost: the client sends no more than it does without the others.
#[test]
fn neighbours_on_a_network_keep_their_packets_beside_a_flood_and_lies() {
    let pair = |boot: Boot, bus: &str| {
        let server = format!("guest name=s mem=4M {bus} net=lan,mac=02:00:00:00:00:02 -- role=server");
        let client = format!("guest name=c mem=4M {bus} net=lan -- role=client");
        boot.with(artefacts::guest("net_pair"), server).with(artefacts::guest("net_pair"), client)
    };
    let run = |boot: &Boot| {
        let outcome = Qemu::kernel(boot).counted().limit(LIMIT).start().finish();
        assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
        assert!(outcome.log.contains("client: 200000 bytes sent, 4 heard"), "{}", outcome.log);
        let sent = net::counters(&outcome, "lan: c")[0];
        (outcome, sent)
    };
    for bus in ["", ON_PCI] {
        let (_, alone) = run(&pair(Boot::bare(), bus));
        let (rounds, within) = (WORK.0, WORK.1 * 5);
        let innocent = format!("guest name=i mem=3M -- {rounds} within={within}");
        let crowd = pair(Boot::bare(), bus)
            .with(artefacts::guest("hostile_net"), format!("guest name=liar mem=4M {bus} net=lan -- for=300"))
            .with(
                artefacts::guest("net_flood"),
                format!("guest name=f mem=4M {bus} net=lan -- role=send packets=20000"),
            )
            .with(artefacts::guest("innocent"), innocent);
        let (outcome, beside) = run(&crowd);
        let passed = outcome.log.lines().filter(|line| line.starts_with("test: PASS")).count();
        assert_eq!(passed, 5, "{}", outcome.log);
        let [liar, flood] = ["lan: liar", "lan: f"].map(|port| net::counters(&outcome, port));
        assert!(liar[1] > 1600 && flood[0] == 20_000, "{}", outcome.log);
        assert!(beside <= alone + alone / 10, "{beside} packets, and {alone} without:\n{}", outcome.log);
    }
}

/// The Guests that must be killed.
fn doomed() -> Vec<Attacker<'static>> {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => { [$($guest),*] };
    }
    let guests = include!(concat!(env!("OUT_DIR"), "/guests.rs"));
    guests.into_iter().filter(|name| name.starts_with("kill_")).map(|name| (name, "")).collect()
}

/// Runs Guests that must be killed, and each for what it did; those that can show it in other years
/// only say so and live.
#[track_caller]
fn die(doomed: &[Attacker<'_>], option: &str) {
    let outcome = disturb(doomed, option);
    assert_eq!(outcome.exit_code(), Some(1), "{}", outcome.log);
    let announced = outcome.log.lines().filter_map(|line| line.strip_prefix("test: expect-kill "));
    let words: Vec<&str> = announced.chain(SILENT.iter().map(|(_, words)| *words)).collect();
    for (name, _) in doomed {
        if outcome.log.contains(&format!("test: SKIP {name}:")) {
            continue;
        }
        let sentence = outcome.killed(name).unwrap_or_else(|| panic!("{name} lives:\n{}", outcome.log));
        assert!(words.iter().any(|words| sentence.contains(words)), "{name}: {sentence}");
    }
}

#[test]
fn an_innocent_guest_is_undisturbed_by_the_deaths_around_it() {
    let doomed = doomed();
    assert!(doomed.len() > 40, "{} Guests that must be killed", doomed.len());
    doomed.chunks(20).for_each(|some| die(some, ""));
}

/// All that one may ask for in the frame of an `iret` into virtual-8086 mode, from ring 1 and from ring 3:
/// IF, IOPL, NT and TF set or not, low bytes that would be a vector of the Host's or the machine's,
/// and a CS that looks like one of ring 0, 1 or 3.
fn ways_into_virtual_8086() -> Vec<String> {
    const FLAGS: [u32; 16] = [
        0x0002, 0x0012, 0x0082, 0x001F, 0x0020, 0x0021, 0x0024, 0x0027, 0x0202, 0x0302, 0x3002, 0x3202,
        0x4012, 0x7212, 0x0013, 0x00FF,
    ];
    let places =
        [(0x1000, 0), (0x1001, 0x10), (0x1003, 0xFFF), (0x0100, 0xFFFE), (0xFFF8, 0xFFEF), (0, 0x500)];
    FLAGS
        .iter()
        .zip(places.iter().cycle())
        .map(|(flags, (cs, eip))| format!("flags={flags} cs={cs} eip={eip}"))
        .collect()
}

#[test]
fn an_innocent_guest_is_undisturbed_by_those_who_enter_virtual_8086_mode() {
    for name in ["kill_virtual_8086", "kill_virtual_8086_user"] {
        let ways = ways_into_virtual_8086();
        let within = WORK.1 * (ways.len() + 2);
        let innocent = |boot: Boot, seed: usize| {
            let line = format!("guest name=innocent{seed} mem=3M -- seed={seed} {} within={within}", WORK.0);
            boot.with(artefacts::guest("innocent"), line)
        };
        let crowd = ways.iter().enumerate().fold(innocent(Boot::bare(), 1), |boot, (number, way)| {
            boot.with(artefacts::guest(name), format!("guest name=v{number} mem=3M -- {way}"))
        });
        for cpu in ["qemu32,-apic", "max,-apic"] {
            let qemu =
                Qemu::kernel(&innocent(crowd.clone(), 2)).counted().options(&["-cpu", cpu, "-m", "512"]);
            let outcome = qemu.limit(LIMIT).start().finish();
            undisturbed(&outcome);
            for (number, way) in ways.iter().enumerate() {
                let sentence = outcome.killed(&format!("v{number}"));
                let sentence = sentence.unwrap_or_else(|| panic!("{way} lives on {cpu}:\n{}", outcome.log));
                assert!(sentence.contains("switched to virtual-8086 mode"), "{way} on {cpu}: {sentence}");
            }
        }
    }
}

/// Rings, tables of descriptors, buffers and requests are judged alike on the other bus.
#[test]
fn an_innocent_guest_is_undisturbed_by_deaths_on_pci() {
    let about_rings = ["kill_ring_", "kill_table_", "kill_buffer_", "kill_disk_"];
    let mut doomed = doomed();
    doomed.retain(|(name, _)| about_rings.iter().any(|start| name.starts_with(start)));
    assert!(doomed.len() >= 10, "{} Guests that break the rules of rings", doomed.len());
    die(&doomed, ON_PCI);
}

/// What the Guests of a run say they got, in units of 100 000 instructions.
fn shares(outcome: &Outcome) -> Vec<u32> {
    let lines = outcome.log.lines().filter_map(|line| line.strip_prefix("share "));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
}

/// Ten seconds of the counted clock: 100 000 units in all. A fourth Guest sleeps; that the three get
/// practically everything says what it costs.
#[test]
fn three_guests_get_a_third_each_and_a_sleeping_one_costs_nothing() {
    let boot = ["a", "b", "c"].iter().fold(Boot::bare(), |boot, name| {
        let line = format!("guest name={name} mem=3M -- as={name} from=500 until=10500");
        boot.with(artefacts::guest("fair_share"), line)
    });
    let boot = boot.with(artefacts::guest("sleeper"), "guest name=sleeper mem=3M -- until=10600");
    let outcome = Qemu::kernel(&boot).counted().limit(LIMIT).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let shares = shares(&outcome);
    assert_eq!(shares.len(), 3, "{}", outcome.log);
    let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
    assert!(most - least <= most / 20, "more than 5 % apart: {shares:?}");
    assert!(shares.iter().sum::<u32>() >= 99_000, "more than 1 % went elsewhere: {shares:?}");
}

/// Guests with other segments, gates and stacks each, that take turns thousands of times.
#[test]
fn guests_that_alternate_keep_their_segments_gates_and_stacks() {
    let names = ["1", "2", "3"];
    let boot = names.iter().fold(Boot::bare(), |boot, id| {
        boot.with(artefacts::guest("alternating"), format!("guest name=g{id} mem=3M -- id={id} rounds=1500"))
    });
    let outcome = Qemu::kernel(&boot).counted().limit(LIMIT).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let passed = outcome.log.lines().filter(|line| *line == "test: PASS alternating").count();
    assert_eq!(passed, names.len(), "{}", outcome.log);
}

/// The same on the machine that checks segment limits and knows neither SSE nor MMX.
#[test]
fn a_crowd_in_bochs_gets_along() {
    let attackers = [
        ("fpu_thief", "for=50"),
        ("hostile_scribble", "for=50"),
        ("hostile_faults", "for=50"),
        ("hostile_entropy", "for=50"),
        ("kill_stale_segment", ""),
        ("kill_double_fault", ""),
        ("alternating", "rounds=300"),
    ];
    let scratch = Scratch::new();
    let outcome = Bochs::grub(&boot(&scratch, WORK_IN_BOCHS, &attackers, "")).start().finish();
    assert_eq!(outcome.exit_code(), Some(1), "{}", outcome.log);
    undisturbed(&outcome);
    assert!(outcome.killed("kill_stale_segment").is_some(), "{}", outcome.log);
    assert!(outcome.killed("kill_double_fault").is_some(), "{}", outcome.log);
    assert!(outcome.log.contains("test: PASS alternating"), "{}", outcome.log);
}
