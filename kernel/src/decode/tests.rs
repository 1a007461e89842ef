//! The decoder by hand, and against the oracle.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::verdict;
use super::*;

fn ours(code: &[u8]) -> Option<Instruction> {
    decode(code.iter().copied())
}

#[test]
fn only_the_operand_size_prefix_means_anything() {
    let wide = |width, len| Some(Instruction { operation: Operation::In { port: Port::Dx, width }, len });
    assert_eq!(ours(&[0xED]), wide(Width::Dword, 1));
    assert_eq!(ours(&[0x66, 0xED]), wide(Width::Word, 2));
    assert_eq!(ours(&[0x66, 0xEC]), wide(Width::Byte, 2));
    assert_eq!(ours(&[0xF3, 0x66, 0x2E, 0x66, 0x67, 0xED]), wide(Width::Word, 6));
}

#[test]
fn a_port_is_a_byte_or_dx() {
    let out = |port| Some(Operation::Out { port, width: Width::Byte });
    let operation = |code: &[u8]| ours(code).map(|instruction| instruction.operation);
    assert_eq!(operation(&[0xE6, 0x80]), out(Port::Immediate(0x80)));
    assert_eq!(operation(&[0xEE, 0x80]), out(Port::Dx));
}

#[test]
fn of_the_control_registers_cr0_and_cr4_are_read() {
    let read = |into| Some(Instruction { operation: Operation::ReadCr4 { into }, len: 3 });
    assert_eq!(ours(&[0x0F, 0x20, 0xE0]), read(Register::Eax));
    assert_eq!(ours(&[0x0F, 0x20, 0x24]), read(Register::Esp));
    let cr0 = Operation::ReadCr0 { into: Register::Ecx };
    assert_eq!(ours(&[0x0F, 0x20, 0xC1]), Some(Instruction { operation: cr0, len: 3 }));
    for not_ours in [[0x0F, 0x22, 0xC0], [0x0F, 0x20, 0xD8], [0x0F, 0x22, 0xE0]] {
        assert_eq!(ours(&not_ours), None);
    }
}

#[test]
fn every_debug_register_is_read_and_written() {
    let read = Operation::ReadDebug { number: 7, into: Register::Ebx };
    assert_eq!(ours(&[0x0F, 0x21, 0xFB]), Some(Instruction { operation: read, len: 3 }));
    let written = Operation::WriteDebug { number: 7, from: Register::Ebx };
    for modrm in [0xFB, 0x3B] {
        assert_eq!(ours(&[0x0F, 0x23, modrm]), Some(Instruction { operation: written, len: 3 }));
    }
}

#[test]
fn everything_else_is_the_guests_own_affair() {
    // hlt, sti, insb, outsd, iretd, lgdt, rdmsr, wbinvd, mov to test register 7, lock cli.
    let others: [&[u8]; 10] = [
        &[0xF4],
        &[0xFB],
        &[0x6C],
        &[0x6F],
        &[0xCF],
        &[0x0F, 0x01, 0x10],
        &[0x0F, 0x32],
        &[0x0F, 0x09],
        &[0x0F, 0x26, 0xF8],
        &[0xF0, 0xFA],
    ];
    for code in others {
        assert_eq!(ours(code), None, "{code:02x?}");
    }
}

#[test]
fn code_that_ends_too_early_is_not_guessed() {
    for code in [&[][..], &[0x66], &[0xE4], &[0x0F], &[0x0F, 0x20]] {
        assert_eq!(ours(code), None, "{code:02x?}");
    }
}

#[test]
fn a_sixteenth_byte_is_never_read() {
    let mut code = [0x66; LONGEST + 1];
    code[LONGEST - 1] = 0xED;
    assert_eq!(ours(&code).map(|instruction| instruction.len), Some(LONGEST));
    code[LONGEST - 1..].copy_from_slice(&[0xE5, 0x64]);
    assert_eq!(ours(&code), None);
    let mut endless = [0x66; 20].into_iter();
    assert_eq!(decode(endless.by_ref()), None);
    assert_eq!(endless.len(), 20 - LONGEST);
}

