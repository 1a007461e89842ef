//! A second opinion: what `iced-x86` makes of the same bytes.
//!
//! The unit tests and the fuzz target ask it alike, which is why it takes the
//! decoder's types from whatever module it stands in.
//!
//! Next on the tour: [`crate::shared`].

use iced_x86::{Code, Decoder, DecoderOptions};

use super::{Instruction, Operation, Port, Register, Width};

/// What the decoder should say about `code`.
pub fn verdict(code: &[u8]) -> Option<Instruction> {
    let instruction = Decoder::new(32, code, DecoderOptions::NONE).decode();
    let by_byte = Port::Immediate(instruction.immediate8());
    let operation = match instruction.code() {
        Code::Cli => Operation::Cli,
        Code::In_AL_imm8 => Operation::In { port: by_byte, width: Width::Byte },
        Code::In_AX_imm8 => Operation::In { port: by_byte, width: Width::Word },
        Code::In_EAX_imm8 => Operation::In { port: by_byte, width: Width::Dword },
        Code::In_AL_DX => Operation::In { port: Port::Dx, width: Width::Byte },
        Code::In_AX_DX => Operation::In { port: Port::Dx, width: Width::Word },
        Code::In_EAX_DX => Operation::In { port: Port::Dx, width: Width::Dword },
        Code::Out_imm8_AL => Operation::Out { port: by_byte, width: Width::Byte },
        Code::Out_imm8_AX => Operation::Out { port: by_byte, width: Width::Word },
        Code::Out_imm8_EAX => Operation::Out { port: by_byte, width: Width::Dword },
        Code::Out_DX_AL => Operation::Out { port: Port::Dx, width: Width::Byte },
        Code::Out_DX_AX => Operation::Out { port: Port::Dx, width: Width::Word },
        Code::Out_DX_EAX => Operation::Out { port: Port::Dx, width: Width::Dword },
        Code::Mov_r32_cr if instruction.op1_register() == iced_x86::Register::CR4 => {
            Operation::ReadCr4 { into: register(instruction.op0_register()) }
        }
        _ => return None,
    };
    Some(Instruction { operation, len: instruction.len() })
}

fn register(theirs: iced_x86::Register) -> Register {
    match theirs {
        iced_x86::Register::EAX => Register::Eax,
        iced_x86::Register::ECX => Register::Ecx,
        iced_x86::Register::EDX => Register::Edx,
        iced_x86::Register::EBX => Register::Ebx,
        iced_x86::Register::ESP => Register::Esp,
        iced_x86::Register::EBP => Register::Ebp,
        iced_x86::Register::ESI => Register::Esi,
        iced_x86::Register::EDI => Register::Edi,
        other => unreachable!("{other:?} is no 32-bit general register"),
    }
}
