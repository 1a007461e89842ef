//! A Guest's segments and gates, as the CPU has them and why.
//!
//! Next on the tour: [`super::stats`].

use alloc::vec::Vec;

use bit_field::BitField;
use monitor::gates::{Gate, Segment};
use monitor::symbols::Symbols;

use crate::guest::idt::{GuestIdt, Route};
use crate::guest::segment::{Gdt, is_switchers};

/// All segments that are not null.
pub fn segments(gdt: &Gdt) -> Vec<Segment> {
    let entries = (0..).zip(gdt.entries()).filter(|(_, entry)| **entry != 0);
    entries.map(|(index, entry)| read(index, *entry)).collect()
}

fn read(index: u16, entry: u64) -> Segment {
    let is_large = entry.get_bit(55);
    let limit = (entry.get_bits(48..52) << 16 | entry.get_bits(0..16)) as u32;
    let dpl = entry.get_bits(45..47) as u8;
    let kind = match (entry.get_bit(44), entry.get_bit(43), entry.get_bit(41)) {
        (false, ..) => "system",
        (true, true, true) => "code",
        (true, true, false) => "code, execute only",
        (true, false, true) => "data",
        (true, false, false) => "data, read only",
    };
    Segment {
        selector: (index * 8) | u16::from(dpl),
        base: (entry.get_bits(56..64) << 24 | entry.get_bits(16..40)) as u32,
        limit: if is_large { limit << 12 | 0xFFF } else { limit },
        dpl,
        kind,
        bits: if entry.get_bit(54) { 32 } else { 16 },
        switchers: is_switchers(index.into()),
    }
}

/// All gates that are loaded, or the one of `vector`.
pub fn gates(idt: &GuestIdt, vector: Option<u8>, symbols: &Symbols<'_>) -> Vec<Gate> {
    let wanted = (0..=u8::MAX).filter(|each| vector.is_none_or(|vector| vector == *each));
    wanted.filter_map(|vector| gate(idt, vector, symbols)).collect()
}

fn gate(idt: &GuestIdt, vector: u8, symbols: &Symbols<'_>) -> Option<Gate> {
    let (handler, dpl, route) = idt.route(vector)?;
    Some(Gate {
        vector,
        eip: handler.eip,
        symbol: symbols.describe(handler.eip),
        interrupt_gate: handler.is_interrupt_gate,
        dpl,
        direct: route == Route::Direct,
        why: match route {
            Route::Direct => "direct: a trap gate, no exit",
            Route::ClearsFlag => "by the Host: an interrupt gate clears the virtual flag",
            Route::HostFirst => "by the Host: it has to look first",
            Route::MayBeCall => "by the Host: it may be a hypercall",
            Route::VirtualLine => "by the Host: a virtual line",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_told_by_selector() {
        let all = segments(&Gdt::default());
        let code = all.iter().find(|segment| segment.selector == 0x61).unwrap();
        assert_eq!((code.base, code.limit, code.kind, code.switchers), (0, u32::MAX, "code", false));
        assert_eq!(code.to_string(), "0061  base 00000000  limit ffffffff  ring 1  32-bit code");
        assert!(all.iter().any(|segment| segment.switchers && segment.dpl == 0));
    }

    #[test]
    fn each_gate_says_whether_it_is_direct_and_why() {
        let mut idt = GuestIdt::default();
        for (vector, high) in [(0x80, 0xC010_EF00), (14, 0xC010_8E00), (3, 0xC010_EE00), (0x21, 0xC010_8E00)]
        {
            idt.load_entry(vector, 0x2000, high).unwrap();
        }
        let all = gates(&idt, None, &Symbols::new(b"c0102000 T handler\n"));
        let told: Vec<_> = all.iter().map(|gate| (gate.vector, gate.direct)).collect();
        assert_eq!(told, [(3, false), (14, false), (0x21, false), (0x80, true)]);
        assert_eq!(all[3].to_string(), "80  c0102000  ring 3  direct: a trap gate, no exit  handler+0x0");
        assert_eq!(gates(&idt, Some(14), &Symbols::default())[0].why, "by the Host: it has to look first");
        assert!(gates(&idt, Some(15), &Symbols::default()).is_empty());
    }
}
