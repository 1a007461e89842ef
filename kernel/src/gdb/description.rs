//! What kind of CPU it is, in XML: every register with its name, length and type.
//!
//! GDB and LLDB read it piece by piece, and each time it is written anew into a
//! window of the piece's length, so nothing of it is kept.
//!
//! Source: "Debugging with GDB", "Target Description Format", "Predefined Target Types".
//!
//! Next on the tour: `answer.rs`.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::registers::{self, Register, WITHOUT_SSE};
use crate::cpu::fpu::Kind;

/// A type of whose bits some have names: its name, and the bits'.
type Flags = (&'static str, &'static [(&'static str, u8)]);

const EFLAGS: Flags = (
    "i386_eflags",
    &[
        ("CF", 0),
        ("PF", 2),
        ("AF", 4),
        ("ZF", 6),
        ("SF", 7),
        ("TF", 8),
        ("IF", 9),
        ("DF", 10),
        ("OF", 11),
        ("NT", 14),
        ("RF", 16),
        ("VM", 17),
        ("AC", 18),
        ("VIF", 19),
        ("VIP", 20),
        ("ID", 21),
    ],
);

const MXCSR: Flags = (
    "i386_mxcsr",
    &[
        ("IE", 0),
        ("DE", 1),
        ("ZE", 2),
        ("OE", 3),
        ("UE", 4),
        ("PE", 5),
        ("DAZ", 6),
        ("IM", 7),
        ("DM", 8),
        ("ZM", 9),
        ("OM", 10),
        ("UM", 11),
        ("PM", 12),
        ("FZ", 15),
    ],
);

/// The views of an XMM register: name of the vector, what is in it, how many, name of the view.
const VIEWS: [(&str, &str, u8, &str); 6] = [
    ("v4f", "ieee_single", 4, "v4_float"),
    ("v2d", "ieee_double", 2, "v2_double"),
    ("v16i8", "int8", 16, "v16_int8"),
    ("v8i16", "int16", 8, "v8_int16"),
    ("v4i32", "int32", 4, "v4_int32"),
    ("v2i64", "int64", 2, "v2_int64"),
];

/// The bytes from `offset` on, at most `len`, of the description of a CPU that stores its FPU as
/// `kind`; and whether there are more.
pub fn part(kind: Kind, offset: usize, len: usize) -> (Vec<u8>, bool) {
    let mut window = Window { skip: offset, room: len, bytes: Vec::new(), is_full: false };
    // A window takes everything.
    let _ = write(kind, &mut window);
    (window.bytes, window.is_full)
}

/// A piece of something longer.
struct Window {
    skip: usize,
    room: usize,
    bytes: Vec<u8>,
    /// There was more than there is room for.
    is_full: bool,
}

impl Write for Window {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let skipped = self.skip.min(text.len());
        self.skip -= skipped;
        let rest = &text.as_bytes()[skipped..];
        let taken = self.room.min(rest.len());
        self.room -= taken;
        self.bytes.extend_from_slice(&rest[..taken]);
        self.is_full |= taken < rest.len();
        Ok(())
    }
}

fn write(kind: Kind, out: &mut Window) -> fmt::Result {
    out.write_str("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n")?;
    out.write_str("<target version=\"1.0\"><architecture>i386</architecture>\n")?;
    let (core, sse) = registers::of(kind).split_at(WITHOUT_SSE);
    out.write_str("<feature name=\"org.gnu.gdb.i386.core\">\n")?;
    flags(&EFLAGS, out)?;
    core.iter().try_for_each(|one| register(one, out))?;
    out.write_str("</feature>\n")?;
    if !sse.is_empty() {
        out.write_str("<feature name=\"org.gnu.gdb.i386.sse\">\n")?;
        vectors(out)?;
        flags(&MXCSR, out)?;
        sse.iter().try_for_each(|one| register(one, out))?;
        out.write_str("</feature>\n")?;
    }
    out.write_str("</target>\n")
}

fn register(Register { name, bits, kind, .. }: &Register, out: &mut Window) -> fmt::Result {
    writeln!(out, "<reg name=\"{name}\" bitsize=\"{bits}\" type=\"{kind}\"/>")
}

fn flags((id, fields): &Flags, out: &mut Window) -> fmt::Result {
    writeln!(out, "<flags id=\"{id}\" size=\"4\">")?;
    fields.iter().try_for_each(|(name, bit)| {
        writeln!(out, "<field name=\"{name}\" start=\"{bit}\" end=\"{bit}\"/>")
    })?;
    out.write_str("</flags>\n")
}

fn vectors(out: &mut Window) -> fmt::Result {
    for (id, kind, count, _) in VIEWS {
        writeln!(out, "<vector id=\"{id}\" type=\"{kind}\" count=\"{count}\"/>")?;
    }
    out.write_str("<union id=\"vec128\">\n")?;
    for (id, _, _, name) in VIEWS {
        writeln!(out, "<field name=\"{name}\" type=\"{id}\"/>")?;
    }
    out.write_str("<field name=\"uint128\" type=\"uint128\"/>\n</union>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(kind: Kind) -> String {
        String::from_utf8(part(kind, 0, usize::MAX).0).unwrap()
    }

    #[test]
    fn the_pieces_are_the_whole() {
        let whole = whole(Kind::Fx);
        let mut pieces = String::new();
        loop {
            let (piece, is_more) = part(Kind::Fx, pieces.len(), 99);
            pieces += str::from_utf8(&piece).unwrap();
            if !is_more {
                break;
            }
        }
        assert_eq!(pieces, whole);
        assert_eq!(part(Kind::Fx, usize::MAX, 9), (Vec::new(), false));
    }

    #[test]
    fn every_register_is_described_and_sse_only_where_it_is() {
        let (with, without) = (whole(Kind::Fx), whole(Kind::X87));
        assert!(
            registers::REGISTERS.iter().all(|one| with.contains(&format!("<reg name=\"{}\" ", one.name)))
        );
        assert!(without.contains("\"fop\"") && !without.contains("xmm0") && !without.contains("mxcsr"));
        // What a register is of is a type that GDB knows, or one declared before.
        for one in registers::REGISTERS {
            let known = ["int", "int32", "data_ptr", "code_ptr", "i387_ext"].contains(&one.kind);
            assert!(known || with.contains(&format!("id=\"{}\"", one.kind)), "{}", one.kind);
        }
    }
}
