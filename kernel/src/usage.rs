//! What a Guest has used: exits by kind, time, memory.
//!
//! Told at each end of a Guest, in two lines that a script can read:
//!
//! ```text
//! guest a: used cpu=0.482s wall=12.031s memory=16M tables=31/128 peak=40
//! guest a: exits all=5210 hypercall=3301 page-fault=1402 protection=17 fpu=1 exception=2 interrupt=487
//! ```
//!
//! An exit is counted by its vector, which costs three instructions; kinds are
//! made of that when somebody asks. Time is what passed in the Guest and in the
//! Host on its behalf, its devices included.
//!
//! Invariants:
//! - Each exit is of one kind (`every_vector_is_counted_once`).
//!
//! Next on the tour: [`crate::watch`].

use core::fmt;

use abi::hypercall::{HYPERCALL_VECTOR, SYSCALL_VECTOR};
use abi::{GuestMemory, Nanos};

use crate::guest::Guest;
use crate::watch::Watch;

/// Vectors there are.
const VECTORS: usize = 256;

/// How often a Guest left for which reason.
pub struct Exits([u64; VECTORS]);

impl Default for Exits {
    fn default() -> Self {
        Self([0; VECTORS])
    }
}

impl Exits {
    /// Counts an exit as the Switcher reports it.
    #[inline]
    pub fn count(&mut self, trapnum: u32) {
        self.0[usize::from(trapnum as u8)] += 1;
    }

    /// An exit counted as the fault `trapnum` was a hypercall, by `vmcall`.
    #[inline]
    pub fn was_a_call(&mut self, trapnum: u32) {
        self.0[usize::from(trapnum as u8)] -= 1;
        self.count(HYPERCALL_VECTOR.into());
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many there were of each kind, in the order of [`KINDS`].
    pub fn by_kind(&self) -> [u64; KINDS.len()] {
        let mut kinds = [0; KINDS.len()];
        for (vector, count) in (0..=u8::MAX).zip(&self.0) {
            kinds[kind(vector)] += count;
        }
        kinds
    }
}

/// The kinds of exits. A call is one by whatever instruction it was made.
pub const KINDS: [&str; 6] = ["hypercall", "page-fault", "protection", "fpu", "exception", "interrupt"];

/// The kind of exit that `vector` is, as an index into [`KINDS`].
pub const fn kind(vector: u8) -> usize {
    match vector {
        HYPERCALL_VECTOR => 0,
        14 => 1,
        13 => 2,
        7 => 3,
        2 => 5,
        0..32 | SYSCALL_VECTOR => 4,
        32.. => 5,
    }
}

impl fmt::Display for Exits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exits all={}", self.all())?;
        KINDS.iter().zip(self.by_kind()).try_for_each(|(kind, count)| write!(f, " {kind}={count}"))
    }
}

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
    fn every_vector_is_counted_once() {
        let mut exits = Exits::default();
        (0..=0xFF).for_each(|vector| exits.count(vector));
        assert_eq!(exits.all(), 256);
        assert_eq!(exits.by_kind().iter().sum::<u64>(), 256);
        assert_eq!(exits.by_kind(), [1, 1, 1, 1, 28, 224]);
    }

    #[test]
    fn a_call_by_vmcall_is_a_call() {
        let mut exits = Exits::default();
        exits.count(6);
        exits.was_a_call(6);
        assert_eq!(exits.by_kind(), [1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_fault_on_entry_is_counted_as_the_fault_it_was() {
        let mut exits = Exits::default();
        exits.count(13 | switcher::FAULT_ON_ENTRY);
        assert!(exits.to_string().starts_with("exits all=1 hypercall=0 page-fault=0 protection=1 "));
    }

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
