//! The watch over a Guest that has just started: does it get anywhere?
//!
//! Most of what can go wrong with a kernel does so before it drives its first device, and then
//! nobody hears of it. Until it drives one, it is looked at every ten seconds. It may well compute,
//! or sleep until its timer; this is told, once, with what it did last:
//!
//! ```text
//!   it has computed for ten seconds and never called       it knows nothing of a Host
//!   it sleeps, no timer is set and no device in use         nothing will ever wake it
//!   the same exit at the same place, now and at the last    it goes round in a circle
//!     look, and not an interrupt in between
//! ```
//!
//! It is a word to the person; the Guest goes on as before. A Guest that is alone and has made its
//! first call is looked at only when it stops for something: computing is no crime.
//!
//! Invariants:
//! - Who computes, waits for its timer or drives a device is left in peace
//!   (`who_computes_or_waits_for_its_timer_is_left_in_peace`, `whoever_drives_a_device_got_somewhere`).
//! - It is said once in a life (`it_is_said_once`).
//!
//! Next on the tour: [`crate::inspect::post_mortem`].

use core::fmt;

use abi::hypercall::name;
use abi::{GuestMemory, Nanos};

use crate::cpu::exit::TrapExit;
use crate::guest::Guest;
use crate::trace::TRACE_LEN;
use crate::trace::event::Event;

/// How long a Guest may take before it is looked at.
pub const PATIENCE: Nanos = Nanos::from_millis(10_000);

/// Events that are told.
const TOLD: usize = 3;

/// When a Guest will be looked at, and what was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// When next.
    pub due: Nanos,
    /// Where all its last exits were, at the last look.
    circle: Option<u32>,
}

/// Why a Guest gets nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stuck {
    /// Never made a hypercall.
    NoCall,
    /// Sleeps for good.
    Asleep,
    /// Does the same again and again, here.
    Circle(u32),
}

impl Watch {
    /// The watch over a life that begins now.
    pub const fn begin(now: Nanos) -> Self {
        Self { due: now.after(PATIENCE), circle: None }
    }

    /// Looks at a Guest that has used the CPU for as long as `cpu` and, or not, drives a device.
    pub fn look<M: GuestMemory>(
        &mut self,
        guest: &Guest<M>,
        cpu: Nanos,
        drives: bool,
        now: Nanos,
    ) -> Option<Stuck> {
        self.due = if drives { Nanos::NEVER } else { now.after(PATIENCE) };
        let before = core::mem::replace(&mut self.circle, circle(guest));
        if drives {
            return None;
        }
        let stuck = if guest.shared.is_none() {
            (cpu >= PATIENCE).then_some(Stuck::NoCall)
        } else if guest.before_entry.is_halted() && guest.clock_event.is_none() {
            Some(Stuck::Asleep)
        } else {
            self.circle.filter(|_| before == self.circle).map(Stuck::Circle)
        }?;
        self.due = Nanos::NEVER;
        Some(stuck)
    }
}

/// Where all events of a Guest's trace happened, if it is full of exits at one place.
fn circle<M>(guest: &Guest<M>) -> Option<u32> {
    let mut places = own_events(guest).map(|event| match event {
        Event::Exit { eip, .. } => Some(eip),
        Event::Hypercall { .. } | Event::Hypercalls { .. } | Event::Inject { .. } | Event::Raise { .. } => {
            None
        }
        Event::Slice { .. } | Event::Rest { .. } | Event::Start { .. } | Event::Enter { .. } => None,
    });
    let first = places.next()??;
    let is_full = own_events(guest).count() >= TRACE_LEN / 2;
    (is_full && places.all(|place| place == Some(first))).then_some(first)
}

/// What a Guest did, oldest first: its trace without turns at the CPU, and without what devices of
/// the Host did.
fn own_events<M>(guest: &Guest<M>) -> impl Iterator<Item = Event> + '_ {
    // When it was does not matter here.
    guest.trace.events(0).map(|noted| noted.event).filter(|event| match *event {
        Event::Exit { trapnum, code, cr2, .. } => {
            !matches!(TrapExit::decode(trapnum.into(), code, cr2), TrapExit::HostInterrupt(_) | TrapExit::Nmi)
        }
        Event::Hypercall { .. } | Event::Hypercalls { .. } | Event::Inject { .. } | Event::Raise { .. } => {
            true
        }
        Event::Slice { .. } | Event::Rest { .. } | Event::Start { .. } | Event::Enter { .. } => false,
    })
}

/// Says what is the matter with a Guest, and what it did last.
pub struct Told<'a, M>(pub Stuck, pub &'a Guest<M>);

