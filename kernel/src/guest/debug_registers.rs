//! Debug registers: what a Guest believes to be in them, and what really is.
//!
//! A Guest has eight of its own, as on any CPU, kept here while the real ones
//! are clear. Those of its breakpoints that can be allowed are really set
//! while it runs; a debugger's share the places that it leaves free.
//!
//! ```text
//! DR0..DR3   an address each
//! DR6        why the last #DB came: bit n for DRn, BD, BS
//! DR7        | LEN3 RW3 | LEN2 RW2 | LEN1 RW1 | LEN0 RW0 | 0 0 GD 0 0 1 GE LE | G3 L3 ... G0 L0 |
//! ```
//!
//! Invariants:
//! - No real breakpoint reaches the Switcher, so ring 0 hits none
//!   (`a_breakpoint_never_reaches_the_switcher`).
//! - A real DR7 never has GD (`what_is_armed_is_what_was_asked`).
//!
//! Source: Intel SDM Vol. 3, "Debug Registers".
//!
//! Next on the tour: [`super::debugger`].

use abi::lguest_data::SWITCHER_BASE;
use bit_field::BitField;

/// DR6.BD: a debug register was accessed while DR7.GD was set.
pub const ACCESS_DETECTED: u32 = 1 << 13;
/// DR6.BS: an instruction was executed with EFLAGS.TF set.
pub const SINGLE_STEP: u32 = 1 << 14;
/// DR6 after a reset: the bits that are always set.
pub const STATUS_RESET: u32 = 0xFFFF_0FF0;
/// DR7 after a reset: the bit that is always set.
const CONTROL_RESET: u32 = 1 << 10;

/// Bits of DR6 that can be changed: B0 to B3, BD, BS, BT.
const STATUS_CHANGES: u32 = 0xE00F;
/// Bits of DR7 that can be changed.
const CONTROL_CHANGES: u32 = 0xFFFF_23FF;
/// DR7.LE and DR7.GE, which only the oldest CPUs look at: data breakpoints are exact.
const EXACT: u32 = 3 << 8;
/// DR7.GD.
const GENERAL_DETECT: usize = 13;

/// What makes the CPU stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Execution of the instruction that begins there.
    Execute,
    /// A write.
    Write,
    /// A read or a write.
    Access,
}

/// One breakpoint that may really be set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breakpoint {
    at: u32,
    kind: Kind,
    len: u32,
}

impl Breakpoint {
    /// A breakpoint on `len` bytes at linear address `at`: 1, 2 or 4 that are aligned, 1 for
    /// execution, none of them the Switcher's.
    pub fn admit(at: u32, kind: Kind, len: u32) -> Option<Self> {
        let fits = matches!(len, 1 | 2 | 4) && at.is_multiple_of(len);
        let is_sound = fits && (len == 1 || kind != Kind::Execute) && at < SWITCHER_BASE;
        is_sound.then_some(Self { at, kind, len })
    }

    /// Where it is.
    pub const fn at(self) -> u32 {
        self.at
    }

    /// What it waits for.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Its bits in DR7's upper half: RW and LEN.
    fn condition(self) -> u32 {
        let rw = match self.kind {
            Kind::Execute => 0,
            Kind::Write => 1,
            Kind::Access => 3,
        };
        rw | (self.len - 1) << 2
    }
}

/// A Guest's own debug registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DebugRegisters {
    addresses: [u32; 4],
    status: u32,
    control: u32,
}

impl Default for DebugRegisters {
    fn default() -> Self {
        Self { addresses: [0; 4], status: STATUS_RESET, control: CONTROL_RESET }
    }
}

impl DebugRegisters {
    /// What DR`number` reads; 4 and 5 are names of 6 and 7.
    pub fn get(&self, number: u8) -> u32 {
        match number {
            0..4 => self.addresses[usize::from(number)],
            4 | 6 => self.status,
            _ => self.control,
        }
    }

    /// Writes DR`number`.
    pub fn set(&mut self, number: u8, value: u32) {
        match number {
            0..4 => self.addresses[usize::from(number)] = value,
            4 | 6 => self.status = value & STATUS_CHANGES | STATUS_RESET,
            _ => self.control = value & CONTROL_CHANGES | CONTROL_RESET,
        }
    }

    /// Adds to DR6 what a #DB was about; nobody but the Guest ever takes it away.
    pub fn note(&mut self, causes: u32) {
        self.status |= causes & STATUS_CHANGES;
    }

    /// Whether an access to a debug register is to raise #DB; if so, the next is not.
    pub fn detects_access(&mut self) -> bool {
        let detects = self.control.get_bit(GENERAL_DETECT);
        self.control.set_bit(GENERAL_DETECT, false);
        detects
    }

    /// The breakpoint in DR`number`, if it is on and may be.
    fn breakpoint(&self, number: usize) -> Option<Breakpoint> {
        let condition = self.control.get_bits(16 + 4 * number..20 + 4 * number);
        let len = match condition >> 2 {
            2 => return None, // eight bytes, and not on this CPU
            len => len + 1,
        };
        let kind = match condition & 3 {
            0 => Kind::Execute,
            1 => Kind::Write,
            3 => Kind::Access,
            _ => return None, // ports, which CR4.DE does not turn on
        };
        let is_on = self.control.get_bits(2 * number..2 * number + 2) != 0;
        // The CPU ignores the low bits of the address.
        Breakpoint::admit(self.addresses[number] & !(len - 1), kind, len).filter(|_| is_on)
    }

    /// How many breakpoints have to be really set.
    pub fn count(&self) -> usize {
        (0..4).filter(|&number| self.breakpoint(number).is_some()).count()
    }

    /// Whether any has.
    pub fn is_active(&self) -> bool {
        self.count() > 0
    }
}