#[test]
fn every_two_byte_beginning_is_seen_alike() {
    for [first, second] in (0..=u16::MAX).map(u16::to_le_bytes) {
        let code = [first, second, 0xE3, 0x20, 0xE0, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(ours(&code), verdict(&code), "{code:02x?}");
    }
}

#[test]
fn every_way_to_name_memory_is_seen_alike() {
    let moves = [&[0x8B][..], &[0x88], &[0x66, 0xC7], &[0xC6], &[0x0F, 0xB6], &[0x66, 0x0F, 0xBF]];
    let arithmetic = [&[0x0B][..], &[0x3A], &[0x39], &[0x66, 0x81], &[0x83], &[0x84], &[0x66, 0xF7], &[0xF6]];
    for opcode in moves.into_iter().chain(arithmetic) {
        for [modrm, sib] in (0..=u16::MAX).map(u16::to_le_bytes) {
            let code = [opcode, &[modrm, sib, 0x84, 0x73, 0x62, 0xD1, 0x40, 0x3F]].concat();
            assert_eq!(ours(&code), verdict(&code), "{code:02x?}");
        }
    }
}

#[test]
fn no_move_has_a_short_address() {
    for code in [&[0x67, 0x8B, 0x07, 0, 0][..], &[0x67, 0xA1, 0, 0, 0, 0], &[0x67, 0x0F, 0xB6, 0x07]] {
        assert_eq!(ours(code), None, "{code:02x?}");
    }
}

#[test]
fn a_byte_register_may_be_the_second_byte_of_another() {
    let Some(Instruction { operation: Operation::Store { value, .. }, .. }) = ours(&[0x88, 0x23]) else {
        panic!("mov [ebx], ah is a store");
    };
    let ah = Part { register: Register::Eax, width: Width::Byte, is_high: true };
    assert_eq!(value, Source::Part(ah));
}

/// Prefixes, LOCK among them; few runs of them are longer than the CPU allows.
fn prefixes() -> impl Strategy<Value = Vec<u8>> {
    let any_prefix = select(&[0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0xF2, 0xF3][..]);
    let one = prop_oneof![30 => any_prefix, 1 => Just(0xF0)];
    prop_oneof![9 => vec(one.clone(), 0..4), 1 => vec(one, 10..17)]
}

/// The beginning of something that is ours, or nearly.
fn opcode() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(&[0xE4, 0xE5, 0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF, 0xFA][..]).prop_map(|byte| vec![byte]),
        8 => select(&[0x88, 0x89, 0x8A, 0x8B, 0xA0, 0xA1, 0xA2, 0xA3, 0xC6, 0xC7][..]).prop_map(|byte| vec![byte]),
        8 => select(&[0x38, 0x39, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0xF6, 0xF7][..]).prop_map(|byte| vec![byte]),
        4 => (0..0x40_u8).prop_map(|byte| vec![byte]),
        4 => select(&[0xB6, 0xB7, 0xBE, 0xBF][..]).prop_map(|byte| vec![0x0F, byte]),
        3 => (0x20..0x24_u8).prop_map(|byte| vec![0x0F, byte]),
        2 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => any::<u8>().prop_map(|byte| vec![0x0F, byte]),
    ]
}

proptest! {
    #[test]
    fn likely_code_is_seen_alike(prefixes in prefixes(), opcode in opcode(), rest in vec(any::<u8>(), 0..12)) {
        let code = [prefixes, opcode, rest].concat();
        prop_assert_eq!(ours(&code), verdict(&code), "{:02x?}", code);
    }

    #[test]
    fn any_code_is_seen_alike(code in vec(any::<u8>(), 0..20)) {
        prop_assert_eq!(ours(&code), verdict(&code), "{:02x?}", code);
    }

    #[test]
    fn no_byte_behind_the_end_is_read(prefixes in prefixes(), opcode in opcode(), rest in vec(any::<u8>(), 12)) {
        let code = [prefixes, opcode, rest].concat();
        let mut bytes = code.iter().copied();
        if let Some(instruction) = decode(bytes.by_ref()) {
            prop_assert_eq!(bytes.len(), code.len() - instruction.len);
        }
    }
}
