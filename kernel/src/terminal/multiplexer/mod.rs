//! One terminal, several Guests: who is heard when, and whom typing is for.
//!
//! ```text
//!   Guest a --> kept --\                          /--> typed --> Guest a
//!   Guest b --> kept ----> the line     keys ----x
//!   Guest c --> kept --/   (whole lines)         focus: one of them
//! ```
//!
//! Each Guest's last output is kept. Of that, whole lines are shown as they
//! come, those of all Guests or, if the person wants so, of the one with the
//! focus. A line that is not whole is shown when its Guest goes to sleep, with
//! a prompt half written, or is alone, or has the focus and cannot make up its
//! mind. What is typed goes to the Guest with the focus, in the beginning the
//! first; when that ends, to the first that lives. Behind Ctrl-A m is the
//! monitor: while its door is open, typing goes there and the Guests are quiet.
//!
//! The line may be slower than who writes. It takes text of Guests by turns, a
//! [`PIECE`] each; a Guest that is [`AHEAD`] of what was shown waits, and it
//! alone. One that is not shown does not wait: the oldest of what it has
//! written is forgotten.
//!
//! What the Host says about a Guest because of something it did is shown behind all that it has
//! written, and not without bounds ([`bucket`]).
//!
//! Invariants:
//! - A slow line loses nothing, and makes those wait who write, by turns
//!   (`a_slow_line_makes_its_writer_wait_and_nobody_else`,
//!   `several_writers_share_a_slow_line`).
//! - No line is torn by another Guest's (`no_line_is_torn_by_anothers`).
//! - Nothing typed is lost unless its Guest does not read for [`PATIENCE`]
//!   (`what_waits_for_a_guest_that_ends_goes_to_the_next`,
//!   `a_guest_that_does_not_read_blocks_nobody_for_long`).
//! - Whatever is typed, work and memory are bounded (`any_typing_is_survived`).
//!
//! Next on the tour: [`keys`].

pub mod bucket;
pub mod door;
pub mod filter;
pub mod guard;
pub mod keys;
pub mod margin;
pub mod scrollback;
mod voice;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use abi::Nanos;

use crate::terminal::bytes::ByteRing;
use bucket::Bucket;
use door::Door;
use filter::Filter;
use guard::Answers;
use keys::{Key, Keys};
use scrollback::{LONGEST, Scrollback};
use voice::say;

/// Bytes typed that wait for a Guest at most.
pub const TYPED: usize = 4096;
/// How long a Guest may leave them waiting before more is thrown away.
pub const PATIENCE: Nanos = Nanos::from_millis(30_000);
/// Bytes of what is late that are shown at a time; at 115,200 baud they take 22 ms.
pub const PIECE: usize = 256;
/// Bytes a Guest may have written that wait to be shown; then it waits too.
pub const AHEAD: u64 = 4096;
/// Bytes typed that are looked at between two turns.
const LISTEN: usize = 256;
/// Turns the Guest with the focus may leave a line unfinished before it is shown.
const TURNS: u8 = 3;

/// Lines about a Guest that may wait until what it has written before is shown.
const NOTES: usize = 16;

/// What everything is shown on.
pub trait Line {
    /// How many bytes of Guests it takes now without anybody waiting. Some more are no harm.
    fn room(&self) -> usize;

    /// Shows bytes of the Host's as they are.
    fn write(&mut self, bytes: &[u8]);

    /// Shows what does no harm of bytes of a Guest's, which has the focus or not; `answers` is given
    /// what is to be typed for it.
    fn show(&mut self, filter: &mut Filter, bytes: &[u8], has_focus: bool, answers: &mut Answers);

    /// Starts a new line, unless the cursor is at the start of one, with nothing on the terminal as
    /// a Guest has left it.
    fn fresh_line(&mut self);

    /// Shows a line of the Host's, and keeps it.
    fn line(&mut self, what: fmt::Arguments<'_>);
}

/// How a Guest takes what is typed for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ear {
    /// As it should, as far as is known.
    Open,
    /// It has left no room for more since then.
    FullSince(Nanos),
    /// It has not read for so long that more is thrown away, until it reads again.
    Deaf,
}

/// A Guest's seat at the terminal.
struct Seat {
    name: String,
    kept: Scrollback,
    filter: Filter,
    answers: Answers,
    /// Lines about it, and up to where it had written when they were made.
    notes: VecDeque<(u64, String)>,
    bucket: Bucket,
    typed: Box<ByteRing<TYPED>>,
    ear: Ear,
    has_ended: bool,
    /// It is so far ahead of what was shown that it waits.
    is_full: bool,
    /// Bytes held back at the end of its last turns, and how many turns these are the same.
    held: (u64, u8),
}

