//! Thousands of reads and writes of 1 to 128 sectors at random places: what is read is what was
//! written there last, told by a number kept for each sector. `rounds=` says how many.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::block::{Disk, OK, SECTOR};
use kit::frames::Frame;
use kit::{PAGE_SIZE, println, report};

kit::guest_test!(disk_random);

/// Sectors that are written to.
const SECTORS: usize = 1024;
const MOST: u32 = 128;
const FRAMES: usize = (MOST * SECTOR / PAGE_SIZE) as usize;
const DWORDS: u32 = SECTOR / 4;

/// Numbers without a pattern: xorshift.
struct Random(u32);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        for (shift, is_left) in [(13, true), (17, false), (5, true)] {
            self.0 ^= if is_left { self.0 << shift } else { self.0 >> shift };
        }
        (self.0 >> 8) % limit
    }
}

/// What dword `place` of a sector holds that was written in `round`; 0 is never.
fn value(round: u32, sector: u32, place: u32) -> u32 {
    (round ^ sector << 20).wrapping_mul(0x9E37_79B1).wrapping_add(place)
}

fn disk_random() {
    let Some(mut disk) = Disk::start(0, 0) else { report::skip("there is no disk") };
    assert!(disk.sectors >= SECTORS as u64);
    let data: [Frame; FRAMES] = core::array::from_fn(|_| Frame::alloc());
    let (mut last_written, mut random) = ([0u32; SECTORS], Random(0x1234_5678));
    let (rounds, mut written, mut checked) = (number("rounds", 500), 0, 0);
    for round in 1..=rounds {
        let count = 1 + random.below(MOST);
        let first = random.below(SECTORS as u32 - count + 1);
        let sectors = first..first + count;
        if random.below(2) == 0 {
            sectors
                .clone()
                .for_each(|sector| put(&data, sector - first, |place| value(round, sector, place)));
            assert_eq!(disk.write(first.into(), count * SECTOR, &data).status, OK);
            last_written[first as usize..][..count as usize].fill(round);
            written += count;
            continue;
        }
        let answer = disk.read(first.into(), count * SECTOR, &data);
        assert_eq!((answer.status, answer.written), (OK, count * SECTOR + 1));
        for sector in sectors.filter(|&sector| last_written[sector as usize] != 0) {
            let round = last_written[sector as usize];
            assert!(is(&data, sector - first, |place| value(round, sector, place)), "sector {sector}");
            checked += 1;
        }
    }
    println!("{rounds} requests: {written} sectors written, {checked} read back");
    assert!(checked > rounds);
}

fn put(data: &[Frame], sector: u32, value: impl Fn(u32) -> u32) {
    let (frame, start) = place(data, sector);
    (0..DWORDS).for_each(|dword| frame.write(start + 4 * dword, value(dword)));
}

fn is(data: &[Frame], sector: u32, value: impl Fn(u32) -> u32) -> bool {
    let (frame, start) = place(data, sector);
    (0..DWORDS).all(|dword| frame.read(start + 4 * dword) == value(dword))
}

fn place(data: &[Frame], sector: u32) -> (&Frame, u32) {
    let at = sector * SECTOR;
    (&data[(at / PAGE_SIZE) as usize], at % PAGE_SIZE)
}
