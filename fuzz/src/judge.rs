//! What must hold each time a Guest is entered, whatever it did before.

use kernel::guest::segment::KERNEL_CS;
use switcher::descriptor::{FLAT_CODE_RING_0, FLAT_DATA_RING_0};
use switcher::pages::stub_gate;
use switcher::{HOST_DS, pages_address};

use crate::hardware::Hardware;
use crate::script::Entered;

/// EFLAGS no Guest has: IOPL, NT, RF, VM, VIF, VIP.
const NEVER: u32 = 3 << 12 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 20;
/// EFLAGS each has: IF, and the bit that is always one.
const ALWAYS: u32 = 1 << 9 | 1 << 1;
/// Vectors that always come to the Host: #DB, NMI, #NM, #DF, #GP, #PF, the reserved one, #MC, the call.
const HOSTS: [usize; 9] = [1, 2, 7, 8, 13, 14, 15, 18, 31];
const HYPERCALL: usize = 0x1F;
const SYSCALL: usize = 0x80;

/// Judges one entry.
pub fn entry(entered: &Entered, hardware: Hardware) {
    let regs = &entered.regs;
    assert!(regs.eflags & NEVER == 0 && regs.eflags & ALWAYS == ALWAYS, "EFLAGS {:#x}", regs.eflags);
    assert!(regs.cs & 3 != 0 && regs.ss & 3 != 0, "CS {:#x}, SS {:#x}", regs.cs, regs.ss);
    assert!(hardware.has_table(entered.root), "root {}", entered.root);
    assert_eq!(entered.switcher_stack, (HOST_DS.into(), pages_address(0) + 0x1000));
    assert!(entered.stack == (0, 0) || entered.stack.0 & 3 == 1, "stack {:x?}", entered.stack);
    for (index, &asked) in entered.gdt.iter().enumerate() {
        let is_sound = match index {
            10 => asked == FLAT_CODE_RING_0,
            11 => asked == FLAT_DATA_RING_0,
            0 | 16 | 31 => asked == 0,
            _ => asked == 0 || is_outer_segment(asked),
        };
        assert!(is_sound, "GDT entry {index} is {asked:#018x}");
    }
    for (vector, &gate) in entered.idt.iter().enumerate() {
        assert!(is_sound_gate(vector, gate), "gate {vector} is {gate:#018x}");
    }
}

/// Code or data, of ring 1, 2 or 3, accessed already, and not of 64 bits.
fn is_outer_segment(descriptor: u64) -> bool {
    let bit = |number: u32| descriptor >> number & 1 == 1;
    bit(44) && (bit(45) || bit(46)) && bit(40) && !bit(53)
}

/// To its own stub, open to no more than is the Guest's business; or a trap gate into ring 1.
fn is_sound_gate(vector: usize, gate: u64) -> bool {
    let dpl = (gate >> 45 & 3) as u8;
    let is_stub = gate == stub_gate(vector as u8, dpl);
    let may_be_open = vector < 32 || vector == SYSCALL;
    let lands_in_ring_1 = gate >> 16 & 0xFFFF == u64::from(KERNEL_CS) && gate >> 40 & 0x9F == 0x8F;
    match vector {
        HYPERCALL => is_stub && dpl == 1,
        _ if HOSTS.contains(&vector) => is_stub,
        _ if may_be_open => is_stub || lands_in_ring_1,
        _ => is_stub && dpl == 0,
    }
}
