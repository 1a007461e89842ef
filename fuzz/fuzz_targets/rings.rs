//! Chains of a driver that keeps the rules, in any shape and order, go through our rings and through
//! another device's: the same bytes end up in memory, rings included, and the same interrupts are due.
//!
//! ```text
//!   driver -> memory -+-> Queue, of virtio-queue --> memory
//!                     |                                || the same?
//!                     '-> copy -> Virtqueue, ours --> copy
//! ```
//!
//! Driver and the other device are of `virtio-queue`. Its mock queue lets used and available ring
//! overlap, so its parts are put together here, each where there is room for it.
#![no_main]

use std::io::{Read, Write};

use abi::GuestPhys;
use abi::device_page::{AVAIL_NO_INTERRUPT, DESC_INDIRECT, DESC_NEXT, DESC_WRITE};
use kennel_fuzz::noise;
use kennel_fuzz::ram::Ram;
use launcher_task::chain::Chain;
use launcher_task::virtqueue::{EVENT_IDX, INDIRECT_DESC, Rings, Virtqueue};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};
use virtio_queue::desc::RawDescriptor;
use virtio_queue::desc::split::Descriptor;
use virtio_queue::mock::{AvailRing, DescriptorTable, UsedRing};
use virtio_queue::{DescriptorChain, Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

/// Where the parts of a queue lie that has 16 entries at most.
const AVAIL: u32 = 0x100;
const USED: u32 = 0x200;
/// A table for each chain of the queue, of [`TABLE_MAX`] descriptors.
const TABLES: u32 = 0x400;
const TABLE_MAX: usize = 8;
const TABLE_LEN: u32 = 16 * TABLE_MAX as u32;
/// Room for buffers, to the end of memory.
const DATA: u32 = 0x1000;
const LIMIT: u32 = 0x2000;

#[derive(Arbitrary, Debug)]
enum Act {
    /// Offers these buffers, the first few to be read; so many of them not in a table.
    Offer { buffers: Vec<(u16, u8)>, readable: u8, direct: u8 },
    /// Scribbles over a few bytes of the data.
    Store { at: u16, word: u32 },
    /// Wants no interrupt, or one some entries from now.
    Want { none: bool, event: i8 },
    /// Has the device take so many chains, and give them back in this order or the other.
    Serve { most: u8, backwards: bool },
}

/// A driver that keeps the rules.
struct Driver<'a> {
    memory: &'a GuestMemoryMmap,
    descriptors: DescriptorTable<'a, GuestMemoryMmap>,
    available: AvailRing<'a, GuestMemoryMmap>,
    used: UsedRing<'a, GuestMemoryMmap>,
    size: u16,
    taken: u16,
    free: Vec<u16>,
    /// Descriptors of the chain that begins with each.
    lent: Vec<Vec<u16>>,
}

impl<'a> Driver<'a> {
    fn new(memory: &'a GuestMemoryMmap, size: u16) -> Self {
        let [available, used] = [AVAIL, USED].map(|at| GuestAddress(at.into()));
        Self {
            memory,
            descriptors: DescriptorTable::new(memory, GuestAddress(0), size),
            available: AvailRing::new(memory, available, size),
            used: UsedRing::new(memory, used, size),
            size,
            taken: 0,
            free: (0..size).collect(),
            lent: vec![Vec::new(); size.into()],
        }
    }

    fn store(&self, at: u32, value: u16) {
        self.memory.write_obj(value, GuestAddress(at.into())).expect("it is in memory");
    }

    /// Offers a chain, if descriptors enough are free.
    fn offer(&mut self, buffers: &[Descriptor], direct: usize) {
        let (direct, in_table) = buffers.split_at(direct.min(buffers.len()));
        let in_table = &in_table[..in_table.len().min(TABLE_MAX)];
        let count = direct.len() + usize::from(!in_table.is_empty());
        if count == 0 || count > self.free.len() {
            return;
        }
        let own = self.free.split_off(self.free.len() - count);
        let mut chain = direct.to_vec();
        if !in_table.is_empty() {
            chain.push(self.fill_table(own[0], in_table));
        }
        let links = own.iter().skip(1).copied();
        for (descriptor, &index) in linked(&chain, links).zip(&own) {
            self.descriptors.store(index, descriptor).expect("the queue has it");
        }
        let head = own[0];
        self.lent[usize::from(head)] = own;
        self.publish(head);
    }

