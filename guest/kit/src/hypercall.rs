//! The calls to the Host.
//!
//! A [`Call`] is a value: a number and its arguments. It can be made at once
//! by `int 0x1f`, or put aside by [`crate::lazy`] and made in company. The
//! constructors name what the arguments mean; they do not judge, for what is
//! right to ask is the Host's to decide. Which register holds which argument,
//! and by which instruction the call is made, is for the [`Dialect`] to say.
//!
//! Nothing is returned and no register changes, so a call costs its Guest what
//! the exit costs and nothing more.
//!
//! Source: lguest ABI, "Hypercalls".
//!
//! Next on the tour: [`crate::lazy`].

use core::arch::{asm, naked_asm};

use abi::hypercall as number;
use abi::{GuestLinear, GuestPhys, Nanos, Variant};

use crate::dialect::{self, Dialect};
use crate::gate::Gate;
use crate::page_table::Entry;
use crate::segment_descriptor::SegmentDescriptor;

/// A call to the Host, not yet made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its number, `abi::hypercall::LHCALL_*`.
    pub(crate) number: u32,
    /// Its arguments. With PAE, SET_PTE has a fourth, which for memory below 4 GiB is 0.
    pub(crate) arguments: [u32; 3],
}

impl Call {
    const fn new(number: u32, arguments: [u32; 3]) -> Self {
        Self { number, arguments }
    }

    /// Empties the ring of queued calls.
    pub const FLUSH_ASYNC: Self = Self::new(number::LHCALL_FLUSH_ASYNC, [0; 3]);
    /// Forgets the user half of the current address space.
    pub const FLUSH_USER: Self = Self::new(number::LHCALL_FLUSH_TLB, [0; 3]);
    /// Forgets everything in every address space.
    pub const FLUSH_ALL: Self = Self::new(number::LHCALL_FLUSH_TLB, [1, 0, 0]);
    /// Sleeps until an interrupt; the virtual interrupt flag is set on return.
    pub const HALT: Self = Self::new(number::LHCALL_HALT, [0; 3]);
    /// Lets a pending interrupt in.
    pub const SEND_INTERRUPTS: Self = Self::new(number::LHCALL_SEND_INTERRUPTS, [0; 3]);

    /// Makes any call whatever; for [`crate::trespass`], and the lessons it teaches.
    pub(crate) const fn raw(number: u32, arguments: [u32; 3]) -> Self {
        Self::new(number, arguments)
    }

    /// Switches to the page directory `root`, which had better map this code.
    pub(crate) const fn new_pgtable(root: GuestPhys) -> Self {
        Self::new(number::LHCALL_NEW_PGTABLE, [root.0, 0, 0])
    }

    /// Says that `entry` now translates `at` in the tables of `root`.
    pub const fn set_pte(root: GuestPhys, at: GuestLinear, entry: Entry) -> Self {
        Self::new(number::LHCALL_SET_PTE, [root.0, at.0, entry.0])
    }

    /// Says that entry `index` of the middle directory `middle` has changed, which PAE has.
    pub const fn set_pmd(middle: GuestPhys, index: u32) -> Self {
        Self::new(number::LHCALL_SET_PMD, [middle.0, index, 0])
    }

    /// Says that entry `index` of the top level `root` has changed.
    pub const fn set_pgd(root: GuestPhys, index: u32) -> Self {
        Self::new(number::LHCALL_SET_PGD, [root.0, index, 0])
    }

    /// Has `vector` go through `gate`.
    pub const fn load_idt_entry(vector: u8, gate: Gate) -> Self {
        Self::new(number::LHCALL_LOAD_IDT_ENTRY, [vector as u32, gate.low, gate.high])
    }

    /// Loads the `entries` descriptors at `table`; only Guests up to 2.6.29 do it so.
    pub const fn load_gdt(table: GuestPhys, entries: u32) -> Self {
        Self::new(number::LHCALL_LOAD_GDT, [table.0, entries, 0])
    }

    /// Puts `segment` into slot `index` of the GDT.
    pub const fn load_gdt_entry(index: u32, segment: SegmentDescriptor) -> Self {
        Self::new(number::LHCALL_LOAD_GDT_ENTRY, [index, segment.low, segment.high])
    }

    /// Replaces the three descriptors of thread-local storage by those at `table`.
    pub const fn load_tls(table: GuestPhys) -> Self {
        Self::new(number::LHCALL_LOAD_TLS, [table.0, 0, 0])
    }

