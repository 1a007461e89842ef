//! A driver that was not written for the Host's disks alone: what it reads, and reads back after it
//! has written, is what is there. The disk is called `d` and has 1 MiB, each byte the low one of its
//! sector's number.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use alloc::vec;
use drivers::device::blk::{SECTOR_SIZE, VirtIOBlk};
use drivers::disk::read_together;
use drivers::transport::Transport;
use drivers::{Error, Ram};
use kit::{pci, println};

kit::guest_test!(drivers_disk);

const SECTORS: usize = 2048;
/// Sectors in one request: a byte of each number.
const BATCH: usize = 256;
/// Requests one after the other; the rings of the driver and of the bus come round several times.
const ROUNDS: usize = 600;

/// Requests under way at once: as many as the driver's queue has entries, in tables.
const TOGETHER: usize = 16;
/// The driver takes both features wherever they are offered.
const INDIRECT_DESC: u64 = 1 << 28;
const EVENT_IDX: u64 = 1 << 29;

type Disk<T> = VirtIOBlk<Ram, T>;

fn drivers_disk() {
    drivers::on_device!(Block, works);
}

fn works(mut device: impl Transport) {
    let offered = device.read_device_features() & (INDIRECT_DESC | EVENT_IDX);
    assert_eq!(offered, if pci::is_here() { INDIRECT_DESC | EVENT_IDX } else { INDIRECT_DESC });
    let mut disk = Disk::new(device).expect("the driver starts");
    assert_eq!((disk.capacity(), disk.readonly()), (SECTORS as u64, false));
    let mut name = [0xFF; 20];
    assert_eq!((disk.device_id(&mut name), name[0]), (Ok(1), b'd'));
    reads_all(&mut disk);
    writes(&mut disk);
    assert_eq!(disk.flush(), Ok(()));
    small_requests(&mut disk);
    many_at_once(&mut disk);
    refusals(&mut disk);
}

fn reads_all<T: Transport>(disk: &mut Disk<T>) {
    let mut bytes = vec![0; BATCH * SECTOR_SIZE];
    for first in (0..SECTORS).step_by(BATCH) {
        bytes.fill(0xEE);
        assert_eq!(disk.read_blocks(first, &mut bytes), Ok(()));
        for (sector, bytes) in (first..).zip(bytes.chunks(SECTOR_SIZE)) {
            assert!(bytes.iter().all(|&byte| byte == sector as u8), "sector {sector}");
        }
    }
}

/// Fills the disk, then looks whether all of it is there, by one sum over the bytes in order.
fn writes<T: Transport>(disk: &mut Disk<T>) {
    let (mut bytes, mut written, mut read) = (vec![0; BATCH * SECTOR_SIZE], 1, 1);
    for first in (0..SECTORS).step_by(BATCH) {
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = ((first * SECTOR_SIZE + place) as u32).wrapping_mul(0x9E37_79B1).to_be_bytes()[0];
        }
        written = mix(written, &bytes);
        assert_eq!(disk.write_blocks(first, &bytes), Ok(()));
    }
    for first in (0..SECTORS).step_by(BATCH) {
        bytes.fill(0);
        assert_eq!(disk.read_blocks(first, &mut bytes), Ok(()));
        read = mix(read, &bytes);
    }
    println!("{} KiB written and read, checksum {read:#010x}", (SECTORS * SECTOR_SIZE) >> 10);
    assert_eq!(read, written);
}

fn mix(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, &byte| (sum.rotate_left(5) ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn small_requests<T: Transport>(disk: &mut Disk<T>) {
    for round in 0..ROUNDS {
        let (sector, mut bytes) = (round * 7 % SECTORS, [round as u8; SECTOR_SIZE]);
        assert_eq!(disk.write_blocks(sector, &bytes), Ok(()));
        bytes.fill(!(round as u8));
        assert_eq!(disk.read_blocks(sector, &mut bytes), Ok(()));
        assert!(bytes.iter().all(|&byte| byte == round as u8), "round {round}");
    }
}

/// Each its own number of sectors, backwards over the disk; one of them leads off its end.
fn many_at_once<T: Transport>(disk: &mut Disk<T>) {
    let mut bytes = vec![0; TOGETHER * SECTOR_SIZE * 2];
    for round in 0..ROUNDS / TOGETHER {
        let places = core::array::from_fn(|number| SECTORS - 2 - round * TOGETHER - number);
        let places = places.map(|place: usize| if place % TOGETHER == 5 { SECTORS - 1 } else { place });
        let mut buffers = bytes.chunks_mut(2 * SECTOR_SIZE);
        let buffers = core::array::from_fn::<_, TOGETHER, _>(|_| buffers.next().expect("room for each"));
        let ends = read_together(disk, places, buffers).expect("the queue has room");
        for (number, (place, end)) in places.into_iter().zip(ends).enumerate() {
            let came = &bytes[number * 2 * SECTOR_SIZE..][..2 * SECTOR_SIZE];
            if place == SECTORS - 1 {
                assert_eq!(end, Err(Error::IoError));
                continue;
            }
            let mut alone = [0; 2 * SECTOR_SIZE];
            assert_eq!((end, disk.read_blocks(place, &mut alone)), (Ok(()), Ok(())));
            assert!(came == alone, "sector {place}");
        }
    }
}

fn refusals<T: Transport>(disk: &mut Disk<T>) {
    let mut bytes = [0x5A; 2 * SECTOR_SIZE];
    for sector in [SECTORS - 1, SECTORS, usize::MAX] {
        assert_eq!(disk.read_blocks(sector, &mut bytes), Err(Error::IoError));
        assert_eq!(disk.write_blocks(sector, &bytes), Err(Error::IoError));
    }
    assert!(bytes.iter().all(|&byte| byte == 0x5A), "a refused request changed something");
}
