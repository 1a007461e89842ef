//! What the loader told the Host, in one shape whichever loader it was.
//!
//! Multiboot 1 and 2 say the same things in different words: which memory is
//! RAM, where the modules lie and what stands on their command lines. The rest
//! of the Host knows only [`BootInfo`].
//!
//! Invariants:
//! - A list that overflows is an error, never silently shorter
//!   (`one_module_too_many_is_refused`).
//! - Text that is not UTF-8 is cut at the first bad byte, never a reason not to
//!   boot (`a_bad_byte_ends_the_text`).
//!
//! Next on the tour: [`super::multiboot1`].

use core::fmt;

use abi::HostPhys;
use arrayvec::ArrayVec;

/// Modules the Host accepts.
pub const MAX_MODULES: usize = 32;
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

/// A file the loader put into memory for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Module {
    /// What stood behind its name in the boot menu.
    pub command_line: &'static str,
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
    pub command_line: &'static str,
    /// The modules, in the loader's order.
    pub modules: ArrayVec<Module, MAX_MODULES>,
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
            command_line: "",
            modules: ArrayVec::new_const(),
            ram: ArrayVec::new_const(),
            in_use: ArrayVec::new_const(),
        }
    }

    /// Notes a module that lies at `at`.
    ///
    /// # Errors
    /// [`BootError::TooMany`] beyond [`MAX_MODULES`].
    pub fn add_module(&mut self, at: HostPhys, module: Module) -> Result<(), BootError> {
        self.keep(at, module.bytes.len())?;
        self.modules.try_push(module).map_err(|_| BootError::TooMany("modules"))
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
        self.command_line.split_ascii_whitespace().any(|candidate| candidate == word)
    }

    /// The value of `name=value` on the Host's command line.
    pub fn option(&self, name: &str) -> Option<&'static str> {
        let mut words = self.command_line.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Reads bytes as text as far as they are text.
pub fn text(bytes: &[u8]) -> &str {
    let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or(&[]);
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
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
    /// Timer channel 2, which the TSC is measured by, does not count.
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
            Self::Timer => f.write_str("timer channel 2 does not count, so the TSC cannot be measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_module_too_many_is_refused() {
        let mut info = BootInfo::silent(1);
        let module = Module { command_line: "", bytes: &[] };
        for _ in 0..MAX_MODULES {
            info.add_module(HostPhys(0), module).unwrap();
        }
        assert_eq!(info.add_module(HostPhys(0), module), Err(BootError::TooMany("modules")));
    }

    #[test]
    fn a_bad_byte_ends_the_text() {
        assert_eq!(text(b"mem=\xFF16M\0rest"), "mem=");
        assert_eq!(text(b"guest\0rest"), "guest");
        assert_eq!(text(b""), "");
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
        let info = BootInfo { command_line: "kennel debug-exit selftest=stack", ..BootInfo::silent(1) };
        assert!(info.has_word("debug-exit") && !info.has_word("debug"));
        assert_eq!(info.option("selftest"), Some("stack"));
        assert_eq!(info.option("self"), None);
    }
}