    /// Fills the table of the chain that begins with `head`; returns what stands for it.
    fn fill_table(&self, head: u16, buffers: &[Descriptor]) -> Descriptor {
        let at = GuestAddress((TABLES + u32::from(head) * TABLE_LEN).into());
        let table = DescriptorTable::new(self.memory, at, TABLE_MAX as u16);
        for (index, descriptor) in (0..).zip(linked(buffers, 1..)) {
            table.store(index, descriptor).expect("the table has it");
        }
        Descriptor::new(at.0, 16 * buffers.len() as u32, DESC_INDIRECT, 0)
    }

    fn publish(&self, head: u16) {
        let index = self.available.idx().load();
        let place = self.available.ring().ref_at((index % self.size).into()).expect("the ring has it");
        place.store(head);
        self.available.idx().store(index.wrapping_add(1));
    }

    /// Takes back what the device is done with.
    fn take_back(&mut self) {
        while self.taken != self.used.idx().load() {
            let place = self.used.ring().ref_at((self.taken % self.size).into()).expect("the ring has it");
            let own = &mut self.lent[place.load().id() as usize];
            assert!(!own.is_empty(), "it was not lent");
            self.free.append(own);
            self.taken = self.taken.wrapping_add(1);
        }
        assert_eq!(self.free.len() + self.lent.iter().map(Vec::len).sum::<usize>(), usize::from(self.size));
    }
}

/// A chain of these, each but the last with the next link.
fn linked(chain: &[Descriptor], links: impl Iterator<Item = u16>) -> impl Iterator<Item = RawDescriptor> {
    let last = chain.len() - 1;
    let links = links.map(Some).chain(core::iter::repeat(None));
    chain.iter().zip(links).enumerate().map(move |(place, (one, link))| {
        let (flag, next) = if place < last { (DESC_NEXT, link.expect("one for each")) } else { (0, 0) };
        Descriptor::new(one.addr().0, one.len(), one.flags() | flag, next).into()
    })
}

/// What the device writes into `room` bytes, having read this: something that tells.
fn answer(read: &[u8], room: usize) -> Vec<u8> {
    let sum = read.iter().fold(room as u8, |sum, byte| sum.rotate_left(1) ^ byte);
    (0..room).map(|place| sum.wrapping_add(place as u8)).collect()
}

fn in_order<T>(mut chains: Vec<T>, backwards: bool) -> Vec<T> {
    if backwards {
        chains.reverse();
    }
    chains
}

/// A turn of their device; tells whether an interrupt is due.
fn serve_theirs(queue: &mut Queue, memory: &GuestMemoryMmap, most: usize, backwards: bool) -> bool {
    let chains: Vec<DescriptorChain<_>> =
        queue.iter(memory).expect("the driver keeps the rules").take(most).collect();
    let is_idle = chains.is_empty();
    for chain in in_order(chains, backwards) {
        let (mut reader, mut read) = (chain.clone().reader(memory).expect("it lies in memory"), Vec::new());
        reader.read_to_end(&mut read).expect("it lies in memory");
        let mut writer = chain.clone().writer(memory).expect("it lies in memory");
        let bytes = answer(&read, writer.available_bytes());
        writer.write_all(&bytes).expect("there is room");
        queue.add_used(memory, chain.head_index(), bytes.len() as u32).expect("it is one of the queue's");
    }
    let moved = queue.needs_notification(memory).expect("the rings are in memory");
    queue.enable_notification(memory).expect("the rings are in memory");
    moved && !is_idle
}

