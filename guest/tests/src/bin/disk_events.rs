//! A driver that takes all features of the ring: requests in tables of descriptors, one kick for
//! many, asked for where the device said, and one interrupt for many, where the driver said.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use abi::device_page::{DESC_INDIRECT, DESC_NEXT, DESC_WRITE};
use kit::block::{Disk, IN, OK, SECTOR};
use kit::frames::Frame;
use kit::virtqueue::Lent;
use kit::{interrupts, pci, report};

kit::guest_test!(disk_events);

const INDIRECT_DESC: u32 = 1 << 28;
const EVENT_IDX: u32 = 1 << 29;
const BATCH: u16 = 32;

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

fn disk_events() {
    let Some(mut disk) = Disk::start(0, INDIRECT_DESC | EVENT_IDX) else { report::skip("there is no disk") };
    interrupts::handle(disk.irq, || {
        INTERRUPTS.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::enable();
    let (table, data) = (Frame::alloc(), Frame::alloc());
    let read = Lent { at: data.phys(), len: SECTOR, flags: DESC_WRITE };
    let len = fill(&table, disk.lend(IN, 7, core::iter::once(read)));
    for round in 1..=3 {
        let goal = round * BATCH;
        disk.queue.interrupt_at(&mut disk.window, goal - 1).expect("the queue is there");
        assert_eq!(disk.queue.kick_at(&disk.window), Ok(goal - BATCH), "where the next chain goes");
        data.fill(0);
        for id in 0..BATCH {
            let offered = disk.queue.offer(&mut disk.window, id, table.phys(), len, DESC_INDIRECT);
            offered.expect("the queue is there");
        }
        pci::kick(disk.queue.queue());
        let used = (0..BATCH).map_while(|_| disk.queue.take_used(&disk.window).expect("it is there"));
        assert_eq!(used.filter(|used| used.len == SECTOR + 1).count(), BATCH.into());
        assert_eq!((disk.status(), data.read(0)), (OK, 0x0707_0707));
        assert_eq!(INTERRUPTS.load(Ordering::Relaxed), round.into(), "one interrupt for all");
    }
}

/// Writes a table of descriptors, one linked to the next; returns its bytes.
fn fill(table: &Frame, buffers: impl Iterator<Item = Lent>) -> u32 {
    let mut len = 0;
    for (index, lent) in (1u32..).zip(buffers) {
        let link = u32::from(lent.flags | DESC_NEXT) | index << 16;
        let words = [lent.at.0, 0, lent.len, link];
        (len..).step_by(4).zip(words).for_each(|(at, word)| table.write(at, word));
        len += 16;
    }
    table.write(len - 4, table.read(len - 4) & !u32::from(DESC_NEXT) & 0xFFFF);
    len
}
