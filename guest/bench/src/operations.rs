//! The operations of all rows.
//!
//! Next on the tour: [`crate::Machine`].

use core::sync::atomic::{AtomicU32, Ordering};

use kit::frames::Frame;
use kit::hypercall::Call;
use kit::local::Local;
use kit::page_table::{DIRECTORY_SPAN, Entry};
use kit::paging::{Root, Space};
use kit::user::{self, programs};
use kit::{GuestLinear, Nanos, PAGE_SIZE, bare, time};

use crate::Machine;
use crate::row::{Row, each, nothing};

/// Where nothing is mapped.
const NOWHERE: GuestLinear = GuestLinear(0x3000_0000);
/// A page in both of the address spaces that are switched between.
const HERE: GuestLinear = GuestLinear(0x4000_0000);
/// Pages that stand alone: their neighbours are not mapped.
const LONELY: GuestLinear = GuestLinear(0x5000_0000);
/// Pages side by side.
const DENSE: GuestLinear = GuestLinear(0x6000_0000);

/// Pages touched before everything is forgotten again.
const TOUCHED: u32 = 256;
/// Bytes from one lonely page to the next.
const LONELY_STRIDE: u32 = 64 * PAGE_SIZE;

/// From one timer interrupt to the next.
const PERIOD: Nanos = Nanos::from_micros(200);
/// Rounds of the empty loop in which one such interrupt has surely come.
const ROUNDS_PER_ALARM: u32 = 200_000;

static ALARMS_LEFT: AtomicU32 = AtomicU32::new(0);
static SPACES: Local<Option<[Space; 2]>> = Local::new(None);

/// The hypercall that does nothing; no machine but a Guest has it.
pub const NULL_HYPERCALL: Row = Row::new("null-hypercall", 2000, null_hypercall, nothing);

/// The rows that every machine has.
pub const fn rows<M: Machine>() -> [Row; 6] {
    [
        Row::new("reflected-fault", 1000, reflected_fault, nothing),
        Row::new("demand-fault", 4 * TOUCHED, lonely_touch::<M>, no_lonely_touch),
        Row::new("demand-fault-dense", 4 * TOUCHED, dense_touch::<M>, no_dense_touch),
        Row::new("direct-syscall", 10_000, direct_syscall, no_syscall),
        Row::new("timer-interrupt", 20, timer_interrupt::<M>, no_interrupt),
        Row::new("pgtable-switch", 1000, pgtable_switch::<M>, no_switch),
    ]
}

/// Maps what the rows touch, and puts the bare handlers in place.
pub fn prepare<M: Machine>() {
    let frame = Frame::alloc();
    for page in 0..TOUCHED {
        Root::current().map(GuestLinear(LONELY.0 + page * LONELY_STRIDE), &frame, Entry::KERNEL);
        Root::current().map(GuestLinear(DENSE.0 + page * PAGE_SIZE), &frame, Entry::KERNEL);
    }
    Root::current().map(HERE, &frame, Entry::KERNEL);
    let space = || {
        let space = Space::new();
        space.root().map(HERE, &frame, Entry::KERNEL);
        space
    };
    SPACES.with(|spaces| *spaces = Some([space(), space()]));
    core::mem::forget(frame); // stays mapped for good
    bare::handle_page_faults();
    bare::handle_system_calls();
    time::on_alarm(alarm::<M>);
}

fn null_hypercall(count: u32) {
    each(count, |_| Call::FLUSH_ASYNC.make());
}

/// A page fault the kernel takes and returns from.
fn reflected_fault(count: u32) {
    each(count, |_| bare::touch(NOWHERE));
}

/// The first touch of a page that the tables map, all alone in its surroundings.
fn lonely_touch<M: Machine>(count: u32) {
    each_page(count, LONELY, LONELY_STRIDE, forget::<M>(LONELY, LONELY_STRIDE), bare::touch);
}

fn no_lonely_touch(count: u32) {
    each_page(count, LONELY, LONELY_STRIDE, || {}, |at| bare::hold(at.0));
}

/// The first touch of a page among its like: who looks ahead, wins.
fn dense_touch<M: Machine>(count: u32) {
    each_page(count, DENSE, PAGE_SIZE, forget::<M>(DENSE, PAGE_SIZE), bare::touch);
}

fn no_dense_touch(count: u32) {
    each_page(count, DENSE, PAGE_SIZE, || {}, |at| bare::hold(at.0));
}

/// Drops the tables that the pages from `start` on are in.
#[inline(always)]
fn forget<M: Machine>(start: GuestLinear, stride: u32) -> impl Fn() {
    move || M::forget_tables(Root::current(), start, (TOUCHED * stride).div_ceil(DIRECTORY_SPAN))
}

/// Goes round the pages from `start` on, and forgets them all before each round.
#[inline(always)]
fn each_page(count: u32, start: GuestLinear, stride: u32, forget: impl Fn(), touch: impl Fn(GuestLinear)) {
    each(count, |number| {
        if number.is_multiple_of(TOUCHED) {
            forget();
        }
        touch(GuestLinear(start.0 + number % TOUCHED * stride));
    });
}

fn direct_syscall(count: u32) {
    user::run(programs::call_in_a_loop(), [count, 0, 0]);
}

fn no_syscall(count: u32) {
    user::run(programs::loop_without_calls(), [count, 0, 0]);
}

/// A timer interrupt, from the timer to the handler, which sets the next, and back.
fn timer_interrupt<M: Machine>(count: u32) {
    ALARMS_LEFT.store(count, Ordering::Relaxed);
    M::set_alarm(PERIOD);
    no_interrupt(count);
    assert!(ALARMS_LEFT.load(Ordering::Relaxed) == 0, "the loop is too short");
}

fn alarm<M: Machine>() {
    if ALARMS_LEFT.fetch_sub(1, Ordering::Relaxed) > 1 {
        M::set_alarm(PERIOD);
    }
}

fn no_interrupt(count: u32) {
    nothing(count * ROUNDS_PER_ALARM);
}

/// A switch to other page tables and the first touch there.
fn pgtable_switch<M: Machine>(count: u32) {
    let roots = roots();
    each(count, |number| {
        M::switch_to(roots[number as usize % 2]);
        bare::touch(HERE);
    });
    M::switch_to(Root::current());
}

fn no_switch(count: u32) {
    let roots = roots();
    each(count, |number| {
        bare::hold(roots[number as usize % 2].phys().0);
        bare::touch(HERE);
    });
}

fn roots() -> [Root; 2] {
    SPACES.with(|spaces| spaces.as_ref().expect("prepare made them").each_ref().map(Space::root))
}
