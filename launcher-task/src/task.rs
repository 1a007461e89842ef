//! The Launcher task: one Guest's life, a step at a time.
//!
//! There are no threads in the Host. A task is asked to take a step, does what
//! can be done now, and says when it wants to be asked again:
//!
//! ```text
//!   start --> step --> Runnable ......... as long as its turn lasts
//!    ^          |----> Yields ........... when the others have had theirs
//!    |          |----> Blocked(until) ... then, or when something has happened
//!    |          '----> Ended(outcome) ... never
//!    '-- a Guest that restarts
//! ```
//!
//! A step offers what has been typed, runs the Guest, and serves what it stops
//! for. Kicks are served within the step, so they cost no trip through the
//! scheduler; everything else ends it, and so does the end of the slice, which
//! is looked at behind each. A start is steps as well (`task/start.rs`).
//!
//! Invariants:
//! - No stop is served once the slice is over (`a_slice_ends_between_two_kicks`).
//! - A Guest never runs while output it has kicked is unfinished
//!   (`a_guest_waits_for_its_output`), or while its terminal is full
//!   (`a_guest_waits_for_its_terminal`).
//! - A Guest that sleeps is not run before its time unless a device has woken
//!   it (`a_sleeping_guest_is_left_alone`, `typing_wakes_a_sleeping_guest`).
//! - A restarted Guest finds memory and devices as at its first start, but for
//!   disks whose changes shall stay (`a_restart_leaves_nothing_of_the_first_life`,
//!   `a_disk_comes_back_as_its_mode_says`).
//!
//! Source: lguest ABI, "HALT" and "Shutdown, restart, panic".
//!
//! Next on the tour: `task/start.rs`.

mod end;
mod restarts;
mod start;

use alloc::{boxed::Box, vec::Vec};

use abi::{GuestResult, KillReason, Nanos, RunGuest, Stop};

use crate::{
    bus::{Bus, Heard, Irqs, LguestBus, PciBus},
    config::{BusKind, Plan},
    console::ConsoleDevice,
    device::Device,
    image::{Image, ImageError},
    layout::Layout,
    port::{Log, Ports},
    release::Release,
    rng::RngDevice,
    slot::Slot,
};
use restarts::Restarts;
use start::Start;

/// Most kicks one step serves before others get their turn.
pub const KICKS_PER_STEP: u32 = 64;

/// What a task wants after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Another step as long as its turn lasts, then in the next.
    Runnable,
    /// Another step in its next turn: others must have theirs first.
    Yields,
    /// Another step at this point in time, or earlier if anything has happened: a step too many
    /// does no harm.
    Blocked(Nanos),
    /// None.
    Ended(Outcome),
}

/// How a Guest ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// By its own wish.
    PoweredOff,
    /// For what it did.
    Killed(KillReason),
}

/// One Guest's Launcher.
pub struct Launcher<'a> {
    plan: Plan,
    image: Image<'a>,
    initrd: &'a [u8],
    layout: Layout,
    bus: Box<dyn Bus + 'a>,
    /// Until when it sleeps, unless something has woken it; may have passed.
    asleep: Option<Nanos>,
    /// Whether a queue of a device has been kicked since it started.
    drives: bool,
    /// How far its start is, until it is done.
    starting: Option<Start>,
    restarts: Restarts,
}

