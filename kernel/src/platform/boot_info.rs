//! What the loader told the Host, in one shape whichever loader it was.
//!
//! Multiboot 1 and 2 say the same things in different words: which memory is
//! RAM, where the modules lie and what stands on their command lines. The rest
//! of the Host knows only [`BootInfo`].
//!
//! Invariants:
//! - A list that overflows is an error, or what is too much is counted, never silently shorter
//!   (`modules_too_many_are_counted`).
//! - Text that is not UTF-8 is kept up to the first bad byte, and that it has one is remembered
//!   (`a_bad_byte_ends_the_text`).
//!
//! Next on the tour: [`super::multiboot1`].

use core::fmt;

use abi::HostPhys;
use arrayvec::ArrayVec;

/// Modules the Host accepts.
pub const MAX_MODULES: usize = 128;
/// Pieces of RAM the Host accepts.
pub const MAX_REGIONS: usize = 64;

/// Pieces of memory in use: each module and its command line, and a few more.
const MAX_IN_USE: usize = 2 * MAX_MODULES + 16;

/// A piece of physical memory: bytes from `start`, possibly beyond 4 GiB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub len: u64,
}

/// A command line as far as it could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Text {
    /// What could be read.
    pub words: &'static str,
    /// Why that is not all of it, if it is not.
    pub flaw: Option<Flaw>,
}

/// Why a text could not be read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Behind so many bytes comes one that is not UTF-8.
    NotUtf8(usize),
    /// It does not end within so many bytes.
    TooLong(usize),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(at) => write!(f, "the command line is not UTF-8: byte {} is wrong", at + 1),
            Self::TooLong(max) => write!(f, "the command line is too long: more than {max} bytes"),
        }
    }
}

/// A file the loader put into memory for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Module {
    /// What stood behind its name in the boot menu.
    pub command_line: Text,
    /// The file.
    pub bytes: &'static [u8],
}

/// All the loader said.
#[derive(Debug)]
pub struct BootInfo {
    /// The loader's name, empty if it gave none.
    pub loader: &'static str,
    /// The version of Multiboot it speaks.
    pub multiboot: u8,
    /// The Host's own command line.
    pub command_line: Text,
    /// The modules, in the loader's order.
    pub modules: ArrayVec<Module, MAX_MODULES>,
    /// The port of ACPI's timer, if there is one.
    pub acpi_timer: Option<u16>,
    /// Modules there is no room for in that list, and nobody will look at.
    pub left_out: usize,
    /// The RAM of the machine, the parts in use included.
    pub ram: ArrayVec<Region, MAX_REGIONS>,
    /// Memory that is in use by what is above: never to be given away.
    pub in_use: ArrayVec<Region, MAX_IN_USE>,
}

impl BootInfo {
    /// Nothing said yet, by a loader that speaks version `multiboot`.
    pub const fn silent(multiboot: u8) -> Self {
        Self {
            loader: "",
            multiboot,
            command_line: Text { words: "", flaw: None },
            modules: ArrayVec::new_const(),
            acpi_timer: None,
            left_out: 0,
            ram: ArrayVec::new_const(),
            in_use: ArrayVec::new_const(),
        }
    }

    /// Notes a module that lies at `at`; beyond [`MAX_MODULES`] it is only counted.
    ///
    /// # Errors
    /// [`BootError::TooMany`] beyond the pieces of memory that so many modules need.
    pub fn add_module(&mut self, at: HostPhys, module: Module) -> Result<(), BootError> {
        if self.modules.is_full() {
            self.left_out += 1;
            return Ok(());
        }
        self.keep(at, module.bytes.len())?;
        self.modules.push(module);
        Ok(())
    }

    /// Whether there is room for one more module.
    pub const fn has_room(&self) -> bool {
        self.modules.len() < MAX_MODULES
    }

