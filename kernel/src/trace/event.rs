//! What happens to a Guest, in types.
//!
//! An [`Event`] is what is worth remembering of a moment: why the Guest left,
//! what it called for, what was put upon it. The ring that remembers them is
//! [`crate::trace`]; here is what they are, what kinds of them there are, and
//! how a person reads them.
//!
//! They also go over a line, as they stand ([`crate::trace::frame`]), so who
//! changes one changes [`crate::trace::frame::VERSION`].
//!
//! Next on the tour: [`crate::trace`].

use core::fmt;

use abi::hypercall;
use abi::kill::mnemonic;
use serde::{Deserialize, Serialize};

use crate::cpu::exit::{self, TrapExit};

/// Something worth remembering about a Guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// It left. Kept as the Switcher reports it, and decoded when somebody looks.
    Exit {
        /// Vector, and whether the Switcher itself faulted or the frame was bad.
        trapnum: u16,
        /// Error code.
        code: u32,
        /// CR2, which counts for a page fault only.
        cr2: u32,
        /// Where.
        eip: u32,
    },
    /// It called the Host: number and first two arguments.
    Hypercall {
        /// The number.
        number: u32,
        /// First argument.
        arg1: u32,
        /// Second argument.
        arg2: u32,
    },
    /// It had queued several of the same kind: number, how many, and the first two arguments of the
    /// last.
    Hypercalls {
        /// The number.
        number: u8,
        /// How many.
        count: u8,
        /// First argument of the last.
        arg1: u32,
        /// Second argument of the last.
        arg2: u32,
    },
    /// A vector was delivered to its own handler.
    Inject {
        /// The vector.
        vector: u8,
        /// Where the handler is.
        handler: u32,
    },
    /// An interrupt line became pending.
    Raise {
        /// The line.
        line: u8,
    },
    /// It was given the CPU.
    Slice {
        /// The high half of the TSC, whose low half every event has: here time may have leapt.
        high: u32,
    },
    /// The CPU went to somebody else.
    Rest {
        /// The high half of the TSC.
        high: u32,
        /// It has nothing to do before something happens.
        asleep: bool,
    },
    /// It was started or started again.
    Start {
        /// At its first instruction.
        entry: u32,
    },
    /// It was entered, after whatever came before. Only who listens is told.
    Enter {
        /// Where it goes on.
        eip: u32,
    },
}

/// An event, and when it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// The TSC.
    pub tsc: u64,
    /// What it was.
    pub event: Event,
}

/// A kind of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// The Guest left.
    Exit,
    /// It was entered.
    Enter,
    /// It called the Host.
    Hypercall,
    /// A vector was delivered.
    Inject,
    /// An interrupt line became pending.
    Raise,
    /// Turns at the CPU, and lives.
    Slice,
}

impl Kind {
    /// All kinds, in the order of their numbers, by the names people give them.
    pub const NAMES: [(&str, Self); 6] = [
        ("exit", Self::Exit),
        ("enter", Self::Enter),
        ("hypercall", Self::Hypercall),
        ("inject", Self::Inject),
        ("raise", Self::Raise),
        ("slice", Self::Slice),
    ];
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(!0);

    /// The kinds a list names, like `exit,hypercall`; `None` if a word is no kind's name.
    pub fn admit(list: &str) -> Option<Self> {
        list.split(',').try_fold(Self(0), |Self(bits), word| {
            let (_, kind) = Kind::NAMES.iter().find(|(name, _)| *name == word)?;
            Some(Self(bits | 1 << *kind as u8))
        })
    }

    /// Whether `kind` is among them.
    pub const fn has(self, kind: Kind) -> bool {
        self.0 >> kind as u8 & 1 != 0
    }
}

impl Event {
    /// Whether it follows from the event before and so happens at the same time.
    pub const fn follows(&self) -> bool {
        matches!(self, Self::Inject { .. })
    }

