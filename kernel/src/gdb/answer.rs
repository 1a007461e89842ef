//! What GDB asks, answered.
//!
//! Some of it is about the conversation, some about the process that GDB has
//! chosen; which one that is, it says beforehand.
//!
//! Invariants: as in [`super`].
//!
//! Source: "Debugging with GDB", "Packets", "General Query Packets".
//!
//! Next on the tour: `process.rs`.

use alloc::format;
use alloc::vec::Vec;

use abi::GuestMemory;

use super::intake::LONGEST;
use super::parse::to_hex;
use super::process::Process;
use super::request::{Action, Request, Whom};
use super::{SIGTRAP, Session, description, registers};
use crate::cpu::FpuStates;
use crate::cpu::fpu::Kind;
use crate::guest::Guest;

/// The machine as LLDB names it.
const TRIPLE: &[u8] = b"i386-unknown-unknown";

impl<M: GuestMemory> Session<M> {
    /// The answer to a request, if it has one now.
    pub(super) fn answer(&mut self, request: Request, fpu: &mut dyn FpuStates) -> Option<Vec<u8>> {
        Some(match request {
            Request::Hello { knows_processes } => {
                self.knows_processes = knows_processes;
                hello()
            }
            Request::NoAcknowledgements => {
                self.acknowledges = false;
                done(true)
            }
            Request::Why => self.why(),
            Request::Choose(whom) => {
                let found = self.find(whom).map(|process| process.number());
                self.chosen = found.unwrap_or(self.chosen);
                done(found.is_some())
            }
            Request::ChooseToRun => done(true),
            Request::IsAlive(whom) => done(self.find(whom).is_some()),
            Request::List => self.list(),
            Request::ListMore => b"l".into(),
            Request::Current => format!("QC{}", self.thread(self.chosen)).into(),
            Request::IsAttached => b"1".into(),
            Request::Name(whom) => match self.find(whom) {
                Some(process) => to_hex(process.name.as_bytes()),
                None => done(false),
            },
            Request::Machine => machine(),
            Request::Process => [format!("pid:{:x};", self.chosen).into_bytes(), machine()].concat(),
            Request::Description { offset, len } => description(fpu.kind(), offset as usize, len as usize),
            Request::Actions => b"vCont;c;C;s;S".into(),
            Request::Go(actions) => {
                self.go(&actions);
                return None;
            }
            Request::Detach(whom) => {
                self.part(whom);
                done(true)
            }
            Request::Kill(whom) => {
                self.kill(whom);
                done(true)
            }
            about_it => self.answer_about_chosen(about_it, fpu),
        })
    }

    /// Registers, memory and breakpoints of the process that GDB has chosen; nothing for what is
    /// not understood.
    fn answer_about_chosen(&mut self, request: Request, fpu: &mut dyn FpuStates) -> Vec<u8> {
        let process = self.find(Whom::All);
        match request {
            Request::ReadRegisters
            | Request::WriteRegisters(_)
            | Request::ReadRegister(_)
            | Request::WriteRegister { .. } => {
                let guest = process.and_then(|process| process.guest.as_deref_mut());
                guest.map_or_else(|| done(false), |guest| about_registers(request, guest, fpu))
            }
            Request::ReadMemory { at, len } => {
                let len = (len as usize).min(LONGEST / 2 - 8);
                let bytes = process.and_then(|process| process.read(at, len));
                bytes.map_or_else(|| done(false), |bytes| to_hex(&bytes))
            }
            Request::WriteMemory { at, bytes } => {
                done(process.is_some_and(|process| process.write(at, &bytes)))
            }
            Request::Set { point, on } => done(process.is_some_and(|process| process.set(point, on))),
            _not_understood => Vec::new(),
        }
    }