    /// Notes a piece of RAM.
    ///
    /// # Errors
    /// [`BootError::TooMany`] beyond [`MAX_REGIONS`].
    pub fn add_ram(&mut self, region: Region) -> Result<(), BootError> {
        self.ram.try_push(region).map_err(|_| BootError::TooMany("pieces of RAM"))
    }

    /// Notes that `len` bytes from `at` hold something still needed.
    ///
    /// # Errors
    /// [`BootError::TooMany`] beyond what that many modules need.
    pub fn keep(&mut self, at: HostPhys, len: usize) -> Result<(), BootError> {
        let region = Region { start: at.0.into(), len: len as u64 };
        self.in_use.try_push(region).map_err(|_| BootError::TooMany("pieces of memory in use"))
    }

    /// Whether nothing else the loader left lies in the `len` bytes from `at`, which one of the
    /// noted pieces is.
    pub fn is_alone(&self, at: HostPhys, len: usize) -> bool {
        let (start, end) = (u64::from(at.0), u64::from(at.0) + len as u64);
        let overlaps = |region: &&Region| region.start < end && start < region.start + region.len;
        self.in_use.iter().filter(overlaps).count() == 1
    }

    /// Whether `word` stands on the Host's command line.
    pub fn has_word(&self, word: &str) -> bool {
        self.command_line.words.split_ascii_whitespace().any(|candidate| candidate == word)
    }

    /// The value of `name=value` on the Host's command line.
    pub fn option(&self, name: &str) -> Option<&'static str> {
        let mut words = self.command_line.words.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Text {
    /// Reads bytes up to the first NUL as text, as far as they are text.
    pub fn read(bytes: &'static [u8]) -> Self {
        let len = bytes.iter().position(|&byte| byte == 0);
        let flaw = if len.is_some() { None } else { Some(Flaw::TooLong(bytes.len())) };
        let bytes = &bytes[..len.unwrap_or(bytes.len())];
        match str::from_utf8(bytes) {
            Ok(words) => Self { words, flaw },
            Err(error) => {
                let valid = error.valid_up_to();
                let words = str::from_utf8(&bytes[..valid]).unwrap_or("");
                Self { words, flaw: Some(Flaw::NotUtf8(valid)) }
            }
        }
    }
}

impl From<&'static str> for Text {
    fn from(words: &'static str) -> Self {
        Self { words, flaw: None }
    }
}

