//! What a Guest uses: time, exits, tables, interrupts, traffic.
//!
//! All of it is counted anyway; here it is put together. Where the exits come
//! from is taken from the trace, so it is about the last of them.
//!
//! Next on the tour: [`crate::answer`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

/// A kind of exit, and how many there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Count {
    /// The kind, as the Host calls it.
    pub kind: &'static str,
    /// How many.
    pub count: u64,
}

/// Where exits come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Hot {
    /// EIP.
    pub eip: u32,
    /// What that is called.
    pub symbol: Option<String>,
    /// The kind of exit.
    pub kind: &'static str,
    /// How many of those in the trace.
    pub count: u32,
}

/// A queue of a device, and what went through it since the Guest's driver took it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Queue {
    /// Chains it can hold; 0 if the driver has not set it up.
    pub size: u16,
    /// How often the device looked at it.
    pub served: u64,
    /// Chains given back.
    pub chains: u64,
    /// Interrupts asked for.
    pub interrupts: u64,
}

/// A device of a Guest's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Device {
    /// What it is.
    pub name: &'static str,
    /// Features the driver has accepted.
    pub features: u64,
    /// Its queues.
    pub queues: Vec<Queue>,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: features {:#x}", self.name, self.features)?;
        for (number, queue) in self.queues.iter().enumerate() {
            let Queue { size, served, chains, interrupts } = queue;
            write!(f, "\n  queue {number}  ")?;
            match size {
                0 => f.write_str("not set up")?,
                _ => write!(f, "of {size}: served {served}, chains {chains}, interrupts {interrupts}")?,
            }
        }
        Ok(())
    }
}

/// What one Guest has used since it was (re)started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stats {
    /// Time used by it and for it, in nanoseconds.
    pub cpu: u64,
    /// Time passed, in nanoseconds.
    pub wall: u64,
    /// How much of that was its own, in thousandths.
    pub share: u64,
    /// Exits in all.
    pub exits: u64,
    /// Nanoseconds from exit to exit; where instructions are counted as nanoseconds, these.
    pub per_exit: u64,
    /// Exits by kind.
    pub by_kind: Vec<Count>,
    /// Where the last ones came from, most first.
    pub by_address: Vec<Hot>,
    /// Interrupts delivered.
    pub interrupts: u64,
    /// Shadow tables it may have, ...
    pub tables: usize,
    /// ... has, ...
    pub tables_used: usize,
    /// ... and has had at most.
    pub tables_peak: usize,
    /// Address spaces that have a shadow.
    pub roots: usize,
    /// Its devices.
    pub devices: Vec<Device>,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cpu, wall] = [self.cpu, self.wall].map(|nanos| nanos / 1_000_000);
        writeln!(f, "time    cpu {cpu} ms of {wall} ms, {}.{} %", self.share / 10, self.share % 10)?;
        write!(f, "exits   {} in all, one each {} ns\n       ", self.exits, self.per_exit)?;
        self.by_kind.iter().try_for_each(|Count { kind, count }| write!(f, " {kind} {count}"))?;
        writeln!(f)?;
        for Hot { eip, symbol, kind, count } in &self.by_address {
            let symbol = symbol.as_deref().unwrap_or_default();
            writeln!(f, "        {eip:08x}  {kind} x {count} of the last  {symbol}")?;
        }
        writeln!(f, "irqs    {} delivered", self.interrupts)?;
        let Self { tables, tables_used, tables_peak, roots, .. } = self;
        writeln!(f, "shadow  {tables_used} of {tables} tables, {tables_peak} at most, {roots} roots")?;
        self.devices.iter().try_for_each(|device| writeln!(f, "{device}"))
    }
}