    /// Sets the stack for entries from ring 3: `pages` below `top`.
    pub const fn set_stack(selector: u16, top: GuestLinear, pages: u32) -> Self {
        Self::new(number::LHCALL_SET_STACK, [selector as u32, top.0, pages])
    }

    /// Sets or clears the virtual CR0.TS.
    pub const fn ts(set: bool) -> Self {
        Self::new(number::LHCALL_TS, [(set as u32) << 3, 0, 0])
    }

    /// Asks for one timer interrupt after `delay`, in place of any asked for before; zero cancels.
    /// A delay beyond the 4.29 s that fit is cut to that.
    pub const fn set_clockevent(delay: Nanos) -> Self {
        let nanos = if delay.0 > u32::MAX as u64 { u32::MAX } else { delay.0 as u32 };
        Self::new(number::LHCALL_SET_CLOCKEVENT, [nanos, 0, 0])
    }

    /// Points the Launcher at `at`: a device, a queue, or text.
    pub const fn notify(at: GuestPhys) -> Self {
        Self::new(number::LHCALL_NOTIFY, [at.0, 0, 0])
    }

    /// Ends the Guest with the words at `text`; `how` is `abi::hypercall::SHUTDOWN_*`.
    pub const fn shutdown(text: GuestPhys, how: u32) -> Self {
        Self::new(number::LHCALL_SHUTDOWN, [text.0, how, 0])
    }

    /// Its arguments in the order EBX, ECX, EDX, which is the ring's too.
    pub(crate) fn in_registers(self, dialect: Dialect) -> [u32; 3] {
        let [a, b, c] = self.arguments;
        match dialect.variant() {
            Variant::AEdx => [b, c, a],
            Variant::AEbx | Variant::B | Variant::C | Variant::D => [a, b, c],
        }
    }

    /// Makes the call now. What differs in the odd dialects is done out of line, so that the others
    /// pay for a test and a branch not taken.
    #[inline(always)]
    pub fn make(self) {
        let [a, b, c] = self.arguments;
        // SAFETY: the Host preserves every register; what a call may do to memory (page tables) is
        // the business of the modules that prepare such calls. An interrupt that is delivered
        // on the way out runs a handler, so memory is not promised to stay as it was.
        unsafe {
            asm!(
                "test byte ptr [{DIALECT}], {ODD}",
                "jnz 2f",
                "int {VECTOR}",
                "3:",
                ".pushsection .text.odd_call, \"ax\"",
                "2: call {ODD_CALL}",
                "jmp 3b",
                ".popsection",
                ODD_CALL = sym odd_call,
                DIALECT = sym dialect::DIALECT,
                ODD = const Dialect::ODD,
                VECTOR = const number::HYPERCALL_VECTOR,
                in("eax") self.number, in("ebx") a, in("ecx") b, in("edx") c,
            );
        }
    }

    /// Makes a call without arguments by `vmcall`.
    pub(crate) fn make_by_vmcall(self) {
        // SAFETY: as for `make`.
        unsafe { asm!("vmcall", in("eax") self.number) };
    }
}

/// Makes a call whose first arguments are in EBX, ECX and EDX as the dialect has it, and leaves all
/// registers as they were. ESI is the high dword of a PAE entry: below 4 GiB, where a Guest is.
#[unsafe(naked)]
extern "C" fn odd_call() {
    naked_asm!(
        "push esi",
        "xor esi, esi",
        "test dword ptr [{DIALECT}], {VMCALL}",
        "jnz 3f",
        "test dword ptr [{DIALECT}], {EDX_FIRST}",
        "jnz 2f",
        "int {VECTOR}",
        "pop esi",
        "ret",
        "2: xchg ebx, edx", // c b a
        "xchg ebx, ecx",    // b c a, as EBX, ECX and EDX go
        "int {VECTOR}",
        "xchg ebx, ecx",
        "xchg ebx, edx",
        "pop esi",
        "ret",
        "3: vmcall",
        "pop esi",
        "ret",
        DIALECT = sym dialect::DIALECT,
        VMCALL = const Dialect::VMCALL,
        EDX_FIRST = const Dialect::EDX_FIRST,
        VECTOR = const number::HYPERCALL_VECTOR,
    )
}

/// Sleeps until an interrupt that is not blocked; it has been handled on return.
pub fn halt() {
    Call::HALT.make();
}
