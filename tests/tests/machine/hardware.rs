//! Poor machines and hostile ones: too little memory, a CPU too old, no serial port, NMIs.

use emulated::{Bochs, Boot, Qemu, artefacts};

/// Boots a machine that cannot run the Host and returns what it says about that.
fn refusal(options: &[&str]) -> String {
    let outcome = Qemu::kernel(&Boot::guest("demo", "")).options(options).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 2, "{}", outcome.log);
    outcome.log
}

#[test]
fn eight_mib_are_said_to_be_too_little() {
    let log = refusal(&["-m", "8"]);
    assert!(log.lines().any(|line| line.starts_with("host: ") && line.contains("MiB")), "{log}");
}

/// What the README promises: the demo's line on the ISO says nothing about memory.
#[test]
fn sixteen_mib_are_enough_for_the_demo() {
    let boot = Boot::bare().with(artefacts::guest("demo"), "guest name=demo net=lan --");
    let mut session = Qemu::kernel(&boot).options(&["-m", "16"]).start();
    let before = session.wait_for("demo> ");
    assert!(before.contains("guest demo: gets mem="), "{before}");
    session.send("ping\npoweroff\n");
    let outcome = session.finish();
    assert!(outcome.log.contains("10.77.0.1 answers after "), "{}", outcome.log);
    assert_eq!(outcome.agreed_exit_code(), 0);
}

#[test]
fn a_machine_without_an_interval_timer_is_told_that() {
    let log = refusal(&["-M", "microvm,pit=off,pic=on"]);
    assert!(log.contains("the interval timer (channel 0 of a PIT) does not count"), "{log}");
}

#[test]
fn a_cpu_without_large_pages_is_named_as_the_reason() {
    let log = refusal(&["-cpu", "qemu32,-pse"]);
    assert!(log.lines().any(|line| line.starts_with("host: ") && line.contains("PSE")), "{log}");
}

#[test]
fn a_486_is_refused_politely() {
    let log = refusal(&["-cpu", "486"]);
    assert!(log.contains("which Kennel needs"), "{log}");
}

#[test]
fn all_that_a_cpu_lacks_is_said_at_once() {
    let log = refusal(&["-cpu", "pentium,-pse,-tsc,-cx8"]);
    let line = log.lines().find(|line| line.contains("which Kennel needs")).unwrap_or_default();
    assert!(["PSE", "TSC", "CX8"].iter().all(|word| line.contains(word)), "{log}");
}

#[test]
fn without_a_serial_port_the_screen_tells_all() {
    let boot = Boot { options: String::new(), ..Boot::bare() };
    let mut session =
        Qemu::kernel(&boot).without_serial_port().with_monitor().options(&["-no-shutdown"]).start();
    session.wait_for_on_screen("host: end, exit code 2");
    assert!(session.screen().contains("host: "));
}

/// Guests that do nothing but call, fault and flush for six seconds, so that NMIs hit the way in
/// and out too, and there is time for many; and one that has breakpoints where their handler may be.
#[test]
fn a_storm_of_nmis_harms_neither_guest_nor_host() {
    let names = ["hostile_calls", "hostile_faults", "hostile_flushes", "hostile_timer", "debugging_itself"];
    let boot = names.iter().fold(Boot::bare(), |boot, name| {
        boot.with(artefacts::guest(name), format!("guest name={name} mem=16M -- for=6000"))
    });
    let mut session = Qemu::kernel(&boot).with_monitor().start();
    session.wait_for("host: memory");
    let storm = session.monitor_until_the_end("nmi");
    let outcome = session.finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    for name in names {
        assert!(outcome.guest_lines(name).any(|line| line.starts_with("powered off: ")), "{}", outcome.log);
    }
    assert!(storm > 50, "the machine was gone after {storm} NMIs");
}

/// The counter comes round while GRUB loads, while the Host starts, or while the Guest waits.
#[test]
fn a_time_stamp_counter_that_comes_round_is_no_matter() {
    for first in ["0xfffffffffff00000", "0xfffffffffe000000", "0xfffffffff8000000"] {
        let commands = format!("wrmsr 0x10 {first}\n");
        let outcome = Bochs::grub_with(&Boot::guest("alarm_clock", ""), &commands).start().finish();
        assert!(outcome.log.contains("test: PASS alarm_clock\n"), "{first}: {}", outcome.log);
        assert_eq!(outcome.exit_code(), Some(0), "{first}: {}", outcome.log);
    }
}
