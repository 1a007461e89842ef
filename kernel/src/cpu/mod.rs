//! The CPU as a port: the few things only a real one can do.
//!
//! `machine/` implements [`Cpu`] with instructions, the tests with a script.
//!
//! Next on the tour: [`crate::cpu::fpu`].

pub mod eflags;
pub mod exit;
pub mod fpu;
pub mod pause;
pub mod tsc;

use abi::{HostPhys, Nanos};
use switcher::SwitcherPages;

use crate::cpu::fpu::{Image, Kind};

/// Who runs on a CPU, so that it is noticed when somebody else did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuestId(pub u32);

/// Whether the Host wants the CPU back after an interrupt of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attention {
    /// The Guest may go on.
    GoOn,
    /// The slice is over, or a device of the Host has something.
    Wanted,
}

/// What there is to know of a Guest that has just left, besides its registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// CR2, which means something after a page fault only.
    pub cr2: u32,
    /// The low half of the time-stamp counter.
    pub tsc: u32,
}

/// One CPU of the Host.
pub trait Cpu {
    /// Its Switcher pages; the registers in them are those of the last exit.
    fn pages(&mut self) -> &mut SwitcherPages;

    /// Enters the Guest whose registers lie in the pages, on the page directory `root`, and
    /// comes back when it left.
    fn enter(&mut self, root: HostPhys) -> Left;

    /// The same with DR0 to DR3 holding `addresses` and DR7 `control` while the Guest runs. Nothing
    /// of what these name is the Switcher's.
    fn enter_watched(&mut self, root: HostPhys, addresses: [u32; 4], control: u32) -> Left;

    /// What the last #DB was about, in bits of DR6. Told once; later it is about nothing.
    fn debug_status(&mut self) -> u32;

    /// The page table that maps the Switcher into this CPU's Guests.
    fn switcher_table(&self) -> HostPhys;

    /// Makes the FPU `guest`'s, empty if it `is_fresh`, and says which Guest ran here last.
    fn now_runs(&mut self, guest: GuestId, is_fresh: bool) -> Option<GuestId>;

    /// Serves a hardware interrupt of the Host.
    fn interrupt(&mut self, vector: u8) -> Attention;

    /// Notes an NMI that came while a Guest ran.
    fn nmi(&mut self);

    /// Whether the CPU's own registers report a machine check.
    fn has_machine_check(&mut self) -> bool;

    /// The time-stamp counter.
    fn tsc(&mut self) -> u64;

    /// The time, never going back.
    fn now(&mut self) -> Nanos;

    /// The wall clock: seconds since 1970 and nanoseconds.
    fn wall_clock(&mut self) -> (u32, u32);

    /// Frequency of the TSC in kHz, 0 if a Guest should not use it.
    fn tsc_khz(&self) -> u32;

    /// Makes sure that an interrupt ends the Guest's turn no later than `at`.
    fn wake_at(&mut self, at: Nanos);

    /// Whether the Guest's slice is over. Looked at again and again while the Host works for a Guest,
    /// so it costs a few instructions.
    fn slice_is_over(&mut self) -> bool;

    /// Sets CR0.TS as the Guest wants it.
    fn set_task_switched(&mut self, on: bool);
}

/// The FPU registers of Guests, none of which runs at the moment.
pub trait FpuStates {
    /// How the CPU stores them.
    fn kind(&self) -> Kind;

    /// Those of `guest`.
    fn read(&mut self, guest: GuestId) -> Image;

    /// Makes those of `guest` the ones of `image`, which is of this CPU's kind.
    fn write(&mut self, guest: GuestId, image: &Image);
}
