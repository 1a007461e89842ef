//! The Guest's side of a virtqueue, honest or not.
//!
//! Next on the tour: [`crate::virtqueue`].

use abi::{GuestMemory, GuestPhys};

use crate::chain::Direction;

const ENTRIES: u16 = 256;
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
const AVAIL: u32 = 4096;
const USED: u32 = 8192;

/// A driver that uses descriptors one after the other and never waits for one to come back.
pub struct Driver {
    ring: u32,
    next_descriptor: u16,
    published: u16,
    seen: u16,
}

impl Driver {
    pub fn new(ring: GuestPhys) -> Self {
        Self { ring: ring.0, next_descriptor: 0, published: 0, seen: 0 }
    }

    /// Makes a chain of buffers available, and returns its head.
    pub fn offer(&mut self, ram: &mut [u8], buffers: &[(u32, u32, Direction)]) -> u16 {
        let head = self.next_descriptor;
        for (place, &(at, len, direction)) in buffers.iter().enumerate() {
            let index = self.next_descriptor;
            self.next_descriptor = (index + 1) % ENTRIES;
            let link = if place + 1 < buffers.len() { NEXT } else { 0 };
            let write = if direction == Direction::Writable { WRITE } else { 0 };
            self.describe(ram, index, (at.into(), len, link | write, self.next_descriptor));
        }
        self.publish(ram, head);
        head
    }

    /// The same by one descriptor, for a table at `table` that has the others.
    pub fn offer_in_table(&mut self, ram: &mut [u8], table: u32, buffers: &[(u32, u32, Direction)]) -> u16 {
        for (place, &(at, len, direction)) in (0..).zip(buffers) {
            let link = if usize::from(place) + 1 < buffers.len() { NEXT } else { 0 };
            let write = if direction == Direction::Writable { WRITE } else { 0 };
            write_descriptor(ram, table, place, (at.into(), len, link | write, place + 1));
        }
        let head = self.next_descriptor;
        self.next_descriptor = (head + 1) % ENTRIES;
        self.describe(ram, head, (table.into(), 16 * buffers.len() as u32, INDIRECT, 0));
        self.publish(ram, head);
        head
    }

    /// Writes one descriptor: address, length, flags, next.
    pub fn describe(&self, ram: &mut [u8], index: u16, descriptor: (u64, u32, u16, u16)) {
        write_descriptor(ram, self.ring, index, descriptor);
    }

    /// Puts a head into the available ring and moves the index on.
    pub fn publish(&mut self, ram: &mut [u8], head: u16) {
        let place = u32::from(self.published % ENTRIES);
        ram.write_u16(GuestPhys(self.ring + AVAIL + 4 + 2 * place), head).unwrap();
        self.published = self.published.wrapping_add(1);
        self.set_available_index(ram, self.published);
    }

    pub fn set_available_index(&self, ram: &mut [u8], index: u16) {
        ram.write_u16(GuestPhys(self.ring + AVAIL + 2), index).unwrap();
    }

    pub fn set_available_flags(&self, ram: &mut [u8], flags: u16) {
        ram.write_u16(GuestPhys(self.ring + AVAIL), flags).unwrap();
    }

    /// Says at which used index the driver wants to be interrupted.
    pub fn set_used_event(&self, ram: &mut [u8], index: u16) {
        let at = self.ring + AVAIL + 4 + 2 * u32::from(ENTRIES);
        ram.write_u16(GuestPhys(at), index).unwrap();
    }

    /// At which available index the device wants to be kicked.
    pub fn avail_event(&self, ram: &[u8]) -> u16 {
        ram.read_u16(GuestPhys(self.ring + USED + 4 + 8 * u32::from(ENTRIES))).unwrap()
    }

    pub fn used_flags(&self, ram: &[u8]) -> u16 {
        ram.read_u16(GuestPhys(self.ring + USED)).unwrap()
    }

    /// What has come back since the last call: head and bytes written.
    pub fn used(&mut self, ram: &[u8]) -> Vec<(u32, u32)> {
        let index = ram.read_u16(GuestPhys(self.ring + USED + 2)).unwrap();
        let mut back = Vec::new();
        while self.seen != index {
            let entry = self.ring + USED + 4 + 8 * u32::from(self.seen % ENTRIES);
            let head = ram.read_u32(GuestPhys(entry)).unwrap();
            back.push((head, ram.read_u32(GuestPhys(entry + 4)).unwrap()));
            self.seen = self.seen.wrapping_add(1);
        }
        back
    }
}

/// Writes descriptor `index` of the table at `table`, wherever that is.
pub fn write_descriptor(
    ram: &mut [u8],
    table: u32,
    index: u16,
    (at, len, flags, next): (u64, u32, u16, u16),
) {
    let mut bytes = at.to_le_bytes().to_vec();
    bytes.extend(len.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(next.to_le_bytes());
    ram.write_from(GuestPhys(table + 16 * u32::from(index)), &bytes).unwrap();
}
