//! Numbers that look like chance, all from one seed.
//!
//! Invariants: `the_same_seed_throws_the_same_dice`, `seeds_side_by_side_differ`.
//!
//! Source: Marsaglia, "Xorshift RNGs", the 64-bit generator with shifts 13, 7 and 17.
//!
//! Next on the tour: [`crate::places`].

/// A generator and how far it has come.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of `seed`.
    pub fn of(seed: u32) -> Self {
        // An odd factor takes seeds that lie side by side far apart; all zeroes would stay so.
        let mut dice = Self((u64::from(seed) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            dice.throw();
        }
        dice
    }

    /// Any number.
    pub fn throw(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.throw() as u8
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.throw() % limit
    }

    /// A number from `range`, which is not empty.
    pub fn within(&mut self, range: core::ops::Range<u32>) -> u32 {
        range.start + self.below(range.end - range.start)
    }

    /// Whether a die of `sides` shows one of them.
    pub fn one_in(&mut self, sides: u32) -> bool {
        self.below(sides) == 0
    }

    /// One of `choices`, which are not none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let throws = |seed| {
            let mut dice = Dice::of(seed);
            [(); 100].map(|()| dice.throw())
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
    }

    #[test]
    fn seeds_side_by_side_differ() {
        let first: std::collections::HashSet<u32> = (0..1000).map(|seed| Dice::of(seed).throw()).collect();
        assert!(first.len() > 990, "{}", first.len());
    }

    #[test]
    fn every_face_shows() {
        let mut dice = Dice::of(1);
        let mut seen = [false; 6];
        (0..200).for_each(|_| seen[dice.below(6) as usize] = true);
        assert_eq!(seen, [true; 6]);
        assert!((0..200).all(|_| (5..8).contains(&dice.within(5..8))));
    }
}
