//! A driver that points everywhere but where it should, short of breaking the treaty: at the ring
//! that is being served, the device page (on PCI the rings' first), the last byte of memory, the same bytes for everything,
//! the program itself as a source. The disk answers each time, and its own bytes stay.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::DESC_WRITE;
use abi::{GuestMemory, GuestPhys};
use kennel_guest_tests::for_a_while;
use kit::block::{Disk, IN, OK, OUT, SECTOR};
use kit::frames::Frame;
use kit::virtqueue::Lent;
use kit::{pci, println, report};

kit::guest_test!(hostile_disk);

fn hostile_disk() {
    let Some(mut disk) = Disk::start(0, 0) else { report::skip("there is no disk") };
    let rounds = for_a_while(|| one_round(&mut disk));
    println!("{rounds} rounds");
}

fn one_round(disk: &mut Disk) {
    let (page, ring) = (disk.window.start(), disk.queue.at().0);
    let saved = disk.window.device_page();
    let end = disk.window.limit();
    let to = |at, len| Lent { at: GuestPhys(at), len, flags: DESC_WRITE };
    let from = |at, len| Lent { at: GuestPhys(at), len, flags: 0 };
    let all_memory = end / SECTOR * SECTOR;
    // Sectors over the descriptors being served, over the device page, over the end of memory.
    assert_eq!(disk.request(IN, 1, [to(ring, SECTOR)].into_iter()).status, OK);
    assert_eq!(disk.request(IN, 1, [to(page, SECTOR)].into_iter()).status, OK);
    assert_eq!(disk.request(IN, 1, [to(end - SECTOR, SECTOR)].into_iter()).status, OK);
    disk.window.write_from(GuestPhys(page), &saved).expect("the page is there");
    // The whole of memory, more than the disk has: an error, and so none of it is touched.
    assert_ne!(disk.request(IN, 0, [to(0, all_memory); 4].into_iter()).status, OK);
    assert_ne!(disk.request(OUT, 0, [from(0, all_memory); 4].into_iter()).status, OK);
    // What is in the ring and the device page, to the disk.
    assert_eq!(disk.request(OUT, 40, [from(page, SECTOR), from(ring, SECTOR)].into_iter()).status, OK);
    everything_in_one_place(disk);
    let check = Frame::alloc();
    assert_eq!(disk.read(3, SECTOR, core::slice::from_ref(&check)).status, OK);
    assert!((0..SECTOR).step_by(4).all(|at| check.read(at) == 0x0303_0303));
}

/// Header, data and status are the same bytes; data and status are the used ring.
fn everything_in_one_place(disk: &mut Disk) {
    let page = Frame::alloc();
    let place = |len, flags| Lent { at: page.phys(), len, flags };
    let all = [place(16, 0), place(SECTOR, DESC_WRITE), place(1, DESC_WRITE)];
    disk.queue.offer_chain(&mut disk.window, 0, all.into_iter()).expect("the queue is there");
    disk.finish();
    assert_eq!(page.byte(0), OK, "the status came last");
    let used = GuestPhys(disk.queue.at().0 + 8192 + 2048);
    let over = [Lent { at: used, len: SECTOR, flags: DESC_WRITE }];
    assert_eq!(disk.request(IN, 1, over.into_iter()).status, OK);
    pci::kick(disk.queue.queue()); // and once more, with nothing on offer
}
