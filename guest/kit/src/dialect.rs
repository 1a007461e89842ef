//! Which year's treaty this Guest speaks.
//!
//! One image serves all years. The command line says which one it shall be, in
//! the words of [`Variant::word`], with what else differed behind commas; who
//! says nothing speaks layout C.
//!
//! ```text
//!   -- speak=3.0,vmcall      2.6.31 to 2.6.33: every hypercall is a `vmcall`
//!   -- speak=3.0,one-vmcall  2.6.34 to 3.0: SEND_INTERRUPTS alone still is
//!   -- speak=3.19,pae        page tables of three levels
//!   -- speak=4.13,trap-gate  4.0 to 4.5: system calls by a gate the CPU enters itself
//! ```
//!
//! INIT already depends on it, and until the tables that INIT leads to there
//! is no Rust: constants have high addresses. So the entry code reads the
//! words itself, against a table made here (`read_dialect`).
//!
//! Invariants:
//! - Each variant has a word here, the treaty's own (`every_variant_can_be_asked_for`).
//! - Who speaks as most do pays one test of one byte for the rest
//!   ([`Dialect::is_plain`]).
//!
//! Source: lguest ABI, "The version matrix in one table".
//!
//! Next on the tour: [`crate::shared`].

use core::sync::atomic::{AtomicU32, Ordering};

use abi::Variant;

/// Longest word, in bytes.
const WORD_MAX: usize = 12;

/// What this Guest speaks, as bits that the entry code can test, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialect(pub(crate) u32);

/// What the entry code found; in .data, which nobody clears.
pub(crate) static DIALECT: AtomicU32 = AtomicU32::new(Dialect::DEFAULT.0);

impl Dialect {
    /// The variant's place in [`Variant::ALL`].
    pub(crate) const VARIANT: u32 = 7;
    /// Registers, ring or tables are not those of most: there is a slower way for it.
    pub(crate) const ODD: u32 = 1 << 3;
    /// The first argument is in EDX.
    pub(crate) const EDX_FIRST: u32 = 1 << 4;
    /// It starts on tables the Host made.
    pub(crate) const BOOT_TABLES: u32 = 1 << 5;
    /// Every call is a `vmcall`.
    pub(crate) const VMCALL: u32 = 1 << 6;
    /// SEND_INTERRUPTS is a `vmcall`.
    const ONE_VMCALL: u32 = 1 << 7;
    /// Page tables are PAE's.
    pub(crate) const PAE: u32 = 1 << 8;
    /// System calls have a trap gate where an interrupt gate would be the rule.
    const TRAP_GATE: u32 = 1 << 9;

    /// What a Guest speaks that was not told.
    pub(crate) const DEFAULT: Self = Self::of(Variant::C);

    /// The variant without any extras.
    const fn of(variant: Variant) -> Self {
        let others = match variant {
            Variant::AEdx => Self::EDX_FIRST | Self::BOOT_TABLES | Self::ODD,
            Variant::AEbx => Self::BOOT_TABLES | Self::VMCALL | Self::ODD,
            Variant::B => Self::BOOT_TABLES,
            Variant::C | Variant::D => 0,
        };
        Self(variant as u32 | others)
    }

    /// What this Guest speaks.
    #[inline(always)]
    pub fn current() -> Self {
        Self(DIALECT.load(Ordering::Relaxed))
    }

    /// Whether calls are made and queued as most years do: `int 0x1f`, EBX first, records of 20
    /// bytes, and page-table entries of one dword.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        self.0 & Self::ODD == 0
    }

    /// Its variant.
    pub fn variant(self) -> Variant {
        Variant::ALL[(self.0 & Self::VARIANT) as usize]
    }

    /// Whether its page tables are PAE's.
    pub const fn has_pae(self) -> bool {
        self.0 & Self::PAE != 0
    }

    /// Whether all its hypercalls are `vmcall`.
    pub const fn calls_by_vmcall(self) -> bool {
        self.0 & Self::VMCALL != 0
    }

    /// Whether its SEND_INTERRUPTS is a `vmcall`.
    pub const fn sends_by_vmcall(self) -> bool {
        self.0 & (Self::VMCALL | Self::ONE_VMCALL) != 0
    }

    /// Whether its gate for system calls is an interrupt gate, as since 4.6.
    pub fn has_interrupt_gate(self) -> bool {
        self.variant() == Variant::D && self.0 & Self::TRAP_GATE == 0
    }
}

