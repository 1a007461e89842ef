//! Sessions with the demo Guest, by script, as the README promises them.

use emulated::{Boot, Qemu, Session};

const PROMPT: &str = "demo> ";

/// Starts the demo in QEMU and waits for its first prompt.
fn demo() -> Session {
    let mut session = Qemu::kernel(&Boot::guest("demo", "hello")).start();
    session.wait_for(PROMPT);
    session
}

/// Types a command and returns what comes before the next prompt.
#[track_caller]
fn answer(session: &mut Session, command: &str) -> String {
    session.send(&format!("{command}\n"));
    session.wait_for(PROMPT)
}

/// Every command that leaves the Guest alive, then the power-off.
fn whole_session(mut session: Session) {
    let help = answer(&mut session, "help");
    for command in ["help", "mem", "uptime", "echo", "fault", "user", "crash", "reboot", "poweroff"] {
        assert!(help.contains(command), "help does not mention {command}:\n{help}");
    }
    assert!(answer(&mut session, "mem").contains("MiB"));
    assert!(answer(&mut session, "echo one two").contains("\none two\n"));
    let outcome = finish(session, "poweroff");
    assert_eq!(outcome.exit_code(), Some(0), "{}", outcome.log);
}

fn finish(mut session: Session, command: &str) -> emulated::Outcome {
    session.send(&format!("{command}\n"));
    session.finish()
}

#[test]
fn every_command_answers_in_qemu() {
    whole_session(demo());
}
