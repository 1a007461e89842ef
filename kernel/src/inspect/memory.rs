//! What is in a Guest's memory.
//!
//! Next on the tour: [`super::registers`].

use alloc::vec;

use abi::{GuestLinear, GuestMemory, GuestPhys};
use monitor::memory::Memory;

use crate::guest::Guest;

/// Reads up to `len` bytes.
pub fn memory<M: GuestMemory>(guest: &Guest<M>, is_physical: bool, at: u32, len: usize) -> Memory {
    let mut bytes = vec![0; len];
    let there = match is_physical {
        false => guest.shadow.space().read(&guest.memory, GuestLinear(at), &mut bytes),
        true => {
            let there = len.min(guest.memory.limit().saturating_sub(at) as usize);
            // It lies inside, so nothing fails; and if it did there would be nothing to show.
            guest.memory.read_into(GuestPhys(at), &mut bytes[..there]).map_or(0, |()| there)
        }
    };
    bytes.truncate(there);
    Memory { at, is_physical, bytes, wanted: len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ScriptedCpu, running_guest};

    #[test]
    fn memory_ends_where_it_ends() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        let limit = guest.memory.limit();
        guest.memory.write_u16(GuestPhys(limit - 2), 0xBEEF).unwrap();
        for is_physical in [false, true] {
            let last = memory(&guest, is_physical, limit - 2, 16);
            assert_eq!((last.bytes.as_slice(), last.wanted), ([0xEF, 0xBE].as_slice(), 16));
            assert!(memory(&guest, is_physical, u32::MAX, 16).bytes.is_empty());
        }
    }
}