impl Seat {
    /// Whether something is ready to be shown.
    fn is_behind(&self) -> bool {
        let (_, shown) = self.kept.places();
        self.kept.is_behind() || self.notes.front().is_some_and(|&(at, _)| at <= shown)
    }

    /// The next line about it, if all before that was shown.
    fn due_note(&mut self) -> Option<String> {
        let (_, shown) = self.kept.places();
        self.notes.pop_front_if(|(at, _)| *at <= shown).map(|(_, note)| note)
    }

    /// Types what the terminal has to say to it, as long as the person has room to type.
    fn type_answers(&mut self) {
        while let Some(byte) = self.answers.pop() {
            if self.typed.room() > TYPED / 2 {
                self.typed.push(byte);
            }
        }
    }
}

/// The terminal and the Guests at it, numbered from 0.
#[derive(Default)]
pub struct Multiplexer {
    seats: Vec<Seat>,
    focus: usize,
    keys: Keys,
    hides_others: bool,
    /// Whether Ctrl-A x ends the machine.
    may_leave: bool,
    has_left: bool,
    /// Where typing goes instead while somebody is at the monitor.
    pub door: Door,
    /// Who was heard last.
    speaker: Option<usize>,
    /// Whose turn it is to be shown first.
    first: usize,
    /// What time it is, or was a moment ago.
    pub now: Nanos,
}

impl Multiplexer {
    /// Gives the next Guest a seat, with room to keep its output in; returns its number.
    pub fn add(&mut self, name: &str, room: &'static mut [u8]) -> usize {
        self.seats.push(Seat {
            name: name.into(),
            kept: Scrollback::new(room),
            filter: Filter::default(),
            answers: Answers::new(),
            notes: VecDeque::new(),
            bucket: Bucket::default(),
            typed: Box::default(),
            ear: Ear::Open,
            has_ended: false,
            is_full: false,
            held: (0, 0),
        });
        self.seats.len() - 1
    }

    /// A Guest writes.
    pub fn write(&mut self, guest: usize, bytes: &[u8], line: &mut dyn Line) {
        for part in bytes.chunks(PIECE) {
            // What this overwrites was shown before, even in the middle of a look back.
            self.show(guest, part.len(), line);
            self.seats[guest].kept.push(part);
        }
        if self.is_alone(guest) {
            self.seats[guest].kept.release();
        }
        self.show(guest, LONGEST + bytes.len(), line);
        let is_shown = self.is_shown(guest);
        let seat = &mut self.seats[guest];
        seat.is_full = is_shown && seat.kept.unseen() >= AHEAD;
    }

    /// Whether a Guest should wait before it writes more; who waits is told by
    /// [`catch_up`](Self::catch_up) when it may go on.
    pub fn is_full(&self, guest: usize) -> bool {
        self.seats[guest].is_full
    }

    /// Whether something of a Guest is still to be shown, its unfinished line as well.
    pub fn is_behind(&self, guest: usize) -> bool {
        let seat = &self.seats[guest];
        self.is_shown(guest) && (seat.kept.unseen() > 0 || !seat.notes.is_empty())
    }

    /// Shows a line about a Guest that it has caused, behind all that it has written, unless it has
    /// caused too many.
    pub fn tell(&mut self, guest: usize, what: fmt::Arguments<'_>, line: &mut dyn Line) {
        let seat = &mut self.seats[guest];
        // What there is no room for is left out as well.
        if seat.bucket.take(self.now) && seat.notes.len() < NOTES {
            self.note(guest, what, line);
        }
    }

    /// Shows the line about a Guest's end, behind all that it has written, and says how many about
    /// it were left out.
    pub fn tell_end(&mut self, guest: usize, what: fmt::Arguments<'_>, line: &mut dyn Line) {
        self.tell_left_out(guest, Bucket::rest, line);
        self.note(guest, what, line);
    }

    fn tell_left_out(
        &mut self,
        guest: usize,
        count: impl FnOnce(&mut Bucket) -> Option<u64>,
        line: &mut dyn Line,
    ) {
        if let Some(count) = count(&mut self.seats[guest].bucket) {
            let name = self.seats[guest].name.clone();
            self.note(guest, format_args!("guest {name}: {count} more lines about it were left out"), line);
        }
    }

