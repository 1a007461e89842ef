//! Poor machines and hostile ones: too little memory, a CPU too old, no serial port, NMIs.

use emulated::{Boot, Qemu};

use crate::demo::PROMPT;

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
fn without_a_serial_port_the_screen_tells_all() {
    let boot = Boot { options: String::new(), ..Boot::bare() };
    let mut session =
        Qemu::kernel(&boot).without_serial_port().with_monitor().options(&["-no-shutdown"]).start();
    session.wait_for_on_screen("host: end, exit code 2");
    assert!(session.screen().contains("host: "));
}

#[test]
fn a_storm_of_nmis_harms_neither_guest_nor_host() {
    const STORM: usize = 500;
    let boot = Boot::guest("demo", "");
    let mut session = Qemu::kernel(&boot).with_monitor().start();
    session.wait_for(PROMPT);
    for _ in 0..STORM {
        session.monitor("nmi");
    }
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}