const _: () = {
    let mut place = 0;
    while place < Variant::ALL.len() {
        assert!(Variant::ALL[place] as usize == place, "the place is the number");
        place += 1;
    }
};

/// A word and what it does to the bits.
#[repr(C)]
pub(crate) struct Word {
    /// Bytes of `text`.
    pub(crate) len: u32,
    /// The word itself.
    pub(crate) text: [u8; WORD_MAX],
    /// Bits that stay as they were.
    pub(crate) keep: u32,
    /// Bits it sets.
    pub(crate) set: u32,
}

/// The words behind `speak=`. A variant's replaces what came before it, the others add to it.
pub(crate) static WORDS: [Word; 9] = [
    Word::variant(Variant::AEdx),
    Word::variant(Variant::AEbx),
    Word::variant(Variant::B),
    Word::variant(Variant::C),
    Word::variant(Variant::D),
    Word::extra("vmcall", Dialect::VMCALL | Dialect::ODD),
    Word::extra("one-vmcall", Dialect::ONE_VMCALL),
    Word::extra("pae", Dialect::PAE | Dialect::ODD),
    Word::extra("trap-gate", Dialect::TRAP_GATE),
];

impl Word {
    const fn variant(variant: Variant) -> Self {
        Self::new(variant.word(), 0, Dialect::of(variant).0)
    }

    const fn extra(word: &str, set: u32) -> Self {
        Self::new(word, !0, set)
    }

    const fn new(word: &str, keep: u32, set: u32) -> Self {
        let mut text = [0; WORD_MAX];
        let (start, _) = text.split_at_mut(word.len());
        start.copy_from_slice(word.as_bytes());
        Self { len: word.len() as u32, text, keep, set }
    }
}

/// Reads the command line at physical addresses, without a stack: the dialect goes to EBX and to
/// [`DIALECT`]. EAX, ECX, EDX, ESI, EDI and EBP are used up. A word that is none ends in `ud2`.
#[cfg(not(test))]
macro_rules! read_dialect {
    () => {
        "mov ebx, {DEFAULT}
         mov esi, ds:[{CMD_LINE_PTR}]
     2:  cmp byte ptr [esi], 0
         je 7f
         inc esi
         cmp dword ptr [esi - 1], 0x61657073 // spea
         jne 2b
         cmp word ptr [esi + 3], 0x3d6b // k=
         jne 2b
         add esi, 4
     3:  inc esi // behind the equals sign, or a comma
         mov edx, esi
         mov ebp, offset {WORDS} - {PAGE_OFFSET}
     4:  mov esi, edx
         lea edi, [ebp + {TEXT}]
         mov ecx, [ebp + {LEN}]
         repe cmpsb
         jne 5f
         cmp byte ptr [esi], 0x2c // a comma; NUL and the blank are less, all of a word is more
         jbe 6f
     5:  add ebp, {WORD}
         cmp ebp, offset {WORDS} - {PAGE_OFFSET} + {WORDS_LEN}
         jb 4b
         ud2
     6:  and ebx, [ebp + {KEEP}]
         or ebx, [ebp + {SET}]
         cmp byte ptr [esi], 0x2c
         je 3b
     7:  mov [{DIALECT} - {PAGE_OFFSET}], ebx"
    };
}
#[cfg(not(test))]
pub(crate) use read_dialect;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_can_be_asked_for() {
        for variant in Variant::ALL {
            let asks = |word: &&Word| word.text[..word.len as usize] == *variant.word().as_bytes();
            let word = WORDS.iter().find(asks).expect("it has a word");
            assert_eq!((word.keep, Dialect(word.set).variant()), (0, variant));
        }
    }

    #[test]
    fn only_those_who_call_like_most_are_plain() {
        let plain = Variant::ALL.map(|variant| Dialect::of(variant).is_plain());
        assert_eq!(plain, [false, false, true, true, true]);
    }

    #[test]
    fn a_comma_ends_every_word_and_is_part_of_none() {
        for word in &WORDS {
            assert!(word.text[..word.len as usize].iter().all(|&byte| byte > b','));
        }
    }

    #[test]
    fn the_interrupt_gate_came_with_the_last() {
        let has = Variant::ALL.map(|variant| Dialect::of(variant).has_interrupt_gate());
        assert_eq!(has, [false, false, false, false, true]);
        assert!(!Dialect(Dialect::of(Variant::D).0 | Dialect::TRAP_GATE).has_interrupt_gate());
    }
}
