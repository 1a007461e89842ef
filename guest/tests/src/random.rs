//! A player of random steps: what it has, and how it comes back from each.
//!
//! The steps are in the modules below, one kind each. All of them throw the same [`Dice`], so one seed
//! is one run. Most of what a step does keeps to the ABI, more or less, for a Guest that breaks it is
//! killed and plays no more; one argument in `care` is any number at all.
//!
//! ```text
//!   step -> calls, tables, code, segments, frames, rings, config, shared, text
//!             '-> Code -> wild::run -> landed, by return or by some vector -> repair -> step
//! ```
//!
//! Next on the tour: `calls`.

mod calls;
mod code;
mod config;
mod frames;
mod kinds;
mod rings;
mod segments;
mod shared_data;
mod tables;
mod text;

use core::sync::atomic::Ordering;

use abi::{GuestLinear, GuestPhys, Nanos, PAGE_SIZE};
use kit::frames::{Frame, direct, image, phys_of, take_run};
use kit::hypercall::Call;
use kit::page_table::Entry;
use kit::paging::Space;
use kit::segment_descriptor::{KERNEL_DATA, USER_CODE, USER_DATA};
use kit::user::{CODE_AT, STACK_AT};
use kit::wild::{self, Registers};
use kit::{boot_params, probe, shared, user};
use random::{Code, Dice, Places};

pub use kinds::Kind;

/// Pages to play with.
const PAGES: u32 = 64;
/// Address spaces to play in.
const SPACES: usize = 4;
/// Milliseconds of the machine's clock in which there are restarts.
const YOUNG_MS: u64 = 60;
/// How long a piece of code may run; a loop without end takes this long.
const LIMIT: Nanos = Nanos::from_micros(200);

/// One random Guest.
pub struct Player {
    dice: Dice,
    places: Places,
    /// One argument in so many is junk.
    care: u32,
    /// Where code for ring 1 is written.
    code: Frame,
    /// Where code for ring 3 is written.
    program: Frame,
    spaces: [Space; SPACES],
    devices: rings::Devices,
    /// TSC from which on there are no more restarts, or the same seed would never get further.
    old: u64,
    /// How often runs ended by each vector, and by a return.
    landed: [u32; wild::RETURNED as usize + 1],
}

impl Player {
    /// The player of `seed`, with its gates loaded and its pages mapped.
    pub fn new(seed: u32) -> Self {
        let mut dice = Dice::of(seed);
        let own = take_run(PAGES).0;
        let places = Places {
            memory: boot_params::memory_size(),
            image: image(),
            own: own..own + PAGES * PAGE_SIZE,
            shared: phys_of(&shared::DATA).0,
        };
        let (program, stack) = (Frame::alloc(), Frame::alloc());
        let spaces: [Space; SPACES] = core::array::from_fn(|_| {
            let space = Space::new();
            space.root().map(CODE_AT, &program, Entry::P | Entry::US | Entry::A);
            space.root().map(STACK_AT, &stack, Entry::KERNEL | Entry::US);
            space
        });
        core::mem::forget(stack); // it stays mapped
        let care = dice.pick(&[30, 300, 3_000, 30_000]);
        let devices = rings::Devices::find();
        spaces[0].root().switch().make();
        wild::install();
        let landed = [0; wild::RETURNED as usize + 1];
        let old = u64::from(shared::tsc_khz().load(Ordering::Relaxed)) * YOUNG_MS;
        Self { old, dice, places, care, code: Frame::alloc(), program, spaces, devices, landed }
    }

    /// Plays one step of one of `kinds`, which are not none.
    pub fn step(&mut self, kinds: &[Kind]) {
        let kind = self.dice.pick(kinds);
        kind.play(self);
        if self.dice.one_in(4) {
            self.switch_somewhere();
        }
    }

