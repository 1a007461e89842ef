//! A hypercall before it is parsed: a number and four arguments.
//!
//! Source: lguest ABI, section "Hypercalls".
//!
//! Next on the tour: [`super::ring`].

use abi::Variant;

/// A call as registers or ring hold it: EAX, EBX, ECX, EDX, ESI.
pub type Words = [u32; 5];

/// A call with its arguments in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Which one.
    pub number: u32,
    /// As many as the call has, and whatever was in the other registers.
    pub arguments: [u32; 4],
}

impl Call {
    /// What `words` mean in the years of `variant`: at first the arguments were elsewhere, and none
    /// had a fourth.
    #[inline]
    pub fn new(variant: Variant, [number, ebx, ecx, edx, esi]: Words) -> Self {
        let arguments = match variant {
            Variant::AEdx => [edx, ebx, ecx, 0],
            Variant::AEbx => [ebx, ecx, edx, 0],
            Variant::B | Variant::C | Variant::D => [ebx, ecx, edx, esi],
        };
        Self { number, arguments }
    }
}

/// By which instruction a call was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instruction {
    /// `int 0x1f`.
    Int,
    /// `vmcall`.
    Vmcall,
}
