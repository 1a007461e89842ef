//! A Guest without a Host: the bare machine, at ring 0.
//!
//! What does an operation cost where nobody stands in between? To measure
//! that with the same code, the kit can start as a Multiboot kernel and answer
//! its own hypercalls: `int 0x1f` leads to [`calls`], which does to the real
//! CPU what the Host would do to the virtual one. Nothing is virtual then but
//! the interrupt flag, which stays where the rest of the kit looks for it.
//!
//! ```text
//!   qemu -kernel image     entry -> descriptors -> machine -> set_up -> guest_main
//! ```
//!
//! An image uses this by naming `native_entry_physical` as its entry point to
//! the linker; in any other, the linker drops it.
//!
//! Invariants: ring 1's selectors serve at ring 0 too, so that the trap stubs
//! are the same: the descriptors in [`descriptors`] see to it.
//!
//! Next on the tour: [`entry`].

pub mod calls;
pub mod descriptors;
pub mod entry;
pub mod machine;