/// Things the Host needs, each with whether it is there.
pub type Needs = [(bool, &'static str); 4];

/// What is missing of what the Host needs; `Display` lists it: "A", "A, no B and no C".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lacks(Needs);

impl Lacks {
    /// What of `needs` is not there; `None` if all is.
    pub fn among(needs: Needs) -> Option<Self> {
        needs.iter().any(|(is_there, _)| !is_there).then_some(Self(needs))
    }
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = || self.0.iter().filter(|(is_there, _)| !is_there);
        let last = missing().count() - 1;
        missing().enumerate().try_for_each(|(place, (_, name))| match place {
            0 => f.write_str(name),
            _ if place == last => write!(f, " and no {name}"),
            _ => write!(f, ", no {name}"),
        })
    }
}

/// Why the Host cannot start on this machine. `Display` is the sentence a person reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootError {
    /// EAX held no Multiboot magic number.
    NotMultiboot(u32),
    /// The boot information makes no sense, for the reason given.
    BootInfo(&'static str),
    /// More of something than the Host has room for.
    TooMany(&'static str),
    /// The CPU has no CPUID instruction.
    NoCpuid,
    /// The CPU lacks these features.
    Cpu(Lacks),
    /// Less RAM than the Host needs, in KiB.
    Memory(u32),
    /// No room for one of the Host's own structures.
    NoRoom(&'static str),
    /// Timer channel 0 does not count, so nothing could take the CPU back from a Guest.
    Alarm,
    /// Nothing the TSC could be measured by counts.
    Timer,
}

/// The least RAM the Host starts with, in KiB: 16 MiB but for what firmware keeps back.
pub const MIN_RAM_KIB: u32 = 15 * 1024;

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotMultiboot(magic) => {
                write!(f, "not started by a Multiboot loader: EAX was {magic:#010x}")
            }
            Self::BootInfo(why) => write!(f, "the loader's boot information is damaged: {why}"),
            Self::TooMany(what) => write!(f, "the loader lists more {what} than the Host has room for"),
            Self::NoCpuid => {
                f.write_str("this CPU has no CPUID instruction; Kennel needs a Pentium or later")
            }
            Self::Cpu(lacks) => write!(f, "this CPU has no {lacks}, which Kennel needs"),
            Self::Memory(kib) => write!(f, "{kib} KiB of usable RAM is too little; Kennel needs 16 MiB"),
            Self::NoRoom(what) => write!(f, "no contiguous memory is left for {what}"),
            Self::Alarm => f.write_str(
                "the interval timer (channel 0 of a PIT) does not count; Kennel needs it to take the CPU back from \
                 a Guest",
            ),
            Self::Timer => f.write_str(
                "the TSC cannot be measured: neither the interval timer's channels nor an ACPI timer nor the battery \
                 clock counts steadily, and CPUID does not tell its frequency",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_too_many_are_counted() {
        let mut info = BootInfo::silent(1);
        let module = Module { command_line: Text::default(), bytes: &[] };
        for _ in 0..MAX_MODULES + 3 {
            info.add_module(HostPhys(0), module).unwrap();
        }
        assert_eq!((info.modules.len(), info.left_out, info.has_room()), (MAX_MODULES, 3, false));
    }

    #[test]
    fn a_bad_byte_ends_the_text() {
        let read = |bytes| {
            let Text { words, flaw } = Text::read(bytes);
            (words, flaw)
        };
        assert_eq!(read(b"mem=\xFF16M\0rest"), ("mem=", Some(Flaw::NotUtf8(4))));
        assert_eq!(read(b"guest\0rest"), ("guest", None));
        assert_eq!(read(b"\0"), ("", None));
        assert_eq!(read(b"endless"), ("endless", Some(Flaw::TooLong(7))));
        assert_eq!(Flaw::NotUtf8(4).to_string(), "the command line is not UTF-8: byte 5 is wrong");
    }

    #[test]
    fn all_that_a_cpu_lacks_is_named() {
        let lacks = |there: [bool; 4]| {
            let [a, b, c, d] = there;
            Lacks::among([(a, "FPU"), (b, "PSE"), (c, "TSC"), (d, "CX8")]).map(|lacks| lacks.to_string())
        };
        assert_eq!(lacks([true; 4]), None);
        assert_eq!(lacks([true, false, true, true]).unwrap(), "PSE");
        assert_eq!(lacks([true, false, true, false]).unwrap(), "PSE and no CX8");
        assert_eq!(lacks([false; 4]).unwrap(), "FPU, no PSE, no TSC and no CX8");
    }

    #[test]
    fn a_piece_shared_with_another_is_not_alone() {
        let mut info = BootInfo::silent(1);
        info.keep(HostPhys(0x1000), 0x1000).unwrap();
        info.keep(HostPhys(0x2000), 0x1000).unwrap();
        assert!(info.is_alone(HostPhys(0x1000), 0x1000) && info.is_alone(HostPhys(0x2000), 0x1000));
        info.keep(HostPhys(0x2FFF), 1).unwrap();
        assert!(info.is_alone(HostPhys(0x1000), 0x1000) && !info.is_alone(HostPhys(0x2000), 0x1000));
    }

    #[test]
    fn a_word_is_a_whole_word() {
        let info =
            BootInfo { command_line: "kennel debug-exit selftest=stack".into(), ..BootInfo::silent(1) };
        assert!(info.has_word("debug-exit") && !info.has_word("debug"));
        assert_eq!(info.option("selftest"), Some("stack"));
        assert_eq!(info.option("self"), None);
    }
}
