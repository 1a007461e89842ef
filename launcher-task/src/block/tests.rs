//! A disk between a mock driver and bytes in a vector.

mod cuts;

use abi::{GuestPhys, KillReason, Nanos};
use proptest::prelude::*;

use super::*;
use crate::{
    chain::Direction::{self, Readable, Writable},
    fakes::{Driver, FakeConsole, FakeEntropy, Ram},
    net::network::Networks,
    virtqueue::{INDIRECT_DESC, Rings},
};

const RING: GuestPhys = GuestPhys(0x10_0000);
const LIMIT: u32 = 0x10_3000;
const SECTORS: usize = 2048;

/// Where the pieces of a request are, and what a status byte is before it is answered.
const HEADER: u32 = 0x1000;
const DATA: u32 = 0x2000;
const STATUS: u32 = 0x1800;
const UNANSWERED: u8 = 0xAA;

const IN: u32 = 0;
const OUT: u32 = 1;
const GET_ID: u32 = 8;

struct Bench {
    device: BlockDevice<'static>,
    ram: Ram,
    driver: Driver,
    queue: Virtqueue,
}

fn disk() -> Vec<u8> {
    disk_of(SECTORS)
}

/// A disk whose every sector begins with its number.
fn disk_of(sectors: usize) -> Vec<u8> {
    let sector = |number: usize| {
        let mut bytes = [number as u8; 512];
        bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
        bytes
    };
    (0..sectors).flat_map(sector).collect()
}

fn bench_on(store: Store<'static>) -> Bench {
    let mut ram = Ram::zeroed(LIMIT);
    ram[STATUS as usize] = UNANSWERED;
    let queue = Virtqueue::new(Rings::in_one_run(RING), INDIRECT_DESC);
    Bench { device: BlockDevice::new("root", store), ram, driver: Driver::new(RING), queue }
}

fn bench() -> Bench {
    bench_on(Store::ReadWrite(disk().leak()))
}

impl Bench {
    fn serve(&mut self) -> GuestResult<Progress> {
        let (console, entropy) = (&mut FakeConsole::default(), &mut FakeEntropy::default());
        let net = &mut Networks::none();
        let mut ports = Ports { now: Nanos(0), console, net, entropy };
        self.device.serve(0, &mut self.queue, &mut self.ram, &mut ports)
    }

    fn put_header(&mut self, at: u32, kind: u32, sector: u64) {
        self.ram.write_u32(GuestPhys(at), kind).unwrap();
        self.ram.write_from(GuestPhys(at + 8), &sector.to_le_bytes()).unwrap();
    }

    /// A request in three buffers, as Linux makes them; returns status and length used.
    fn request(&mut self, kind: u32, sector: u64, data: (u32, Direction)) -> (u8, u32) {
        self.put_header(HEADER, kind, sector);
        let buffers = [(HEADER, 16, Readable), (DATA, data.0, data.1), (STATUS, 1, Writable)];
        self.driver.offer(&mut self.ram, &buffers);
        while self.serve().expect("a request does not end a Guest") == Progress::Busy {}
        let [(_, len)] = self.driver.used(&self.ram)[..] else { panic!("one chain back") };
        (self.status(), len)
    }

    fn status(&mut self) -> u8 {
        std::mem::replace(&mut self.ram[STATUS as usize], UNANSWERED)
    }

    fn data(&mut self, len: usize) -> &mut [u8] {
        &mut self.ram[DATA as usize..][..len]
    }

    fn stored(&self) -> Vec<u8> {
        self.device.store.read(0, self.device.store.sectors() as usize * 512).to_vec()
    }
}

#[test]
fn a_disk_says_how_large_it_is_and_what_it_can_do() {
    let bench = bench();
    let shape = bench.device.shape();
    assert_eq!((shape.kind, shape.queues, shape.features), (2, 1, 1 << 2 | 1 << 6 | 1 << 9));
    let expected = [0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0];
    assert_eq!(shape.config, expected);
    assert_eq!(bench_on(Store::ReadOnly(&[])).device.shape().features, 1 << 2 | 1 << 5 | 1 << 6 | 1 << 9);
}

#[test]
fn what_is_read_is_what_is_there() {
    let mut bench = bench();
    assert_eq!(bench.request(IN, 700, (1024, Writable)), (0, 1025));
    assert_eq!(bench.data(1024), &disk()[700 * 512..702 * 512]);
    assert_eq!(bench.data(1025)[1024], 0, "and not a byte more");
    assert_eq!(bench.stored(), disk());
}

#[test]
fn what_is_written_stays() {
    let mut bench = bench();
    bench.data(1024).fill(0x5A);
    assert_eq!(bench.request(OUT, 2046, (1024, Readable)), (0, 1));
    let mut expected = disk();
    expected[2046 * 512..].fill(0x5A);
    assert_eq!(bench.stored(), expected);
    bench.device.restart();
    assert_eq!(bench.stored(), expected);
}

#[test]
fn a_refused_request_changes_only_its_status() {
    let (read, write) = ((512, Writable), (512, Readable));
    for (kind, sector, data, status) in [
        (IN, 2048, read, 1),
        (IN, u64::MAX, read, 1),
        (IN, 1 << 55, read, 1),
        (IN, 2047, (1024, Writable), 1),
        (IN, 0, (511, Writable), 1),
        (OUT, 2048, write, 1),
        (OUT, 0, (513, Readable), 1),
        (2, 0, write, 2),
        (11, 0, read, 2),
        (0x7FFF_FFFF, 0, read, 2),
    ] {
        let mut bench = bench();
        bench.data(1024).fill(0x5A);
        assert_eq!(bench.request(kind, sector, data), (status, 1), "{kind} {sector} {data:?}");
        assert!(bench.data(1024).iter().all(|&byte| byte == 0x5A));
        assert_eq!(bench.stored(), disk());
    }
}

