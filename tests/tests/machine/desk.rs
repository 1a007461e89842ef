//! A machine with a screen and a keyboard and no serial cable.

use std::thread::sleep;
use std::time::Duration;

use emulated::{Boot, Qemu, Session, artefacts};

use crate::demo::PROMPT;

/// A demo at its prompt, seen on the screen.
fn at_desk(boot: &Boot) -> Session {
    let qemu = Qemu::kernel(boot).without_serial_port().with_monitor().options(&["-no-shutdown"]);
    let mut session = qemu.start();
    session.wait_for_on_screen(PROMPT.trim_end());
    session
}

/// Presses keys by QEMU's names for them, and lets them go.
fn press(session: &mut Session, keys: &str) {
    for key in keys.split(' ') {
        session.monitor(&format!("sendkey {key} 20"));
        // The keyboard's own queue is short.
        sleep(Duration::from_millis(60));
    }
}

/// A demo that is left running: only its own power-off would end the machine.
fn demo() -> Boot {
    Boot { options: String::new(), ..Boot::guest("demo", "") }
}

#[test]
fn a_person_types_and_reads() {
    let mut session = at_desk(&demo());
    press(&mut session, "e c h o spc shift-h i shift-1 spc a spc caps_lock b caps_lock minus slash ret");
    session.wait_for_on_screen("\nHi! a B-/\n");
    press(&mut session, "e c h o spc w r o n backspace backspace backspace i d e ret");
    session.wait_for_on_screen("\nwide\n");
    // More than a screen, and the prompt is still where one types.
    for _ in 0..2 {
        press(&mut session, "h e l p ret");
    }
    press(&mut session, "m e m ret");
    session.wait_for_on_screen("16 MiB in all");
    assert!(session.screen().trim_end().ends_with(PROMPT.trim_end()), "{}", session.screen());
    press(&mut session, "p o w e r o f f ret");
    session.wait_for_on_screen("host: end, exit code 0");
}

#[test]
fn a_german_keyboard_has_its_letters_where_they_are() {
    let mut session = at_desk(&Boot { options: "keyboard=de".into(), ..demo() });
    press(&mut session, "e c h o spc y z slash shift-7 ret");
    session.wait_for_on_screen("\nzy-/\n");
}

#[test]
fn ctrl_a_works_on_the_keyboard_too() {
    let boot = demo().with(artefacts::guest("demo"), "guest name=second mem=4M --");
    let mut session = at_desk(&boot);
    press(&mut session, "ctrl-a 2");
    session.wait_for_on_screen("guest second: has the focus\ndemo>");
    press(&mut session, "m e m ret");
    session.wait_for_on_screen("4 MiB in all");
    press(&mut session, "ctrl-a shift-slash");
    session.wait_for_on_screen("2 second, has the focus");
}

/// What is typed on either goes to the same Guest.
#[test]
fn serial_line_and_keyboard_are_one_terminal() {
    let mut session = Qemu::kernel(&Boot::guest("demo", "")).with_monitor().start();
    session.wait_for(PROMPT);
    session.send("echo ");
    session.wait_for("echo ");
    press(&mut session, "b o t h ret");
    session.wait_for("\nboth\n");
    press(&mut session, "p o w e r o f f ret");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

#[test]
fn without_a_keyboard_controller_the_serial_line_does() {
    let mut session = Qemu::kernel(&Boot::guest("demo", "")).options(&["-machine", "pc,i8042=off"]).start();
    session.wait_for(PROMPT);
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}