    /// What it is called: a kind of exit ([`crate::cpu::exit::KINDS`]), or a word of its own.
    pub const fn word(&self) -> &'static str {
        match *self {
            Self::Exit { trapnum, .. } => exit::KINDS[exit::kind(trapnum as u8)],
            Self::Enter { .. } => "enter",
            Self::Hypercall { .. } | Self::Hypercalls { .. } => "call",
            Self::Inject { .. } => "inject",
            Self::Raise { .. } => "raise",
            Self::Slice { .. } | Self::Rest { .. } => "slice",
            Self::Start { .. } => "start",
        }
    }

    /// What kind of event it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Exit { .. } => Kind::Exit,
            Self::Enter { .. } => Kind::Enter,
            Self::Hypercall { .. } | Self::Hypercalls { .. } => Kind::Hypercall,
            Self::Inject { .. } => Kind::Inject,
            Self::Raise { .. } => Kind::Raise,
            Self::Slice { .. } | Self::Rest { .. } | Self::Start { .. } => Kind::Slice,
        }
    }
}

const _: () = assert!(size_of::<Option<Event>>() == 16, "an event is four stores");

/// The name of a hypercall of this number, or the number if there is no such call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Called(pub u32);

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match hypercall::name(self.0) {
            Some(name) => f.pad(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exit { trapnum, code, cr2, eip } => {
                let exit = TrapExit::decode(trapnum.into(), code, cr2);
                write!(f, "exit   {exit} at {eip:#010x}")
            }
            Self::Hypercall { number, arg1, arg2 } => {
                write!(f, "call   {} ({arg1:#x}, {arg2:#x})", Called(number))
            }
            Self::Hypercalls { number, count, arg1, arg2 } => {
                write!(f, "call   {} x {count}, the last ({arg1:#x}, {arg2:#x})", Called(number.into()))
            }
            Self::Inject { vector, handler } => write!(f, "inject vector {vector} to {handler:#010x}"),
            Self::Raise { line } => write!(f, "raise  line {line}"),
            Self::Slice { .. } => f.write_str("slice  begins"),
            Self::Rest { asleep: false, .. } => f.write_str("slice  ends"),
            Self::Rest { asleep: true, .. } => f.write_str("slice  ends, and it sleeps"),
            Self::Start { entry } => write!(f, "start  at {entry:#010x}"),
            Self::Enter { eip } => write!(f, "enter  at {eip:#010x}"),
        }
    }
}

impl fmt::Display for TrapExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hypercall => f.write_str("hypercall"),
            Self::PageFault { at, code } => {
                let who = if code.is_user() { "user" } else { "kernel" };
                let what = if code.is_write() { "write" } else { "read" };
                write!(f, "#PF {who} {what} {at}")
            }
            Self::GeneralProtection(code) => write!(f, "#GP({code:#x})"),
            Self::DeviceNotAvailable => f.write_str("#NM"),
            Self::DoubleFault => f.write_str("#DF"),
            Self::HostInterrupt(vector) => write!(f, "Host interrupt {vector:#x}"),
            Self::Nmi => f.write_str("NMI"),
            Self::MachineCheck => f.write_str("#MC"),
            Self::Exception { vector, code } => {
                write!(f, "{} (vector {vector}, code {code:#x})", mnemonic(vector))
            }
            Self::BadEntry { vector, code } => write!(f, "{}({code:#x}) on entry", mnemonic(vector)),
            Self::BadFrame { vector } => write!(f, "bad frame (vector {vector})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_names() {
        assert!(Kind::NAMES.iter().enumerate().all(|(number, (_, kind))| number == *kind as usize));
        let kinds = Kinds::admit("hypercall,exit").unwrap();
        assert!(kinds.has(Kind::Exit) && kinds.has(Kind::Hypercall) && !kinds.has(Kind::Inject));
        for list in ["", "exit,", "exits", "exit hypercall"] {
            assert_eq!(Kinds::admit(list), None, "{list}");
        }
    }

    #[test]
    fn a_person_reads_what_happened() {
        let fault = Event::Exit { trapnum: 14, code: 6, cr2: 0x1234, eip: 0xC000_0010 };
        assert_eq!(fault.to_string(), "exit   #PF user write 0x00001234 at 0xc0000010");
        let batch = Event::Hypercalls { number: 14, count: 3, arg1: 0x9000, arg2: 1 };
        assert_eq!(batch.to_string(), "call   SET_PTE x 3, the last (0x9000, 0x1)");
        let call = |number| Event::Hypercall { number, arg1: 1, arg2: 2 }.to_string();
        assert_eq!((call(17), call(11)), ("call   NOTIFY (0x1, 0x2)".into(), "call   11 (0x1, 0x2)".into()));
    }
}
