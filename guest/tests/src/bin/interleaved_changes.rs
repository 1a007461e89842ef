//! Changes to four address spaces and switches among them, in any order, some at once and some by
//! the ring: whatever was announced before a page is read is what the read finds.
//!
//! Ten thousand steps of a random walk against a plain table of what should be where.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kennel_guest_tests::number;
use kit::frames::Frame;
use kit::page_table::Entry;
use kit::paging::{Root, Space};
use kit::{GuestLinear, PAGE_SIZE, lazy, probe};

kit::guest_test!(interleaved_changes);

const SPACES: usize = 4;
const PAGES: usize = 6;
/// Some side by side, some in other tables.
const AT: [u32; PAGES] = [0x4000_0000, 0x4000_1000, 0x403F_F000, 0x4040_0000, 0x7000_0000, 0x1_0000];

/// What one page of a space should be: the number of a frame, and whether it may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mapping {
    frame: usize,
    writable: bool,
}

struct Walk {
    state: u32,
    spaces: [Space; SPACES],
    frames: [Frame; 3],
    expected: [[Option<Mapping>; PAGES]; SPACES],
    current: usize,
}

fn interleaved_changes() {
    let frames = [1, 2, 3].map(|value| {
        let frame = Frame::alloc();
        frame.fill(value);
        frame
    });
    let spaces = core::array::from_fn(|_| Space::new());
    let mut walk = Walk { state: 0x1234_5678, spaces, frames, expected: [[None; PAGES]; SPACES], current: 0 };
    walk.switch(0);
    for _ in 0..number("steps", 10_000) {
        walk.step();
    }
    Root::kernel().switch_to();
}

impl Walk {
    /// A number below `end` (George Marsaglia's xorshift).
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize % end
    }

    fn step(&mut self) {
        match self.below(4) {
            0 => self.change(),
            1 => {
                let next = self.below(SPACES);
                self.switch(next);
            }
            2 => lazy::batch(|| {
                for _ in 0..self.below(6) {
                    self.change();
                    if self.below(3) == 0 {
                        let next = self.below(SPACES);
                        self.switch(next);
                    }
                }
            }),
            _ => self.look(),
        }
    }

    fn switch(&mut self, next: usize) {
        self.spaces[next].root().switch_to();
        self.current = next;
    }

    fn change(&mut self) {
        let (space, page, frame) = (self.below(SPACES), self.below(PAGES), self.below(3));
        let (writable, used) = (self.below(2) == 0, self.below(2) == 0);
        let mapping = (self.below(5) > 0).then_some(Mapping { frame, writable });
        let (root, at) = (self.spaces[space].root(), GuestLinear(AT[page]));
        match mapping {
            Some(_) => {
                let rights = if writable { Entry::P | Entry::RW } else { Entry::P };
                let history = if used { Entry::A | Entry::D } else { 0 };
                root.map(at, &self.frames[frame], rights | history);
            }
            None => root.unmap(at),
        }
        self.expected[space][page] = mapping;
    }

    /// Reads a page of the current space, and writes it what it holds.
    fn look(&mut self) {
        let page = self.below(PAGES);
        let at = GuestLinear(AT[page] + self.below(PAGE_SIZE as usize / 4) as u32 * 4);
        match self.expected[self.current][page] {
            Some(Mapping { frame, writable }) => {
                let value = frame as u32 + 1;
                assert_eq!(probe::read(at), Ok(value), "at {at}");
                assert_eq!(probe::write(at, value).is_ok(), writable, "at {at}");
            }
            None => assert_eq!(probe::read(at).map_err(|fault| fault.code), Err(0), "at {at}"),
        }
    }
}