    fn note(&mut self, guest: usize, what: fmt::Arguments<'_>, line: &mut dyn Line) {
        self.seats[guest].kept.release();
        self.show(guest, LONGEST, line);
        if self.is_behind(guest) {
            let seat = &mut self.seats[guest];
            let (written, _) = seat.kept.places();
            seat.notes.push_back((written, alloc::format!("{what}")));
        } else {
            line.line(what);
        }
    }

    /// Lets the person end the machine with Ctrl-A x. On a machine that nobody starts from a terminal
    /// two keys would be too few for that, so the command line has to ask for it.
    pub const fn allow_leaving(&mut self) {
        self.may_leave = true;
    }

    /// Whether the person has left.
    pub const fn has_left(&self) -> bool {
        self.has_left
    }

    /// The Guest that typing is for.
    pub const fn focus(&self) -> usize {
        self.focus
    }

    /// Takes what was typed for a Guest; returns how many bytes.
    pub fn read(&mut self, guest: usize, into: &mut [u8]) -> usize {
        let seat = &mut self.seats[guest];
        seat.ear = Ear::Open;
        let typed = core::iter::from_fn(|| seat.typed.pop());
        into.iter_mut().zip(typed).map(|(place, byte)| *place = byte).count()
    }

    /// Shows all that a Guest has said, its unfinished line as well, even if the line has no room.
    pub fn flush(&mut self, guest: usize, line: &mut dyn Line) {
        self.seats[guest].kept.release();
        self.show_all(guest, usize::MAX, line);
    }

    /// A Guest's turn is over; if it sleeps now it will not finish its line soon.
    pub fn turn_over(&mut self, guest: usize, is_asleep: bool, line: &mut dyn Line) {
        let seat = &mut self.seats[guest];
        let held = seat.kept.held();
        let turns = if held == seat.held.0 { seat.held.1.saturating_add(1) } else { 0 };
        seat.held = (held, turns);
        if held > 0 && !seat.is_full && (is_asleep || guest == self.focus && turns >= TURNS) {
            seat.kept.release();
            self.show(guest, LONGEST, line);
        }
    }

    /// A Guest has ended: its last line is shown, and the focus leaves it.
    pub fn ended(&mut self, guest: usize, line: &mut dyn Line) {
        self.flush(guest, line);
        self.tell_left_out(guest, Bucket::rest, line);
        let seat = &mut self.seats[guest];
        // One that is hidden has not shown what was before them.
        seat.notes.drain(..).for_each(|(_, note)| line.line(format_args!("{note}")));
        seat.has_ended = true;
        if guest != self.focus {
            return;
        }
        let Some(next) = self.seats.iter().position(|seat| !seat.has_ended) else { return };
        self.focus = next;
        while let Some(byte) = self.seats[guest].typed.pop() {
            self.seats[self.focus].typed.push(byte);
        }
    }

    /// Shows some of what is late, if anything is; `wake` is told the Guests that need not wait any
    /// more. Returns whether there is more that the line would take now.
    pub fn catch_up(&mut self, line: &mut dyn Line, mut wake: impl FnMut(usize)) -> bool {
        let count = self.seats.len();
        // Whoever was first the last time is last now, for the line may not have room for all.
        let first = self.first;
        self.first = (first + 1) % count.max(1);
        for guest in (0..count).map(|step| (first + step) % count) {
            self.show(guest, PIECE, line);
            let now = self.now;
            self.tell_left_out(guest, |bucket| bucket.summary(now), line);
            let is_shown = self.is_shown(guest);
            let seat = &mut self.seats[guest];
            if seat.is_full && (!is_shown || seat.kept.unseen() <= AHEAD / 2) {
                seat.is_full = false;
                wake(guest);
            }
        }
        let is_late = |guest| self.is_shown(guest) && self.seats[guest].is_behind();
        line.room() > 0 && (0..count).any(is_late)
    }

    /// Takes what `next` says was typed, as far as there is room for it; returns whether it was
    /// anything.
    pub fn listen(&mut self, now: Nanos, mut next: impl FnMut() -> Option<u8>, line: &mut dyn Line) -> bool {
        for heard in 0..LISTEN {
            let byte = if self.has_room(now, line) { next() } else { None };
            let Some(byte) = byte else { return heard > 0 };
            if let Some(key) = self.keys.feed(byte) {
                self.obey(key, line);
            }
        }
        true
    }

