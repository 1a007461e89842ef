//! The monitor's eyes: questions about Guests, answered while they run.
//!
//! The monitor is reached from the Host's console by Ctrl-A m, and from the
//! second serial line by scripts; its language is the crate [`monitor`]. What
//! it knows of the world is [`World`], so all of it runs as an ordinary test.
//!
//! ```text
//!   console --bytes--> editor --words--\                          /--> lines
//!                                       >--> command --> answer --x
//!   second line --------------words----/        |                 \--> JSON
//!                                             World
//! ```
//!
//! Guests go on meanwhile, unless they are paused. They are looked at between
//! two turns, when none of them runs, so what is seen fits together.
//!
//! Invariants:
//! - Whatever is typed, there is an answer (`any_line_has_an_answer`).
//! - Looking changes nothing in a Guest ([`crate::shadow::look`]); what changes
//!   something are the four [`Act`]s, and the world does those.
//!
//! Next on the tour: [`memory`].

pub mod backtrace;
pub mod core_file;
pub mod gates;
pub mod memory;
pub mod post_mortem;
pub mod registers;
pub mod script;
pub mod stats;
pub mod tables;
pub mod usage;
pub mod watch;

#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use abi::{GuestMemory, Nanos};
use monitor::answer::{Answer, Line, Row};
use monitor::command::{self, Act, Command, Complaint, Wish};
use monitor::place::Place;
use monitor::stats::Device;
use monitor::symbols::Symbols;

use crate::cpu::tsc::elapsed;
use crate::guest::Guest;
use crate::inspect::post_mortem::Tsc;
use crate::inspect::usage::Life;
use crate::trace::event::{Event, Kind, Noted};

/// What the world knows of one Guest.
pub struct Known<'a, M> {
    /// What it is called.
    pub name: &'a str,
    /// What it is doing, one of the words of [`Row::state`].
    pub state: &'static str,
    /// The Guest, unless it has ended.
    pub guest: Option<&'a Guest<M>>,
    /// What it has used.
    pub life: &'a Life,
    /// Names for its addresses.
    pub symbols: Symbols<'a>,
}

/// All Guests, and what can be done to them.
pub trait World {
    /// What their memory is.
    type Memory: GuestMemory;

    /// The Guest of this number, from 0; `None` if there are not so many.
    fn guest(&self, number: usize) -> Option<Known<'_, Self::Memory>>;

    /// The number of the Guest that typing is for.
    fn focus(&self) -> usize;

    /// The time.
    fn now(&self) -> Nanos;

    /// The time-stamp counter.
    fn tsc(&self) -> Tsc;

    /// A Guest's devices.
    fn devices(&self, number: usize) -> Vec<Device>;

    /// The Host's own last lines, oldest first.
    fn log(&self) -> Vec<String>;

    /// Does something to a Guest that lives.
    fn act(&mut self, number: usize, act: Act);
}

/// What one who asks has said before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asker {
    /// The Guest that is meant if a line names none; `None` for the one with the focus.
    guest: Option<usize>,
}

impl Asker {
    /// One who means the Guest of this number unless a line names another.
    pub const fn about(number: usize) -> Self {
        Self { guest: Some(number) }
    }

    /// Answers a line of words.
    pub fn ask<W: World>(&mut self, words: &[&str], world: &mut W) -> Answer {
        command::parse(words).and_then(|wish| self.obey(&wish, world)).unwrap_or_else(Answer::from)
    }

    fn obey<W: World>(&mut self, wish: &Wish<'_>, world: &mut W) -> Result<Answer, Complaint> {
        let number = match wish.guest {
            Some(name) => find(world, name)?,
            None => self.guest.unwrap_or_else(|| world.focus()),
        };
        match wish.command {
            None => {
                self.guest = wish.guest.map(|_| number);
                let guest = world.guest(number).map_or("", |known| known.name).to_string();
                Ok(Answer::Done { guest, what: "is meant from now on" })
            }
            Some(Command::Act(act)) => {
                let guest = alive(world, number)?.0.name.to_string();
                world.act(number, act);
                Ok(Answer::Done { guest, what: done(act) })
            }
            Some(command) => look(command, number, world),
        }
    }
}

