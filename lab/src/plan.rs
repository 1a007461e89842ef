//! Which boot modules the Guests need: for each the file, its place on the medium, and its line.
//!
//! ```text
//!   guest demo ----> disk0    disk name=vda
//!              `---> guest    guest name=demo disk=vda net=lan --
//! ```
//!
//! A Guest that is alone has disks called `vda`, `vdb`, …; those of several are called after their
//! files, and one that nobody can change is a module for all who have it.
//!
//! Invariants:
//! - No two Guests have one name (`a_name_is_one_guest_s`).
//! - A disk that one Guest writes is no other's (`a_file_that_is_written_is_one_disk`).
//! - What the Host would refuse is refused here, by the Host's own reader, in its words
//!   (`what_the_host_would_refuse_is_refused_before`).
//!
//! Next on the tour: [`crate::disks`].

use launcher_task::config::{self, ConfigError};

use crate::disks::Disks;
use crate::guest::{Guest, NONE, Word};
use crate::module::{BuiltIn, Check, Module, Source, after_file, readable, unused};

/// Memory of a Guest nobody says it of, unless it comes with Kennel and takes what there is.
const USUAL_MEMORY: &str = "64M";
/// The network of a Guest nobody says it of.
const USUAL_NETWORK: &str = "lan";

/// Makes modules of Guests.
///
/// # Errors
/// A sentence that names the Guest.
pub fn modules(guests: &[Guest], check: Check) -> Result<Vec<Module>, String> {
    let names = names(guests)?;
    let mut planner =
        Planner { modules: Vec::new(), disks: Disks::new(guests.len(), check), is_alone: guests.len() == 1 };
    for (place, (guest, name)) in guests.iter().zip(&names).enumerate() {
        planner.add(guest, name, place + 1)?;
    }
    if check == Check::BeforeBoot {
        judge(&planner.modules)?;
    }
    Ok(planner.modules)
}

struct Planner {
    modules: Vec<Module>,
    disks: Disks,
    is_alone: bool,
}

impl Planner {
    fn add(&mut self, guest: &Guest, name: &str, number: usize) -> Result<(), String> {
        let owner = format!("guest {name}");
        let disks = self.disks.of(guest, name, &mut self.modules)?;
        let kernel = match BuiltIn::named(&guest.kernel) {
            Some(program) => Source::BuiltIn(program),
            None => readable(&guest.kernel, "image", name)?,
        };
        let line = format!(
            "guest name={name}{} -- {}",
            words(guest, &disks),
            guest.append.as_deref().unwrap_or_default()
        );
        self.put(kernel, "guest", number, line, &owner);
        for (path, role) in [(&guest.initrd, "initrd"), (&guest.symbols, "symbols")] {
            if let Some(path) = path {
                self.put(readable(path, role, name)?, role, number, format!("{role} for={name}"), &owner);
            }
        }
        Ok(())
    }

    /// Adds a module; a file that is on the medium in the same role is not put there again.
    fn put(&mut self, source: Source, role: &str, number: usize, line: String, owner: &str) {
        let known = self.modules.iter().find(|other| other.source == source && other.place.starts_with(role));
        let place = match known {
            Some(other) => other.place.clone(),
            None if self.is_alone => role.into(),
            None => format!("{role}{number}"),
        };
        self.modules.push(Module { source, place, line, owner: owner.into() });
    }
}

/// The words of a Guest's line between its name and its command line.
fn words(guest: &Guest, disks: &[String]) -> String {
    let is_ours = BuiltIn::named(&guest.kernel).is_some();
    let mem = guest.mem.as_ref().map(Word::text).or((!is_ours).then(|| USUAL_MEMORY.into()));
    let mut words = String::new();
    let mut add = |key: &str, value: &str| words += &format!(" {key}={value}");
    for (key, value) in
        [("mem", mem), ("abi", text(&guest.abi)), ("pae", text(&guest.pae)), ("bus", text(&guest.bus))]
    {
        if let Some(value) = value {
            add(key, &value);
        }
    }
    if !disks.is_empty() {
        add("disk", &disks.join(","));
    }
    for card in cards(guest) {
        add("net", card);
    }
    words
}

fn text(word: &Option<Word>) -> Option<String> {
    word.as_ref().map(Word::text)
}

/// A Guest's cards as its line has them.
pub fn cards(guest: &Guest) -> Vec<&str> {
    match guest.net.texts() {
        [] => vec![USUAL_NETWORK],
        [only] if only == NONE => Vec::new(),
        cards => cards.iter().map(String::as_str).collect(),
    }
}

/// What to call each Guest. Those nobody has named are called after their files, and numbered.
fn names(guests: &[Guest]) -> Result<Vec<String>, String> {
    let mut names: Vec<Option<String>> = guests.iter().map(|guest| guest.name.clone()).collect();
    for (place, name) in names.iter().enumerate() {
        if let Some(name) = name
            && names[..place].iter().flatten().any(|other| other == name)
        {
            return Err(format!("two Guests are called {name}; give each its own name"));
        }
    }
    for (place, guest) in guests.iter().enumerate() {
        if names[place].is_none() {
            let name =
                unused(&after_file(&guest.kernel), |name| names.iter().flatten().any(|other| other == name));
            names[place] = Some(name);
        }
    }
    Ok(names.into_iter().flatten().collect())
}

/// Asks the Host's own reader of module lines.
fn judge(modules: &[Module]) -> Result<(), String> {
    // Each line begins with its number in the place of a file name, to find it again.
    let lines: Vec<String> =
        modules.iter().enumerate().map(|(number, module)| format!("{number} {}", module.line)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    match config::read_modules(&lines).errors.into_iter().next() {
        None => Ok(()),
        Some(ConfigError::Module { file, fault }) => {
            let number = file.split(' ').next().and_then(|number| number.parse::<usize>().ok());
            let owner =
                number.and_then(|number| modules.get(number)).map_or(file.as_str(), |module| &module.owner);
            Err(format!("{owner}: {fault}"))
        }
        Some(other) => Err(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
