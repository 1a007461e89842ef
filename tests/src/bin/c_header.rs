//! Writes the ABI's constants into the header for Guests in C, `guest/c/kennel.h`.
//!
//! Next on the tour: `tests/src/c_header.rs`.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;

use emulated::c_header::{generated, path};

fn main() -> Result<(), Box<dyn Error>> {
    let header = generated().ok_or("the header lacks a mark")?;
    fs::write(path(), header)?;
    println!("{} is written", path().display());
    Ok(())
}
