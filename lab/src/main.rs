//! Reads what shall run, makes a boot medium of it, and says which machine to start:
//! [`scripts/run`](../../scripts/run) and [`scripts/iso`](../../scripts/iso) are doors to it.
//!
//! ```text
//!   options --options--> Lab --plan--> modules --medium--> ISO
//!   a file  --lab------^    `--machine--------------------> settings for the shell
//! ```
//!
//! Usage: `kennel-lab run|iso PLACE TARGET WORK [option…]`, in the project's root. PLACE is where the
//! person is, TARGET where cargo builds, WORK a directory of this run. A run's ISO and the file
//! `settings` go into WORK; without the latter there is nothing to start.
//!
//! Next on the tour: [`options`].

mod disks;
mod grub;
mod guest;
mod lab;
mod machine;
mod medium;
mod menu;
mod module;
mod options;
mod plan;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lab::Lab;
use machine::Machine;
use medium::Medium;
use options::{IsoOptions, RunOptions};

/// The exit code of wrong usage.
const WRONG_USAGE: u8 = 64;
/// The scripts, for the help at their heads.
const RUN: &str = include_str!("../../scripts/run");
const ISO: &str = include_str!("../../scripts/iso");

/// Why there is nothing to start.
enum Failure {
    /// The person can say it better.
    Usage(String),
    /// Something else is wrong.
    Other(String),
}

/// Where things are.
struct Places {
    person: PathBuf,
    target: PathBuf,
    work: PathBuf,
}

fn main() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let [script, person, target, work, options @ ..] = words.as_slice() else {
        eprintln!("kennel-lab: it is started by scripts/run and scripts/iso");
        return ExitCode::from(WRONG_USAGE);
    };
    let places = Places { person: person.into(), target: target.into(), work: work.into() };
    let script = script.to_string_lossy();
    let result = if script == "run" { run(options, &places) } else { iso(options, &places) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(why)) => {
            eprintln!("{script}: {why}; see scripts/{script} --help");
            ExitCode::from(WRONG_USAGE)
        }
        Err(Failure::Other(why)) => {
            eprintln!("{script}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[OsString], places: &Places) -> Result<(), Failure> {
    let options: RunOptions = options::read(words).map_err(Failure::Usage)?;
    if options.help {
        print!("{}", options::help(RUN));
        return Ok(());
    }
    if let Some(shell) = options.completions {
        options::print_completions::<RunOptions>(shell);
        return Ok(());
    }
    let complete =
        options::complete(options.lab, options.config.as_deref(), options.single, None, &places.person);
    let (lab, check) = complete.map_err(Failure::Usage)?;
    let machine = Machine::of(&lab).map_err(Failure::Usage)?;
    let modules = plan::modules(&lab.guest, check).map_err(Failure::Usage)?;
    let said = format!("{} {}", lab.host.as_deref().unwrap_or_default(), machine.port_words());
    if options.iso_only {
        let medium = Medium { target: &places.target, script: "run", host: &said, is_for_bios: false };
        return medium.make(&modules, &places.target.join("kennel.iso")).map_err(Failure::Other);
    }
    let host = format!("{said} {}", machine.own_words(io::stdin().is_terminal()));
    let medium = Medium { target: &places.target, script: "run", host: &host, is_for_bios: true };
    let iso = places.work.join("kennel.iso");
    medium.make(&modules, &iso).map_err(Failure::Other)?;
    let settings = machine.settings(machine::memory_for(&lab.guest, &modules, &iso));
    fs::write(places.work.join("settings"), settings).map_err(|why| Failure::Other(why.to_string()))
}

fn iso(words: &[OsString], places: &Places) -> Result<(), Failure> {
    let options: IsoOptions = options::read(words).map_err(Failure::Usage)?;
    if options.help {
        print!("{}", options::help(ISO));
        return Ok(());
    }
    if let Some(shell) = options.completions {
        options::print_completions::<IsoOptions>(shell);
        return Ok(());
    }
    let lab = Lab { guest: options.guest, host: options.host, ..Lab::default() };
    let complete =
        options::complete(lab, options.config.as_deref(), options.single, options.name, &places.person);
    let (lab, check) = complete.map_err(Failure::Usage)?;
    let modules = plan::modules(&lab.guest, check).map_err(Failure::Usage)?;
    let out = options.out.filter(|file| file != Path::new("")).map(|file| places.person.join(file));
    let out = out.unwrap_or_else(|| places.target.join("kennel.iso"));
    let host = lab.host.as_deref().unwrap_or_default();
    let medium = Medium { target: &places.target, script: "iso", host, is_for_bios: false };
    medium.make(&modules, &out).map_err(Failure::Other)
}
