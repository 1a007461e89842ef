//! What a Guest has used: exits by kind, time, memory.
//!
//! Told at each end of a Guest, in two lines that a script can read:
//!
//! ```text
//! guest a: used cpu=0.482s wall=12.031s memory=16M tables=31/128 peak=40
//! guest a: exits all=5210 hypercall=3301 page-fault=1402 protection=17 fpu=1 exception=2 interrupt=487
//! ```
//!
//! Time is what passed in the Guest and in the
//! Host on its behalf, its devices included.
//!
//! Next on the tour: [`crate::inspect::watch`].

use core::fmt;

use abi::{GuestMemory, Nanos};

use crate::guest::Guest;
use crate::inspect::watch::Watch;

/// One life of a Guest, from its start or restart: its memory and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    mebibytes: u32,
    since: Nanos,
    cpu: Nanos,
    /// Whether it gets anywhere.
    pub watch: Watch,
}

impl Life {
    /// The life of a Guest with so much memory begins.
    pub const fn begin(mebibytes: u32, now: Nanos) -> Self {
        Self { mebibytes, since: now, cpu: Nanos(0), watch: Watch::begin(now) }
    }

    /// The next one.
    pub const fn again(&self, now: Nanos) -> Self {
        Self::begin(self.mebibytes, now)
    }

    /// MiB of memory.
    pub const fn mebibytes(&self) -> u32 {
        self.mebibytes
    }

    /// Time used.
    pub const fn cpu(&self) -> Nanos {
        self.cpu
    }

    /// Time passed until `now`.
    pub fn wall(&self, now: Nanos) -> Nanos {
        self.since.until(now)
    }

    /// Counts the time between two points as the Guest's, as far as it belongs to this life.
    pub fn charge(&mut self, from: Nanos, to: Nanos) {
        self.cpu = self.cpu.after(from.max(self.since).until(to));
    }
}

/// Seconds with three places.
pub struct Seconds(pub Nanos);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.0 / 1_000_000;
        write!(f, "{}.{:03}s", millis / 1000, millis % 1000)
    }
}

/// Gives the lines about what `guest` has used in `life` until `now` to `line`.
pub fn tell<M: GuestMemory>(
    guest: &Guest<M>,
    life: &Life,
    now: Nanos,
    mut line: impl FnMut(fmt::Arguments<'_>),
) {
    let (all, free) = guest.shadow.tables();
    line(format_args!(
        "used cpu={} wall={} memory={}M tables={}/{all} peak={}",
        Seconds(life.cpu),
        Seconds(life.since.until(now)),
        life.mebibytes,
        all - free,
        guest.shadow.tables_at_most(),
    ));
    line(format_args!("{}", guest.exits));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Attention;
    use crate::scripted::{ScriptedCpu, running_guest};

    #[test]
    fn time_before_a_restart_belongs_to_the_life_before() {
        let mut life = Life::begin(16, Nanos(100));
        life.charge(Nanos(40), Nanos(160));
        life.charge(Nanos(200), Nanos(230));
        assert_eq!(life.cpu, Nanos(90));
    }

    #[test]
    fn what_was_used_is_told_in_two_lines() {
        let mut cpu = ScriptedCpu::default();
        let mut guest = running_guest(&mut cpu);
        guest.reset(abi::GuestPhys(0));
        cpu.then(0x21, 0, 0);
        cpu.attention = Attention::Wanted;
        crate::run::run(&mut guest, &mut cpu);
        let mut life = Life::begin(64, Nanos::from_millis(1_000));
        life.charge(Nanos::from_millis(2_000), Nanos::from_millis(4_034));
        let mut told = String::new();
        tell(&guest, &life, Nanos::from_millis(61_500), |line| told += &format!("{line}\n"));
        let mut lines = told.lines();
        let used = lines.next().unwrap();
        assert!(used.starts_with("used cpu=2.034s wall=60.500s memory=64M tables="), "{used}");
        let exits = "exits all=1 hypercall=0 page-fault=0 protection=0 fpu=0 exception=0 interrupt=1";
        assert_eq!((lines.next(), lines.next()), (Some(exits), None));
    }
}
