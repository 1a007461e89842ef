//! The commands of the README, as a new user types them.

use std::env;
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use emulated::scratch::Scratch;
use emulated::{artefacts, bzimage};

/// Seconds a script may take; the build is done before.
pub const TIME_LIMIT: &str = "180";

/// The bench has one log, so it runs once at a time: for as long as what this returns is kept.
fn alone() -> File {
    let lock = File::create(env::temp_dir().join("kennel-bench.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// Runs a script with `input` on its standard input.
pub fn script(name: &str, arguments: &[&str], input: &str) -> Output {
    artefacts::host(); // built before the time begins
    artefacts::lab();
    let _alone = (name == "bench").then(alone);
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
pub fn run(arguments: &[&str], input: &str, code: i32) -> String {
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

/// Nothing is left to type, and the Guest waits for more: without an end of its own this would wait
/// for ever, as a script that forgets `poweroff` did.
#[test]
fn the_end_of_input_ends_a_run_that_is_idle() {
    for options in [&["--idle", "2"][..], &["--idle", "2", "--bochs"]] {
        let output = script("run", options, "uptime\n");
        let [said, why] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert_eq!(output.status.code(), Some(4), "{said}\n{why}");
        assert!(
            said.contains("timer interrupts") && why.contains("no more input, and nothing happened for"),
            "{why}"
        );
    }
}

/// The input does not end here before the run does.
#[test]
fn a_run_ends_when_its_time_is_up() {
    let run = artefacts::root().join("scripts/run");
    let line = format!("{} --timeout 5 < <(exec sleep 100 >/dev/null 2>&1)", run.display());
    let output = Command::new("timeout").args([TIME_LIMIT, "bash", "-c", &line]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ended after 5 s"), "{output:?}");
}

#[test]
fn the_end_a_guest_prints_is_not_the_hosts() {
    let forger = artefacts::guest("forged_end");
    for machine in ["--idle", "--bochs"] {
        let arguments =
            ["--kernel", forger.to_str().unwrap(), "--append", "stay", "--idle", "2", machine, "2"];
        let arguments = &arguments[..if machine == "--idle" { 8 } else { 7 }];
        let said = run(arguments, "", 4);
        assert!(said.ends_with("end, exit code 0\n"), "the Guest's line is the last of:\n{said}");
    }
}

/// What is said may be lost, the exit code is not.
#[test]
fn a_reader_that_goes_away_does_not_take_the_exit_code_with_it() {
    let run = artefacts::root().join("scripts/run");
    for machine in ["", "--bochs"] {
        let line =
            format!("set -o pipefail; printf 'help\\ncrash\\n' | {} {machine} | head -n 1", run.display());
        let output = Command::new("timeout").args([TIME_LIMIT, "bash", "-c", &line]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

/// Each has its own ISO, log and directory, whichever machine it starts.
#[test]
fn several_runs_at_once_do_not_meet() {
    let session = |number: usize| {
        let words = format!("run number {number}");
        let mut options = vec!["--append", &words];
        options.extend((number == 2).then_some("--bochs"));
        let said = run(&options, "sum vda\npoweroff\n", 0);
        assert!(said.contains(&format!("\"{words}\"")) && said.contains("\n61790     8 vda\n"), "{said}");
        assert!(said.ends_with("host: end, exit code 0\n"), "{said}");
    };
    std::thread::scope(|scope| (0..3).for_each(|number| drop(scope.spawn(move || session(number)))));
}

#[test]
fn a_run_leaves_nothing_but_its_log() {
    let scratch = Scratch::new();
    let before = own_directories();
    let words = format!("this is {}", scratch.path("").display());
    let said = run(&["--append", &words], "poweroff\n", 0);
    assert!(said.contains(&words), "{said}");
    let left = |path: &std::path::PathBuf| !before.contains(path) && log_of(path).contains(&words);
    assert!(!own_directories().iter().any(left));
}

/// The directories of runs that are going on, or that left theirs behind.
fn own_directories() -> Vec<std::path::PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| artefacts::root().join("target"), Into::into);
    let entries = target.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("run.") && path.is_dir())
        .collect()
}

fn log_of(directory: &std::path::Path) -> String {
    std::fs::read_to_string(directory.join("log")).unwrap_or_default()
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
        "--timeout",
        "--idle",
        "--iso-only",
        "-h, --help",
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
        &["--timeout", "soon"],
        &["--idle"],
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

/// The help at the head of a script is not counted: it should be as long as it has to be.
#[test]
fn the_scripts_stay_thin() {
    for script in scripts() {
        let text = std::fs::read_to_string(&script).unwrap();
        let lines = text.lines().skip_while(|line| line.starts_with('#')).count();
        assert!(lines < 80, "{} has {lines} lines", script.display());
    }
}

#[test]
fn every_script_has_help_by_either_name() {
    for script in scripts().filter(|script| script.extension().is_none()) {
        let name = script.file_name().unwrap().to_str().unwrap();
        if std::fs::read(&script).unwrap().starts_with(b"#!") {
            let [long, short] = ["--help", "-h"].map(|option| self::script(name, &[option], ""));
            assert!(long.status.success() && short.status.success(), "{long:?} {short:?}");
            assert!(!long.stdout.is_empty() && long.stdout == short.stdout, "{name}");
        }
    }
}

fn scripts() -> impl Iterator<Item = std::path::PathBuf> {
    let entries = artefacts::root().join("scripts").read_dir().unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
}
