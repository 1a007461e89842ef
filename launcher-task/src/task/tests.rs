//! Guests by script: what the Launcher does with each way of stopping.

mod disk;

use abi::kill::RingError;
use abi::{GuestPhys, Shutdown};

use super::restarts::EVERY;
use super::*;
use crate::{
    block::{BlockDevice, Overlay, Store},
    chain::Direction::{Readable, Writable},
    config::{MIB, read_modules},
    fakes::{BzImageFile, Driver, ElfFile, FakeConsole, FakeEntropy, FakeGuest},
    net::network::Networks,
};

const PAGE: u32 = 2 * MIB;
const INPUT_RING: u32 = PAGE + 0x1000;
const OUTPUT_RING: u32 = PAGE + 0x4000;

fn plan(words: &str) -> Plan {
    read_modules(&[format!("demo guest name=a mem=2M {words}").as_str()]).plans.remove(0)
}

fn refusal(plan: Plan, image: &[u8], initrd: &[u8]) -> ImageError {
    match Launcher::admit(plan, image, Some(initrd), Vec::new()) {
        Err(error) => error,
        Ok(_) => panic!("the image should be refused"),
    }
}

/// A started Guest with everything around it.
struct Bench {
    launcher: Launcher<'static>,
    guest: FakeGuest,
    terminal: FakeConsole,
    log: String,
}

fn bench() -> Bench {
    bench_of(ElfFile::small().0, Vec::new())
}

fn bench_of(image: Vec<u8>, devices: Vec<Box<dyn Device>>) -> Bench {
    let image = image.leak();
    let launcher = Launcher::admit(plan("-- quiet"), image, Some(b"initrd"), devices).unwrap();
    let guest = FakeGuest::new(launcher.limit());
    let mut bench = Bench { launcher, guest, terminal: FakeConsole::default(), log: String::new() };
    bench.launcher.start(&mut bench.guest).unwrap();
    bench
}

impl Bench {
    fn step(&mut self, now: u64) -> Step {
        let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
        let mut ports = Ports { now: Nanos(now), console: &mut self.terminal, net, entropy };
        self.launcher.step(&mut self.guest, &mut ports, &mut self.log)
    }

    fn offer_input_buffer(&mut self) -> Driver {
        let mut driver = Driver::new(GuestPhys(INPUT_RING));
        driver.offer(&mut self.guest.ram, &[(0x4000, 16, Writable)]);
        self.guest.stops(Stop::Notify(GuestPhys(INPUT_RING)));
        driver
    }
}

fn shutdown(restart: bool, words: &[u8]) -> Stop {
    let mut text = [0; Shutdown::TEXT_LEN];
    text[..words.len()].copy_from_slice(words);
    Stop::Shutdown(Shutdown::new(restart, text))
}

#[test]
fn a_start_lays_out_memory_and_resets_the_cpu() {
    let bench = bench();
    let ram = &bench.guest.ram;
    assert_eq!(ram[0x10_0000..0x10_0005], [0x0F, 0x0B, 0x0F, 0x0B, 0]);
    assert_eq!(&ram[0x1000..0x1006], b"quiet\0");
    assert_eq!(&ram[PAGE as usize - 0x1000..PAGE as usize - 0xFF9], b"initrd\0");
    assert_eq!(ram[PAGE as usize..PAGE as usize + 2], [3, 2]);
    assert_eq!(ram[0x2D8..0x2DC], PAGE.to_le_bytes());
    // Miri is a thousand times slower, and looks for something else.
    let step = if cfg!(miri) { 0x1001 } else { 1 };
    let is_old = |byte: &u8| *byte == 0xA5;
    assert!(!ram.iter().step_by(step).any(is_old), "nothing is left of what memory held before");
    assert_eq!(bench.guest.resets, [GuestPhys(0x10_0000)]);
}

#[test]
fn what_cannot_start_is_refused_before_memory_is_spent_on_it() {
    let image = ElfFile::small().0;
    assert_eq!(refusal(plan(""), b"", b""), ImageError::UnknownKind);
    let initrd = vec![0; 2 * MIB as usize];
    assert_eq!(refusal(plan(""), &image, &initrd), ImageError::InitrdTooLong { len: initrd.len() });
    let words = format!("-- {}", "x".repeat(2048));
    assert_eq!(refusal(plan(&words), &image, b""), ImageError::CommandLineTooLong { len: 2048, max: 2047 });
}

#[test]
fn memory_smaller_than_planned_is_noticed_at_the_start() {
    let mut bench = bench();
    bench.guest = FakeGuest::new(PAGE);
    bench.launcher.begin();
    let reason = KillReason::OutOfGuestMemory { at: GuestPhys(0), len: 3 * MIB };
    assert_eq!(bench.launcher.start(&mut bench.guest), Err(reason));
    assert_eq!(bench.guest.resets, []);
}