impl<'a> Launcher<'a> {
    /// Judges whether `image`, `initrd` and command line of a plan can become a Guest that has
    /// `devices` besides its entropy source and its console, which Linux looks for first on PCI.
    ///
    /// # Errors
    /// An [`ImageError`], the rest of a line `host: guest NAME: FILE: ...`.
    pub fn admit(
        plan: Plan,
        image: &'a [u8],
        initrd: Option<&'a [u8]>,
        mut devices: Vec<Box<dyn Device + 'a>>,
    ) -> Result<Self, ImageError> {
        let initrd = initrd.unwrap_or(&[]);
        let image = Image::read(image)?;
        let layout = image.lay_out(plan.memory, initrd.len())?;
        image.check_command_line(&plan.command_line)?;
        let chance = Box::new(RngDevice::default());
        let bus: Box<dyn Bus + 'a> = match plan.bus.unwrap_or(usual_bus(image.release())) {
            BusKind::Lguest => {
                devices.push(Box::new(ConsoleDevice::new(plan.console, false)));
                devices.push(chance);
                Box::new(LguestBus::new(devices, layout.device_page()))
            }
            BusKind::Pci => {
                devices.insert(0, Box::new(ConsoleDevice::new(plan.console, true)));
                devices.push(chance);
                Box::new(PciBus::new(devices, plan.memory))
            }
        };
        let (starting, restarts) = (Some(Start::default()), Restarts::default());
        Ok(Self { plan, image, initrd, layout, bus, asleep: None, drives: false, starting, restarts })
    }

    /// What it was asked to be.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Which Linux its image is, if it is one.
    pub const fn release(&self) -> Option<Release<'a>> {
        self.image.release()
    }

    /// Whether the Guest drives a device: it has kicked one since it started.
    pub const fn drives(&self) -> bool {
        self.drives
    }

    /// Lets the next step run the Guest even if it sleeps; if it still does, nothing happens.
    pub const fn wake(&mut self) {
        self.asleep = None;
    }

    /// Bytes its Guest memory needs: RAM and what the bus keeps in memory above it.
    pub fn limit(&self) -> u32 {
        self.plan.memory + self.bus.memory_len()
    }

    /// One past the last address above memory at which devices show their registers; 0 if none do.
    pub fn device_limit(&self) -> u32 {
        self.bus.device_limit()
    }

    /// Shows its devices to `look`, in the Guest's order.
    pub fn show_devices(&self, look: &mut dyn FnMut(&Slot<'_>)) {
        self.bus.show(look);
    }

    /// Takes a step. What is to be told about the Guest goes to `log`.
    pub fn step(&mut self, guest: &mut dyn RunGuest, ports: &mut Ports<'_>, log: &mut dyn Log) -> Step {
        self.advance(guest, ports, log).unwrap_or_else(|reason| Step::Ended(Outcome::Killed(reason)))
    }

    fn advance(
        &mut self,
        guest: &mut dyn RunGuest,
        ports: &mut Ports<'_>,
        log: &mut dyn Log,
    ) -> GuestResult<Step> {
        if self.is_starting() {
            return self.go_on_starting(guest, ports.now);
        }
        self.serve_devices(guest, ports)?;
        if let Some(until) = self.asleep.filter(|&until| ports.now < until) {
            return Ok(Step::Blocked(until));
        }
        for _ in 0..KICKS_PER_STEP {
            if ports.console.is_full() {
                return Ok(Step::Blocked(Nanos::NEVER));
            }
            if self.bus.is_busy() {
                break;
            }
            match guest.run() {
                Stop::Notify(at) => {
                    let heard = self.bus.notify(at, guest.memory(), ports)?;
                    self.act_on(heard, guest, log);
                }
                Stop::Read { from, width } => guest.answer(self.bus.read(from, width)?),
                Stop::Write { to, width, value } => {
                    let heard = self.bus.write(to, width, value, guest.memory(), ports)?;
                    self.act_on(heard, guest, log);
                }
                Stop::Preempted => break,
                Stop::Halted(until) => return self.halted(until, guest, ports),
                Stop::Shutdown(wish) => return self.end(&wish, ports.now, log),
                Stop::Killed(reason) => return Err(reason),
            }
            if guest.slice_is_over() {
                break;
            }
        }
        Ok(if self.bus.yields() { Step::Yields } else { Step::Runnable })
    }

    /// Lets devices go on; what they have for the Guest wakes it.
    fn serve_devices(&mut self, guest: &mut dyn RunGuest, ports: &mut Ports<'_>) -> GuestResult {
        let due = self.bus.serve(guest.memory(), ports)?;
        self.raise(due, guest);
        Ok(())
    }

    fn raise(&mut self, due: Irqs, guest: &mut dyn RunGuest) {
        for irq in due {
            guest.raise(irq);
            self.asleep = None;
        }
    }

    fn act_on(&mut self, heard: Heard, guest: &mut dyn RunGuest, log: &mut dyn Log) {
        match heard {
            Heard::Kicked(due) => {
                self.drives = true;
                self.raise(due, guest);
            }
            Heard::Failed(device) => {
                log.news(format_args!("guest {}: has given up on its {device}", self.plan.name));
            }
            Heard::Nothing | Heard::Reset | Heard::Status(_) | Heard::Text => {}
        }
    }

    /// Something may have come in while the Guest was going to sleep.
    fn halted(&mut self, until: Nanos, guest: &mut dyn RunGuest, ports: &mut Ports<'_>) -> GuestResult<Step> {
        self.asleep = Some(until);
        self.serve_devices(guest, ports)?;
        Ok(self.asleep.map_or(Step::Runnable, Step::Blocked))
    }
}

/// The bus the kernels of a release look for; who does not say which one it is has the older.
fn usual_bus(release: Option<Release<'_>>) -> BusKind {
    match release.is_none_or(|release| release.is_before(4, 0)) {
        true => BusKind::Lguest,
        false => BusKind::Pci,
    }
}

#[cfg(test)]
mod tests;
