//! Which address is behind which port of a switch.
//!
//! A port's own card needs no learning: the switch was told, and its address
//! cannot be moved. What is learned is what lies behind a card whose line says
//! `open`, a Guest that passes packets on for others. A port can teach a few addresses, so one
//! that makes addresses up forgets only its own.
//!
//! Invariants:
//! - One port's addresses never push out another's (`a_port_that_makes_addresses_up_harms_itself`).
//! - An address not heard of for [`AGE`] is forgotten (`what_is_silent_is_forgotten`).
//!
//! Source: IEEE 802.1Q-2022, 8.7 "The learning process" and 8.8 "The filtering database".
//!
//! Next on the tour: [`super::switch`].

use abi::Nanos;
use arrayvec::ArrayVec;

use super::mac::MacAddress;

/// Addresses one port can teach.
pub const LEARNED_MAX: usize = 8;
/// How long an address is remembered; the standard's own default.
pub const AGE: Nanos = Nanos::from_millis(300_000);

/// What was learned on one port.
#[derive(Debug, Default)]
pub struct Learned(ArrayVec<(MacAddress, Nanos), LEARNED_MAX>);

impl Learned {
    /// Notes that `address` was heard of at the time `now`, in place of what was silent longest.
    pub fn note(&mut self, address: MacAddress, now: Nanos) {
        if let Some((_, heard)) = self.0.iter_mut().find(|(known, _)| *known == address) {
            *heard = now;
            return;
        }
        if self.0.is_full() {
            let oldest = (0..LEARNED_MAX).min_by_key(|&place| self.0[place].1);
            oldest.map(|place| self.0.swap_remove(place));
        }
        self.0.push((address, now));
    }

    /// Whether `address` was heard of lately.
    pub fn knows(&self, address: MacAddress, now: Nanos) -> bool {
        self.0.iter().any(|&(known, heard)| known == address && heard.until(now) < AGE)
    }

    /// Forgets `address`, which has moved.
    pub fn forget(&mut self, address: MacAddress) {
        self.0.retain(|(known, _)| *known != address);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, last])
    }

    #[test]
    fn what_is_silent_is_forgotten() {
        let mut learned = Learned::default();
        learned.note(address(1), Nanos(5));
        assert!(learned.knows(address(1), Nanos(4).after(AGE)));
        assert!(!learned.knows(address(1), Nanos(5).after(AGE)));
        learned.note(address(1), Nanos(5).after(AGE));
        assert!(learned.knows(address(1), Nanos(6).after(AGE)));
    }

    #[test]
    fn the_one_silent_longest_makes_room() {
        let mut learned = Learned::default();
        (0..8).for_each(|last| learned.note(address(last), Nanos(u64::from(last) + 1)));
        learned.note(address(0), Nanos(100));
        learned.note(address(8), Nanos(101));
        let known: Vec<u8> = (0..9).filter(|&last| learned.knows(address(last), Nanos(101))).collect();
        assert_eq!(known, [0, 2, 3, 4, 5, 6, 7, 8]);
    }
}
