//! Requests to a disk in any shape, split and linked in any way, in tables or not: each ends, with a
//! status or a reason, and changes no more of disk and memory than it may.
#![no_main]

use abi::{GuestMemory, GuestPhys, KillReason, Nanos};
use kennel_fuzz::noise;
use kennel_fuzz::ram::Ram;
use launcher_task::block::{BlockDevice, Overlay, SECTOR, Store};
use launcher_task::device::{Device, Progress};
use launcher_task::net::network::Networks;
use launcher_task::virtqueue::{EVENT_IDX, INDIRECT_DESC, Rings, Virtqueue};
use launcher_task::{Console, Entropy, Ports};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

/// Entries of the queue, whose parts lie at the start of memory.
const SIZE: u16 = 16;
const AVAIL: u32 = 0x100;
const USED: u32 = 0x200;
/// Room for headers and tables, each [`UNIT`] bytes.
const UNITS: u32 = 0x400;
const UNIT: u32 = 0x40;
const LIMIT: u32 = 0x4000;
const SECTORS: usize = 8;
const DISK_LEN: usize = SECTORS * SECTOR as usize;
/// More steps than the largest request of so small a machine takes.
const STEPS: usize = 8;

#[derive(Arbitrary, Debug)]
enum Act {
    Header { unit: u8, kind: u8, barrier: bool, sector: u8, high: bool },
    Descriptor { table: u8, index: u8, at: u16, len: Len, flags: u8, next: u8 },
    Word { at: u16, word: u32 },
    Publish { head: u8 },
    Serve,
}

/// A length that some part of a request has, or any.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Len {
    Header,
    Status,
    Sectors(u8),
    Table(u8),
    Any(u32),
}

impl Len {
    fn bytes(self) -> u32 {
        match self {
            Self::Header => 16,
            Self::Status => 1,
            Self::Sectors(count) => u32::from(count % 10) * 512,
            Self::Table(count) => u32::from(count % 5) * 16,
            Self::Any(len) => len,
        }
    }
}

struct Nobody;

impl Console for Nobody {
    fn write(&mut self, _: &[u8]) {
        panic!("a disk has nothing to say");
    }

    fn is_full(&self) -> bool {
        false
    }

    fn read(&mut self, _: &mut [u8]) -> usize {
        0
    }
}

impl Entropy for Nobody {
    fn fill(&mut self, _: &mut [u8]) {
        panic!("a disk leaves nothing to chance");
    }
}

/// Stores what the driver does; a store that misses memory is a fault of the Guest's own.
fn store(ram: &mut Ram, act: &Act, published: &mut u16) {
    let unit = |unit: u8| UNITS + u32::from(unit % 8) * UNIT;
    let mut put = |at: u32, word: u32| ram.write_u32(GuestPhys(at), word).unwrap_or(());
    match *act {
        Act::Header { unit: number, kind, barrier, sector, high } => {
            let sector = u32::from(sector) % (SECTORS as u32 + 2);
            let words = [u32::from(kind % 12) | u32::from(barrier) << 31, 0, sector, high.into()];
            (unit(number)..).step_by(4).zip(words).for_each(|(at, word)| put(at, word));
        }
        Act::Descriptor { table, index, at, len, flags, next } => {
            let base = if table.is_multiple_of(2) { 0 } else { unit(table / 2) };
            let links = u32::from(flags % 8) | u32::from(next % 18) << 16;
            let words = [u32::from(at) % (LIMIT + 16), 0, len.bytes(), links];
            let first = base + u32::from(index % 16) * 16;
            (first..).step_by(4).zip(words).for_each(|(at, word)| put(at, word));
        }
        Act::Word { at, word } => put(at.into(), word),
        Act::Publish { head } => {
            let place = AVAIL + 4 + 2 * u32::from(*published % SIZE);
            *published = published.wrapping_add(1);
            ram.write_u16(GuestPhys(place), u16::from(head % 18)).expect("the ring is in memory");
            ram.write_u16(GuestPhys(AVAIL + 2), *published).expect("the ring is in memory");
        }
        Act::Serve => {}
    }
}

/// Plays all acts to one disk.
fn play(acts: &[Act], store_of_disk: Store<'_>) {
    let mut ram = Ram::new(LIMIT);
    let places = [0, AVAIL, USED].map(GuestPhys);
    let rings = Rings::admit(SIZE, places, LIMIT).expect("they lie in memory");
    let mut queue = Virtqueue::new(rings, INDIRECT_DESC | EVENT_IDX);
    let (mut disk, mut published) = (BlockDevice::new("d", store_of_disk), 0);
    for act in acts {
        store(&mut ram, act, &mut published);
        if !matches!(act, Act::Serve) {
            continue;
        }
        for step in 0.. {
            assert!(step < STEPS, "it never ends");
            let (console, entropy) = (&mut Nobody, &mut Nobody);
            let net = &mut Networks::none();
            let mut ports = Ports { now: Nanos(0), console, net, entropy };
            match disk.serve(0, &mut queue, &mut ram, &mut ports) {
                Ok(Progress::Busy | Progress::Yields) => {}
                Ok(Progress::Idle) => break,
                Ok(Progress::Waiting) => panic!("a disk waits for nothing"),
                Err(KillReason::Ring(_) | KillReason::OutOfGuestMemory { .. }) => return,
                Err(other) => panic!("{other}"),
            }
        }
        queue.settle(&mut ram).expect("the ring is in memory");
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|acts: Vec<Act>| {
    let module: Vec<u8> = (0..DISK_LEN).map(|place| (place / 7) as u8).collect();
    play(&acts, Store::ReadOnly(&module));
    let mut written = module.clone();
    play(&acts, Store::ReadWrite(&mut written));
    // The same acts leave the same bytes, kept beside the module or in it.
    let mut room = vec![0; Overlay::room(DISK_LEN)];
    play(&acts, Store::Overlay(Overlay::new(&module, &mut room, false)));
    let (copy, bits) = room.split_at(DISK_LEN);
    for (number, sector) in written.chunks(SECTOR as usize).enumerate() {
        let is_own = bits[number / 8] >> (number % 8) & 1 == 1;
        let place = number * SECTOR as usize..(number + 1) * SECTOR as usize;
        assert_eq!(sector, if is_own { &copy[place] } else { &module[place] }, "sector {number}");
    }
});