/// Whose breakpoint it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The Guest's own.
    Guest,
    /// The debugger's.
    Debugger,
}

/// What is to be really set while a Guest runs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Armed([Option<(Breakpoint, Owner)>; 4]);

impl Armed {
    /// The Guest's own, each in its own place, and as many of a debugger's as there are places left.
    pub fn new(own: &DebugRegisters, debuggers: &[Breakpoint]) -> Self {
        let mut places = core::array::from_fn(|number| Some((own.breakpoint(number)?, Owner::Guest)));
        let free = places.iter_mut().filter(|place| place.is_none());
        for (place, breakpoint) in free.zip(debuggers) {
            *place = Some((*breakpoint, Owner::Debugger));
        }
        Self(places)
    }

    /// DR0 to DR3.
    pub fn addresses(&self) -> [u32; 4] {
        self.0.map(|place| place.map_or(0, |(breakpoint, _)| breakpoint.at))
    }

    /// DR7: clear if nothing is set.
    pub fn control(&self) -> u32 {
        let mut control = 0;
        for (number, (breakpoint, _)) in self.numbered() {
            control.set_bit(2 * number + 1, true);
            control.set_bits(16 + 4 * number..20 + 4 * number, breakpoint.condition());
        }
        if control == 0 { 0 } else { control | EXACT | CONTROL_RESET }
    }

    /// Of the bits B0 to B3 in `status`, those of breakpoints of the Guest's own.
    pub fn own_hits(&self, status: u32) -> u32 {
        let own = self.numbered().filter(|&(_, (_, owner))| owner == Owner::Guest);
        own.fold(0, |hits, (number, _)| hits | status & 1 << number)
    }

    /// The first breakpoint of the debugger's that `status` says was hit.
    pub fn debuggers_hit(&self, status: u32) -> Option<Breakpoint> {
        let mut hits = self.numbered().filter(|&(number, _)| status.get_bit(number));
        hits.find(|&(_, (_, owner))| owner == Owner::Debugger).map(|(_, (breakpoint, _))| breakpoint)
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, (Breakpoint, Owner))> {
        self.0.into_iter().enumerate().filter_map(|(number, place)| Some((number, place?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_breakpoint(number: u8, at: u32, condition: u32) -> DebugRegisters {
        let mut registers = DebugRegisters::default();
        registers.set(number, at);
        registers.set(7, 1 << (2 * number) | condition << (16 + 4 * number));
        registers
    }

    #[test]
    fn what_is_written_is_read_but_for_bits_that_never_change() {
        let mut registers = DebugRegisters::default();
        assert_eq!(
            [6, 4, 7, 5].map(|number| registers.get(number)),
            [0xFFFF_0FF0, 0xFFFF_0FF0, 0x400, 0x400]
        );
        (0..8).for_each(|number| registers.set(number, u32::MAX));
        assert_eq!([3, 6, 7].map(|number| registers.get(number)), [u32::MAX, 0xFFFF_EFFF, 0xFFFF_27FF]);
        (0..8).for_each(|number| registers.set(number, 0));
        assert_eq!([3, 6, 7].map(|number| registers.get(number)), [0, 0xFFFF_0FF0, 0x400]);
    }

    #[test]
    fn what_is_armed_is_what_was_asked() {
        // Four bytes written, in DR2; the low bits of the address do not count.
        let mut own = with_breakpoint(2, 0xC000_1236, 0b1101);
        own.set(7, own.get(7) | 1 << GENERAL_DETECT);
        let armed = Armed::new(&own, &[]);
        assert_eq!(armed.addresses(), [0, 0, 0xC000_1234, 0]);
        assert_eq!(armed.control(), 0x0D00_0000 | 1 << 5 | EXACT | CONTROL_RESET);
        assert!(own.is_active() && !DebugRegisters::default().is_active());
    }

    #[test]
    fn what_the_cpu_leaves_undefined_is_not_set() {
        for condition in [0b0010, 0b1001, 0b0100, 0b1100] {
            assert!(!with_breakpoint(0, 0x1000, condition).is_active(), "{condition:#b}");
        }
    }

    #[test]
    fn a_debugger_gets_what_the_guest_leaves_free() {
        let own = with_breakpoint(0, 0x1000, 0);
        let wanted = [0x10, 0x20, 0x30, 0x40].map(|at| Breakpoint::admit(at, Kind::Access, 4).unwrap());
        let armed = Armed::new(&own, &wanted);
        assert_eq!(armed.addresses(), [0x1000, 0x10, 0x20, 0x30]);
        assert_eq!((armed.own_hits(0b0011), armed.debuggers_hit(0b0011)), (1, Some(wanted[0])));
        assert_eq!((armed.own_hits(0b0100), armed.debuggers_hit(0b0001)), (0, None));
    }

    #[test]
    fn access_is_detected_once() {
        let mut registers = DebugRegisters::default();
        registers.set(7, 1 << GENERAL_DETECT);
        assert!(registers.detects_access() && !registers.detects_access());
    }

    proptest! {
        #[test]
        fn a_breakpoint_never_reaches_the_switcher(addresses: [u32; 4], near: [bool; 4], control: u32) {
            let mut own = DebugRegisters::default();
            for number in 0..4 {
                let high = if near[number] { 0xFFBF_FF00 } else { 0 };
                own.set(number as u8, addresses[number] | high);
            }
            own.set(7, control);
            let armed = Armed::new(&own, &[]);
            for (_, (breakpoint, _)) in armed.numbered() {
                prop_assert!(breakpoint.at.checked_add(breakpoint.len).unwrap() <= SWITCHER_BASE);
            }
            prop_assert_eq!(armed.control() & 1 << GENERAL_DETECT, 0);
        }
    }
}
