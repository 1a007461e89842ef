//! Numbers worth trying: addresses by what is there, edges, selectors, flags, and junk.
//!
//! Invariants: `a_place_of_its_own_is_inside`, `numbers_are_of_all_kinds`.
//!
//! Next on the tour: [`crate::instruction`].

use core::ops::Range;

use crate::Dice;

/// Bytes of a page.
const PAGE: u32 = 4096;
/// Where the kernel half of a Guest begins.
const HIGH: u32 = 0xC000_0000;
/// First linear address of the Switcher's area.
const SWITCHER: u32 = 0xFFC0_0000;

/// Numbers beside which something changes.
const EDGES: [u32; 12] = [
    0,
    0x100,
    0x400,
    PAGE,
    0x10_0000,
    0x40_0000,
    0x7FFF_FFFF,
    HIGH,
    0xF800_0000,
    SWITCHER,
    0xFFFF_F000,
    u32::MAX,
];
/// Selectors: null, the Host's four, the Guest's, LDT ones, behind the end.
const SELECTORS: [u32; 16] =
    [0, 3, 0x08, 0x10, 0x50, 0x58, 0x60, 0x61, 0x63, 0x69, 0x73, 0x7B, 0x33, 0x07, 0xFF, 0xFFFB];
/// Bits of EFLAGS but VM, with the one that is always set.
const FLAGS: u32 = 0x003D_7FD7;

/// What a Guest has where, in physical addresses.
#[derive(Clone, Debug)]
pub struct Places {
    /// Bytes of RAM; devices begin behind.
    pub memory: u32,
    /// The Guest's program and its variables.
    pub image: Range<u32>,
    /// Pages that are there to be played with.
    pub own: Range<u32>,
    /// The area it shares with the Host.
    pub shared: u32,
}

impl Places {
    /// A physical address in the pages to be played with.
    pub fn own(&self, dice: &mut Dice) -> u32 {
        let page = self.own_page(dice.throw());
        offset(dice, page)
    }

    /// One of the pages to be played with.
    pub fn own_page(&self, number: u32) -> u32 {
        self.own.start + number % ((self.own.end - self.own.start) / PAGE) * PAGE
    }

    /// A physical address anywhere, the odder the better.
    pub fn physical(&self, dice: &mut Dice) -> u32 {
        match dice.below(6) {
            0 => offset(dice, self.memory - PAGE),
            1 => dice.within(self.memory..self.memory + 64 * PAGE),
            2 => dice.within(self.image.clone()),
            3 => self.shared + dice.below(1400),
            4 => dice.below(self.memory),
            _ => self.number(dice),
        }
    }

    /// A linear address a page table may be asked about: the user half, mostly.
    pub fn linear(&self, dice: &mut Dice) -> u32 {
        match dice.below(8) {
            0..4 => dice.below(4) << 22 | dice.below(8) << 12 | dice.below(PAGE),
            4 => dice.below(HIGH),
            5 => HIGH + dice.below(self.memory),
            6 => SWITCHER + dice.below(16) * PAGE + dice.below(PAGE),
            _ => self.number(dice),
        }
    }

    /// Any number, but one that might mean something.
    pub fn number(&self, dice: &mut Dice) -> u32 {
        match dice.below(10) {
            0 => dice.below(64),
            1 => dice.pick(&EDGES).wrapping_add(dice.below(17)).wrapping_sub(8),
            2 => dice.pick(&SELECTORS),
            3 => flags(dice),
            4 => self.own(dice),
            5 => HIGH + self.own(dice),
            6 => 1u32 << dice.below(32),
            7 => SWITCHER + dice.below(8 * PAGE),
            8 => self.memory.wrapping_add(dice.below(64)).wrapping_sub(32),
            _ => dice.throw(),
        }
    }
}

/// A selector, sane or not.
pub fn selector(dice: &mut Dice) -> u32 {
    match dice.below(4) {
        0 => dice.below(0x110),
        1 => dice.throw() & 0xFFFF,
        _ => dice.pick(&SELECTORS),
    }
}

/// EFLAGS with any bits but VM.
pub fn flags(dice: &mut Dice) -> u32 {
    match dice.below(3) {
        0 => 0x202,
        1 => 2 | 1 << dice.below(22) & FLAGS,
        _ => 2 | dice.throw() & FLAGS,
    }
}

/// A place on `page`: often its start or its last bytes.
fn offset(dice: &mut Dice, page: u32) -> u32 {
    page + match dice.below(4) {
        0 => 0,
        1 => PAGE - 1 - dice.below(40),
        2 => dice.below(PAGE) & !3,
        _ => dice.below(PAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            memory: 0x40_0000,
            image: 0x10_0000..0x18_0000,
            own: 0x20_0000..0x22_0000,
            shared: 0x17_0000,
        }
    }

    #[test]
    fn a_place_of_its_own_is_inside() {
        let mut dice = Dice::of(3);
        assert!((0..1000).all(|_| places().own.contains(&places().own(&mut dice))));
    }

    #[test]
    fn numbers_are_of_all_kinds() {
        let mut dice = Dice::of(4);
        let numbers: Vec<u32> = (0..1000).map(|_| places().number(&mut dice)).collect();
        let kinds: [fn(u32) -> bool; 4] = [
            |n| n < 64,
            |n| n >= SWITCHER,
            |n| n & 0x202 == 0x202,
            |n| (HIGH..HIGH + 0x40_0000).contains(&n),
        ];
        assert!(kinds.iter().all(|kind| numbers.iter().any(|&number| kind(number))));
    }

    #[test]
    fn flags_never_ask_for_virtual_8086_mode() {
        let mut dice = Dice::of(5);
        assert!((0..1000).all(|_| flags(&mut dice) & 1 << 17 == 0));
    }
}
