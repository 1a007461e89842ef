//! The Host, put together: who implements which port, on one screen.
//!
//! [`kernel`] is the mind, [`machine`] the body. Nothing is decided here.
//!
//! Next on the tour: [`tasks`].
#![cfg_attr(not(test), no_std, no_main)]

extern crate alloc;
// Brings memcpy and its kind, which the compiler calls by name.
extern crate freestanding;

pub mod machine;
mod tasks;

use machine::enter::GuestCpu;
use machine::entropy::Chance;
use machine::power::{self, ExitCode};
use machine::{Machine, clock, cpu, heap, selftest};
use tasks::Tasks;

/// Where the first instructions lead: EAX and EBX as the loader left them.
pub extern "C" fn host(magic: u32, info: u32) -> ! {
    // SAFETY: This is the one call, from the boot code, with the loader's registers.
    match unsafe { machine::start(magic, info) } {
        Ok(machine) => run(machine),
        Err(shortage) => {
            host!("{shortage}");
            power::end(ExitCode::Configuration)
        }
    }
}

fn run(machine: Machine) -> ! {
    report(&machine);
    if let Some(word) = machine.info.option("selftest") {
        selftest::run(word);
    }
    let Machine { mut info, memory, cpu, features } = machine;
    let (cpu, chance) = (GuestCpu::new(cpu, features), Chance::gather(features));
    let (code, memory) = Tasks::new(&mut info, memory, cpu, chance).run();
    let heap = heap::figures();
    if heap.unforeseen > 0 {
        host!("heap: it has grown {} times beyond what was added up", heap.unforeseen);
    }
    host!("frames: {} of {} free", memory.free(), memory.total());
    power::end(code)
}

/// Says what the Host has found.
fn report(machine: &Machine) {
    cpu::describe(|cpu| host!("cpu: {cpu}, TSC {} kHz", clock::tsc_khz()));
    let memory = &machine.memory;
    host!("memory: {} MiB usable, {} bytes for the Host", memory.total() / 256, memory.host_bytes());
    if memory.beyond() > 0 {
        host!("memory: {} MiB beyond the Host's reach are left alone", memory.beyond() >> 20);
    }
    for module in &machine.info.modules {
        host!("module: {} bytes: {}", module.bytes.len(), module.command_line.words);
    }
}
