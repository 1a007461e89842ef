//! Guests outside of this project, in Rust and in C: what begins one is enough, and builds and boots
//! from a place of its own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use emulated::scratch::Scratch;
use emulated::{Bochs, Boot, Outcome, Qemu, artefacts};

/// The files of the Rust project, of which a newcomer has to write so many lines at most.
const FILES: [&str; 4] = ["Cargo.toml", "build.rs", ".cargo/config.toml", "src/main.rs"];
const MOST_LINES: usize = 40;

/// The folder of the Rust project.
fn template() -> PathBuf {
    artefacts::root().join("guest/template")
}

/// Runs a command that makes a Guest.
#[track_caller]
fn make(command: &mut Command) {
    let output = command.output().expect("it can be started");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{command:?} fails:\n{}", said.concat());
}

/// A copy of the project, whose paths lead to where Kennel is. Its dependencies have the versions they
/// have here, so that nothing is downloaded.
fn copy_of_the_template(scratch: &Scratch) -> PathBuf {
    let guests = artefacts::root().join("guest");
    for file in FILES {
        let text = fs::read_to_string(template().join(file)).expect("it is there");
        scratch.file(file, text.replace("\"../", &format!("\"{}/", guests.display())));
    }
    let lock = fs::read(artefacts::root().join("Cargo.lock")).expect("there is a lock file");
    scratch.file("Cargo.lock", lock).parent().expect("a file lies in a directory").into()
}

/// Builds the copy as `options` say and boots it.
#[track_caller]
fn a_rust_guest_says_hello(options: &[&str], kind: &str) {
    artefacts::host(); // its dependencies are there, when this is built
    let scratch = Scratch::new();
    let project = copy_of_the_template(&scratch);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = scratch.path("target");
    make(
        Command::new(cargo)
            .current_dir(project)
            .args(["build", "--offline", "--quiet", "--target-dir"])
            .arg(&target)
            .args(options),
    );
    let image = target.join("i586-unknown-linux-gnu").join(kind).join("my-guest");
    let boot = Boot::bare().with(image, "guest name=outside mem=16M -- one two");
    let outcome = Qemu::kernel(&boot).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let words = "Hello from a Guest of another project.\nMy command line is \"one two\".\n";
    assert!(outcome.log.contains(words), "{}", outcome.log);
}

#[test]
fn a_guest_in_a_project_of_its_own_runs_without_optimisation() {
    a_rust_guest_says_hello(&[], "debug");
}

#[test]
fn a_guest_in_a_project_of_its_own_runs_optimised() {
    a_rust_guest_says_hello(&["--release"], "release");
}

#[test]
fn a_project_of_its_own_takes_forty_lines_and_no_flag_of_the_linker() {
    let texts = FILES.map(|file| fs::read_to_string(template().join(file)).expect("it is there"));
    let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()).count();
    assert!(lines <= MOST_LINES, "{lines} lines");
    for flag in ["link-arg", "rustflags", "nostdlib", "guest.ld"] {
        assert!(!texts.iter().any(|text| text.contains(flag)), "{flag}");
    }
    let known = FILES.map(|file| template().join(file));
    let all = files(&template());
    assert!(all.iter().all(|file| known.contains(file)), "more than {FILES:?} is in {all:?}");
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("it is a folder").map(|entry| entry.expect("it can be read"));
    let is_made = |path: &PathBuf| path.ends_with("target") || path.ends_with("Cargo.lock");
    let paths = entries.map(|entry| entry.path()).filter(|path| !is_made(path));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What the example in C prints when it has the disk that test Guests know.
const C_LINES: [&str; 6] = [
    "Hello from C, with 8 MiB of memory.",
    "My command line is \"one two\".",
    "timer: 5 interrupts",
    "page fault: address 0xd0000000, error code 2",
    "page fault: 1 repaired, and the page holds 42",
    "disk: 2048 sectors, the last begins with 0xff 0xff",
];

/// Copies the folder of Guests in C.
fn copy_of_the_folder(scratch: &Scratch) {
    let folder = artefacts::root().join("guest/c");
    for file in files(&folder).iter().filter(|file| !file.starts_with(folder.join("build"))) {
        let name = file.file_name().expect("it is a file").to_string_lossy();
        scratch.file(&name, fs::read(file).expect("it can be read"));
    }
}

/// Builds what is in the copy of the folder, and returns the image.
#[track_caller]
fn c_image(scratch: &Scratch, compiler: &str, optimise: &str) -> PathBuf {
    let options = [format!("CC={compiler}"), format!("OPTIMISE={optimise}")];
    make(Command::new("make").arg("-s").args(options).current_dir(scratch.path("")));
    scratch.path("build/example")
}

