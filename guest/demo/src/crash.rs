//! The ways to die: each breaks one rule of the treaty.
//!
//! None of these functions comes back from a Host that keeps the treaty; the
//! shell says so if one does.
//!
//! Next on the tour: the test Guests, which do all this and more.

use abi::hypercall::LHCALL_LOAD_IDT_ENTRY;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::{GuestLinear, GuestPhys, boot_params, println, probe, traps, trespass};

/// A way to die.
struct Way {
    name: &'static str,
    what: &'static str,
    go: fn(),
}

/// The first is what plain `crash` does.
const WAYS: &[Way] = &[
    Way { name: "gate", what: "load a task gate, which could lead to ring 0", go: load_task_gate },
    Way { name: "memory", what: "map and touch memory that is not mine", go: touch_beyond_memory },
    Way { name: "call", what: "make a hypercall that does not exist", go: call_nonsense },
    Way { name: "trap", what: "divide by zero without a handler", go: divide_without_handler },
    Way { name: "stack", what: "take a fault with no stack to take it on", go: fault_without_stack },
];

/// An address of the user half where nothing is mapped.
const NOWHERE: GuestLinear = GuestLinear(0x2000_0000);

/// Takes the way named, or the first.
pub fn run(name: &str) {
    match WAYS.iter().find(|way| name.is_empty() || way.name == name) {
        Some(way) => take(way),
        None => WAYS.iter().for_each(|way| println!("  crash {:<8}{}", way.name, way.what)),
    }
}

fn take(way: &Way) {
    println!("I am about to {}. The Host will not like it.", way.what);
    (way.go)();
    println!("I am still here, and should not be.");
}

fn load_task_gate() {
    const PRESENT_TASK_GATE: u32 = 0x8500;
    trespass::hypercall(LHCALL_LOAD_IDT_ENTRY, [3, 0x0061_0000, PRESENT_TASK_GATE]);
}

fn touch_beyond_memory() {
    let beyond = GuestPhys(boot_params::memory_size() * 2);
    Root::current().set(NOWHERE, Entry::new(beyond, Entry::KERNEL));
    println!("I read {:?} there.", probe::read(NOWHERE));
}

fn call_nonsense() {
    trespass::hypercall(99, [0; 3]);
}

fn divide_without_handler() {
    traps::unload_gate(0);
    println!("I divided by zero: {:?}", probe::divide_by_zero());
}

fn fault_without_stack() {
    trespass::fault_with_stack_at(NOWHERE);
}
