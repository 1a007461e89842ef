//! A disk answers what it is asked: reads, writes, a flush, its name; and what it must not do, with
//! a status that says so and no byte touched. The disk is called `d` and has 1 MiB, each byte the
//! low one of its sector's number.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::device_page::DESC_WRITE;
use kit::block::{Disk, FLUSH, GET_ID, IN, OUT, SECTOR, pieces};
use kit::frames::Frame;
use kit::report;

kit::guest_test!(disk_requests);

const IO_ERROR: u8 = 1;
const UNSUPPORTED: u8 = 2;
const SECTORS: u64 = 2048;

fn disk_requests() {
    let Some(mut disk) = Disk::start(0, 0) else { report::skip("there is no disk") };
    assert_eq!((disk.sectors, disk.is_read_only), (SECTORS, false));
    let data = [Frame::alloc(), Frame::alloc()];
    reads_and_writes(&mut disk, &data);
    tells_its_name(&mut disk, &data);
    refuses(&mut disk, &data);
}

fn reads_and_writes(disk: &mut Disk, data: &[Frame]) {
    let answer = disk.read(5, 8192, data);
    assert_eq!((answer.status, answer.written), (0, 8193));
    for sector in 0..16 {
        let expected = (5 + sector) * 0x0101_0101;
        assert_eq!(data[sector as usize / 8].read(sector % 8 * SECTOR), expected, "sector {sector} from 5");
    }
    data.iter().for_each(|frame| frame.fill(0xC0FF_EE00));
    let answer = disk.write(SECTORS - 16, 8192, data);
    assert_eq!((answer.status, answer.written), (0, 1));
    data.iter().for_each(|frame| frame.fill(0));
    assert_eq!(disk.read(SECTORS - 16, 8192, data).status, 0);
    assert!(data.iter().all(|frame| (0..4096).step_by(4).all(|at| frame.read(at) == 0xC0FF_EE00)));
    assert_eq!(disk.read(SECTORS - 17, 512, data).status, 0);
    assert_eq!(data[0].read(0), 0xEFEF_EFEF, "the sector before is as it was");
    assert_eq!(disk.request(FLUSH, 0, [].into_iter()).status, 0);
}

fn tells_its_name(disk: &mut Disk, data: &[Frame]) {
    data[0].fill(u32::MAX);
    let answer = disk.request(GET_ID, 0, pieces(data, 20, DESC_WRITE));
    assert_eq!((answer.status, answer.written), (0, 21));
    assert_eq!((data[0].read(0), data[0].read(16), data[0].read(20)), (u32::from(b'd'), 0, u32::MAX));
}

fn refuses(disk: &mut Disk, data: &[Frame]) {
    data[0].fill(0x5A5A_5A5A);
    let mut status_of = |kind, sector, len| {
        let flags = if kind == OUT { 0 } else { DESC_WRITE };
        let answer = disk.request(kind, sector, pieces(data, len, flags));
        assert_eq!(answer.written, 1);
        assert!((0..4096).step_by(4).all(|at| data[0].read(at) == 0x5A5A_5A5A), "{kind} {sector} {len}");
        answer.status
    };
    for kind in [IN, OUT] {
        for (sector, len) in
            [(SECTORS, 512), (SECTORS - 1, 1024), (u64::MAX, 512), (1 << 55, 512), (0, 511), (0, 513)]
        {
            assert_eq!(status_of(kind, sector, len), IO_ERROR, "{kind} {sector} {len}");
        }
    }
    assert_eq!(status_of(2, 0, 512), UNSUPPORTED);
    assert_eq!(status_of(77, 0, 512), UNSUPPORTED);
}
