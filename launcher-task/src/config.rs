//! What the boot command lines ask for.
//!
//! Each boot module has a line that says what it is for. A line begins with
//! the file's name or, as loaders differ, not; then comes the role:
//!
//! ```text
//! demo  guest name=a mem=64M -- console=hvc0 quiet
//! fs.cpio  initrd for=a
//! System.map  symbols for=a
//! d.img  disk name=d cow
//! ^file ^role ^words             ^ the Guest's own command line
//! ```
//!
//! A bad word costs the module it stands on, and only that: the error names
//! the module and the word, and the others run all the same.
//!
//! Invariants:
//! - No two plans share a name, and a name is fit to stand in a line of the
//!   log (`a_second_guest_of_the_same_name_is_refused`,
//!   `a_name_that_would_garble_the_log_is_refused`).
//! - Memory is whole MiB, and RAM and device pages together fit 32 bits
//!   (`memory_is_whole_mebibytes_within_reach`).
//! - A line that could not be read to its end is not obeyed in part
//!   (`a_line_that_could_not_be_read_is_refused_as_a_whole`).
//! - What a disk's Guest writes reaches no other Guest
//!   (`a_disk_that_changes_is_one_guest_s`).
//! - No line makes it panic (`any_lines_give_plans_or_errors`).
//!
//! Next on the tour: `config/module_line.rs`.

mod companion;
mod disks;
mod error;
mod limits;
mod module_line;
mod name;
mod nets;

use alloc::{format, string::String, vec::Vec};

use abi::Dialect;

use crate::console::ConsoleSize;
pub use companion::Companion;
pub use disks::{DiskMode, DiskPlan, Remainder};
pub use error::{ConfigError, Fault, SizeFault};
pub use limits::{CARDS_MAX, DISKS_MAX};
use module_line::{DiskWords, GuestWords, ModuleLine, Role};
pub use nets::{NetPlan, networks};

/// Bytes in a mebibyte.
pub(crate) const MIB: u32 = 1 << 20;
/// RAM of a Guest whose line does not say.
pub const DEFAULT_MEMORY: u32 = 16 * MIB;

/// How a Guest finds its devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusKind {
    /// By a page of descriptors above its RAM.
    Lguest,
    /// On a PCI bus, as virtio 1.0 has it.
    Pci,
}

/// What one Guest shall be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The name it has in every line about it.
    pub name: String,
    /// Bytes of RAM, whole MiB.
    pub memory: u32,
    /// Nobody has said how many: it may be fewer, if there are not as many.
    pub is_usual_memory: bool,
    /// Its command line, words joined by one space.
    pub command_line: String,
    /// Number of the boot module that is its image, from 0.
    pub image: usize,
    /// Number of the boot module that is its initrd, from 0.
    pub initrd: Option<usize>,
    /// Number of the boot module that has its symbols, from 0.
    pub symbols: Option<usize>,
    /// Its network cards, in its order.
    pub nets: Vec<NetPlan>,
    /// Its disks, in its order: places in [`Config::disks`].
    pub disks: Vec<usize>,
    /// What to call the image in messages: the file's name, or `module N`.
    pub file: String,
    /// What need not be found out about it.
    pub dialect: Dialect,
    /// Which bus it shall have, if that is not left to the image.
    pub bus: Option<BusKind>,
    /// The size of its terminal; the Host's own command line may say another.
    pub console: ConsoleSize,
}

/// What all module lines together ask for.
#[derive(Debug, Default)]
pub struct Config {
    /// The Guests to run, in the order of their modules.
    pub plans: Vec<Plan>,
    /// The disks, in the order of their modules.
    pub disks: Vec<DiskPlan>,
    /// What was wrong, in the order it was found.
    pub errors: Vec<ConfigError>,
}

/// A module's line as the loader brought it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line<'a> {
    /// What could be read of it.
    pub words: &'a str,
    /// Why that is not all, in words, if it is not.
    pub flaw: Option<String>,
}

impl<'a> From<&'a str> for Line<'a> {
    fn from(words: &'a str) -> Self {
        Self { words, flaw: None }
    }
}

