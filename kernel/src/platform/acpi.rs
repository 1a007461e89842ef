//! Where ACPI says that its timer is.
//!
//! Of all that ACPI is, the Host wants one port number: that of a counter that
//! runs on a machine whose older timers do not. The way there is three tables
//! long and firmware's, so each length is looked at before it is believed.
//!
//! ```text
//!   "RSD PTR " in the BIOS --> RSDT: addresses of tables --> FADT: port of the timer
//! ```
//!
//! Invariants: tables that make no sense give no port, whatever is in them
//! (`damaged_tables_give_no_port`).
//!
//! Source: ACPI 6.5, "Root System Description Pointer", "Root System Description Table", "Fixed ACPI
//! Description Table".
//!
//! Next on the tour: [`super::rtc`].

use abi::HostPhys;

use super::multiboot1::Memory;

/// Where a PC's firmware keeps the first table, ...
const BIOS: HostPhys = HostPhys(0xE_0000);
const BIOS_LEN: u32 = 0x2_0000;
/// ... or in this KiB, whose segment stands here.
const EBDA_POINTER: HostPhys = HostPhys(0x40E);
const EBDA_LEN: u32 = 1024;

const SIGNATURE: &[u8] = b"RSD PTR ";
/// Bytes of the first table that the checksum covers.
const FIRST_LEN: usize = 20;
/// Bytes every other table begins with: signature, length, and more.
const HEADER_LEN: u32 = 36;
/// Longest table that is believed.
const TABLE_MAX: u32 = 1 << 16;
/// The FADT: port of the timer, and how many bytes it has.
const TIMER_PORT_AT: usize = 76;
const TIMER_LEN_AT: usize = 91;

/// The port of the timer, if there is one.
pub fn timer_port(memory: &dyn Memory) -> Option<u16> {
    let first = find_first(memory)?;
    let root = table(memory, HostPhys(dword(first, 16)?), b"RSDT")?;
    let entries = root.get(HEADER_LEN as usize..)?.chunks_exact(4);
    let mut tables = entries.filter_map(|entry| table(memory, HostPhys(dword(entry, 0)?), b"FACP"));
    let fixed = tables.next()?;
    let port = u16::try_from(dword(fixed, TIMER_PORT_AT)?).ok()?;
    (port != 0 && *fixed.get(TIMER_LEN_AT)? == 4).then_some(port)
}

fn find_first(memory: &dyn Memory) -> Option<&'static [u8]> {
    let segment = memory.bytes(EBDA_POINTER, 2).map(|bytes| u32::from(bytes[0]) | u32::from(bytes[1]) << 8);
    let ebda = segment.filter(|&segment| segment >= 0x400).map(|segment| (HostPhys(segment << 4), EBDA_LEN));
    [ebda, Some((BIOS, BIOS_LEN))].into_iter().flatten().find_map(|(at, len)| {
        let candidates = memory.bytes(at, len)?.chunks_exact(16).zip(0..);
        let mut there = candidates.filter(|(chunk, _)| chunk.starts_with(SIGNATURE));
        there.find_map(|(_, number)| {
            let bytes = memory.bytes(HostPhys(at.0 + number * 16), FIRST_LEN as u32)?;
            is_sound(bytes).then_some(bytes)
        })
    })
}

/// The table at `at`, if it is there whole and the one wanted.
fn table(memory: &dyn Memory, at: HostPhys, signature: &[u8; 4]) -> Option<&'static [u8]> {
    let header = memory.bytes(at, HEADER_LEN)?;
    let len = dword(header, 4)?;
    if !header.starts_with(signature) || !(HEADER_LEN..=TABLE_MAX).contains(&len) {
        return None;
    }
    memory.bytes(at, len).filter(|bytes| is_sound(bytes))
}

/// The bytes of a table sum up to 0.
fn is_sound(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

fn dword(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake(&'static [u8]);

    impl Memory for Fake {
        fn bytes(&self, at: HostPhys, len: u32) -> Option<&'static [u8]> {
            self.0.get(at.0 as usize..at.0.checked_add(len)? as usize)
        }
    }

    /// Makes the bytes sum up to 0 by the one at `at`.
    fn sign(bytes: &mut [u8], at: usize) {
        bytes[at] = 0;
        bytes[at] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    }

    /// A machine whose timer is at port 0x608, with the dwords of `changes` changed before it is signed.
    fn machine(changes: &[(usize, u32)]) -> Fake {
        let mut bytes = vec![0; 0x10_0000];
        let put =
            |bytes: &mut [u8], at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes[0xF_5000..][..8].copy_from_slice(SIGNATURE);
        put(&mut bytes, 0xF_5010, 0x8000);
        bytes[0x8000..][..4].copy_from_slice(b"RSDT");
        put(&mut bytes, 0x8004, 44);
        put(&mut bytes, 0x8024, 0x9800);
        put(&mut bytes, 0x8028, 0x9000);
        bytes[0x9000..][..4].copy_from_slice(b"FACP");
        put(&mut bytes, 0x9004, 116);
        put(&mut bytes, 0x904C, 0x608);
        bytes[0x905B] = 4;
        for &(at, value) in changes {
            put(&mut bytes, at, value);
        }
        sign(&mut bytes[0xF_5000..][..20], 8);
        sign(&mut bytes[0x8000..][..44], 9);
        sign(&mut bytes[0x9000..][..116], 9);
        Fake(bytes.leak())
    }

    #[test]
    fn the_port_is_found_by_way_of_three_tables() {
        assert_eq!(timer_port(&machine(&[])), Some(0x608));
    }

    #[test]
    fn damaged_tables_give_no_port() {
        let nothing = Fake(vec![0; 0x10_0000].leak());
        assert_eq!(timer_port(&nothing), None);
        assert_eq!(timer_port(&Fake(&[])), None);
        for (at, value) in [
            (0xF_5000, 0),
            (0xF_5010, 0xFFFF_FFF0),
            (0x8000, 0),
            (0x8004, u32::MAX),
            (0x8004, 7),
            (0x8028, 0xFFFF_0000),
            (0x9004, 40),
            (0x904C, 0),
            (0x904C, 0x1_0000),
            (0x9058, 0),
        ] {
            assert_eq!(timer_port(&machine(&[(at, value)])), None, "{at:#x} = {value:#x}");
        }
        let mut torn = machine(&[]).0.to_vec();
        torn[0x9030] ^= 1;
        assert_eq!(timer_port(&Fake(torn.leak())), None, "a wrong sum");
    }
}
