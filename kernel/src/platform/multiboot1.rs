//! Reads what a Multiboot 1 loader left in memory.
//!
//! A structure of optional fields, each announced by a bit of `flags`, full of
//! physical addresses. Memory is reached through a function, so that a test can
//! stand in for the machine.
//!
//! ```text
//!  0 flags | 4 mem_lower mem_upper | 16 cmdline | 20 mods_count mods_addr
//! 44 mmap_length mmap_addr | 64 boot_loader_name
//! ```
//!
//! Invariants: a field is read only if its flag is set
//! (`fields_without_their_flag_are_not_read`), and every walk ends
//! (`a_memory_map_that_does_not_advance_is_damaged`).
//!
//! Source: Multiboot Specification 0.6.96, "Boot information format".
//!
//! Next on the tour: [`super::frames`].

use abi::HostPhys;

use super::boot_info::{BootError, BootInfo, Module, Region, Text};

/// Bytes of the structure, as far as the Host reads it.
const INFO_LEN: u32 = 116;
const MODULE_LEN: u32 = 16;
/// Longest text: command lines end at the first NUL, at the latest here.
const TEXT_MAX: u32 = 4096;
const RAM: u32 = 1;

/// Bits of `flags`.
const HAS_MEMORY: u32 = 1 << 0;
const HAS_COMMAND_LINE: u32 = 1 << 2;
const HAS_MODULES: u32 = 1 << 3;
const HAS_MEMORY_MAP: u32 = 1 << 6;
const HAS_LOADER_NAME: u32 = 1 << 9;

/// Physical memory as the loader left it.
pub trait Memory {
    /// `len` bytes from `at`, or `None` where there is no such memory.
    fn bytes(&self, at: HostPhys, len: u32) -> Option<&'static [u8]>;
}

/// Reads the boot information at `at`.
///
/// # Errors
/// [`BootError::BootInfo`] if it points outside memory; [`BootError::TooMany`] if it does not fit.
pub fn read(memory: &dyn Memory, at: HostPhys) -> Result<BootInfo, BootError> {
    let reader = Reader { memory, at };
    let flags = reader.dword(0)?;
    let mut info = BootInfo::silent(1);
    info.keep(at, INFO_LEN as usize)?;
    if flags & HAS_LOADER_NAME != 0 {
        info.loader = reader.text(&mut info, reader.dword(64)?)?.words;
    }
    if flags & HAS_COMMAND_LINE != 0 {
        info.command_line = reader.text(&mut info, reader.dword(16)?)?;
    }
    if flags & HAS_MODULES != 0 {
        reader.modules(&mut info)?;
    }
    if flags & HAS_MEMORY_MAP != 0 {
        reader.memory_map(&mut info)?;
    } else if flags & HAS_MEMORY != 0 {
        // Only sizes: KiB from 0, and KiB from 1 MiB.
        info.add_ram(Region { start: 0, len: u64::from(reader.dword(4)?) << 10 })?;
        info.add_ram(Region { start: 1 << 20, len: u64::from(reader.dword(8)?) << 10 })?;
    } else {
        return Err(BootError::BootInfo("it says nothing about memory"));
    }
    Ok(info)
}

struct Reader<'a> {
    memory: &'a dyn Memory,
    at: HostPhys,
}

impl Reader<'_> {
    fn bytes(&self, at: HostPhys, len: u32) -> Result<&'static [u8], BootError> {
        self.memory.bytes(at, len).ok_or(BootError::BootInfo("it points outside memory"))
    }

    /// The dword `offset` bytes into the structure.
    fn dword(&self, offset: u32) -> Result<u32, BootError> {
        Ok(dword(self.bytes(self.at, INFO_LEN)?, offset))
    }

    /// The text at `at`, noted as in use.
    fn text(&self, info: &mut BootInfo, at: u32) -> Result<Text, BootError> {
        // The text may stand at the very end of memory: take less then.
        let take = |len| self.memory.bytes(HostPhys(at), len);
        let bytes = take(TEXT_MAX).or_else(|| take(TEXT_MAX - at % TEXT_MAX));
        let text = Text::read(bytes.ok_or(BootError::BootInfo("a text lies outside memory"))?);
        info.keep(HostPhys(at), text.words.len())?;
        Ok(text)
    }

    fn modules(&self, info: &mut BootInfo) -> Result<(), BootError> {
        let (count, list) = (self.dword(20)?, HostPhys(self.dword(24)?));
        let len = count.checked_mul(MODULE_LEN).ok_or(BootError::TooMany("modules"))?;
        info.keep(list, len as usize)?;
        for entry in self.bytes(list, len)?.chunks_exact(MODULE_LEN as usize) {
            let (start, end, line) = (dword(entry, 0), dword(entry, 4), dword(entry, 8));
            let len = end.checked_sub(start).ok_or(BootError::BootInfo("a module ends before it begins"))?;
            // What is only counted needs no place in the list of what is in use.
            let has_line = line != 0 && info.has_room();
            let command_line = if has_line { self.text(info, line)? } else { Text::default() };
            let bytes = self.bytes(HostPhys(start), len)?;
            info.add_module(HostPhys(start), Module { command_line, bytes })?;
        }
        Ok(())
    }

    /// Entries are `size`, then `size` bytes: start, length, kind.
    fn memory_map(&self, info: &mut BootInfo) -> Result<(), BootError> {
        let mut rest = self.bytes(HostPhys(self.dword(48)?), self.dword(44)?)?;
        while rest.len() >= 24 {
            let size = dword(rest, 0) as usize;
            if size < 20 {
                return Err(BootError::BootInfo("its memory map has an entry of no size"));
            }
            if dword(rest, 20) == RAM {
                info.add_ram(Region { start: qword(rest, 4), len: qword(rest, 12) })?;
            }
            rest = rest.get(size.saturating_add(4)..).unwrap_or(&[]);
        }
        Ok(())
    }
}

