//! Why a turn ends: what the Launcher has to know or do before the Guest goes on.
//!
//! Next on the tour: [`super::fpu`].

use abi::{GuestPhys, Place, Width};

/// Why a turn ends: [`abi::Stop`] in a few words, for it is looked at after each exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// A device was kicked.
    Notify(GuestPhys),
    /// It reads what the Launcher answers for.
    Read {
        /// From where.
        from: Place,
        /// How much.
        width: Width,
    },
    /// It has written to what the Launcher keeps.
    Write {
        /// Where.
        to: Place,
        /// How much.
        width: Width,
        /// What.
        value: u32,
    },
    /// There is nothing to do before an interrupt.
    Halted,
    /// The Host wants the CPU.
    Preempted,
    /// The Guest wants to end, with last words at this address.
    Shutdown {
        /// Where they are.
        text: GuestPhys,
        /// And start again.
        restart: bool,
    },
}
