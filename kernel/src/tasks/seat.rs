//! A Guest in its seat: what the Launcher calls [`RunGuest`].
//!
//! Here the Launcher's view of a Guest meets the Host's mind and a CPU, for as
//! long as a step takes.
//!
//! Next on the tour: [`crate::tasks::terminal`].

use core::fmt;

use abi::{GuestMemory, GuestPhys, Nanos, RunGuest, Stop, Variant};
use kernel::cpu::Cpu;
use kernel::debug;
use kernel::guest::Guest;
use kernel::inspect::post_mortem;
use kernel::inspect::post_mortem::Tsc;
use kernel::inspect::usage;
use kernel::inspect::usage::Life;
use kernel::trace::event::Event;
use launcher_task::Log;

use crate::machine::enter::GuestCpu;
use crate::machine::ram::GuestRam;
use crate::machine::{clock, console, cpu};
use crate::tasks::terminal::Lines;

/// A Guest, the CPU it may use, and what is known about it besides.
pub struct Seat<'a> {
    /// The Guest.
    pub guest: &'a mut Guest<GuestRam>,
    /// Where it runs.
    pub cpu: &'a mut GuestCpu,
    /// What it is called.
    pub name: &'a str,
    /// What the person was told that it speaks.
    pub told: &'a mut Option<Variant>,
    /// Its time.
    pub life: &'a mut Life,
    /// When this step began.
    pub began: Nanos,
    /// Where lines go that it causes, once it has a terminal.
    pub lines: Option<Lines<'a>>,
}

impl Seat<'_> {
    /// Tells what the Guest speaks, once that is known.
    fn tell_variant(&mut self) {
        let variant = self.guest.shared.as_ref().map(|shared| shared.variant);
        if let Some(variant) = variant.filter(|_| *self.told != variant) {
            *self.told = Some(variant);
            tell(&mut self.lines, format_args!("guest {}: speaks the ABI of {variant}", self.name));
        }
    }
}

impl RunGuest for Seat<'_> {
    fn run(&mut self) -> Stop {
        let stop = debug::run(self.guest, self.cpu);
        self.tell_variant();
        stop
    }

    fn answer(&mut self, value: u32) {
        self.guest.answer(value);
    }

    fn raise(&mut self, irq: u8) {
        self.guest.trace.time(self.cpu.tsc() as u32);
        self.guest.raise(irq);
    }

    /// Ends one life of the Guest and begins another.
    fn reset(&mut self, entry: GuestPhys) {
        let now = clock::now();
        self.life.charge(self.began, now);
        if self.guest.exits.all() > 0 {
            let Self { guest, life, name, lines, .. } = self;
            usage::tell(guest, life, now, |line| tell(lines, format_args!("guest {name}: {line}")));
        }
        *self.life = self.life.again(now);
        self.guest.reset(entry);
        self.guest.trace.note_at(self.cpu.tsc(), Event::Start { entry: entry.0 });
    }

    fn slice_is_over(&mut self) -> bool {
        self.cpu.slice_is_over()
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        &mut self.guest.memory
    }
}

/// Tells something a Guest has caused.
fn tell(lines: &mut Option<Lines<'_>>, what: fmt::Arguments<'_>) {
    if let Some(lines) = lines {
        lines.news(what);
    }
}

/// Tells what a Guest has used.
pub fn tell_usage(name: &str, guest: &Guest<GuestRam>, life: &Life, now: Nanos) {
    usage::tell(guest, life, now, |line| console::line(format_args!("guest {name}: {line}")));
}

/// Tells what is left of a killed Guest.
pub fn tell_post_mortem(name: &str, guest: &Guest<GuestRam>) {
    let at = Tsc { now: cpu::tsc(), khz: clock::tsc_khz() };
    post_mortem::tell(guest, at, |line| console::line(format_args!("guest {name}: {line}")));
}
