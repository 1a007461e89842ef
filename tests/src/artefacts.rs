//! Where the Host and the Guests are, freshly built.
//!
//! A test of yesterday's Host is worse than none, so the first question for a file asks
//! cargo to build, once per process; when nothing changed that takes a moment.
//!
//! Next on the tour: [`crate::boot`].

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The directory cargo puts release programs for the i586 target in.
static RELEASE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    // The tests themselves are left out: cargo is running them.
    let others = ["--exclude", env!("CARGO_PKG_NAME"), "--exclude", LAB_PACKAGE];
    build(&[&["--release", "--workspace"][..], &others].concat()).then(|| target().join("release"))
});

/// What scripts/run and scripts/iso start, in the directory they expect it in.
static LAB: LazyLock<bool> = LazyLock::new(|| build(&["-p", LAB_PACKAGE]));
const LAB_PACKAGE: &str = "kennel-lab";

/// The directory of all that cargo builds for the i586 target.
fn target() -> PathBuf {
    let own = env::current_exe().expect("a running program has a path");
    // …/i586-unknown-linux-gnu/debug/deps/machine-0123456789abcdef, or …/debug/crowd
    let target = own.ancestors().find(|path| path.ends_with("debug")).and_then(Path::parent);
    target.expect("cargo puts what it builds for tests below `debug`").into()
}

/// The directory that `scripts/setup` has put v86 into.
pub fn v86() -> PathBuf {
    let target = target();
    target.parent().expect("it is named after the target").join("v86/node_modules/v86")
}

/// The Host's image.
pub fn host() -> PathBuf {
    program("kennel")
}

/// Has what the scripts start built, so that they need not.
pub fn lab() {
    assert!(*LAB, "what reads the options must build; the first test to ask shows why it does not");
}

/// A Guest's image: `demo`, `bench` or the name of a test Guest.
pub fn guest(name: &str) -> PathBuf {
    program(name)
}

/// The project's root directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace")
}

fn program(name: &str) -> PathBuf {
    let release =
        RELEASE.as_ref().expect("what boots must build; the first test to ask shows why it does not");
    let path = release.join(name);
    assert!(path.is_file(), "cargo built no program {name}");
    path
}

/// Builds `packages` without optimisation, and returns the directory with their programs.
pub fn debug(packages: &[&str]) -> PathBuf {
    let options: Vec<_> = packages.iter().flat_map(|package| ["-p", package]).collect();
    assert!(build(&options), "a plain build fails");
    target().join("debug")
}

/// Builds what `options` say, or prints why it could not.
fn build(options: &[&str]) -> bool {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet"])
        .args(options)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    if !output.status.success() {
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}
