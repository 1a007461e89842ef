//! The commands of the README, as a new user types them.

use std::env;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};

use emulated::scratch::Scratch;
use emulated::{artefacts, bzimage};

use crate::demo::PROMPT;

/// Seconds a script may take; the build is done before.
const TIME_LIMIT: &str = "180";

/// The scripts share `iso/` and the ISO they make from it, so they run one at a time: for as long
/// as what this returns is kept.
fn alone() -> File {
    let lock = File::create(env::temp_dir().join("kennel-scripts.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Runs a script with `input` on its standard input.
pub fn script(name: &str, arguments: &[&str], input: &str) -> Output {
    let _alone = alone();
    let mut child = Command::new("timeout")
        .arg(TIME_LIMIT)
        .arg(artefacts::root().join("scripts").join(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A script that ends early on purpose closes its input before all is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs `scripts/run`, checks its exit code and returns what it printed.
#[track_caller]
fn run(arguments: &[&str], input: &str, code: i32) -> String {
    let output = script("run", arguments, input);
    let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}\n--- standard error ---\n{errors}");
    said
}

/// The demo has a network, so a capture need not name one.
#[test]
fn a_piped_session_ends_with_code_0_and_leaves_a_capture() {
    let scratch = Scratch::new();
    let file = scratch.path("lan.pcap");
    let said = run(&["--pcap", file.to_str().unwrap()], "uptime\nsum vda\nping\npoweroff\n", 0);
    let capture = std::fs::read(file).unwrap();
    assert!(capture.starts_with(&[0xD4, 0xC3, 0xB2, 0xA1]) && capture.len() > 1000, "{capture:x?}");
    assert!(said.contains("\n61790     8 vda\n") && said.contains("10.77.0.1 answers after "), "{said}");
    assert!(said.ends_with("host: end, exit code 0\n"), "{said}");
}

#[test]
fn a_piped_session_in_bochs_ends_with_code_0() {
    let said = run(&["--bochs"], "uptime\npoweroff\n", 0);
    assert!(said.ends_with("host: end, exit code 0\n"), "{said}");
}

#[test]
fn a_killed_guest_is_exit_code_1() {
    run(&["--mem", "8M", "--append", "one two"], "crash\n", 1);
}

#[test]
fn another_kernel_runs_instead_of_the_demo() {
    let hello = artefacts::guest("hello");
    let said = run(&["--kernel", hello.to_str().unwrap()], "", 0);
    assert!(said.contains("test: PASS"), "{said}");
}

#[test]
fn too_much_memory_for_the_machine_is_exit_code_2() {
    run(&["--mem", "512M", "--machine-mem", "64"], "", 2);
}

/// `script` gives `scripts/run` a terminal, as a person would; Ctrl-A X is QEMU's key to leave.
#[test]
fn a_person_at_a_terminal_leaves_with_ctrl_a_x() {
    let _alone = alone();
    let run = artefacts::root().join("scripts/run");
    let mut terminal = Command::new("timeout")
        .args([TIME_LIMIT, "script", "-qec", run.to_str().unwrap(), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = terminal.stdout.take().unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(PROMPT.as_bytes()) {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&seen)));
        seen.push(byte[0]);
    }
    terminal.stdin.as_mut().unwrap().write_all(b"\x01x").unwrap();
    assert_eq!(terminal.wait().unwrap().code(), Some(4));
}

#[test]
fn the_help_explains_every_option_and_code() {
    let help = run(&["--help"], "", 0);
    for option in [
        "--kernel",
        "--initrd",
        "--disk",
        "--net",
        "--mem",
        "--append",
        "--machine-mem",
        "--bochs",
        "--gdb",
        "--gdb-guest",
        "--iso-only",
    ] {
        assert!(help.contains(option), "{option} is missing in:\n{help}");
    }
    assert!(help.contains("Exit codes:"));
}

#[test]
fn a_bzimage_runs_with_its_initrd() {
    let scratch = Scratch::new();
    let image = bzimage::of_guest(&artefacts::guest("demo"), "no Linux", &scratch);
    let image = scratch.file("bzImage", &image.0);
    let initrd = scratch.file("rootfs.cpio", [7; 5000]);
    let [image, initrd] = [&image, &initrd].map(|file| file.to_str().unwrap());
    let said = run(&["--kernel", image, "--initrd", initrd, "--append", "one two"], "poweroff\n", 0);
    for words in ["\"one two\"", "5000 bytes: initrd for=bzImage", "host: net lan: guest bzImage has"] {
        assert!(said.contains(words), "no {words:?} in:\n{said}");
    }
}

#[test]
fn an_iso_goes_where_it_should_and_its_menu_has_a_line_for_each_module() {
    let scratch = Scratch::new();
    let (disk, iso) = (scratch.file("root,1.img", [0; 512]), scratch.path("my.iso"));
    let (disk, iso) = (disk.to_str().unwrap(), iso.to_str().unwrap());
    let cow = format!("{disk},cow");
    let arguments =
        ["--disk", disk, "--disk", &cow, "--net", "lan", "--net", "wan", "--mem", "8M", "--out", iso];
    let output = script("iso", &arguments, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = std::fs::read(iso).unwrap();
    for line in [
        "module2 --nounzip /boot/guest 'guest' 'name=demo' 'mem=8M' 'disk=vda,vdb' 'net=lan' 'net=wan' '--'\n",
        "module --nounzip /boot/disk0 'disk' 'name=vda'\n",
        "module2 --nounzip /boot/disk1 'disk' 'name=vdb' 'cow'\n",
    ] {
        assert!(made.windows(line.len()).any(|window| window == line.as_bytes()), "no {line:?} on the ISO");
    }
}

#[test]
fn wrong_usage_is_exit_code_64() {
    for arguments in [
        &["--colour"][..],
        &["--mem"],
        &["--kernel", "/no/such/file"],
        &["--disk", "/no/such/file,ro"],
        &["--initrd", "/"],
        &["--bochs", "--gdb"],
        &["--net", "none", "--pcap", "/dev/null"],
        &["--bochs", "--gdb-guest"],
    ] {
        run(arguments, "", 64);
    }
}

#[test]
fn a_bench_of_nothing_is_wrong_usage() {
    for arguments in [&["--kernel"][..], &["--kernel", "/no/such/file"], &["--initrd", "/dev/null"]] {
        assert_eq!(script("bench", arguments, "").status.code(), Some(64), "{arguments:?}");
    }
}

#[test]
fn the_scripts_stay_thin() {
    let scripts = artefacts::root().join("scripts").read_dir().unwrap();
    for script in scripts.map(|entry| entry.unwrap().path()) {
        let lines = std::fs::read_to_string(&script).unwrap().lines().count();
        assert!(lines < 80, "{} has {lines} lines", script.display());
    }
}
