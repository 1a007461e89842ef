//! What random Guests are made of: dice, numbers, instructions.
//!
//! A random Guest plays steps that nobody has thought of. All of them come from one seed, so the same
//! seed plays the same steps again, on any machine. Numbers are not evenly spread: a page table, a
//! limit or a selector of ring 0 is worth more tries than any of four billion others.
//!
//! ```text
//!   seed -> Dice -> Places::number            addresses, limits, small numbers, junk
//!               '-> instruction::write        bytes, nearly all of which are instructions
//! ```
//!
//! Invariants: `the_same_seed_throws_the_same_dice`, `what_is_written_fits`.
//!
//! Next on the tour: [`dice`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod dice;
pub mod instruction;
pub mod places;

pub use dice::Dice;
pub use instruction::Code;
pub use places::Places;