    /// Shows that nothing a piece of code does keeps the player from its next step.
    ///
    /// # Panics
    /// If a step ends in another way than it should.
    pub fn come_back(&mut self) {
        let ends: [(&[u8], u32); 7] = [
            (&[0xC3], wild::RETURNED),
            (&[0x0F, 0x0B], 6),                          // ud2
            (&[0xF4], 13),                               // hlt
            (&[0xEB, 0xFE], 32),                         // jmp $, until the timer
            (&[0x31, 0xC0, 0xFF, 0xE0], 14),             // jmp 0
            (&[0xBC, 0x34, 0x12, 0, 0, 0xEB, 0xFE], 32), // the same without a stack
            (&[0xCC], 3),
        ];
        for (bytes, vector) in ends {
            let mut code = Code::new();
            code.push(bytes);
            if bytes[0] != 0xBC {
                assert_eq!(self.run(&code, &[0; 8]), vector, "ring 1, {bytes:x?}");
            }
            if vector != wild::RETURNED {
                assert_eq!(self.run_at_ring_3(&code, &[0; 8], 0x202), vector, "ring 3, {bytes:x?}");
            }
        }
    }

    /// How many runs came back, and by how many different vectors.
    pub fn landings(&self) -> (u32, usize) {
        (self.landed.iter().sum(), self.landed.iter().filter(|&&count| count > 0).count())
    }

    /// Whether the next argument is to be junk.
    fn is_reckless(&mut self) -> bool {
        self.dice.one_in(self.care)
    }

    fn number(&mut self) -> u32 {
        self.places.number(&mut self.dice)
    }

    /// A page to play with.
    fn own_page(&mut self) -> u32 {
        self.places.own_page(self.dice.throw())
    }

    /// The top level of one of the address spaces.
    fn root(&mut self) -> u32 {
        let index = self.dice.below(SPACES as u32) as usize;
        self.spaces[index].root().phys().0
    }

    fn registers(&mut self) -> Registers {
        core::array::from_fn(|_| self.number())
    }

    /// Writes a dword to memory that is nobody's variable.
    fn poke(&self, at: u32, value: u32) {
        // A fault here would end the Guest by itself, and there is none: the direct map is mapped.
        let _ = probe::write(direct(GuestPhys(at & !3)), value);
    }

    /// Runs `code` at ring 1.
    fn run(&mut self, code: &Code, registers: &Registers) -> u32 {
        self.code.copy_from(code.bytes());
        self.run_at(direct(self.code.phys()), registers)
    }

    fn run_at(&mut self, at: GuestLinear, registers: &Registers) -> u32 {
        let vector = wild::run(at, registers, LIMIT);
        self.landed[vector as usize] += 1;
        vector
    }

    /// Runs `code` at ring 3.
    fn run_at_ring_3(&mut self, code: &Code, registers: &Registers, flags: u32) -> u32 {
        self.program.copy_from(code.bytes());
        let frame = [CODE_AT.0, USER_CODE.into(), flags, STACK_AT.0 + PAGE_SIZE, USER_DATA.into()];
        let at = self.own_page();
        for (place, value) in (at..).step_by(4).zip(registers.iter().chain(&frame)) {
            self.poke(place, *value);
        }
        let mut enter = Code::new();
        enter.push(&[0xB9, 0x7B, 0, 0, 0, 0x8E, 0xD9, 0x8E, 0xC1]); // mov ecx, USER_DATA; mov ds, ecx; mov es, ecx
        enter.push_with(&[0xBC], direct(GuestPhys(at)).0); // mov esp, at
        enter.push(&[0x61, 0xCF]); // popad; iretd
        self.run(&enter, &[0; 8])
    }

    /// Makes a hypercall in one of the three ways.
    fn call(&mut self, number: u32, arguments: [u32; 4]) {
        let [ebx, ecx, edx, esi] = arguments;
        let way: &[u8] = if self.dice.one_in(8) { &[0x0F, 0x01, 0xC1, 0xC3] } else { &[0xCD, 0x1F, 0xC3] };
        let mut code = Code::new();
        code.push(way);
        self.run(&code, &[0, esi, 0, 0, ebx, edx, ecx, number]);
    }

    /// Goes on in another address space, or stays.
    fn switch_somewhere(&mut self) {
        let root = self.root();
        self.call(abi::hypercall::LHCALL_NEW_PGTABLE, [root, 0, 0, 0]);
    }

    /// Puts the stack for entries from ring 3 where it belongs.
    fn repair_stack(&self) {
        Call::set_stack(KERNEL_DATA, GuestLinear(user::trap_stack_top()), 2).make();
    }
}
