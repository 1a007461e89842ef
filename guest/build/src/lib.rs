//! How a Guest is linked, for the build script of any package with a Guest in it.
//!
//! A program that cargo builds for Linux is linked with a C library and start code, at an address
//! that Linux chooses. A Guest has neither, and lies where `guest/kit/guest.ld` says. Cargo takes
//! arguments of the linker only from the build script of the program's own package, not from a
//! library's. So that script calls [`link`], as `guest/template/build.rs` does.
//!
//! Invariants:
//! - The linker script is in the file that is named (`the_linker_script_is_there`).
//! - A package outside of this project needs no other flag, with or without optimisation: the
//!   boot tests build one in `tests/tests/machine/outside.rs`.
//!
//! Next on the tour: `guest/kit`.
#![forbid(unsafe_code)]

/// The linker script of every Guest.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../kit/guest.ld");

/// What the linker is given besides. A Guest is not moved when it is loaded, so `-no-pie` takes back
/// what the compiler asks for unless its flags say `relocation-model=static`.
const ARGUMENTS: [&str; 5] = ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"];

/// Has cargo link all programs of the package as Guests. For its build script.
pub fn link() {
    lines().for_each(|line| println!("{line}"));
}

/// The lines that cargo reads.
fn lines() -> impl Iterator<Item = String> {
    let arguments = ARGUMENTS.map(|argument| format!("cargo:rustc-link-arg-bins={argument}"));
    let script = format!("cargo:rustc-link-arg-bins=-Wl,-T,{SCRIPT}");
    [format!("cargo:rerun-if-changed={SCRIPT}"), script].into_iter().chain(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_script_is_there() {
        let script = std::fs::read_to_string(SCRIPT).expect("it is a file");
        assert!(script.contains("ENTRY(entry_physical)"));
        assert!(lines().any(|line| line.ends_with(&format!("-T,{SCRIPT}"))));
    }
}
