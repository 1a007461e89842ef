//! Where a Guest is: its registers.
//!
//! Next on the tour: [`super::backtrace`].

use abi::GuestMemory;
use monitor::registers::Registers;
use monitor::symbols::Symbols;
use switcher::GuestRegs;

use crate::guest::Guest;

/// The registers of `guest`.
pub fn registers<M: GuestMemory>(guest: &Guest<M>, symbols: &Symbols<'_>) -> Registers {
    let GuestRegs { eax, ebx, ecx, edx, esi, edi, ebp, esp, eip, eflags, .. } = guest.regs;
    let GuestRegs { cs, ss, ds, es, fs, gs, .. } = guest.regs;
    // The CPU leaves the upper half of a pushed selector as it was.
    let [cs, ss, ds, es, fs, gs] = [cs, ss, ds, es, fs, gs].map(|selector| selector as u16);
    let shared = guest.shared.as_ref();
    Registers {
        eax,
        ebx,
        ecx,
        edx,
        esi,
        edi,
        ebp,
        esp,
        eip,
        eflags,
        cs,
        ss,
        ds,
        es,
        fs,
        gs,
        cr3: guest.shadow.space().top.map(|top| top.0),
        ts: guest.task_switched,
        interrupts: shared.and_then(|shared| shared.interrupts_on(&guest.memory).ok()),
        pending: guest.interrupts.pending(),
        halted: guest.before_entry.is_halted(),
        symbol: symbols.describe(eip),
    }
}

/// A register by its name.
pub fn register(name: &str, regs: &GuestRegs) -> Option<u32> {
    Some(match name {
        "eax" => regs.eax,
        "ebx" => regs.ebx,
        "ecx" => regs.ecx,
        "edx" => regs.edx,
        "esi" => regs.esi,
        "edi" => regs.edi,
        "ebp" => regs.ebp,
        "esp" => regs.esp,
        "eip" => regs.eip,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ScriptedCpu, running_guest};

    #[test]
    fn registers_are_told_with_what_stands_in_for_others() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        (guest.regs.ecx, guest.regs.cs, guest.regs.eip) = (0xCAFE_F00D, 0xFFFF_0061, 0xC010_0004);
        guest.interrupts.raise(3);
        let regs = registers(&guest, &Symbols::new(b"c0100000 T start\n"));
        assert_eq!((regs.ecx, regs.cs, regs.pending, regs.interrupts), (0xCAFE_F00D, 0x61, 8, Some(true)));
        let told = regs.to_string();
        assert!(told.contains("eip c0100004  ring 1  start+0x4\n"), "{told}");
        assert!(told.contains("no page tables yet  interrupts on, lines pending 0x8\n"), "{told}");
    }
}