/// Builds the example in C, and returns what to boot.
#[track_caller]
fn c_boot(scratch: &Scratch, compiler: &str, optimise: &str) -> Boot {
    copy_of_the_folder(scratch);
    let disk = scratch.numbered_disk();
    let line = "guest name=c mem=8M disk=d -- one two";
    Boot::bare().with(c_image(scratch, compiler, optimise), line).with(disk, "disk name=d")
}

/// The example has printed all its lines, in their order.
#[track_caller]
fn has_done_all(outcome: &Outcome) {
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    let mut lines = outcome.log.lines();
    for words in C_LINES {
        assert!(lines.any(|line| line == words), "no (further) {words:?} in:\n{}", outcome.log);
    }
    assert!(outcome.log.contains("guest c: powered off: the example is over\n"), "{}", outcome.log);
}

#[track_caller]
fn a_guest_in_c_works(compiler: &str, optimise: &str) {
    let scratch = Scratch::new();
    has_done_all(&Qemu::kernel(&c_boot(&scratch, compiler, optimise)).start().finish());
}

#[test]
fn a_guest_in_c_built_by_gcc_works() {
    a_guest_in_c_works("gcc", "-O2");
}

#[test]
fn a_guest_in_c_built_by_gcc_without_optimisation_works() {
    a_guest_in_c_works("gcc", "-O0");
}

#[test]
fn a_guest_in_c_built_by_clang_works() {
    a_guest_in_c_works("clang", "-O2");
}

#[test]
fn a_guest_in_c_built_by_clang_without_optimisation_works() {
    a_guest_in_c_works("clang", "-O0");
}

#[test]
fn a_guest_in_c_works_in_bochs() {
    let scratch = Scratch::new();
    has_done_all(&Bochs::grub(&c_boot(&scratch, "gcc", "-O2")).start().finish());
}

/// It has no disk, and says so.
#[test]
fn a_guest_in_c_without_a_disk_says_so() {
    let scratch = Scratch::new();
    let mut boot = c_boot(&scratch, "gcc", "-O2");
    boot.modules.truncate(1);
    boot.modules[0].line = "guest name=c mem=8M --".into();
    let outcome = Qemu::kernel(&boot).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    assert!(outcome.log.contains("\ndisk: none\n"), "{}", outcome.log);
}

/// The package and the command have the same name, so both are words of one line.
#[test]
fn what_builds_a_guest_in_c_is_among_what_set_up_installs() {
    let scripts = files(&artefacts::root().join("scripts"));
    let texts: String = scripts.iter().map(|file| fs::read_to_string(file).expect("it is text")).collect();
    for tool in ["clang", "make"] {
        let names_it = |line: &str| line.split_whitespace().filter(|word| *word == tool).count() == 2;
        assert!(texts.lines().any(names_it), "scripts/setup does not install {tool}");
    }
}

/// The Host says where a Guest has ended that does nothing else yet: the first step of a port.
#[test]
fn an_image_that_begins_with_ud2_ends_at_its_entry_point() {
    let scratch = Scratch::new();
    copy_of_the_folder(&scratch);
    let start = scratch.text("start.S");
    assert!(start.contains("\nentry:\n"), "{start}");
    scratch.file("start.S", start.replace("\nentry:\n", "\nentry:\n    ud2\n"));
    let boot = Boot::bare().with(c_image(&scratch, "gcc", "-O2"), "guest name=c mem=8M --");
    let outcome = Qemu::kernel(&boot).start().finish();
    let sentence = outcome.killed("c").expect("it cannot go on");
    assert!(sentence.starts_with("wanted the bare machine: #UD (vector 6) at 0x00100000"), "{sentence}");
}

/// What the middle steps of a port's list promise, by a `guest_main` of the test's own.
fn steps(scratch: &Scratch) -> Boot {
    copy_of_the_folder(scratch);
    scratch.file("example.c", include_str!("outside/steps.c"));
    Boot::bare().with(c_image(scratch, "gcc", "-O2"), "guest name=c mem=8M --")
}

#[track_caller]
fn all_steps_are_seen(outcome: &Outcome) {
    let lines = [
        "flag off: 0 interrupts, and one waits",
        "flag on: 1 interrupts",
        "mapped: 42 at 0xd0000000, 0 faults",
        "taken away: 1 faults, the last at 0xd0000000",
        "mapped by the handler: 42",
        "null pointer: 2 faults, the last at 0x8",
        "exception 3 at 0xc01",
    ];
    let mut printed = outcome.log.lines();
    for words in lines {
        assert!(printed.any(|line| line.starts_with(words)), "no (further) {words:?} in:\n{}", outcome.log);
    }
}

#[test]
fn the_steps_of_a_port_show_what_the_list_says() {
    let scratch = Scratch::new();
    all_steps_are_seen(&Qemu::kernel(&steps(&scratch)).start().finish());
}

#[test]
fn the_steps_of_a_port_show_the_same_in_bochs() {
    let scratch = Scratch::new();
    all_steps_are_seen(&Bochs::grub(&steps(&scratch)).start().finish());
}