    fn find(&mut self, whom: Whom) -> Option<&mut Process<M>> {
        let chosen = self.chosen;
        let is_meant = |process: &&mut Process<M>| match whom {
            Whom::Process(number) => process.number() == number,
            Whom::All => process.number() == chosen,
        };
        self.processes.iter_mut().filter(|process| process.is_attached).find(is_meant)
    }

    /// Why all have stopped, as far as somebody is attached.
    fn why(&self) -> Vec<u8> {
        match self.is_attached() {
            true => format!("T{SIGTRAP:02x}thread:{};", self.thread(self.chosen)).into(),
            false => b"W00".into(),
        }
    }

    fn list(&self) -> Vec<u8> {
        let live = self.processes.iter().filter(|process| process.is_attached);
        let threads: Vec<_> = live.map(|process| self.thread(process.number())).collect();
        format!("m{}", threads.join(",")).into()
    }

    /// Everybody does what the first action about them says.
    fn go(&mut self, actions: &[(Action, Whom)]) {
        for process in self.processes.iter_mut().filter(|process| process.is_attached) {
            let number = process.number();
            let about = |&&(_, whom): &&_| whom == Whom::All || whom == Whom::Process(number);
            process.go(actions.iter().find(about).map(|&(action, _)| action));
        }
        self.is_running = true;
        // Who has ended meanwhile, by the monitor's hand, will not say so any more.
        self.report_end();
    }

    /// GDB leaves one or all.
    fn part(&mut self, whom: Whom) {
        self.about(whom).for_each(Process::detach);
    }

    fn kill(&mut self, whom: Whom) {
        let condemned: Vec<usize> = self.about(whom).map(|process| process.task).collect();
        self.condemned.extend(condemned);
        self.part(whom);
    }

    fn about(&mut self, whom: Whom) -> impl Iterator<Item = &mut Process<M>> {
        let is_meant = move |process: &&mut Process<M>| {
            process.is_attached && (whom == Whom::All || whom == Whom::Process(process.number()))
        };
        self.processes.iter_mut().filter(is_meant)
    }
}

/// What the Host can do, of what GDB might ask for.
fn hello() -> Vec<u8> {
    format!(
        "PacketSize={LONGEST:x};multiprocess+;swbreak+;hwbreak+;vContSupported+;\
         QStartNoAckMode+;qXfer:features:read+"
    )
    .into()
}

/// A part of the description of a CPU.
fn description(kind: Kind, offset: usize, len: usize) -> Vec<u8> {
    let (part, is_more) = description::part(kind, offset, len.min(LONGEST - 8));
    [if is_more { b"m" } else { b"l" }, &part[..]].concat()
}

/// What kind of machine a Guest believes to be.
fn machine() -> Vec<u8> {
    [b"triple:", &to_hex(TRIPLE)[..], b";ptrsize:4;endian:little;"].concat()
}

/// Reads or writes registers of `guest`.
fn about_registers<M>(request: Request, guest: &mut Guest<M>, fpu: &mut dyn FpuStates) -> Vec<u8> {
    let mut image = fpu.read(guest.id);
    let mut regs = guest.regs;
    let is_done = match request {
        Request::ReadRegisters => return to_hex(&registers::read_all(&regs, &image)),
        Request::ReadRegister(number) => match registers::read(number, &regs, &image) {
            Some(bytes) => return to_hex(&bytes),
            None => false,
        },
        Request::WriteRegisters(bytes) => registers::write_all(&bytes, &mut regs, &mut image),
        Request::WriteRegister { number, bytes } => registers::write(number, &bytes, &mut regs, &mut image),
        _not_about_registers => return Vec::new(),
    };
    if is_done {
        if regs.eip != guest.regs.eip {
            // Who is sent elsewhere does not sleep there.
            guest.before_entry.set_halted(false);
        }
        guest.regs = regs;
        fpu.write(guest.id, &image);
    }
    done(is_done)
}

/// The answer to what has to be done and not told.
fn done(is_done: bool) -> Vec<u8> {
    if is_done { b"OK".into() } else { b"E01".into() }
}
