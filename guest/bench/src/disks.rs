//! A disk and the entropy source: what a request costs, from the driver through the Host and back.
//!
//! The driver is the kit's, one request at a time, its data in pages that need
//! not be neighbours, as a page cache's are not; each ends in an interrupt. In
//! a batch there are 32 requests to a kick.
//!
//! Next on the tour: [`crate::Machine`].

use kit::block::{Disk, IN, OK, OUT, SECTOR, pieces};
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::local::Local;
use kit::rng::Source;
use kit::{PAGE_SIZE, interrupts};

use crate::row::{Row, each, nothing};

/// Pages of a large request.
const PAGES: usize = 16;
/// Bytes of it.
const LARGE: u32 = PAGES as u32 * PAGE_SIZE;
/// KiB of it.
const LARGE_KIB: u32 = LARGE >> 10;
/// Requests to a kick in a batch.
const BATCH: u32 = 32;
/// Descriptors of each.
const LINKS: u16 = 3;
/// Bytes asked of the entropy source at a time.
const CHANCE: u32 = 1024;

static USED: Local<Option<Devices>> = Local::new(None);

struct Devices {
    disk: Disk,
    source: Source,
    pages: [Frame; PAGES],
}

/// The rows.
pub const ROWS: [Row; 8] = [
    Row::new("block-read-4k", 500, |count| small(count, IN), nothing),
    Row::new("block-write-4k", 500, |count| small(count, OUT), nothing),
    Row::new("block-read-4k-batched", 16 * BATCH, batched, nothing),
    Row::new("block-read-64k", 100, |count| large(count, IN), nothing),
    Row::new("block-write-64k", 100, |count| large(count, OUT), nothing),
    Row::new("block-read-64k-per-kib", 100 * LARGE_KIB, |count| large(count / LARGE_KIB, IN), nothing),
    Row::new("block-write-64k-per-kib", 100 * LARGE_KIB, |count| large(count / LARGE_KIB, OUT), nothing),
    Row::new("entropy-per-kib", 100, chance, nothing),
];

/// Starts both devices; `false` if there is no disk to measure.
///
/// # Panics
/// If the disk is too small for the largest request.
pub fn prepare() -> bool {
    let Some(disk) = Disk::start(0, 0) else { return false };
    assert!(disk.sectors * u64::from(SECTOR) >= u64::from(LARGE));
    interrupts::handle(disk.irq, || {});
    let source = Source::start(0).expect("every Guest has an entropy source");
    let pages = core::array::from_fn(|_| Frame::alloc());
    USED.with(|used| *used = Some(Devices { disk, source, pages }));
    true
}

fn with_devices<R>(body: impl FnOnce(&mut Devices) -> R) -> R {
    USED.with(|used| body(used.as_mut().expect("prepare made them")))
}

fn small(count: u32, kind: u32) {
    each(count, |number| request(kind, number, PAGE_SIZE));
}

fn large(count: u32, kind: u32) {
    each(count, |number| request(kind, number, LARGE));
}

fn request(kind: u32, number: u32, len: u32) {
    let answer = with_devices(|Devices { disk, pages, .. }| match kind {
        IN => disk.read(u64::from(number % 8), len, pages),
        _ => disk.write(u64::from(number % 8), len, pages),
    });
    assert!(answer.status == OK);
}

/// One kick for [`BATCH`] requests, all of the same sectors: the header is shared, the chains are not.
fn batched(count: u32) {
    each(count / BATCH, |_| {
        with_devices(|Devices { disk, pages, .. }| {
            for first in (0..).step_by(LINKS.into()).take(BATCH as usize) {
                let chain = disk.lend(IN, 0, pieces(pages, PAGE_SIZE, abi::device_page::DESC_WRITE));
                disk.queue.offer_chain(&mut disk.window, first, chain).expect("the queue is there");
            }
            Call::notify(disk.queue.at()).make();
            let used = || disk.queue.take_used(&disk.window).expect("the queue is there");
            assert!(core::iter::from_fn(used).count() == BATCH as usize && disk.status() == OK);
        });
    });
}

fn chance(count: u32) {
    each(count * ((1 << 10) / CHANCE), |_| {
        let filled = with_devices(|Devices { source, pages, .. }| source.fill(pages[0].phys(), CHANCE));
        assert!(filled == CHANCE);
    });
}
