//! The registers of FPU, MMX and SSE: all of them, at once.
//!
//! No code of a Guest computes with floats, so these registers hold whatever
//! was put there until somebody else does: what [`load`] put in, [`store`]
//! must find. The eight numbers of the FPU are MMX's eight registers too.
//!
//! Invariants: [`store`] leaves the registers as they were.
//!
//! Source: Intel SDM Vol. 1, 8.1.10 "Saving the x87 FPU's State with
//! FSTENV/FNSTENV and FSAVE/FNSAVE"; 10.2 "SSE Programming Environment".
//!
//! Next on the tour: [`crate::trespass`].

use core::arch::asm;
use core::arch::x86::__cpuid;

/// CPUID leaf 1, EDX: the CPU has FXSAVE and SSE.
const FXSR_AND_SSE: u32 = 1 << 24 | 1 << 25;

/// Dwords of what FNSAVE stores: seven of environment, twenty of numbers.
const IMAGE_LEN: usize = 27;
/// Where in it the numbers begin.
const NUMBERS: usize = 7;

/// Everything a program keeps in these registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
    /// The FPU's control word.
    pub control: u16,
    /// Which of its registers are in use, two bits each; 3 is empty.
    pub tags: u16,
    /// Its eight numbers, ten bytes each.
    pub numbers: [u32; IMAGE_LEN - NUMBERS],
    /// SSE's part, where there is SSE.
    pub vectors: Option<Vectors>,
}

/// The registers of SSE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Vectors {
    /// MXCSR.
    pub control: u32,
    /// XMM0 to XMM7.
    pub values: [[u32; 4]; 8],
}

impl Registers {
    /// What a Guest finds that has never used them.
    pub fn fresh() -> Self {
        let vectors = has_sse().then_some(Vectors { control: 0x1F80, values: [[0; 4]; 8] });
        Self { control: 0x037F, tags: 0xFFFF, numbers: [0; IMAGE_LEN - NUMBERS], vectors }
    }

    /// Numbers that are `seed`'s own, down to the rounding modes.
    pub fn of(seed: u32) -> Self {
        let word = |index: usize| seed.wrapping_mul(0x9E37_79B9).wrapping_add(index as u32 * 0x0101_0101);
        let rounding = seed % 4;
        let vectors = has_sse().then(|| Vectors {
            control: 0x1F80 | rounding << 13,
            values: core::array::from_fn(|register| core::array::from_fn(|part| !word(4 * register + part))),
        });
        let mut numbers: [u32; IMAGE_LEN - NUMBERS] = core::array::from_fn(word);
        as_mmx_leaves_them(&mut numbers);
        Self { control: 0x037F | (rounding as u16) << 10, tags: 0xAAAA, numbers, vectors }
    }
}

/// Gives each number an exponent of all ones, as a write to its MMX register does, so that its tag
/// is "special", whatever the mantissa.
fn as_mmx_leaves_them(numbers: &mut [u32]) {
    for half in (0..8).map(|register| register * 5 + 4) {
        numbers[half / 2] |= 0xFFFF << (half % 2 * 16);
    }
}

/// Whether there is SSE.
pub fn has_sse() -> bool {
    __cpuid(1).edx & FXSR_AND_SSE == FXSR_AND_SSE
}

/// Puts `registers` in.
pub fn load(registers: &Registers) {
    let mut image = [0u32; IMAGE_LEN];
    (image[0], image[2]) = (registers.control.into(), registers.tags.into());
    image[NUMBERS..].copy_from_slice(&registers.numbers);
    // SAFETY: no code of a Guest keeps anything in these registers, and the image is complete.
    unsafe { asm!("frstor [{}]", in(reg) &raw const image, options(nostack)) };
    if let Some(vectors) = &registers.vectors {
        // SAFETY: as before; there is SSE, and no reserved bit of MXCSR is set.
        unsafe {
            asm!(
                "ldmxcsr [{0}]",
                "movups xmm0, [{0} + 4]", "movups xmm1, [{0} + 20]",
                "movups xmm2, [{0} + 36]", "movups xmm3, [{0} + 52]",
                "movups xmm4, [{0} + 68]", "movups xmm5, [{0} + 84]",
                "movups xmm6, [{0} + 100]", "movups xmm7, [{0} + 116]",
                in(reg) vectors, options(nostack),
            );
        }
    }
}

/// What is in them.
pub fn store() -> Registers {
    let mut image = [0u32; IMAGE_LEN];
    // SAFETY: the image has room for all; saving empties the FPU, restoring fills it again.
    unsafe { asm!("fnsave [{0}]", "frstor [{0}]", in(reg) &raw mut image, options(nostack)) };
    let mut numbers = [0; IMAGE_LEN - NUMBERS];
    numbers.copy_from_slice(&image[NUMBERS..]);
    let vectors = has_sse().then(|| {
        let mut vectors = Vectors { control: 0, values: [[0; 4]; 8] };
        // SAFETY: there is SSE, and room for its registers.
        unsafe {
            asm!(
                "stmxcsr [{0}]",
                "movups [{0} + 4], xmm0", "movups [{0} + 20], xmm1",
                "movups [{0} + 36], xmm2", "movups [{0} + 52], xmm3",
                "movups [{0} + 68], xmm4", "movups [{0} + 84], xmm5",
                "movups [{0} + 100], xmm6", "movups [{0} + 116], xmm7",
                in(reg) &raw mut vectors, options(nostack),
            );
        }
        vectors
    });
    Registers { control: image[0] as u16, tags: image[2] as u16, numbers, vectors }
}