/// A turn of ours.
fn serve_ours(queue: &mut Virtqueue, ram: &mut Ram, most: usize, backwards: bool) -> bool {
    let mut chains = Vec::new();
    while chains.len() < most {
        let mut chain = Chain::default();
        if !queue.pop(ram, &mut chain).expect("the driver keeps the rules") {
            break;
        }
        chains.push(chain);
    }
    for mut chain in in_order(chains, backwards) {
        let (readable, writable) = chain.lengths().expect("what is read comes first");
        let mut read = vec![0; readable as usize];
        chain.read_into(ram, &mut read).expect("it lies in memory");
        chain.skip_readable();
        let bytes = answer(&read, writable as usize);
        chain.write_from(ram, &bytes).expect("it lies in memory");
        queue.give_back(ram, &mut chain, bytes.len() as u32).expect("the ring is in memory");
    }
    queue.settle(ram).expect("the rings are in memory")
}

/// The buffers of an offer, all in the room for data.
fn buffers(from: &[(u16, u8)], readable: u8) -> Vec<Descriptor> {
    let room = LIMIT - DATA;
    let all = (0..).zip(from).map(|(place, &(at, len))| {
        let at = u32::from(at) % room;
        let flags = if place < readable { 0 } else { DESC_WRITE };
        Descriptor::new((DATA + at).into(), u32::from(len).min(room - at), flags, 0)
    });
    all.take(16 + TABLE_MAX).collect()
}

/// Both queues, set up as a driver does.
fn queues(size: u16, has_events: bool) -> (Queue, Virtqueue) {
    let mut theirs = Queue::new(size).expect("a power of two");
    theirs.set_desc_table_address(Some(0), Some(0));
    theirs.set_avail_ring_address(Some(AVAIL), Some(0));
    theirs.set_used_ring_address(Some(USED), Some(0));
    theirs.set_event_idx(has_events);
    theirs.set_ready(true);
    let rings = Rings::admit(size, [0, AVAIL, USED].map(GuestPhys), LIMIT).expect("they lie in memory");
    let features = INDIRECT_DESC | if has_events { EVENT_IDX } else { 0 };
    (theirs, Virtqueue::new(rings, features))
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|input: (u8, bool, Vec<Act>)| {
    let (size, has_events, acts) = input;
    let size = 1 << (size % 5);
    let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), LIMIT as usize)]).expect("it is little");
    let (mut driver, mut ram) = (Driver::new(&memory, size), Ram::new(LIMIT));
    let (mut theirs, mut ours) = queues(size, has_events);
    let mut wants_none = false;
    for act in acts {
        match act {
            Act::Offer { buffers: shape, readable, direct } => {
                driver.offer(&buffers(&shape, readable), direct.into());
            }
            Act::Store { at, word } => {
                let at = DATA + u32::from(at) % (LIMIT - DATA - 3);
                memory.write_obj(word, GuestAddress(at.into())).expect("it is in memory");
            }
            Act::Want { none, event } => {
                wants_none = none;
                driver.store(AVAIL, if none { AVAIL_NO_INTERRUPT } else { 0 });
                let event = driver.taken.wrapping_add_signed(event.into());
                driver.store(AVAIL + 4 + 2 * u32::from(size), event);
            }
            Act::Serve { most, backwards } => {
                memory.read_slice(&mut ram.0, GuestAddress(0)).expect("both are as long");
                let due = serve_theirs(&mut theirs, &memory, most.into(), backwards);
                // Theirs does not look at the flag; with events nobody does.
                let due = due && (has_events || !wants_none);
                assert_eq!(serve_ours(&mut ours, &mut ram, most.into(), backwards), due);
                let mut expected = vec![0; LIMIT as usize];
                memory.read_slice(&mut expected, GuestAddress(0)).expect("both are as long");
                if *ram.0 != *expected {
                    let differs =
                        (0..).zip(&*ram.0).zip(&expected).find(|((_, ours), theirs)| ours != theirs);
                    panic!("where ours is what, and theirs: {differs:?}");
                }
                driver.take_back();
            }
        }
    }
});
