//! What GDB can ask for.
//!
//! Source: "Debugging with GDB", "Remote Protocol: Packets".
//!
//! Next on the tour: [`super::parse`].

use alloc::vec::Vec;

use crate::guest::debug_registers::Kind;

/// Whom a request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// Anybody, or everybody.
    All,
    /// The process of this number.
    Process(u32),
}

/// What a process is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Run.
    Continue,
    /// Execute one instruction.
    Step,
}

/// A breakpoint, as GDB names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// An `int3` in memory.
    Software {
        /// Where.
        at: u32,
    },
    /// One of the debug registers.
    Hardware {
        /// From where.
        at: u32,
        /// How many bytes.
        len: u32,
        /// What it waits for.
        kind: Kind,
    },
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// `qSupported`: the first of all; whether it knows of processes.
    Hello {
        /// It does.
        knows_processes: bool,
    },
    /// `QStartNoAckMode`: the line loses nothing.
    NoAcknowledgements,
    /// `?`: why all stand still.
    Why,
    /// `g`.
    ReadRegisters,
    /// `G`.
    WriteRegisters(Vec<u8>),
    /// `p`: the register of this number.
    ReadRegister(u32),
    /// `P`.
    WriteRegister {
        /// Its number.
        number: u32,
        /// What is to be in it.
        bytes: Vec<u8>,
    },
    /// `m`.
    ReadMemory {
        /// From where.
        at: u32,
        /// How many bytes.
        len: u32,
    },
    /// `M`.
    WriteMemory {
        /// To where.
        at: u32,
        /// What.
        bytes: Vec<u8>,
    },
    /// `Hg`: whom what follows is about.
    Choose(Whom),
    /// `Hc`: who runs is said with each `vCont`.
    ChooseToRun,
    /// `T`: whether it is there.
    IsAlive(Whom),
    /// `qfThreadInfo`.
    List,
    /// `qsThreadInfo`: the rest of the list.
    ListMore,
    /// `qC`.
    Current,
    /// `qAttached`.
    IsAttached,
    /// `qThreadExtraInfo`.
    Name(Whom),
    /// `qRcmd`: a line for the monitor.
    Monitor(Vec<u8>),
    /// `qHostInfo`: what kind of machine it is.
    Machine,
    /// `qProcessInfo`: the same, and which process is spoken of.
    Process,
    /// `qXfer:features:read:target.xml`.
    Description {
        /// From which byte on.
        offset: u32,
        /// How many.
        len: u32,
    },
    /// `vCont?`.
    Actions,
    /// `vCont`, `c`, `s`: the first that is about a process says what it does.
    Go(Vec<(Action, Whom)>),
    /// `Z` and `z`.
    Set {
        /// Which.
        point: Point,
        /// Set, not taken away.
        on: bool,
    },
    /// `D`.
    Detach(Whom),
    /// `vKill`, `k`.
    Kill(Whom),
    /// Anything else.
    Unknown,
}
