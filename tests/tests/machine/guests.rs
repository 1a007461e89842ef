//! Each test Guest, in QEMU and Bochs, as a test with its own name. `build.rs` lists them. Bochs, the
//! strict machine, runs them on the oldest CPU there is support for, and a third on a recent one.
//!
//! Both machines' time is counted in instructions, so a verdict is the same on every run. In the third,
//! v86, it is the computer's own.

use emulated::{Bochs, Boot, Outcome, Qemu, V86, v86, verdict};

/// Guests that break the treaty before they have a console to announce it on, and words of the
/// sentence each must be killed with.
pub const SILENT: [(&str, &str); 6] = [
    ("kill_before_init", "made hypercall 0 before LGUEST_INIT"),
    ("kill_halted_early", "before its first hypercall; an unpacker does that"),
    ("kill_init_beyond_memory", "named 1392 bytes at physical 0xfffffc00, which it does not have"),
    ("kill_kernel_address", "says its kernel begins at 0xffd00000, inside the Switcher's area"),
    ("kill_native", "built without CONFIG_LGUEST_GUEST=y"),
    ("kill_system_call_vector", "wants system calls at vector 0x40; only 0x80 is served"),
];

#[track_caller]
fn passes(name: &str, outcome: &Outcome) {
    let silent = SILENT.iter().find(|(silent, _)| *silent == name);
    let verdict = match silent {
        Some((_, words)) => verdict::judge_silent(outcome, name, words),
        None => verdict::judge(outcome, name),
    };
    if let Err(fault) = verdict {
        panic!("{fault}\n--- serial line ---\n{}", outcome.log);
    }
}

mod in_qemu {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => {$(
            #[test]
            fn $test() {
                super::passes($guest, &super::Qemu::kernel(&super::Boot::guest($guest, "")).counted().start().finish());
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

/// The strict machine again, with another CPU: a third of the Guests, and in `scripts/nightly` the others.
mod in_bochs_with_a_recent_cpu {
    fn passes(name: &str) {
        super::passes(name, &super::Bochs::grub(&super::Boot::guest(name, "")).recent().start().finish());
    }

    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => {$(
            #[test]
            fn $test() {
                passes($guest);
            }
        )*};
    }
    include!(concat!(env!("OUT_DIR"), "/third_of_guests.rs"));

    mod the_others {
        macro_rules! each_guest {
            ($($test:ident: $guest:literal),*) => {$(
                #[test]
                #[ignore = "scripts/nightly has the time"]
                fn $test() {
                    super::passes($guest);
                }
            )*};
        }
        include!(concat!(env!("OUT_DIR"), "/other_guests.rs"));
    }
}

/// The third machine, which is the slowest: all Guests in `scripts/nightly`, ...
mod in_v86 {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => {$(
            #[test]
            #[ignore = "scripts/nightly has the time"]
            fn $test() {
                super::passes_in_v86($guest);
            }
        )*};
    }
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

/// ... and always these: traps, paging, devices, and a Guest that is killed.
#[test]
fn some_of_each_kind_pass_in_v86() {
    for name in ["exceptions", "many_spaces", "disk_requests", "kill_gate_type"] {
        passes_in_v86(name);
    }
}

/// Runs a Guest in v86, where it must pass unless it needs what v86 lacks: then it must not.
#[track_caller]
fn passes_in_v86(name: &str) {
    let machine = V86::grub(&Boot::guest(name, ""));
    match v86::lacks(name) {
        None => passes(name, &machine.start().finish()),
        Some(what) => {
            let outcome = machine.limit(v86::ENOUGH).start().outcome();
            let has_passed = outcome.is_some_and(|outcome| verdict::judge(&outcome, name).is_ok());
            assert!(
                !has_passed,
                "v86 lacks {what}, but {name} passes now: take it off the list in tests/src/v86.rs"
            );
        }
    }
}

#[test]
fn the_test_guests_are_found() {
    macro_rules! each_guest {
        ($($test:ident: $guest:literal),*) => { [$($guest),*] as [&str; _] };
    }
    let guests = include!(concat!(env!("OUT_DIR"), "/guests.rs"));
    for (name, _) in v86::LACKS {
        assert!(guests.contains(name), "{name} is gone from guest/tests");
    }
    for (silent, _) in SILENT {
        assert!(guests.contains(&silent), "{silent} is gone from guest/tests");
    }
}

/// A fault on the way in comes from ring 0, in the middle of loading the registers; what is told is
/// what was to be loaded: the selector that is gone, and the arguments of LOAD_GDT_ENTRY.
#[test]
fn a_guest_that_cannot_be_entered_is_told_by_its_own_registers() {
    let gone = [
        ("kill_stale_segment", "ss 0069  ds 0069  es 0069  fs 0000  gs 00d1"),
        ("kill_stack_segment_gone", "ss 00d1  ds 0069  es 0069  fs 0000  gs 0000"),
    ];
    for (name, segments) in gone {
        let boot = Boot::guest(name, "");
        for outcome in [Qemu::kernel(&boot).start().finish(), Bochs::grub(&boot).start().finish()] {
            for words in ["ebx 0000001a", "ring 1", segments, "code at eip: 8"] {
                assert!(outcome.log.contains(words), "{words} is not in:\n{}", outcome.log);
            }
        }
    }
}
