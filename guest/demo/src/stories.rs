//! Two stories a kernel can tell: a page fault it handles, and a visit to ring 3.
//!
//! Next on the tour: [`crate::devices`].

use kit::frames::Frame;
use kit::local::Local;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::traps::{self, Exception, TrapFrame, Verdict};
use kit::user::{self, Outcome, programs};
use kit::{GuestLinear, println, probe};

/// An address of the user half where nothing is mapped.
const NOWHERE: GuestLinear = GuestLinear(0x1234_5000);

/// The system call this kernel adds to the kit's own.
const DOUBLE: u32 = 2;

static MAPPED: Local<Option<(Exception, Frame)>> = Local::new(None);
static CALLED: Local<Option<(u32, u32)>> = Local::new(None);

/// Writes where nothing is mapped, maps a page in the handler, and carries on.
pub fn fault() {
    println!("I write 42 to {NOWHERE}, where I have mapped nothing.");
    traps::handle(14, map_the_page);
    let written = probe::write(NOWHERE, 42);
    traps::unhandle(14);
    match (written, MAPPED.with(Option::take)) {
        (Ok(()), Some((exception, frame))) => tell_fault(exception, &frame),
        (outcome, _) => println!("That did not go as it should: {outcome:?}"),
    }
}

/// The page-fault handler while `fault` runs.
fn map_the_page(frame: &mut TrapFrame) -> Verdict {
    let exception = frame.exception();
    if exception.cr2.page_base() != NOWHERE {
        return Verdict::Decline;
    }
    let page = Frame::alloc();
    Root::current().map(NOWHERE, &page, Entry::KERNEL);
    MAPPED.with(|mapped| *mapped = Some((exception, page)));
    Verdict::Resume
}

fn tell_fault(exception: Exception, frame: &Frame) {
    println!("The CPU raised #PF at {}, error code {:#x}: a write", exception.eip, exception.code);
    println!("to a page that is not present. The Host walked my page tables, found");
    println!("nothing either and reflected vector 14 to me, with cr2 = {}.", exception.cr2);
    println!("My handler mapped physical {} there and returned; the same", frame.phys());
    println!("instruction ran again and the page now holds {}.", frame.read(0));
    Root::current().unmap(NOWHERE);
}

/// Runs a program at ring 3 that makes one system call.
pub fn user() {
    println!("I map a program at {}, for ring 3, and go there.", user::CODE_AT);
    user::on_system_call(answer);
    let outcome = user::run(programs::call_once(), [DOUBLE, 21, 0]);
    match (outcome, CALLED.with(Option::take)) {
        (Outcome::Exited(result), Some((eip, cs))) => tell_user(result, eip, cs),
        (outcome, _) => println!("That did not go as it should: {outcome:?}"),
    }
}

/// The system calls of this kernel.
fn answer(frame: &mut TrapFrame) {
    CALLED.with(|called| *called = Some((frame.eip, frame.cs)));
    frame.eax = match frame.eax {
        DOUBLE => frame.ebx * 2,
        _ => u32::MAX,
    };
}

fn tell_user(result: u32, eip: u32, cs: u32) {
    println!("It ran with cs = {cs:#x}, so at ring {}, and asked by int 0x80", cs & 3);
    println!("(it was to go on at {eip:#010x}): double 21 for me. The CPU came");
    println!("straight to my handler at ring 1, without the Host. The program got");
    println!("{result}, made the exit call with it, and here I am again.");
}
