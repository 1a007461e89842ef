//! Where a Guest is: its registers, and who called.
//!
//! Next on the tour: [`crate::memory`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

/// EFLAGS by name, of those a Guest has a say in.
const FLAGS: [(u32, &str); 9] =
    [(0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (8, "TF"), (9, "IF"), (10, "DF"), (11, "OF")];

/// The registers of a Guest that is not running, and what the Host keeps in place of others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are the registers of these names")]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
    pub esi: u32,
    pub edi: u32,
    pub ebp: u32,
    pub esp: u32,
    pub eip: u32,
    pub eflags: u32,
    pub cs: u16,
    pub ss: u16,
    pub ds: u16,
    pub es: u16,
    pub fs: u16,
    pub gs: u16,
    /// The page table it uses, once it uses one.
    pub cr3: Option<u32>,
    /// CR0.TS, as it wants it.
    pub ts: bool,
    /// Its virtual interrupt flag, once it has one.
    pub interrupts: Option<bool>,
    /// The lines that wait to be delivered, a bit each.
    pub pending: u32,
    /// It sleeps until an interrupt.
    pub halted: bool,
    /// What EIP is called.
    pub symbol: Option<String>,
}

impl fmt::Display for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { eax, ebx, ecx, edx, esi, edi, ebp, esp, .. } = self;
        writeln!(f, "eax {eax:08x}  ebx {ebx:08x}  ecx {ecx:08x}  edx {edx:08x}")?;
        writeln!(f, "esi {esi:08x}  edi {edi:08x}  ebp {ebp:08x}  esp {esp:08x}")?;
        let Self { cs, ss, ds, es, fs, gs, .. } = self;
        writeln!(f, "cs {cs:04x}  ss {ss:04x}  ds {ds:04x}  es {es:04x}  fs {fs:04x}  gs {gs:04x}")?;
        write!(f, "eip {:08x}  ring {}", self.eip, cs & 3)?;
        self.symbol.iter().try_for_each(|symbol| write!(f, "  {symbol}"))?;
        write!(f, "\neflags {:08x}", self.eflags)?;
        let set = FLAGS.iter().filter(|(bit, _)| self.eflags >> bit & 1 != 0);
        set.map(|(_, name)| name).try_for_each(|name| write!(f, " {name}"))?;
        match self.cr3 {
            Some(cr3) => write!(f, "\ncr3 {cr3:08x}")?,
            None => write!(f, "\nno page tables yet")?,
        }
        let ts = if self.ts { "  TS set" } else { "" };
        let interrupts = match self.interrupts {
            Some(true) => "  interrupts on",
            Some(false) => "  interrupts off",
            None => "  no lguest_data yet",
        };
        let halted = if self.halted { "  halted" } else { "" };
        writeln!(f, "{ts}{interrupts}, lines pending {:#x}{halted}", self.pending)
    }
}

/// A frame of a back trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Frame {
    /// Where it goes on.
    pub eip: u32,
    /// Its EBP.
    pub ebp: u32,
    /// What EIP is called.
    pub symbol: Option<String>,
    /// A trap came here, and what is listed before is its handler.
    pub trap: bool,
}

/// Who called, from the innermost frame outwards.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Backtrace {
    /// The frames.
    pub frames: Vec<Frame>,
    /// Why there is no other.
    pub end: &'static str,
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Frame { eip, ebp, symbol, trap }) in self.frames.iter().enumerate() {
            let symbol = symbol.as_deref().unwrap_or_default();
            let trap = if *trap { "  a trap came here" } else { "" };
            writeln!(f, "#{number:<2} {eip:08x}  ebp {ebp:08x}  {symbol}{trap}")?;
        }
        writeln!(f, "    {}", self.end)
    }
}