#[test]
fn a_preempted_guest_is_runnable() {
    let mut bench = bench();
    bench.guest.stops(Stop::Preempted);
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!(bench.guest.runs, 1);
}

#[test]
fn a_kick_is_served_without_giving_up_the_slice() {
    let mut bench = bench();
    bench.guest.then(|ram| {
        ram[0x4000..0x4003].copy_from_slice(b"hi\n");
        Driver::new(GuestPhys(OUTPUT_RING)).offer(ram, &[(0x4000, 3, Readable)]);
        Stop::Notify(GuestPhys(OUTPUT_RING))
    });
    bench.guest.stops(Stop::Preempted);
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!((bench.guest.runs, bench.terminal.shown.as_slice()), (2, b"hi\n".as_slice()));
    assert_eq!(bench.guest.raised, [2]);
}

#[test]
fn a_guest_that_only_kicks_gives_up_its_turn_some_time() {
    let mut bench = bench();
    for _ in 0..1000 {
        bench.guest.stops(Stop::Notify(GuestPhys(OUTPUT_RING)));
    }
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!(bench.guest.runs, KICKS_PER_STEP as usize);
}

#[test]
fn a_slice_ends_between_two_kicks() {
    let mut bench = bench();
    for _ in 0..10 {
        bench.guest.stops(Stop::Notify(GuestPhys(OUTPUT_RING)));
    }
    bench.guest.slice = Some(3);
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!(bench.guest.runs, 3);
}

#[test]
fn a_guest_waits_for_its_output() {
    let mut bench = bench();
    bench.guest.then(|ram| {
        Driver::new(GuestPhys(OUTPUT_RING)).offer(ram, &[(0x4000, 5000, Readable)]);
        Stop::Notify(GuestPhys(OUTPUT_RING))
    });
    assert_eq!(bench.step(0), Step::Runnable);
    while bench.step(0) == Step::Runnable {
        assert!(bench.terminal.shown.len() < 5000);
        assert_eq!((bench.guest.raised.as_slice(), bench.guest.runs), ([].as_slice(), 1));
    }
    assert_eq!(bench.terminal.shown.len(), 5000);
    assert_eq!((bench.guest.raised.as_slice(), bench.guest.runs), ([2].as_slice(), 2));
}

#[test]
fn a_guest_waits_for_its_terminal() {
    let mut bench = bench();
    let text = GuestPhys(0x5000);
    bench.guest.ram[0x5000..0x5005].copy_from_slice(b"text\0");
    for _ in 0..9 {
        bench.guest.stops(Stop::Notify(text));
    }
    bench.terminal.room = Some(10);
    assert_eq!(bench.step(0), Step::Blocked(Nanos::NEVER));
    assert_eq!(bench.step(0), Step::Blocked(Nanos::NEVER));
    assert_eq!((bench.guest.runs, bench.terminal.shown.len()), (3, 12));
    bench.terminal.room = None;
    bench.guest.stops(Stop::Preempted);
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!((bench.guest.runs, bench.terminal.shown.len()), (10, 36));
}

#[test]
fn a_sleeping_guest_is_left_alone() {
    let mut bench = bench();
    bench.guest.stops(Stop::Halted(Nanos(500)));
    assert_eq!(bench.step(100), Step::Blocked(Nanos(500)));
    assert_eq!(bench.step(499), Step::Blocked(Nanos(500)));
    assert_eq!(bench.guest.runs, 1);
    assert_eq!(bench.step(500), Step::Blocked(Nanos::NEVER));
    assert_eq!(bench.guest.runs, 2);
}

#[test]
fn typing_wakes_a_sleeping_guest() {
    let mut bench = bench();
    let mut driver = bench.offer_input_buffer();
    bench.guest.stops(Stop::Halted(Nanos(500)));
    assert_eq!(bench.step(0), Step::Blocked(Nanos(500)));
    bench.terminal.typed.extend(b"a");
    bench.guest.stops(Stop::Preempted);
    assert_eq!(bench.step(1), Step::Runnable);
    assert_eq!((bench.guest.raised.as_slice(), bench.guest.runs), ([1].as_slice(), 3));
    assert_eq!(driver.used(&bench.guest.ram), [(0, 1)]);
}

#[test]
fn typing_just_before_sleep_keeps_the_guest_awake() {
    let mut bench = bench();
    bench.offer_input_buffer();
    bench.terminal = FakeConsole { late_by: 1, ..FakeConsole::with_typed(b"a") };
    bench.guest.stops(Stop::Halted(Nanos::NEVER));
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!((bench.guest.raised.as_slice(), bench.guest.runs), ([1].as_slice(), 2));
    assert_eq!(bench.guest.ram[0x4000], b'a');
}

#[test]
fn a_new_start_ends_the_sleep_of_the_old_life() {
    let mut bench = bench();
    assert_eq!(bench.step(0), Step::Blocked(Nanos::NEVER));
    bench.launcher.begin();
    assert_eq!(bench.step(0), Step::Runnable);
    assert!(!bench.launcher.is_starting());
    bench.step(0);
    assert_eq!(bench.guest.runs, 2);
}

