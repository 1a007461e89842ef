//! Goes to sleep after each look at what it has set up, so that a neighbour with other segments,
//! other gates and another stack takes its place on the CPU thousands of times.
//!
//! The Host copies in only what has changed since the CPU last saw it. If it forgot that somebody
//! else's was there meanwhile, the segments would begin, the traps arrive and the frames lie where
//! the *neighbour* wanted them. `id=` makes the difference, `rounds=` says how often.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::frames::Frame;
use kit::gate::GateKind;
use kit::hypercall::Call;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::{Root, WINDOW};
use kit::segment_descriptor::{KERNEL_DATA, SegmentDescriptor};
use kit::traps::{self, TrapFrame, Verdict};
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, Nanos, PAGE_SIZE, hypercall, interrupts, probe, segments, time};

kit::guest_test!(alternating);

const AREA: GuestLinear = GuestLinear(0x4000_0000);
const TLS: [u16; 3] = [0x33, 0x3B, 0x43];
/// A segment that is not thread-local.
const OTHER: u16 = 26 << 3 | 3;
const ADD_ID: u32 = 2;

/// Where this one's trap stack is, and how often a trap came.
static STACK: Local<GuestLinear> = Local::new(WINDOW);
static BREAKPOINTS: Local<u32> = Local::new(0);

fn alternating() {
    let (id, rounds) = (number("id", 1) % 8, number("rounds", 40));
    let numbers = Frame::alloc();
    (0..PAGE_SIZE / 4).for_each(|slot| numbers.write(4 * slot, 10_000 * id + slot));
    Root::current().map(AREA, &numbers, Entry::KERNEL | Entry::US);
    set_up(id);
    for round in 0..rounds {
        if round % 16 == 0 {
            load_gates(id);
            load_segments(id, round);
        }
        time::set_alarm(Nanos::from_micros(20));
        hypercall::halt();
        check(id, round);
    }
}

/// Handlers, and a stack of its own.
fn set_up(id: u32) {
    traps::handle(3, |frame| {
        check_way_in(frame);
        BREAKPOINTS.with(|count| *count += 1);
        Verdict::Resume
    });
    user::on_system_call(|frame| {
        check_way_in(frame);
        frame.eax = frame.ebx + number("id", 1) % 8;
    });
    let top = GuestLinear(WINDOW.0 + (id + 1) * 8 * PAGE_SIZE);
    for page in 1..=2 {
        Root::current().map_fresh(GuestLinear(top.0 - page * PAGE_SIZE), Entry::KERNEL);
    }
    STACK.set(top);
    Call::set_stack(KERNEL_DATA, top, 2).make();
    time::on_alarm(|| {});
}

fn kind(id: u32) -> GateKind {
    if id.is_multiple_of(2) { GateKind::Interrupt } else { GateKind::Trap }
}

/// Frames from ring 3 begin at the very top of the stack that was named, and the flag tells whether
/// the Host was asked or the CPU came straight.
fn check_way_in(frame: &TrapFrame) {
    let is_direct = kind(number("id", 1)) == GateKind::Trap;
    assert_eq!(interrupts::are_enabled(), is_direct, "by another one's gate");
    assert_eq!((&raw const frame.ss).wrapping_add(1) as u32, STACK.get().0, "another one's stack");
}

fn base(id: u32, round: u32, segment: u32) -> u32 {
    64 * id + 16 * segment + round / 16 % 3 * 4
}

/// Takes the gates away first: what is loaded a second time has not changed.
fn load_gates(id: u32) {
    for vector in [3, 0x80] {
        traps::unload_gate(vector);
        traps::load_gate(vector, kind(id), 3);
    }
}

/// Thread-local segments by themselves now, together with another one then.
fn load_segments(id: u32, round: u32) {
    let at = |segment| SegmentDescriptor::data_at(AREA.0 + base(id, round, segment), 3);
    segments::load_tls([at(0), at(1), at(2)]);
    segments::set(u32::from(OTHER >> 3), SegmentDescriptor::data_at(AREA.0 + base(id, 0, 3), 3));
}

fn check(id: u32, round: u32) {
    let value = |base: u32| Ok(10_000 * id + base / 4);
    for (segment, selector) in (0..).zip(TLS) {
        assert_eq!(probe::read_segment(selector, 0), value(base(id, round, segment)), "round {round}");
    }
    assert_eq!(probe::read_segment(OTHER, 0), value(base(id, 0, 3)), "round {round}");
    assert_eq!(user::run(programs::breakpoint(), [0; 3]), Outcome::Exited(7), "round {round}");
    assert_eq!(BREAKPOINTS.get(), round + 1);
    assert_eq!(user::run(programs::call_once(), [ADD_ID, 40, 0]), Outcome::Exited(40 + id));
}