impl<M> fmt::Display for Told<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(stuck, guest) = self;
        let seconds = PATIENCE.0 / 1_000_000_000;
        write!(f, "no progress in {seconds} s: it ")?;
        match stuck {
            Stuck::NoCall => f.write_str("has computed all the time and made no hypercall")?,
            Stuck::Asleep => f.write_str("sleeps with no timer set and no device in use")?,
            Stuck::Circle(eip) => write!(f, "leaves again and again at {eip:#010x}")?,
        }
        let mut last = [None; TOLD];
        for event in own_events(guest).map(Some) {
            if last[TOLD - 1] != event {
                last.rotate_left(1);
                last[TOLD - 1] = event;
            }
        }
        let mut words = "; what it did last: ";
        for event in last.into_iter().flatten() {
            f.write_str(core::mem::replace(&mut words, ", then "))?;
            tell_event(f, event)?;
        }
        match last[TOLD - 1] {
            Some(_) => Ok(()),
            None => write!(f, "; it is at {:#010x}, ring {}", guest.regs.eip, guest.regs.cs & 3),
        }
    }
}

/// An event in words.
fn tell_event(f: &mut fmt::Formatter<'_>, event: Event) -> fmt::Result {
    let call = |number| name(number).unwrap_or("no known call");
    match event {
        Event::Exit { trapnum, code, cr2, eip } => {
            write!(f, "{} at {eip:#010x}", TrapExit::decode(trapnum.into(), code, cr2))
        }
        Event::Hypercall { number, .. } => write!(f, "{}", call(number)),
        Event::Hypercalls { number, count, .. } => write!(f, "{} {count} times", call(number.into())),
        Event::Inject { vector, .. } => write!(f, "got vector {vector}"),
        Event::Raise { .. }
        | Event::Slice { .. }
        | Event::Rest { .. }
        | Event::Start { .. }
        | Event::Enter { .. } => {
            write!(f, "{}", event.word())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ScriptedCpu, new_guest, running_guest};

    const SECOND: u64 = 1_000_000_000;
    const TEN: Nanos = Nanos(10 * SECOND);

    fn watch() -> Watch {
        Watch::begin(Nanos(0))
    }

    fn exits<M>(guest: &mut Guest<M>, eip: u32) {
        for _ in 0..TRACE_LEN {
            guest.trace.note(Event::Exit { trapnum: 13, code: 0, cr2: 0, eip });
        }
    }

    #[test]
    fn who_never_calls_is_noticed_when_it_has_computed_long_enough() {
        let guest = new_guest(1);
        assert_eq!(watch().look(&guest, Nanos(9 * SECOND), false, TEN), None, "others had the CPU");
        assert_eq!(watch().look(&guest, TEN, false, TEN), Some(Stuck::NoCall));
        assert_eq!(
            Told(Stuck::NoCall, &guest).to_string(),
            "no progress in 10 s: it has computed all the time and made no hypercall; it is at 0x00001000, ring 1"
        );
    }

    #[test]
    fn who_sleeps_without_a_timer_is_noticed() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.before_entry.set_halted(true);
        assert_eq!(watch().look(&guest, Nanos(0), false, TEN), Some(Stuck::Asleep));
        let told = Told(Stuck::Asleep, &guest).to_string();
        assert!(told.ends_with("what it did last: LGUEST_INIT, then HALT"), "{told}");
    }

    #[test]
    fn who_goes_round_in_a_circle_is_noticed_the_second_time() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        let mut watch = watch();
        exits(&mut guest, 0x1234);
        assert_eq!(watch.look(&guest, TEN, false, TEN), None);
        assert_eq!(watch.look(&guest, TEN, false, watch.due), Some(Stuck::Circle(0x1234)));
        let told = Told(Stuck::Circle(0x1234), &guest).to_string();
        assert!(told.ends_with("again at 0x00001234; what it did last: #GP(0x0) at 0x00001234"), "{told}");
    }

    #[test]
    fn who_computes_or_waits_for_its_timer_is_left_in_peace() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        let mut watch = watch();
        assert_eq!(watch.look(&guest, TEN, false, TEN), None, "it computes");
        guest.before_entry.set_halted(true);
        guest.clock_event = Some(Nanos(SECOND));
        assert_eq!(watch.look(&guest, TEN, false, TEN), None, "it waits");
        guest.before_entry.set_halted(false);
        for eip in [0x1000, 0x2000, 0x2000] {
            exits(&mut guest, eip);
            guest.trace.note(Event::Inject { vector: 32, handler: 0 });
            assert_eq!(watch.look(&guest, TEN, false, TEN), None, "its timer ticks");
        }
        assert_eq!(watch.due, TEN.after(PATIENCE));
    }

    #[test]
    fn whoever_drives_a_device_got_somewhere() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.before_entry.set_halted(true);
        let mut watch = watch();
        assert_eq!(watch.look(&guest, TEN, true, TEN), None);
        assert_eq!(watch.due, Nanos::NEVER);
    }

    #[test]
    fn it_is_said_once() {
        let guest = new_guest(1);
        let mut watch = watch();
        assert!(watch.look(&guest, TEN, false, TEN).is_some());
        assert_eq!(watch.due, Nanos::NEVER);
    }
}
