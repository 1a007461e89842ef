//! The names of the test Guests, for whoever boots them.
#![cfg_attr(not(test), no_std)]
