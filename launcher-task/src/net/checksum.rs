//! The Internet checksum: a sum of words in which order and byte order do not matter.
//!
//! The bytes are added up as little-endian words, and only the result is
//! turned round, for the sum is the same either way. Four bytes at a time with
//! the carries kept: a packet of 1,500 bytes costs some 1,200 instructions.
//!
//! Invariants: it is the sum the RFC adds up word by word
//! (`it_is_the_sum_word_by_word`).
//!
//! Source: RFC 1071, "Computing the Internet Checksum".
//!
//! Next on the tour: [`super::headers`].

/// A sum that is not folded yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// Adds bytes that begin at an even place; an odd last one counts as if a zero followed.
    #[must_use]
    pub fn plus(self, bytes: &[u8]) -> Self {
        let mut dwords = bytes.chunks_exact(4);
        let sum = dwords.by_ref().fold(self.0, |sum, dword| {
            sum + u64::from(u32::from_le_bytes([dword[0], dword[1], dword[2], dword[3]]))
        });
        let rest = dwords.remainder();
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        Self(sum + u64::from(u32::from_le_bytes(last)))
    }

    /// Adds one word of a header, given as a number.
    #[must_use]
    pub const fn add_word(self, word: u16) -> Self {
        Self(self.0 + word.to_be() as u64)
    }

    /// The 16 bits to be written big-endian, not yet inverted: what a driver leaves where a device
    /// shall finish a checksum.
    pub const fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xFFFF {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        u16::from_be(sum as u16)
    }

    /// The checksum: what makes the sum of everything all ones.
    pub const fn checksum(self) -> u16 {
        !self.folded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word_by_word(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(Sum::ZERO.plus(&[0, 1, 0xF2, 3, 0xF4, 0xF5, 0xF6, 0xF7]).folded(), 0xDDF2);
        assert_eq!(Sum::ZERO.add_word(1).add_word(0xF203).add_word(0xF4F5).add_word(0xF6F7).folded(), 0xDDF2);
    }

    proptest! {
        #[test]
        fn it_is_the_sum_word_by_word(
            front in proptest::collection::vec(any::<u8>(), 0..50),
            back in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let front = &front[..front.len() & !1];
            let all: Vec<u8> = front.iter().chain(&back).copied().collect();
            prop_assert_eq!(Sum::ZERO.plus(front).plus(&back).checksum(), word_by_word(&all));
        }
    }
}
