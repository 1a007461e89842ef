//! A Guest that minds its own business: checksums over its memory, page faults, a tick, numbers in
//! the FPU, and nobody disturbs any of it.
//!
//! It can only fail if somebody else reaches in: a neighbour whose values turn up in its registers
//! or memory, a fault or an interrupt that is not its own, time that another one took. `rounds=`
//! says how much to do, `within=` how many milliseconds that may take, `seed=` what to fill with;
//! `fpu=no` leaves the numbers in the FPU out.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::fpu::{self, Registers};
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::traps::{self, TrapFrame, Verdict};
use kit::{GuestLinear, Nanos, PAGE_SIZE, boot_params, interrupts, println, probe, time, words};

kit::guest_test!(innocent);

const START: GuestLinear = GuestLinear(0x4000_0000);
const PAGES: usize = 32;
/// Bytes from one dword that is written to the next.
const STRIDE: u32 = 256;

static FRAMES: Local<Option<[Frame; PAGES]>> = Local::new(None);
static FAULTS: Local<u32> = Local::new(0);

fn innocent() {
    let (seed, rounds) = (number("seed", 1), number("rounds", 40));
    FRAMES.with(|frames| *frames = Some(core::array::from_fn(|_| Frame::alloc())));
    traps::handle(14, map);
    time::start_ticking(Nanos::from_millis(1));
    interrupts::enable();
    let own = Registers::of(seed);
    if has_numbers() {
        fpu::load(&own);
    }
    let start = time::now();
    (0..rounds).for_each(|round| one_round(round, seed, &own));
    let took = start.until(time::now()).0 / 1_000_000;
    assert!(time::ticks() > 0, "the tick has stopped");
    assert_eq!(FAULTS.get(), rounds * PAGES as u32, "one fault a page and round");
    assert!(took <= u64::from(number("within", 10_000)), "it took {took} ms");
    println!("innocent {seed}: {rounds} rounds in {took} ms, {} ticks", time::ticks());
}

/// Fills all pages by way of the page tables, then reads them by way of the direct map.
fn one_round(round: u32, seed: u32, own: &Registers) {
    let value = |place: u32| place.wrapping_mul(seed.wrapping_add(round)) ^ 0x5A5A_5A5A;
    for place in (0..PAGES as u32 * PAGE_SIZE).step_by(STRIDE as usize) {
        assert_eq!(probe::write(GuestLinear(START.0 + place), value(place)), Ok(()));
    }
    check_numbers(round, own);
    if round.is_multiple_of(4) {
        Call::FLUSH_USER.make(); // and then the same again by demand faults
    }
    let places = (0..PAGES as u32 * PAGE_SIZE).step_by(STRIDE as usize);
    let expected = places.clone().fold(0, |sum, place| checksum(sum, value(place)));
    let by_tables = places.fold(0, |sum, place| {
        checksum(sum, probe::read(GuestLinear(START.0 + place)).expect("it was mapped"))
    });
    assert_eq!((by_tables, checksum_of_all()), (expected, expected), "round {round}: the memory has changed");
    (0..PAGES as u32).for_each(|page| Root::current().unmap(GuestLinear(START.0 + page * PAGE_SIZE)));
    check_numbers(round, own);
}

/// Whether it keeps numbers in the FPU.
fn has_numbers() -> bool {
    words::value(boot_params::command_line(), "fpu") != Some("no")
}

fn check_numbers(round: u32, own: &Registers) {
    assert!(!has_numbers() || fpu::store() == *own, "round {round}: somebody else's numbers");
}

fn checksum(sum: u32, value: u32) -> u32 {
    sum.rotate_left(5) ^ value
}

/// The checksum of every dword of every frame; those that were never written must still be zero.
fn checksum_of_all() -> u32 {
    FRAMES.with(|frames| {
        frames.iter().flatten().fold(0, |sum, frame| {
            (0..PAGE_SIZE).step_by(4).fold(sum, |sum, offset| match frame.read(offset) {
                value if offset % STRIDE == 0 => checksum(sum, value),
                0 => sum,
                stray => panic!("{stray:#x} at {offset:#x} of a page is not ours"),
            })
        })
    })
}

fn map(frame: &mut TrapFrame) -> Verdict {
    let at = frame.exception().cr2;
    let page = at.0.wrapping_sub(START.0) / PAGE_SIZE;
    FRAMES.with(|frames| match frames.iter().flatten().nth(page as usize) {
        Some(frame) => {
            Root::current().map(at.page_base(), frame, Entry::KERNEL);
            FAULTS.with(|faults| *faults += 1);
            Verdict::Resume
        }
        None => Verdict::Decline,
    })
}
