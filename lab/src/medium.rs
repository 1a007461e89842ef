//! The boot medium: builds what is ours, fills `iso/boot`, and makes an ISO of it.
//!
//! Next on the tour: [`crate::grub`].

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::grub;
use crate::menu;
use crate::module::{BuiltIn, Module, Source};

/// The target all that boots is built for.
const TRIPLE: &str = "i586-unknown-linux-gnu";
/// Where the medium is put together. It is one ISO's at a time.
const TREE: &str = "iso/boot";
/// Locked by the ISO that is made.
const LOCK: &str = "iso/README.md";
/// Lines of the demo's usual disk.
const EXAMPLE_LINES: u32 = 256;

/// Makes media; the working directory is the project's root.
pub struct Medium<'a> {
    /// The directory cargo builds in.
    pub target: &'a Path,
    /// Which script the person has started.
    pub script: &'a str,
    /// Options of the Host.
    pub host: &'a str,
    /// Whether it boots by BIOS only, as the machines of a run do; else by UEFI as well, if GRUB for that
    /// is installed.
    pub is_for_bios: bool,
}

impl Medium<'_> {
    /// Makes an ISO of `modules` at `out`.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn make(&self, modules: &[Module], out: &Path) -> Result<(), String> {
        self.say("building");
        self.build(modules)?;
        let _lock = self.lock().map_err(|why| format!("{LOCK}: {why}"))?;
        self.fill(modules)?;
        self.say("making the ISO");
        let is_for_uefi = !self.is_for_bios && grub::has_uefi();
        grub::make_iso(Path::new("iso"), &self.target.join("iso-work"), out, is_for_uefi)?;
        let by = if is_for_uefi { "BIOS and UEFI" } else { "BIOS" };
        self.say(&format!("{} is ready, to be booted by {by}", out.display()));
        Ok(())
    }

    fn say(&self, words: &str) {
        eprintln!("{}: {words}", self.script);
    }

    fn build(&self, modules: &[Module]) -> Result<(), String> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "-p", "kennel-kernel"]).stdin(Stdio::null());
        for program in BuiltIn::ALL {
            if modules.iter().any(|module| module.source == Source::BuiltIn(program)) {
                cargo.args(["-p", program.package()]);
            }
        }
        run(&mut cargo, "cargo")
    }

    fn lock(&self) -> io::Result<File> {
        let lock = File::open(LOCK)?;
        if lock.try_lock().is_err() {
            self.say("waiting for another ISO to be made");
            lock.lock()?;
        }
        Ok(lock)
    }

    fn fill(&self, modules: &[Module]) -> Result<(), String> {
        let tree = Path::new(TREE);
        let failed = |why: io::Error| format!("{TREE}: {why}");
        if tree.exists() {
            fs::remove_dir_all(tree).map_err(failed)?;
        }
        fs::create_dir_all(tree.join("grub")).map_err(failed)?;
        strip(&self.program("kennel"), &tree.join("kennel"), "--strip-all")?;
        for module in modules {
            self.put(&module.source, &tree.join(&module.place))?;
        }
        let template = fs::read_to_string("grub/grub.cfg").map_err(|why| format!("grub/grub.cfg: {why}"))?;
        fs::write(tree.join("grub/grub.cfg"), menu::fill(&template, self.host, modules)).map_err(failed)
    }

    fn put(&self, source: &Source, place: &Path) -> Result<(), String> {
        match source {
            // With names for the monitor.
            Source::BuiltIn(program) => strip(&self.program(program.name()), place, "--strip-debug"),
            Source::File(file) => {
                fs::copy(file, place).map(drop).map_err(|why| format!("{}: {why}", file.display()))
            }
            Source::Example => {
                self.example().and_then(|()| fs::write(place, example())).map_err(|why| why.to_string())
            }
        }
    }

    fn program(&self, name: &str) -> PathBuf {
        self.target.join(TRIPLE).join("release").join(name)
    }

    /// Leaves a copy of the demo's usual disk for the person; another run may be reading it.
    fn example(&self) -> io::Result<()> {
        let own = self.target.join(format!("example.txt.{}", process::id()));
        fs::write(&own, example())?;
        fs::rename(own, self.target.join("example.txt"))
    }
}

/// The demo's usual disk: lines of 32 bytes.
fn example() -> String {
    (0..EXAMPLE_LINES).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "This is line {line:03} of an example.");
        text
    })
}

fn strip(from: &Path, to: &Path, how: &str) -> Result<(), String> {
    run(Command::new("strip").arg(how).arg("-o").arg(to).arg(from), "strip")
}

/// Runs a program whose own words on standard error say what is wrong.
fn run(command: &mut Command, name: &str) -> Result<(), String> {
    let status = command.stdout(io::stderr()).status().map_err(|why| format!("{name}: {why}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_lines_of_32_bytes() {
        let text = example();
        assert_eq!(text.len(), 8192);
        assert!(text.starts_with("This is line 000 of an example.\n") && text.contains("line 255"));
    }
}