#[test]
fn a_read_only_disk_answers_writes_with_an_error() {
    let mut bench = bench_on(Store::ReadOnly(disk().leak()));
    assert_eq!(bench.request(OUT, 0, (512, Readable)), (1, 1));
    assert_eq!(bench.stored(), disk());
    assert_eq!(bench.request(IN, 5, (512, Writable)), (0, 513));
}

#[test]
fn a_flush_is_done_at_once() {
    let mut bench = bench();
    assert_eq!(bench.request(4, 0, (0, Readable)), (0, 1));
}

#[test]
fn a_disk_tells_its_name_as_far_as_there_is_room() {
    let mut bench = bench();
    assert_eq!(bench.request(GET_ID, 0, (20, Writable)), (0, 21));
    assert_eq!(bench.data(20), b"root\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    bench.data(100).fill(b'.');
    assert_eq!(bench.request(GET_ID, 0, (3, Writable)), (0, 4));
    assert_eq!(bench.data(4), b"roo.");
    assert_eq!(bench.request(GET_ID, 0, (100, Writable)), (0, 21));
    assert_eq!(bench.data(21)[20], b'.');
}

#[test]
fn a_request_without_room_for_a_status_kills_the_guest() {
    for buffers in [&[(HEADER, 16, Readable)][..], &[(HEADER, 528, Readable), (DATA, 0, Writable)]] {
        let mut bench = bench();
        bench.put_header(HEADER, OUT, 0);
        bench.driver.offer(&mut bench.ram, buffers);
        assert_eq!(bench.serve(), Err(KillReason::Ring(RingError::NoStatus)));
        assert_eq!(bench.stored(), disk());
    }
}

#[test]
fn a_header_cut_short_is_an_error() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(HEADER, 15, Readable), (STATUS, 1, Writable)]);
    assert_eq!(bench.serve(), Ok(Progress::Idle));
    assert_eq!(bench.status(), 1);
    bench.driver.offer(&mut bench.ram, &[(STATUS, 1, Writable)]);
    assert_eq!(bench.serve(), Ok(Progress::Idle));
    assert_eq!(bench.status(), 1);
}

#[test]
fn something_to_read_behind_something_to_write_kills_the_guest() {
    let mut bench = bench();
    let buffers = [(HEADER, 16, Readable), (STATUS, 1, Writable), (DATA, 512, Readable)];
    bench.driver.offer(&mut bench.ram, &buffers);
    assert_eq!(bench.serve(), Err(KillReason::Ring(RingError::Direction)));
}

#[test]
fn a_large_request_is_served_in_steps() {
    let mut bench = bench();
    bench.put_header(HEADER, IN, 0);
    let (half, page) = (SECTORS as u32 * 256, 0x1_0000);
    let buffers =
        [(HEADER, 16, Readable), (page, half, Writable), (page, half, Writable), (STATUS, 1, Writable)];
    bench.driver.offer(&mut bench.ram, &buffers);
    let mut steps = 1;
    while bench.serve() == Ok(Progress::Busy) {
        assert_eq!(bench.ram[STATUS as usize], UNANSWERED, "the status comes last");
        steps += 1;
    }
    assert!(steps >= SECTORS * 512 / WORK_PER_STEP, "{steps}");
    assert_eq!((bench.status(), bench.driver.used(&bench.ram)), (0, vec![(0, 2 * half + 1)]));
    assert_eq!(bench.ram[page as usize..][..half as usize], disk()[half as usize..]);
}

#[test]
fn requests_of_many_buffers_cost_work_too() {
    let mut bench = bench();
    bench.put_header(HEADER, 4, 0);
    let mut buffers = vec![(HEADER, 16, Readable)];
    buffers.extend([(DATA, 0, Writable); 254]);
    buffers.push((STATUS, 1, Writable));
    bench.driver.offer(&mut bench.ram, &buffers);
    for _ in 1..256 {
        bench.driver.publish(&mut bench.ram, 0);
    }
    let mut steps = 1;
    while bench.serve() == Ok(Progress::Busy) {
        steps += 1;
    }
    assert!(steps >= 256 * 256 * BUFFER_COST / WORK_PER_STEP, "{steps}");
    assert_eq!(bench.driver.used(&bench.ram).len(), 256);
}

#[test]
fn a_reset_forgets_the_request_in_hand() {
    let mut bench = bench();
    bench.put_header(HEADER, IN, 0);
    let buffers = [(HEADER, 16, Readable), (0x1_0000, 0x8_0000, Writable), (STATUS, 1, Writable)];
    bench.driver.offer(&mut bench.ram, &buffers);
    assert_eq!(bench.serve(), Ok(Progress::Busy));
    bench.device.reset();
    bench.queue = Virtqueue::new(Rings::in_one_run(RING), 0);
    bench.ram[RING.0 as usize..].fill(0);
    bench.driver = Driver::new(RING);
    assert_eq!((bench.serve(), bench.status()), (Ok(Progress::Idle), UNANSWERED));
    assert_eq!(bench.request(IN, 3, (512, Writable)), (0, 513));
    assert_eq!(bench.data(8), &3u64.to_le_bytes());
}
