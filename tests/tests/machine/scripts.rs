//! The commands of the README, as a new user types them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use emulated::artefacts;

/// Runs a script with `input` on its standard input.
fn script(name: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(artefacts::root().join("scripts").join(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_piped_session_ends_with_the_host_s_code() {
    let output = script("run", &[], "uptime\npoweroff\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("host: end, exit code 0"), "{said}");
}