#[test]
fn a_power_off_ends_with_a_line_of_its_own() {
    let mut bench = bench();
    bench.guest.stops(shutdown(false, b"Power\ndown"));
    assert_eq!(bench.step(0), Step::Ended(Outcome::PoweredOff));
    assert_eq!(bench.log, "guest a: powered off: Power.down\n");
}

#[test]
fn a_linux_that_ends_with_other_words_than_usual_has_panicked() {
    let mut bench = bench_of(BzImageFile::small().0, Vec::new());
    bench.guest.stops(shutdown(false, b"Power down"));
    assert_eq!(bench.step(0), Step::Ended(Outcome::PoweredOff));
    bench.guest.stops(shutdown(false, b"Attempted to kill init!"));
    assert_eq!(bench.step(0), Step::Ended(Outcome::Killed(KillReason::Panicked)));
    assert_eq!(
        bench.log,
        "guest a: powered off: Power down\nguest a: killed: its own kernel panicked\n\
         guest a: panicked: Attempted to kill init!\n"
    );
    bench.guest.stops(shutdown(true, b"anything"));
    assert_eq!(bench.step(0), Step::Runnable);
}

#[test]
fn a_restart_leaves_nothing_of_the_first_life() {
    let mut bench = bench();
    let fresh = bench.guest.ram.clone();
    bench.offer_input_buffer();
    bench.guest.then(|ram| {
        ram[0x3000..].fill(0xEE);
        shutdown(true, b"")
    });
    assert_eq!(bench.step(0), Step::Runnable);
    assert_eq!(bench.log, "guest a: restarting\n");
    assert_eq!(bench.step(0), Step::Runnable);
    assert!(bench.guest.ram == fresh);
    assert_eq!(bench.guest.resets, [GuestPhys(0x10_0000); 2]);
    bench.terminal.typed.extend(b"a");
    bench.step(0);
    assert!(bench.guest.ram == fresh, "the first life's buffers are forgotten");
}

/// Two pieces of a start, one more for each part, and then what a device page and a reset take.
#[test]
fn a_start_lasts_as_many_slices_as_it_takes() {
    let mut bench = bench();
    bench.launcher.begin();
    let mut slices = 0;
    while bench.launcher.is_starting() {
        bench.guest.slice = Some(1);
        assert_eq!(bench.step(0), Step::Runnable);
        slices += 1;
    }
    assert_eq!((slices, bench.guest.runs), (3 * MIB / start::PIECE + 3, 0));
}

#[test]
fn a_guest_that_restarts_too_often_waits_and_is_told_of_once() {
    let mut bench = bench();
    let mut restart = |now| {
        bench.guest.stops(shutdown(true, b"x"));
        while bench.launcher.is_starting() {
            bench.step(now);
        }
        bench.step(now)
    };
    for _ in 0..restarts::AT_ONCE {
        assert_eq!(restart(0), Step::Runnable);
    }
    assert_eq!(restart(0), Step::Blocked(EVERY));
    assert_eq!(restart(EVERY.0), Step::Blocked(EVERY.after(EVERY)));
    assert_eq!(bench.step(EVERY.0), Step::Blocked(EVERY.after(EVERY)), "whatever wakes it");
    assert_eq!(bench.log.matches("restarts too often: 5 times a second is the most").count(), 1);
}

#[test]
fn a_killed_guest_ends_with_its_reason() {
    let mut bench = bench();
    bench.guest.stops(Stop::Killed(KillReason::OutOfFrames));
    assert_eq!(bench.step(0), Step::Ended(Outcome::Killed(KillReason::OutOfFrames)));
    assert_eq!(bench.log, "");
}

#[test]
fn a_device_that_finds_a_rule_broken_ends_the_guest() {
    let mut bench = bench();
    bench.guest.then(|ram| {
        Driver::new(GuestPhys(OUTPUT_RING)).set_available_index(ram, 999);
        Stop::Notify(GuestPhys(OUTPUT_RING))
    });
    let reason = KillReason::Ring(RingError::Overrun { index: 999 });
    assert_eq!(bench.step(0), Step::Ended(Outcome::Killed(reason)));
    let mut bench = self::bench();
    let at = GuestPhys(3 * MIB);
    bench.guest.stops(Stop::Notify(at));
    assert_eq!(bench.step(0), Step::Ended(Outcome::Killed(KillReason::UnknownNotify { at })));
}

#[test]
fn a_device_given_up_on_is_reported() {
    let mut bench = bench();
    bench.guest.then(|ram| {
        ram[PAGE as usize + 4] = 0x80;
        Stop::Notify(GuestPhys(PAGE))
    });
    bench.step(0);
    assert_eq!(bench.log, "guest a: has given up on its console\n");
}
