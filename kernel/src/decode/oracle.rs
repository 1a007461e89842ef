//! A second opinion: what `iced-x86` makes of the same bytes.
//!
//! The unit tests and the fuzz target ask it alike, which is why it takes the
//! decoder's types from whatever module it stands in.
//!
//! Next on the tour: [`crate::guest::shared`].

use iced_x86::{Code, Decoder, DecoderOptions, OpKind, Register as Theirs};

use super::{Address, Arithmetic, Instruction, Operation, Part, Port, Reckoning, Register, Source, Width};

/// The general registers, in both libraries' order.
const GENERAL: [Register; 8] = {
    use Register::{Eax, Ebp, Ebx, Ecx, Edi, Edx, Esi, Esp};
    [Eax, Ecx, Edx, Ebx, Esp, Ebp, Esi, Edi]
};

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
        Code::Mov_r32_cr if instruction.op1_register() == Theirs::CR0 => {
            Operation::ReadCr0 { into: register(instruction.op0_register()) }
        }
        Code::Mov_r32_cr if instruction.op1_register() == Theirs::CR4 => {
            Operation::ReadCr4 { into: register(instruction.op0_register()) }
        }
        Code::Mov_r32_dr => {
            let number = instruction.op1_register() as usize - Theirs::DR0 as usize;
            Operation::ReadDebug { number: number as u8, into: register(instruction.op0_register()) }
        }
        Code::Mov_dr_r32 => {
            let number = instruction.op0_register() as usize - Theirs::DR0 as usize;
            Operation::WriteDebug { number: number as u8, from: register(instruction.op1_register()) }
        }
        _ => return move_with_memory(&instruction).or_else(|| reckoning(&instruction)),
    };
    Some(Instruction { operation, len: instruction.len() })
}

/// Arithmetic that reads memory and does not write it, in 32 bits of address.
fn reckoning(instruction: &iced_x86::Instruction) -> Option<Instruction> {
    use iced_x86::{MemorySize, Mnemonic};
    let from = address(instruction)?;
    let is_read_first = instruction.op0_kind() == OpKind::Memory;
    let (how, only_looks) = match instruction.mnemonic() {
        Mnemonic::Add => (Arithmetic::Add, false),
        Mnemonic::Or => (Arithmetic::Or, false),
        Mnemonic::Adc => (Arithmetic::Adc, false),
        Mnemonic::Sbb => (Arithmetic::Sbb, false),
        Mnemonic::And => (Arithmetic::And, false),
        Mnemonic::Sub => (Arithmetic::Sub, false),
        Mnemonic::Xor => (Arithmetic::Xor, false),
        Mnemonic::Cmp => (Arithmetic::Cmp, true),
        Mnemonic::Test => (Arithmetic::And, true),
        _ => return None,
    };
    if is_read_first && !only_looks {
        return None;
    }
    let width = match instruction.memory_size() {
        MemorySize::UInt8 | MemorySize::Int8 => Width::Byte,
        MemorySize::UInt16 | MemorySize::Int16 => Width::Word,
        _ => Width::Dword,
    };
    let other = [instruction.op1_kind(), instruction.op0_kind()][usize::from(!is_read_first)];
    let value = match other {
        OpKind::Register if is_read_first => Source::Part(part(instruction.op1_register())),
        OpKind::Register => Source::Part(part(instruction.op0_register())),
        _ => Source::Immediate(instruction.immediate(1) as u32 & width.mask()),
    };
    let into = (!only_looks).then(|| part(instruction.op0_register()));
    let operation = Operation::Reckon { from, width, with: Reckoning { how, value, is_read_first, into } };
    Some(Instruction { operation, len: instruction.len() })
}

/// A move that has memory on one side, in 32 bits of address.
fn move_with_memory(instruction: &iced_x86::Instruction) -> Option<Instruction> {
    use Width::{Byte, Dword, Word};
    let from = || address(instruction);
    let load = |width, is_signed| {
        let into = part(instruction.op0_register());
        Some(Operation::Load { from: from()?, width, into, is_signed })
    };
    let store = |width, value| Some(Operation::Store { to: from()?, width, value });
    let put = |width| store(width, Source::Part(part(instruction.op1_register())));
    let number =
        |width: Width| store(width, Source::Immediate(instruction.immediate(1) as u32 & width.mask()));
    let operation = match instruction.code() {
        Code::Mov_rm8_r8 | Code::Mov_moffs8_AL => put(Byte),
        Code::Mov_rm16_r16 | Code::Mov_moffs16_AX => put(Word),
        Code::Mov_rm32_r32 | Code::Mov_moffs32_EAX => put(Dword),
        Code::Mov_rm8_imm8 => number(Byte),
        Code::Mov_rm16_imm16 => number(Word),
        Code::Mov_rm32_imm32 => number(Dword),
        Code::Mov_r8_rm8 | Code::Mov_AL_moffs8 => load(Byte, false),
        Code::Mov_r16_rm16 | Code::Mov_AX_moffs16 => load(Word, false),
        Code::Mov_r32_rm32 | Code::Mov_EAX_moffs32 => load(Dword, false),
        Code::Movzx_r16_rm8 | Code::Movzx_r32_rm8 => load(Byte, false),
        Code::Movzx_r16_rm16 | Code::Movzx_r32_rm16 => load(Word, false),
        Code::Movsx_r16_rm8 | Code::Movsx_r32_rm8 => load(Byte, true),
        Code::Movsx_r16_rm16 | Code::Movsx_r32_rm16 => load(Word, true),
        _ => None,
    }?;
    Some(Instruction { operation, len: instruction.len() })
}

/// The memory operand, unless there is none or its address has 16 bits.
fn address(instruction: &iced_x86::Instruction) -> Option<Address> {
    let kinds = [instruction.op0_kind(), instruction.op1_kind()];
    let registers = [instruction.memory_base(), instruction.memory_index()];
    let is_none = |register| register == Theirs::None;
    let is_long = registers.iter().all(|&one| is_none(one) || (Theirs::EAX..=Theirs::EDI).contains(&one));
    if !kinds.contains(&OpKind::Memory) || !is_long || instruction.memory_displ_size() == 2 {
        return None;
    }
    let [base, index] = registers.map(|one| (!is_none(one)).then(|| register(one)));
    let shift = instruction.memory_index_scale().trailing_zeros() as u8;
    let displacement = instruction.memory_displacement32();
    Some(Address { base, index: index.map(|index| (index, shift)), displacement })
}

fn part(theirs: Theirs) -> Part {
    let kinds = [(Theirs::EAX, Width::Dword), (Theirs::AX, Width::Word), (Theirs::AL, Width::Byte)];
    let kind = kinds.into_iter().find(|&(first, _)| theirs >= first);
    let (first, width) = kind.expect("a general register, or a part of one");
    let number = theirs as usize - first as usize;
    let is_high = width == Width::Byte && number >= 4;
    Part { register: GENERAL[if is_high { number - 4 } else { number }], width, is_high }
}

fn register(theirs: Theirs) -> Register {
    part(theirs).register
}