/// Reads the boot modules' command lines; a module's number is its place in `lines`.
///
/// Disks come first, then Guests, and what goes with them after them, so the order of modules is free.
pub fn read_modules<'a, L: Into<Line<'a>> + Clone>(lines: &[L]) -> Config {
    let mut config = Config::default();
    if lines.is_empty() {
        config.errors.push(ConfigError::NoModule);
        return config;
    }
    let (mut guests, mut companions) = (Vec::new(), Vec::new());
    for (number, line) in lines.iter().enumerate() {
        let Line { words, flaw } = line.clone().into();
        let module = ModuleLine::split(number, words);
        if let Some(flaw) = flaw {
            config.refuse(&module, Fault::Unreadable(flaw));
            continue;
        }
        match module.role() {
            Ok(Role::Guest(words)) => guests.push((module, words)),
            Ok(Role::Disk(words)) => config.add_disk(&module, &words),
            Ok(Role::Companion(kind, guest)) => companions.push((module, kind, guest)),
            Err(fault) => config.refuse(&module, fault),
        }
    }
    for (module, words) in guests {
        config.add_guest(&module, words);
    }
    config.name_the_nameless();
    config.judge_cards();
    for (module, kind, guest) in companions {
        config.attach(&module, kind, guest);
    }
    if config.plans.is_empty() {
        config.errors.push(ConfigError::NoGuest);
    }
    config
}

impl Config {
    fn refuse(&mut self, module: &ModuleLine<'_>, fault: Fault) {
        self.errors.push(ConfigError::Module { file: module.file(), fault });
    }

    fn has_guest(&self, name: &str) -> bool {
        self.plans.iter().any(|plan| plan.name == name)
    }

    fn add_guest(&mut self, module: &ModuleLine<'_>, words: GuestWords<'_>) {
        let name = words.name.unwrap_or_default();
        if !name.is_empty() && self.has_guest(name) {
            return self.refuse(module, Fault::NameTaken(name.into()));
        }
        let disks = match self.find_disks(words.disks.as_deref().unwrap_or_default()) {
            Ok(disks) => disks,
            Err(fault) => return self.refuse(module, fault),
        };
        self.plans.push(Plan {
            name: name.into(),
            memory: words.memory.unwrap_or(DEFAULT_MEMORY),
            is_usual_memory: words.memory.is_none(),
            command_line: words.command_line,
            image: module.number,
            initrd: None,
            symbols: None,
            nets: words.nets.cards(),
            disks,
            file: module.file(),
            dialect: Dialect { variant: words.variant, pae: words.pae },
            bus: words.bus,
            console: ConsoleSize::default(),
        });
    }

    fn add_disk(&mut self, module: &ModuleLine<'_>, words: &DiskWords<'_>) {
        if self.disks.iter().any(|disk| disk.name == words.name) {
            return self.refuse(module, Fault::DiskNameTaken(words.name.into()));
        }
        self.disks.push(DiskPlan { name: words.name.into(), module: module.number, mode: words.mode });
    }

    /// Gives each Guest without a name the first `guestN` that is free, when all names that were
    /// asked for are known.
    fn name_the_nameless(&mut self) {
        let mut next = 1;
        while let Some(nameless) = self.plans.iter().position(|plan| plan.name.is_empty()) {
            let name = format!("guest{next}");
            next += 1;
            if !self.has_guest(&name) {
                self.plans[nameless].name = name;
            }
        }
    }

    /// Refuses Guests whose network cards cannot be plugged in, when all names are known.
    fn judge_cards(&mut self) {
        let plans = core::mem::take(&mut self.plans);
        for plan in plans {
            match nets::judge(&plan, &self.plans) {
                Ok(()) => self.plans.push(plan),
                Err(fault) => {
                    // One file may be many Guests.
                    let file = format!("{} (guest {})", plan.file, plan.name);
                    self.errors.push(ConfigError::Module { file, fault });
                }
            }
        }
    }

    fn attach(&mut self, module: &ModuleLine<'_>, kind: Companion, guest: &str) {
        let plan = self.plans.iter_mut().find(|plan| plan.name == guest);
        let place = plan.map(|plan| match kind {
            Companion::Initrd => &mut plan.initrd,
            Companion::Symbols => &mut plan.symbols,
        });
        let fault = match place {
            None => Fault::Nobodys(kind, guest.into()),
            Some(Some(_)) => Fault::Second(kind, guest.into()),
            Some(place) => {
                *place = Some(module.number);
                return;
            }
        };
        self.refuse(module, fault);
    }
}

/// Reads the Host's own command line against those that are `known`; one that ends in `=` takes any
/// value. A first word that is none of them is the kernel's file name, which some loaders put there.
pub fn check_host_words(line: &str, known: &[&str]) -> Vec<ConfigError> {
    let is_known = |word: &str| {
        known.iter().any(|&known| word == known || (known.ends_with('=') && word.starts_with(known)))
    };
    let words = line.split_ascii_whitespace().enumerate();
    words
        .filter(|&(place, word)| place > 0 && !is_known(word))
        .map(|(_, word)| ConfigError::HostWord(word.into()))
        .collect()
}

#[cfg(test)]
mod tests;
