//! A Guest's segments and gates, as the CPU has them and why.
//!
//! Next on the tour: [`crate::stats`].

use alloc::string::String;
use core::fmt;

use serde::Serialize;

/// A descriptor that is not null.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Segment {
    /// The selector that names it, RPL and all.
    pub selector: u16,
    /// Where it begins.
    pub base: u32,
    /// The last offset in it.
    pub limit: u32,
    /// The ring it is for.
    pub dpl: u8,
    /// What may be done with it.
    pub kind: &'static str,
    /// 16 or 32.
    pub bits: u8,
    /// Not the Guest's: the Switcher put it there.
    pub switchers: bool,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { selector, base, limit, dpl, kind, bits, switchers } = self;
        let whose = if *switchers { "  the Switcher's" } else { "" };
        write!(f, "{selector:04x}  base {base:08x}  limit {limit:08x}  ring {dpl}  {bits}-bit {kind}{whose}")
    }
}

/// A gate the Guest has loaded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Gate {
    /// The vector.
    pub vector: u8,
    /// The handler's first instruction.
    pub eip: u32,
    /// What that is called.
    pub symbol: Option<String>,
    /// Entering it clears the virtual interrupt flag.
    pub interrupt_gate: bool,
    /// The ring that may raise it by `int`.
    pub dpl: u8,
    /// The CPU enters it without the Host.
    pub direct: bool,
    /// Why, or why not.
    pub why: &'static str,
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vector, eip, dpl, why, .. } = self;
        write!(f, "{vector:02x}  {eip:08x}  ring {dpl}  {why}")?;
        self.symbol.iter().try_for_each(|symbol| write!(f, "  {symbol}"))
    }
}
