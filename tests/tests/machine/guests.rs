//! Each test Guest, in both machines, as a test with its own name.

use emulated::{Bochs, Boot, Qemu, verdict};

#[track_caller]
fn passes(name: &str, outcome: &emulated::Outcome) {
    if let Err(fault) = verdict::judge(outcome, name) {
        panic!("{fault}\n--- serial line ---\n{}", outcome.log);
    }
}

mod in_qemu {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => {$(
            #[test]
            fn $test() {
                super::passes($guest, &super::Qemu::kernel(&super::Boot::guest($guest, "")).start().finish());
            }
        )*};
    }
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

mod in_bochs {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => {$(
            #[test]
            fn $test() {
                super::passes($guest, &super::Bochs::grub(&super::Boot::guest($guest, "")).start().finish());
            }
        )*};
    }
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

#[test]
fn there_are_test_guests() {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => { [$($guest),*] as [&str; _] };
    }
    let guests = include!(concat!(env!("OUT_DIR"), "/guests.rs"));
    assert!(!guests.is_empty());
}