    /// Whether another byte may be taken: there is room for it, or it may be thrown away.
    fn has_room(&mut self, now: Nanos, line: &mut dyn Line) -> bool {
        if self.door.is_open() || self.door.is_awaited() {
            // Behind a shut door, who is typed for waits until all before has been answered.
            return self.door.is_open() && !self.door.is_full();
        }
        let Some(seat) = self.seats.get_mut(self.focus) else { return false };
        if seat.has_ended || !seat.typed.is_full() {
            return true;
        }
        seat.ear = match seat.ear {
            Ear::Open => Ear::FullSince(now),
            Ear::FullSince(since) if since.until(now) >= PATIENCE => {
                let name = &seat.name;
                say(line, format_args!("guest {name}: does not read; what is typed for it is thrown away"));
                Ear::Deaf
            }
            full => full,
        };
        seat.ear == Ear::Deaf
    }

    fn obey(&mut self, key: Key, line: &mut dyn Line) {
        match key {
            Key::Type(byte) if self.door.is_open() => self.door.typed(byte),
            Key::Type(byte) => {
                // No room means that it may be thrown away.
                self.seats[self.focus].typed.push(byte);
            }
            Key::Focus(guest) => self.set_focus(guest, line),
            Key::Next => {
                let count = self.seats.len();
                let mut circle = (1..=count).map(|step| (self.focus + step) % count);
                let next = circle.find(|&guest| !self.seats[guest].has_ended);
                self.set_focus(next.unwrap_or(self.focus), line);
            }
            Key::Kept => {
                let seat = &mut self.seats[self.focus];
                seat.kept.release();
                let len = seat.kept.rewind();
                say(line, format_args!("host: the last {len} bytes of guest {}:", seat.name));
            }
            Key::Others => {
                self.hides_others = !self.hides_others;
                let how = if self.hides_others { "hidden" } else { "shown" };
                say(line, format_args!("host: guests without the focus are {how}"));
            }
            Key::Monitor => self.door.turn(),
            Key::Leave => self.has_left |= self.may_leave,
            Key::Help => self.help(line),
        }
    }

    /// Gives a Guest the focus and shows the line it is in the middle of.
    fn set_focus(&mut self, guest: usize, line: &mut dyn Line) {
        let Some(seat) = self.seats.get_mut(guest) else {
            return say(line, format_args!("host: there is no guest {}; Ctrl-A ? helps", guest + 1));
        };
        self.focus = guest;
        let how = if seat.has_ended { ", but has ended" } else { "" };
        say(line, format_args!("guest {}: has the focus{how}", seat.name));
        seat.kept.release();
        if !seat.kept.is_behind() {
            seat.kept.rewind_line();
        }
        self.show(guest, PIECE, line);
    }

    /// Shows some of what is ready of a Guest, as far as the line has room.
    fn show(&mut self, guest: usize, budget: usize, line: &mut dyn Line) {
        let mut left = budget;
        while self.is_shown(guest) && self.seats[guest].is_behind() {
            let most = left.min(line.room()).min(PIECE);
            if most == 0 {
                return;
            }
            left -= self.show_all(guest, most, line).min(left);
        }
    }

    /// Shows about `budget` bytes of what is ready of a Guest, and returns how many it were.
    fn show_all(&mut self, guest: usize, budget: usize, line: &mut dyn Line) -> usize {
        if !self.is_shown(guest) {
            return 0;
        }
        let has_focus = guest == self.focus;
        let seat = &mut self.seats[guest];
        let (mut left, mut shown) = (budget, 0);
        while left > 0 && seat.is_behind() {
            if let Some(note) = seat.due_note() {
                line.line(format_args!("{note}"));
                (left, shown) = (left.saturating_sub(note.len()), shown + note.len());
                continue;
            }
            if self.speaker.replace(guest) != Some(guest) {
                line.fresh_line();
            }
            let lost = seat.kept.take_lost();
            if lost > 0 {
                say(line, format_args!("guest {}: {lost} bytes before this are gone", seat.name));
            }
            let end = seat.notes.front().map_or(u64::MAX, |&(at, _)| at);
            let piece = seat.kept.take_before(left, end);
            line.show(&mut seat.filter, piece, has_focus, &mut seat.answers);
            left = left.saturating_sub(piece.len());
            shown += piece.len();
            seat.type_answers();
        }
        shown
    }

    fn is_shown(&self, guest: usize) -> bool {
        !self.door.is_in_use() && (guest == self.focus || !self.hides_others)
    }

    fn is_alone(&self, guest: usize) -> bool {
        self.seats.iter().enumerate().all(|(number, seat)| number == guest || seat.has_ended)
    }
}
