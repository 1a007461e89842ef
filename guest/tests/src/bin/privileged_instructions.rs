//! Instructions of ring 0 raise #GP at ring 1, all of them, and the Host reflects it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::probe;

kit::guest_test!(privileged_instructions);

fn privileged_instructions() {
    let instructions = [
        ("hlt", probe::hlt as fn() -> probe::Probed),
        ("lgdt", probe::lgdt),
        ("lidt", probe::lidt),
        ("ltr", probe::ltr),
        ("lldt", probe::lldt),
        ("mov cr3", probe::mov_to_cr3),
        ("mov cr0", probe::mov_to_cr0),
        ("clts", probe::clts),
        ("rdmsr", probe::rdmsr),
        ("wrmsr", probe::wrmsr),
        ("invd", probe::invd),
        ("invlpg", probe::invlpg),
        ("sti", probe::sti),
    ];
    for (name, instruction) in instructions {
        match instruction() {
            Err(fault) => assert_eq!((fault.vector, fault.code, fault.ring), (13, 0, 1), "{name}"),
            Ok(()) => panic!("{name} was executed"),
        }
    }
}