/// The little-endian dword at `offset`, which the caller knows to be inside.
fn dword(bytes: &[u8], offset: u32) -> u32 {
    let mut dword = [0; 4];
    dword.copy_from_slice(&bytes[offset as usize..][..4]);
    u32::from_le_bytes(dword)
}

fn qword(bytes: &[u8], offset: u32) -> u64 {
    u64::from(dword(bytes, offset)) | u64::from(dword(bytes, offset + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory of `0x2000` bytes with the structure at 0x100.
    struct Fake(&'static [u8]);

    impl Memory for Fake {
        fn bytes(&self, at: HostPhys, len: u32) -> Option<&'static [u8]> {
            self.0.get(at.0 as usize..at.0.checked_add(len)? as usize)
        }
    }

    fn memory_with(fields: &[(usize, u32)], texts: &[(usize, &str)]) -> Fake {
        let mut bytes = vec![0; 0x2000];
        for &(at, value) in fields {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        for &(at, text) in texts {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        Fake(bytes.leak())
    }

    const AT: HostPhys = HostPhys(0x100);
    const SIZES: [(usize, u32); 2] = [(0x104, 640), (0x108, 15 * 1024)];

    #[test]
    fn modules_come_with_their_command_lines() {
        let list = [(0x200, 0x1000), (0x204, 0x1003), (0x208, 0x300)];
        let info = [(0x100, HAS_MEMORY | HAS_MODULES), (0x114, 1), (0x118, 0x200)];
        let memory = memory_with(&[&SIZES[..], &list, &info].concat(), &[(0x300, "a b"), (0x1000, "ELF")]);
        let info = read(&memory, AT).unwrap();
        assert_eq!(info.modules[..], [Module { command_line: "a b".into(), bytes: b"ELF" }]);
        assert!(info.in_use.contains(&Region { start: 0x1000, len: 3 }));
    }

    #[test]
    fn the_map_wins_over_the_sizes() {
        let map =
            [(0x200, 20), (0x204, 0x10_0000), (0x20C, 0x80_0000), (0x214, RAM), (0x218, 20), (0x22C, 2)];
        let info = [(0x100, HAS_MEMORY | HAS_MEMORY_MAP), (0x12C, 48), (0x130, 0x200)];
        let info = read(&memory_with(&[&SIZES[..], &map, &info].concat(), &[]), AT).unwrap();
        assert_eq!(info.ram[..], [Region { start: 0x10_0000, len: 0x80_0000 }]);
    }

    #[test]
    fn fields_without_their_flag_are_not_read() {
        let lies = [(0x100, HAS_MEMORY), (0x110, 0xFFFF_0000), (0x114, 9), (0x118, 0xFFFF_0000)];
        let info = read(&memory_with(&[&SIZES[..], &lies].concat(), &[]), AT).unwrap();
        assert_eq!((info.command_line.words, info.modules.len(), info.ram.len()), ("", 0, 2));
    }

    #[test]
    fn a_memory_map_that_does_not_advance_is_damaged() {
        let info = [(0x100, HAS_MEMORY_MAP), (0x12C, 48), (0x130, 0x200)];
        assert!(matches!(read(&memory_with(&info, &[]), AT), Err(BootError::BootInfo(_))));
    }

    #[test]
    fn a_module_that_ends_before_it_begins_is_damaged() {
        let fields = [(0x100, HAS_MEMORY | HAS_MODULES), (0x114, 1), (0x118, 0x200), (0x200, 9), (0x204, 8)];
        assert!(matches!(read(&memory_with(&fields, &[]), AT), Err(BootError::BootInfo(_))));
    }

    #[test]
    fn pointers_outside_memory_are_damage() {
        let fields = [(0x100, HAS_MEMORY | HAS_MODULES), (0x114, 0x1000_0001), (0x118, 0x200)];
        assert!(read(&memory_with(&fields, &[]), AT).is_err());
    }
}
