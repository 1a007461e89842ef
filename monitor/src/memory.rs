//! What is in a Guest's memory, byte by byte.
//!
//! Next on the tour: [`crate::tables`].

use alloc::vec::Vec;
use core::fmt;

use serde::{Serialize, Serializer};

/// Bytes in a row.
const ROW: usize = 16;

/// A piece of memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Memory {
    /// Where it begins.
    pub at: u32,
    /// By Guest-physical address.
    pub is_physical: bool,
    /// The bytes, as many as there are.
    #[serde(serialize_with = "as_hexadecimal")]
    pub bytes: Vec<u8>,
    /// How many were wanted.
    pub wanted: usize,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (row, bytes) in self.bytes.chunks(ROW).enumerate() {
            write!(f, "{:08x} ", self.at.wrapping_add((row * ROW) as u32))?;
            for place in 0..ROW {
                match bytes.get(place) {
                    Some(byte) => write!(f, " {byte:02x}")?,
                    None => f.write_str("   ")?,
                }
            }
            f.write_str("  ")?;
            let show = |byte: &u8| if byte.is_ascii_graphic() { *byte as char } else { '.' };
            bytes.iter().map(show).try_for_each(|letter| write!(f, "{letter}"))?;
            writeln!(f)?;
        }
        if self.bytes.len() < self.wanted {
            let end = self.at.wrapping_add(self.bytes.len() as u32);
            let why = if self.is_physical { "the memory ends" } else { "nothing is mapped; walk says why" };
            writeln!(f, "{end:08x}  {why}")?;
        }
        Ok(())
    }
}

/// Two digits a byte, without anything between.
fn as_hexadecimal<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    struct Digits<'a>(&'a [u8]);
    impl fmt::Display for Digits<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }
    serializer.collect_str(&Digits(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_in_rows() {
        let bytes = b"Hello, Guest!\0\xFF\x01tw".to_vec();
        let all = Memory { at: 0x5000, is_physical: false, bytes, wanted: 18 };
        let first = "00005000  48 65 6c 6c 6f 2c 20 47 75 65 73 74 21 00 ff 01  Hello,.Guest!...";
        let second = "00005010  74 77                                            tw";
        assert_eq!(all.to_string(), format!("{first}\n{second}\n"));
        let some = Memory { wanted: 19, is_physical: true, ..all };
        assert!(some.to_string().ends_with("00005012  the memory ends\n"));
    }
}
