//! The instruction decoder and an independent one agree on whatever bytes a Guest executes.
#![no_main]

#[path = "../../kernel/src/decode/oracle.rs"]
mod oracle;

use kernel::decode::{Address, Arithmetic, Instruction, Operation, Part, Port, Reckoning, Register, Source, decode};
use abi::Width;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|code: &[u8]| {
    assert_eq!(decode(code.iter().copied()), oracle::verdict(code));
});
