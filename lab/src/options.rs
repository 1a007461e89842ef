//! The options of `scripts/run` and `scripts/iso`.
//!
//! Those of the Guest, `--kernel` and its like, describe one Guest in place of `--guest`.
//! Their help is the comment at the head of each script.
//!
//! Invariants: the help has every option, and no other (`the_help_has_every_option_and_no_other`).
//!
//! Next on the tour: [`crate::guest`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, CommandFactory, Parser, ValueHint};
use clap_complete::Shell;

use crate::guest::{Guest, List, Word};
use crate::lab::Lab;
use crate::module::Check;

/// The Guest nobody says otherwise of.
const USUAL_GUEST: &str = "demo";

/// What `scripts/run` is told.
#[derive(Parser, Debug)]
#[command(
    name = "run",
    bin_name = "scripts/run",
    no_binary_name = true,
    disable_help_flag = true,
    args_override_self = true
)]
pub struct RunOptions {
    /// The one Guest.
    #[command(flatten)]
    pub single: Single,
    /// Guests and machine.
    #[command(flatten)]
    pub lab: Lab,
    /// a file that says the same
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub config: Option<PathBuf>,
    /// just make target/kennel.iso
    #[arg(long)]
    pub iso_only: bool,
    /// what the shell needs to complete these options
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<Shell>,
    /// this text
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub help: bool,
}

/// What `scripts/iso` is told.
#[derive(Parser, Debug)]
#[command(
    name = "iso",
    bin_name = "scripts/iso",
    no_binary_name = true,
    disable_help_flag = true,
    args_override_self = true
)]
pub struct IsoOptions {
    /// The one Guest.
    #[command(flatten)]
    pub single: Single,
    /// what the Host calls the Guest
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub name: Option<String>,
    /// a Guest; again for one more
    #[arg(long, value_name = "FILE[,KEY=VALUE…]", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub guest: Vec<Guest>,
    /// a file that says the same
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub config: Option<PathBuf>,
    /// options of the Host
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub host: Option<String>,
    /// where to put the ISO
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub out: Option<PathBuf>,
    /// what the shell needs to complete these options
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<Shell>,
    /// this text
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub help: bool,
}

/// The one Guest, if there is no `--guest`.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
pub struct Single {
    /// an image instead of the demo
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    kernel: Option<String>,
    /// the Guest's initrd
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    initrd: Option<String>,
    /// names for its addresses
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    symbols: Option<String>,
    /// a disk for it; again for a second one
    #[arg(long, value_name = "FILE[,HOW]", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    disk: Vec<String>,
    /// a network card; again for a second one
    #[arg(long, value_name = "NAME[,open]", allow_hyphen_values = true)]
    net: Vec<String>,
    /// memory of the Guest
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    mem: Option<String>,
    /// command line of the Guest
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    append: Option<String>,
}

impl Single {
    /// The Guest it describes.
    fn guest(self, name: Option<String>, place: &Path) -> Guest {
        // A path, even if it is spelled like a Guest of ours.
        let kernel =
            self.kernel.filter(|file| !file.is_empty()).map(|file| place.join(file).display().to_string());
        Guest {
            kernel: kernel.unwrap_or_else(|| USUAL_GUEST.into()),
            name,
            mem: self.mem.filter(|mem| !mem.is_empty()).map(Word::Text),
            initrd: self.initrd.filter(|file| !file.is_empty()),
            symbols: self.symbols.filter(|file| !file.is_empty()),
            disk: List::Many(self.disk),
            net: List::Many(self.net),
            append: self.append,
            ..Guest::default()
        }
    }
}

/// The Guests of a lab, or else the single one, with their paths and who shall check their words.
///
/// # Errors
/// A sentence about what does not go together, or about the file.
pub fn complete(
    mut lab: Lab,
    config: Option<&Path>,
    single: Single,
    name: Option<String>,
    place: &Path,
) -> Result<(Lab, Check), String> {
    let is_described = config.is_some() || !lab.guest.is_empty();
    if is_described && (single != Single::default() || name.is_some()) {
        return Err(
            "--kernel, --mem and the like are for the only Guest; with --guest or --config they stand \
                    behind its FILE, as in --guest demo,mem=8M"
                .into(),
        );
    }
    lab.begin_paths_at(place);
    if let Some(file) = config {
        lab = lab.over(Lab::read(&place.join(file))?);
    }
    if !is_described {
        let mut guest = single.guest(name.filter(|name| !name.is_empty()), place);
        guest.begin_paths_at(place);
        lab.guest.push(guest);
    }
    if lab.guest.is_empty() {
        return Err("there is no Guest in it: begin one with [[guest]] and kernel = \"demo\"".into());
    }
    Ok((lab, if is_described { Check::BeforeBoot } else { Check::ByTheHost }))
}

/// Reads options.
///
/// # Errors
/// What is wrong with them, in clap's words.
pub fn read<T: Parser>(words: &[OsString]) -> Result<T, String> {
    T::try_parse_from(words).map_err(|why| {
        let text = why.to_string();
        let text = text.split("\n\nUsage:").next().unwrap_or_default();
        let text = text.split("\n\nFor more information").next().unwrap_or_default();
        text.trim_start_matches("error: ").trim_end().into()
    })
}

/// Prints what a shell needs to complete a script's options.
pub fn print_completions<T: CommandFactory>(shell: Shell) {
    let mut command = T::command();
    let name = command.get_name().to_string();
    clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
}

/// The comment at the head of a script, which is its help.
pub fn help(script: &str) -> String {
    let lines = script.lines().skip(1).take_while(|line| line.starts_with('#'));
    lines.map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(&line[1..]))).collect()
}

#[cfg(test)]
mod tests;
