//! Two dozen address spaces, visited in turn, each find their own page in the user half and the
//! same in the kernel half, however many of them the Host remembers.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::{Root, Space, WINDOW};
use kit::{GuestLinear, probe};

kit::guest_test!(many_spaces);

const AT: GuestLinear = GuestLinear(0x4000_0000);
const SPACES: usize = 24;

fn many_spaces() {
    let shared = Frame::alloc();
    let spaces: [(Space, Frame); SPACES] = core::array::from_fn(|number| {
        let (space, frame) = (Space::new(), Frame::alloc());
        frame.fill(number as u32);
        space.root().map(AT, &frame, Entry::KERNEL);
        (space, frame)
    });
    Root::kernel().map(WINDOW, &shared, Entry::KERNEL);
    for round in 0..3u32 {
        for number in (0..SPACES).chain([0, 5, 0, 5]) {
            spaces[number].0.root().switch_to();
            assert_eq!(probe::read(AT), Ok(number as u32), "round {round}");
            assert_eq!(probe::read(WINDOW), Ok(shared.read(0)));
            assert_eq!(probe::write(WINDOW, round + number as u32), Ok(()));
        }
    }
    Root::kernel().switch_to();
    assert!(probe::read(AT).is_err(), "the first space has nothing there");
}
