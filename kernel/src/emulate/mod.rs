//! Instructions performed for a Guest: those that reach for ports, debug registers and devices.
//!
//! A Guest at ring 1 may not touch ports, and devices' registers are not
//! mapped; both fault. Here the instruction is read and performed, or handed
//! to the Launcher, or left to the Guest whose fault it is.
//!
//! Next on the tour: [`access`].

pub mod access;
pub mod io;
pub mod mmio;
