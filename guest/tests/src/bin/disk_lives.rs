//! Four disks through three lives: what is written to the first stays, to the second cannot be
//! written, to the third is gone after a restart, and to the fourth is kept beside the module. Each
//! begins with a sector of ones; the first one's second sector counts the lives.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::block::{Disk, OK, SECTOR};
use kit::frames::Frame;
use kit::{power, println, report};

kit::guest_test!(disk_lives);

const FRESH: u32 = 0x0101_0101;
const LIVES: u32 = 3;

fn disk_lives() {
    let disks = [0, 1, 2, 3].map(|number| Disk::start(number, 0));
    let [Some(mut plain), Some(mut read_only), Some(mut dropped), Some(mut kept)] = disks else {
        report::skip("there are not four disks")
    };
    assert!(read_only.is_read_only && !plain.is_read_only && !dropped.is_read_only && !kept.is_read_only);
    let life = read(&mut plain, 1);
    println!("life {life}");
    let later = if life == 0 { FRESH } else { life };
    assert_eq!(read(&mut plain, 0), later);
    assert_eq!(read(&mut kept, 0), later);
    assert_eq!(read(&mut dropped, 0), FRESH);
    for disk in [&mut plain, &mut dropped, &mut kept] {
        assert_eq!(write(disk, 0, life + 1), OK);
        assert_eq!(read(disk, 0), life + 1);
    }
    assert_ne!(write(&mut read_only, 0, life + 1), OK);
    assert_eq!(read(&mut read_only, 0), FRESH);
    assert_eq!(write(&mut plain, 1, life + 1), OK);
    if life + 1 < LIVES {
        power::restart(format_args!("life {life} is over"));
    }
}

/// The first dword of a sector, which all others are like.
fn read(disk: &mut Disk, sector: u64) -> u32 {
    let data = Frame::alloc();
    assert_eq!(disk.read(sector, SECTOR, core::slice::from_ref(&data)).status, OK);
    let first = data.read(0);
    assert!((0..SECTOR).step_by(4).all(|at| data.read(at) == first));
    first
}

fn write(disk: &mut Disk, sector: u64, value: u32) -> u8 {
    let data = Frame::alloc();
    data.fill(value);
    disk.write(sector, SECTOR, core::slice::from_ref(&data)).status
}