/// What was done.
const fn done(act: Act) -> &'static str {
    match act {
        Act::Pause => "paused",
        Act::Resume => "resumed",
        Act::Restart => "restarted",
        Act::Kill => "killed",
    }
}

/// Answers a command that changes nothing.
fn look<W: World>(command: Command<'_>, number: usize, world: &W) -> Result<Answer, Complaint> {
    match command {
        Command::Guests => return Ok(Answer::Guests(rows(world))),
        Command::Log => return Ok(Answer::Log(world.log())),
        Command::Help => return Ok(Answer::help()),
        _ => {}
    }
    let (Known { symbols, life, .. }, guest) = alive(world, number)?;
    let resolve = |place: Place<'_>| {
        let at = place.resolve(|name| registers::register(name, &guest.regs), &symbols);
        at.ok_or_else(|| Complaint::NoPlace(place.base().into()))
    };
    Ok(match command {
        Command::Stats => {
            Answer::Stats(stats::stats(guest, life, world.now(), &symbols, world.devices(number)))
        }
        Command::Regs => Answer::Regs(registers::registers(guest, &symbols)),
        Command::Backtrace => Answer::Bt(backtrace::backtrace(guest, &symbols)),
        Command::Memory { is_physical, at, len } => {
            Answer::Memory(memory::memory(guest, is_physical, resolve(at)?, len as usize))
        }
        Command::Walk(at) => Answer::Walk(tables::walk(guest, resolve(at)?)),
        Command::Gdt => Answer::Gdt(gates::segments(&guest.gdt)),
        Command::Idt(vector) => Answer::Idt(gates::gates(&guest.idt, vector, &symbols)),
        Command::Devices => Answer::Devices(world.devices(number)),
        Command::Trace { kind, count } => Answer::Trace(trace(guest, world.tsc(), kind, count)),
        Command::Guests | Command::Log | Command::Help | Command::Act(_) => unreachable!("answered before"),
    })
}

/// The last `count` events of a kind, `exit` being all kinds of exits.
fn trace<M>(guest: &Guest<M>, tsc: Tsc, kind: Option<&str>, count: usize) -> Vec<Line> {
    let is_wanted = |event: &Event| match kind {
        None => true,
        Some("exit") => event.kind() == Kind::Exit,
        Some(kind) => event.word() == kind,
    };
    let events = guest.trace.events(tsc.now).filter(|noted| is_wanted(&noted.event));
    let line = |Noted { tsc: then, event }: Noted| {
        let ago = elapsed(then, tsc.now).saturating_mul(1_000_000);
        Line {
            ago: ago.checked_div(tsc.khz.into()).unwrap_or(0),
            kind: event.word(),
            text: event.to_string(),
        }
    };
    let mut lines: Vec<Line> = events.map(line).collect();
    lines.drain(..lines.len().saturating_sub(count));
    lines
}

fn rows<W: World>(world: &W) -> Vec<Row> {
    let all = (0..).map_while(|number| Some((number, world.guest(number)?)));
    let row = |(number, known): (usize, Known<'_, _>)| Row {
        number: number + 1,
        name: known.name.to_string(),
        state: known.state,
        mebibytes: known.life.mebibytes(),
        focus: number == world.focus(),
    };
    all.map(row).collect()
}

/// The number of the Guest of this name, or of this number from 1.
fn find<W: World>(world: &W, name: &str) -> Result<usize, Complaint> {
    let mut all = (0..).map_while(|number| Some((number, world.guest(number)?.name)));
    let by_name = all.find(|(_, known)| *known == name).map(|(number, _)| number);
    let by_number = || name.parse().ok().and_then(|number: usize| number.checked_sub(1));
    let found = by_name.or_else(by_number).filter(|number| world.guest(*number).is_some());
    found.ok_or_else(|| Complaint::NoGuest(name.to_string()))
}

/// What is known of a Guest that has not ended, and the Guest.
type Alive<'a, M> = (Known<'a, M>, &'a Guest<M>);

/// A Guest that has not ended.
fn alive<W: World>(world: &W, number: usize) -> Result<Alive<'_, W::Memory>, Complaint> {
    let known = world.guest(number).ok_or_else(|| Complaint::NoGuest((number + 1).to_string()))?;
    match known.guest {
        Some(guest) => Ok((known, guest)),
        None => Err(Complaint::Ended(known.name.to_string())),
    }
}
