//! Arithmetic the Host performs in a Guest's place, against the CPU the tests run on.

use abi::Width;
use kernel::decode::{Arithmetic, Part, Reckoning, Register, Source};
use proptest::prelude::*;
use proptest::sample::select;
use switcher::GuestRegs;

/// The flags that arithmetic sets: CF, PF, ZF, SF and OF.
const STATUS: u32 = 0x8C5;
/// And AF, which logic leaves as it likes.
const AF: u32 = 1 << 4;

/// What this CPU makes of EAX, or a part of it, and ECX.
macro_rules! by_cpu {
    ($($instruction:literal)*, $operands:expr, $eflags:expr) => {{
        let [first, second]: [u32; 2] = $operands;
        let (result, flags): (u32, u32);
        // SAFETY: only the registers named change; of the flags only the carry is put in.
        unsafe {
            core::arch::asm!(
                "bt edx, 0", concat!($($instruction),*), "pushfd", "pop edx",
                inout("eax") first => result, in("ecx") second, inout("edx") $eflags => flags,
            );
        }
        (result, flags)
    }};
}

/// EAX and the flags behind an instruction, for each instruction by its name.
macro_rules! on_cpu {
    ($how:expr, $width:expr, $operands:expr, $eflags:expr, $($name:ident $text:literal),*) => {
        match ($how, $width) {$(
            (Arithmetic::$name, Width::Byte) => by_cpu!($text " al, cl", $operands, $eflags),
            (Arithmetic::$name, Width::Word) => by_cpu!($text " ax, cx", $operands, $eflags),
            (Arithmetic::$name, Width::Dword) => by_cpu!($text " eax, ecx", $operands, $eflags),
        )*}
    };
}

const ALL: [Arithmetic; 8] = {
    use Arithmetic::{Adc, Add, And, Cmp, Or, Sbb, Sub, Xor};
    [Add, Or, Adc, Sbb, And, Sub, Xor, Cmp]
};

fn likely() -> impl Strategy<Value = u32> {
    let edges = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, u32::MAX];
    prop_oneof![select(edges.to_vec()), any::<u32>()]
}

fn cases() -> impl Iterator<Item = (Arithmetic, Width)> {
    ALL.into_iter().flat_map(|how| Width::ALL.map(|width| (how, width)))
}

proptest! {
    #[test]
    fn results_and_flags_are_the_cpu_s(first in likely(), second in likely(), eflags: u32) {
        for (how, width) in cases() {
            let (eax, flags) = on_cpu!(how, width, [first, second], eflags,
                Add "add", Or "or", Adc "adc", Sbb "sbb", And "and", Sub "sub", Xor "xor", Cmp "cmp");
            let mut regs = GuestRegs { eax: first, eflags, ..GuestRegs::ZERO };
            let value = Part { register: Register::Eax, width, is_high: false };
            let into = (how != Arithmetic::Cmp).then_some(value);
            let reckoning = Reckoning { how, value: Source::Part(value), is_read_first: false, into };
            reckoning.finish(&mut regs, second, width);
            let is_logic = matches!(how, Arithmetic::Or | Arithmetic::And | Arithmetic::Xor);
            let known = if is_logic { STATUS } else { STATUS | AF };
            prop_assert_eq!((regs.eax, regs.eflags & known), (eax, flags & known), "{:?} {:?}", how, width);
        }
    }
}
