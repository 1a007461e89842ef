//! How many devices a Guest may have.
//!
//! Next on the tour: `config/error.rs`.

/// Most disks a Guest may have: interrupt lines are few.
pub const DISKS_MAX: usize = 8;
/// Most cards of a Guest: it has 32 interrupt lines, and each takes two.
pub const CARDS_MAX: usize = 4;
