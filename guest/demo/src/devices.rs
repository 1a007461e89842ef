//! Disks and chance: what a driver of a page or two gets from the Host.
//!
//! Next on the tour: [`crate::network`].

use core::iter::once;

use abi::device_page::DESC_WRITE;
use kit::block::{Disk, GET_ID, OK, SECTOR};
use kit::frames::Frame;
use kit::rng::Source;
use kit::virtqueue::Lent;
use kit::{PAGE_SIZE, print, println};

/// Bytes of a disk's name, as the device tells it.
const NAME_LEN: usize = 20;
/// Bytes to show of what chance brings.
const SAMPLE: u32 = 16;

/// A disk's name, zeros behind it.
type Name = [u8; NAME_LEN];

/// Tells which disks there are.
pub fn disks() {
    let mut count = 0;
    for (name, disk) in all() {
        let access = if disk.is_read_only { "read-only" } else { "mine to write" };
        println!("  {:<10}{} sectors, {} KiB, {access}", text(&name), disk.sectors, disk.sectors / 2);
        count += 1;
    }
    if count == 0 {
        println!("I find no disk. In the boot menu a module \"disk name=vda\"");
        println!("and disk=vda on my own line give me one.");
    }
}

/// Reads a disk from end to end and tells its checksum.
pub fn sum(name: &str) {
    match all().find(|(its, _)| text(its) == name) {
        None if name.is_empty() => println!("Of which disk? Type disks for a list."),
        None => println!("I have no disk \"{name}\". Type disks for a list."),
        Some((_, disk)) => tell_sum(name, disk),
    }
}

fn tell_sum(name: &str, mut disk: Disk) {
    match checksum(&mut disk) {
        Ok(sum) => println!("{sum:05} {:>5} {name}", disk.sectors.div_ceil(2)),
        Err(status) => println!("The disk cannot be read: status {status}."),
    }
}

/// All disks, with their names.
fn all() -> impl Iterator<Item = (Name, Disk)> {
    (0..).map_while(|number| Disk::start(number, 0)).map(|mut disk| (name_of(&mut disk), disk))
}

fn name_of(disk: &mut Disk) -> Name {
    let (frame, mut name) = (Frame::alloc(), Name::default());
    disk.request(GET_ID, 0, once(Lent { at: frame.phys(), len: NAME_LEN as u32, flags: DESC_WRITE }));
    frame.read_into(0, &mut name);
    name
}

/// The name as text; none if it is none.
fn text(name: &Name) -> &str {
    core::str::from_utf8(name).map_or("", |name| name.trim_end_matches('\0'))
}

/// The sum of Unix's `sum`: 16 bits, turned to the right by one before each byte is added. A read
/// that fails has its status told instead.
fn checksum(disk: &mut Disk) -> Result<u16, u8> {
    let page = [Frame::alloc()];
    let (len, mut sum) = (disk.sectors * u64::from(SECTOR), 0);
    for start in (0..len).step_by(PAGE_SIZE as usize) {
        let piece = (len - start).min(PAGE_SIZE.into()) as u32;
        let status = disk.read(start / u64::from(SECTOR), piece, &page).status;
        if status != OK {
            return Err(status);
        }
        sum = (0..piece).fold(sum, |sum: u16, at| sum.rotate_right(1).wrapping_add(page[0].byte(at).into()));
    }
    Ok(sum)
}

/// Shows some bytes nobody can foresee.
pub fn random() {
    let Some(mut source) = Source::start(0) else {
        return println!("I find no source of entropy.");
    };
    let frame = Frame::alloc();
    (0..source.fill(frame.phys(), SAMPLE)).for_each(|at| print!("{:02x}", frame.byte(at)));
    println!();
}
