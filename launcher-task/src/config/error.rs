//! What can be wrong with a boot command line, and the sentence that says so.
//!
//! Each sentence names the module, the word, and what to write instead,
//! because whoever reads it is about to edit that line.
//!
//! Invariants: every sentence names its word (`every_sentence_names_the_word`).
//!
//! Next on the tour: `config/disks.rs`.

use alloc::string::String;
use core::fmt;

use abi::Variant;

use super::companion::Companion;
use super::limits::{CARDS_MAX, DISKS_MAX};
use crate::net::{network::NETWORKS_MAX, queue::PORTS_MAX};

/// A mistake in the boot configuration; `Display` is the rest of a `host: ` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// There is no boot module.
    NoModule,
    /// There are modules, but no Guest came of them.
    NoGuest,
    /// A word on the Host's own command line is not one it knows.
    HostWord(String),
    /// Something is wrong with a module's line.
    Module {
        /// The file's name, or `module N`, counted from 1.
        file: String,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a module's line. The text is the word in question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The line could not be read to its end, for this reason.
    Unreadable(String),
    /// The line is empty, or ends after the file's name.
    NoRole,
    /// The word in the role's place is no role.
    UnknownRole(String),
    /// A word a guest does not take.
    UnknownGuestWord(String),
    /// A word an initrd, or another file that goes with a Guest, does not take.
    UnknownCompanionWord(Companion, String),
    /// A word that was given before.
    Twice(String),
    /// A name of the wrong letters or length.
    Name(String),
    /// A name another Guest has.
    NameTaken(String),
    /// A size that cannot be, and what is wrong with it.
    Memory(SizeFault, String),
    /// A release that no variant is called by.
    Variant(String),
    /// A bus there is not.
    Bus(String),
    /// Neither yes nor no.
    Answer(String),
    /// An initrd, or the like, that does not say for whom.
    NoTarget(Companion),
    /// One for a Guest that is not there.
    Nobodys(Companion, String),
    /// One for a Guest that has one.
    Second(Companion, String),
    /// A network that cannot be.
    Net(String),
    /// No network, beside a word that names one.
    NetAndNone,
    /// A card with the address of another on the network.
    AddressTaken(String),
    /// One network or one card on it too many.
    NoPort(String),
    /// More network cards than a guest may have.
    TooManyCards,
    /// A word a disk does not take.
    UnknownDiskWord(String),
    /// A disk nobody could ask for.
    NamelessDisk,
    /// A name another disk has.
    DiskNameTaken(String),
    /// A guest's disk that is not there.
    NoDisk(String),
    /// A guest's disk that it has already.
    DiskTwice(String),
    /// A disk that is another guest's alone.
    DiskTaken(String),
    /// More disks than a guest may have.
    TooManyDisks,
}

/// What can be wrong with a size of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SizeFault {
    /// Something else than digits, and at most one letter for the unit.
    NoNumber,
    /// There is a point in it.
    Fraction,
    /// Nothing.
    Zero,
    /// Not a number of whole MiB.
    NotWhole,
    /// More than an i386 can have.
    TooLarge,
}

impl SizeFault {
    const fn words(self) -> &'static str {
        match self {
            Self::NoNumber => "that is no number with K, M or G behind it",
            Self::Fraction => "a fraction is not understood",
            Self::Zero => "a guest cannot do without memory",
            Self::NotWhole => "that is not a number of whole MiB",
            Self::TooLarge => "that is more than a guest can have",
        }
    }
}

const ROLES: &str = "guest [name=NAME] [mem=64M] [abi=3.19] [pae=no] [bus=lguest] [disk=NAME,NAME] [net=lan] \
                     [-- COMMAND LINE], initrd for=NAME, symbols for=NAME, or disk name=NAME [ro|cow|cow=keep]";

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModule => write!(f, "no boot module: load a Guest's image as one, with the line {ROLES}"),
            Self::NoGuest => write!(f, "no Guest to run: give a module the line {ROLES}"),
            Self::HostWord(word) => write!(f, "unknown word \"{word}\" on the Host's own command line"),
            Self::Module { file, fault } => write!(f, "{file}: {fault}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(flaw) => write!(f, "{flaw}; nothing on the line is obeyed"),
            Self::NoRole => write!(f, "has no role; say {ROLES}"),
            Self::UnknownRole(word) => write!(f, "unknown role \"{word}\"; say {ROLES}"),
            Self::UnknownGuestWord(word) => {
                write!(
                    f,
                    "unknown word \"{word}\"; a guest takes name=, mem=, abi=, pae=, bus=, disk=, net= and, after --, its command line"
                )
            }
            Self::UnknownCompanionWord(kind, word) => {
                write!(f, "unknown word \"{word}\"; {} takes for=", kind.word())
            }
            Self::Twice(word) => write!(f, "\"{word}\" says again what the line has said before"),
            Self::Name(word) => {
                write!(f, "bad name in \"{word}\"; use 1 to 32 letters, digits, '-', '_' or '.'")
            }
            Self::NameTaken(name) => write!(f, "the name \"{name}\" is taken; each guest needs its own"),
            Self::Memory(fault, word) => {
                write!(f, "bad size in \"{word}\": {}; use whole MiB from 1M to 4094M", fault.words())
            }
            Self::Variant(word) => {
                let [a, b, c, d, e] = Variant::ALL.map(Variant::word);
                write!(f, "unknown release in \"{word}\"; use {a}, {b}, {c}, {d} or {e}, or leave it out")
            }
            Self::Bus(word) => write!(f, "unknown bus in \"{word}\"; use lguest or pci, or leave it out"),
            Self::Answer(word) => write!(f, "\"{word}\" is neither yes nor no"),
            Self::Net(word) => {
                write!(
                    f,
                    "bad network in \"{word}\"; use net=NAME, net=NAME,mac=52:54:00:12:34:56 or net=NAME,open"
                )
            }
            Self::NetAndNone => f.write_str("says net=none and names a network as well; use one of the two"),
            Self::AddressTaken(word) => {
                write!(f, "\"{word}\" has the address of another card there; give it its own with mac=")
            }
            Self::NoPort(word) => {
                let guests = PORTS_MAX - 1;
                write!(
                    f,
                    "no room for \"{word}\": there are {NETWORKS_MAX} networks of {guests} cards at most"
                )
            }
            Self::TooManyCards => write!(f, "more network cards than a guest may have: {CARDS_MAX}"),
            Self::NoTarget(kind) => write!(f, "{0} for nobody; say {0} for=NAME", kind.word()),
            Self::Nobodys(kind, name) => {
                write!(f, "{} for \"{name}\", but no guest of that name can start", kind.word())
            }
            Self::UnknownDiskWord(word) => {
                write!(f, "unknown word \"{word}\"; a disk takes name= and one of ro, cow and cow=keep")
            }
            Self::NamelessDisk => f.write_str("a disk without a name; say disk name=NAME"),
            Self::DiskNameTaken(name) => {
                write!(f, "the name \"{name}\" is taken; each disk needs its own")
            }
            Self::NoDisk(name) => {
                write!(f, "no disk \"{name}\"; give a module the line disk name={name}")
            }
            Self::DiskTwice(name) => write!(f, "has the disk \"{name}\" twice"),
            Self::DiskTaken(name) => {
                write!(f, "the disk \"{name}\" is another guest's; only those that are ro or cow are shared")
            }
            Self::TooManyDisks => write!(f, "more disks than a guest may have: {DISKS_MAX}"),
            Self::Second(kind, name) => {
                let word = kind.word();
                write!(f, "{word} for \"{name}\" a second time; a guest has them once")
            }
        }
    }
}
