//! One module's line, taken apart.
//!
//! What the words mean to each other (is the name free, is there such a
//! Guest) is not judged here, only what each says by itself.
//!
//! Next on the tour: `config/error.rs`.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use abi::Variant;

use super::{BusKind, Companion, DiskMode, Fault, MIB, SizeFault, name::is_name, nets::NetWords};

/// Ends the Launcher's words; the rest of the line is the Guest's.
const END_OF_WORDS: &str = "--";
/// Most MiB a Guest may have: with the device pages above, still below 4 GiB.
const MEBIBYTES_MAX: u32 = 4094;

/// A line as split into file name and words.
pub(super) struct ModuleLine<'a> {
    /// The module's number, from 0.
    pub number: usize,
    file: Option<&'a str>,
    words: Vec<&'a str>,
}

/// What a module is for.
pub(super) enum Role<'a> {
    Guest(GuestWords<'a>),
    Companion(Companion, &'a str),
    Disk(DiskWords<'a>),
}

/// What the words of a disk's line say.
pub(super) struct DiskWords<'a> {
    pub name: &'a str,
    pub mode: DiskMode,
}

/// What the words of a guest's line say, each where it is given.
#[derive(Default)]
pub(super) struct GuestWords<'a> {
    pub name: Option<&'a str>,
    pub memory: Option<u32>,
    pub variant: Option<Variant>,
    pub pae: Option<bool>,
    pub bus: Option<BusKind>,
    pub nets: NetWords,
    pub disks: Option<Vec<&'a str>>,
    pub command_line: String,
}

impl<'a> ModuleLine<'a> {
    /// Splits a line. The first word is the file's name unless it is a role; it is that even then
    /// if a role follows, for a file may well be called `guest`.
    pub fn split(number: usize, line: &'a str) -> Self {
        let mut words: Vec<_> = line.split_ascii_whitespace().collect();
        let is_role_at = |place: usize| words.get(place).is_some_and(|word| is_role(word));
        let has_file = !words.is_empty() && (!is_role_at(0) || is_role_at(1));
        let file = has_file.then(|| words.remove(0));
        Self { number, file, words }
    }

    /// What to call the module in messages.
    pub fn file(&self) -> String {
        match self.file {
            Some(name) => name.to_string(),
            None => format!("module {}", self.number + 1),
        }
    }

    /// Reads role and words.
    pub fn role(&self) -> Result<Role<'a>, Fault> {
        match self.words.split_first() {
            None => Err(Fault::NoRole),
            Some((&"guest", words)) => Ok(Role::Guest(GuestWords::read(words)?)),
            Some((&"initrd", words)) => companion(Companion::Initrd, words),
            Some((&"symbols", words)) => companion(Companion::Symbols, words),
            Some((&"disk", words)) => Ok(Role::Disk(DiskWords::read(words)?)),
            Some((&word, _)) => Err(Fault::UnknownRole(word.into())),
        }
    }
}

fn is_role(word: &str) -> bool {
    matches!(word, "guest" | "initrd" | "symbols" | "disk")
}

impl<'a> GuestWords<'a> {
    fn read(words: &[&'a str]) -> Result<Self, Fault> {
        let mut read = Self::default();
        for (place, &word) in words.iter().enumerate() {
            match word.split_once('=') {
                None if word == END_OF_WORDS => {
                    read.command_line = words[place + 1..].join(" ");
                    break;
                }
                Some(("name", name)) => set(&mut read.name, word, admit_name(name))?,
                Some(("mem", size)) => {
                    let memory = admit_memory(size).map_err(|fault| Fault::Memory(fault, word.into()))?;
                    set(&mut read.memory, word, Ok(memory))?;
                }
                Some(("abi", release)) => set(&mut read.variant, word, admit_variant(release))?,
                Some(("net", value)) => read.nets.add(value, word)?,
                Some(("pae", answer)) => set(&mut read.pae, word, admit_answer(answer))?,
                Some(("bus", kind)) => set(&mut read.bus, word, admit_bus(kind))?,
                Some(("disk", names)) => set(&mut read.disks, word, Ok(names.split(',').collect()))?,
                Some(_) | None => return Err(Fault::UnknownGuestWord(word.into())),
            }
        }
        Ok(read)
    }
}

impl<'a> DiskWords<'a> {
    fn read(words: &[&'a str]) -> Result<Self, Fault> {
        let (mut name, mut mode) = (None, None);
        for &word in words {
            match (word.split_once('='), DiskMode::from_word(word)) {
                (Some(("name", given)), _) => set(&mut name, word, admit_name(given))?,
                (_, Some(said)) => set(&mut mode, word, Ok(said))?,
                (_, None) => return Err(Fault::UnknownDiskWord(word.into())),
            }
        }
        let name = name.ok_or(Fault::NamelessDisk)?;
        Ok(Self { name, mode: mode.unwrap_or_default() })
    }
}

fn companion<'a>(kind: Companion, words: &[&'a str]) -> Result<Role<'a>, Fault> {
    let mut target = None;
    for &word in words {
        match word.split_once('=') {
            Some(("for", guest)) => set(&mut target, word, Ok(guest))?,
            Some(_) | None => return Err(Fault::UnknownCompanionWord(kind, word.into())),
        }
    }
    target.map(|guest| Role::Companion(kind, guest)).ok_or(Fault::NoTarget(kind))
}

/// Keeps what `word` says, unless it says something impossible or something said before.
fn set<T>(slot: &mut Option<T>, word: &str, value: Result<T, fn(String) -> Fault>) -> Result<(), Fault> {
    let value = value.map_err(|fault| fault(word.into()))?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::Twice(word.into())),
    }
}

fn admit_name(name: &str) -> Result<&str, fn(String) -> Fault> {
    if is_name(name) { Ok(name) } else { Err(Fault::Name) }
}

/// One of the releases that were the last to speak their variant.
fn admit_variant(release: &str) -> Result<Variant, fn(String) -> Fault> {
    Variant::from_word(release).ok_or(Fault::Variant)
}

fn admit_bus(kind: &str) -> Result<BusKind, fn(String) -> Fault> {
    match kind {
        "lguest" => Ok(BusKind::Lguest),
        "pci" => Ok(BusKind::Pci),
        _ => Err(Fault::Bus),
    }
}

fn admit_answer(answer: &str) -> Result<bool, fn(String) -> Fault> {
    match answer {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(Fault::Answer),
    }
}

/// Reads a size: a number with K, M or G behind it, or of MiB without. It must come to whole MiB.
fn admit_memory(size: &str) -> Result<u32, SizeFault> {
    let (digits, kibibytes) = match size.as_bytes().last() {
        Some(b'K' | b'k') => (&size[..size.len() - 1], 1),
        Some(b'M' | b'm') => (&size[..size.len() - 1], 1 << 10),
        Some(b'G' | b'g') => (&size[..size.len() - 1], 1 << 20),
        Some(_) | None => (size, 1 << 10),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(digits) {
        let is_fraction = digits.split_once(['.', ',']).is_some_and(|(a, b)| is_number(a) && is_number(b));
        return Err(if is_fraction { SizeFault::Fraction } else { SizeFault::NoNumber });
    }
    // Digits that are too many for a number are a number that is too large.
    let total = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(kibibytes));
    match total.unwrap_or(u64::MAX) {
        0 => Err(SizeFault::Zero),
        total if total / 1024 > MEBIBYTES_MAX.into() => Err(SizeFault::TooLarge),
        total if !total.is_multiple_of(1024) => Err(SizeFault::NotWhole),
        total => Ok((total / 1024) as u32 * MIB),
    }
}
