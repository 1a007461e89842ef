//! No flag a Guest can set makes it more than a Guest: IOPL stays 0 and nothing nests, at ring 1 and
//! at ring 3, across an exit and back.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::lguest_data::IF;
use kit::trespass::{AC, IOPL, NT, flags_across_a_call};
use kit::user::{self, Outcome, programs};

kit::guest_test!(eflags_tamed);

fn eflags_tamed() {
    for flags in [IOPL, NT, AC, IOPL | NT | AC] {
        let seen = flags_across_a_call(flags);
        assert_eq!(seen & (IOPL | NT), 0, "ring 1, having set {flags:#x}");
        assert_eq!(seen & IF, IF, "the real flag is always on");
    }
    match user::run(programs::flags(), [0; 3]) {
        Outcome::Exited(flags) => assert_eq!(flags & (IOPL | IF), IF, "ring 3"),
        Outcome::Trapped(trap) => panic!("{trap}"),
    }
}
