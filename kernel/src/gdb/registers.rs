//! An i386's registers in GDB's order.
//!
//! Of FPU and SSE registers the Host keeps what a Guest had in them elsewhere;
//! GDB is told that they are not available.
//!
//! Source: GDB's `features/i386/32bit-core.xml`.
//!
//! Next on the tour: `answer.rs`.

use alloc::vec::Vec;

use switcher::GuestRegs;

/// General registers, EIP, EFLAGS and segments.
const WORDS: usize = 16;
/// Bytes of the FPU and SSE registers behind them.
const OTHERS: usize = 8 * 10 + 8 * 4 + 8 * 16 + 4;

/// What kind of machine it is; all else follows from that.
pub const DESCRIPTION: &[u8] = br#"<target version="1.0"><architecture>i386</architecture></target>"#;

/// All registers, in hex; `x` for what is not available.
pub fn tell(regs: &GuestRegs) -> Vec<u8> {
    // The CPU stores selectors in half a word and leaves the other half as it was.
    let [cs, ss, ds, es, fs, gs] =
        [regs.cs, regs.ss, regs.ds, regs.es, regs.fs, regs.gs].map(|selector| selector & 0xFFFF);
    let words: [u32; WORDS] = [
        regs.eax,
        regs.ecx,
        regs.edx,
        regs.ebx,
        regs.esp,
        regs.ebp,
        regs.esi,
        regs.edi,
        regs.eip,
        regs.eflags,
        cs,
        ss,
        ds,
        es,
        fs,
        gs,
    ];
    let mut told = super::request::to_hex(words.map(u32::to_le_bytes).as_flattened());
    told.resize(told.len() + 2 * OTHERS, b'x');
    told
}

/// Makes `bytes` a Guest's registers; false if they are too few. Whether it can be entered with them
/// is looked at when it is.
pub fn give(bytes: &[u8], regs: &mut GuestRegs) -> bool {
    let (words, _) = bytes.as_chunks::<4>();
    let Some((words, _)) = words.split_first_chunk::<WORDS>() else { return false };
    [
        regs.eax,
        regs.ecx,
        regs.edx,
        regs.ebx,
        regs.esp,
        regs.ebp,
        regs.esi,
        regs.edi,
        regs.eip,
        regs.eflags,
        regs.cs,
        regs.ss,
        regs.ds,
        regs.es,
        regs.fs,
        regs.gs,
    ] = words.map(u32::from_le_bytes);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gdb::request::from_hex;

    #[test]
    fn registers_go_out_and_come_back_in_gdbs_order() {
        let regs = GuestRegs { eax: 1, ecx: 2, eip: 0x1234_5678, cs: 0xFFFF_0061, gs: 7, ..GuestRegs::ZERO };
        let told = tell(&regs);
        assert_eq!(told.len(), 2 * 0x134);
        assert_eq!((&told[0x40..0x48], &told[0x80..0x82]), (&b"78563412"[..], &b"xx"[..]));
        let mut back = GuestRegs::ZERO;
        let known = from_hex(&told[..0x80]).unwrap();
        assert!(give(&known, &mut back) && !give(&known[..63], &mut back));
        assert_eq!(back, GuestRegs { cs: 0x61, ..regs });
    }
}
