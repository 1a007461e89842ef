//! A Guest on PCI reads and writes any ports and registers: each access is answered or a reason to
//! end it, windows stay where nobody's memory is, and no device touches memory it was not shown.
#![no_main]

use abi::pci::{ADDRESS_ENABLE, BAR_0, DATA_PORT, first_window};
use abi::{GuestMemory, GuestPhys, Nanos, Place, Stop, Width};
use kennel_fuzz::elf_file::ElfFile;
use kennel_fuzz::noise;
use kennel_fuzz::player::{NoLog, Player, Sixes};
use launcher_task::net::network::Networks;
use launcher_task::{Console, Launcher, Ports, Step, config};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

const MIB: u32 = 1 << 20;

/// Where an access goes: near something, mostly.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum At {
    Port(u8),
    Register(u8, u8),
    Anywhere(u32),
}

/// What is written: something that means something, mostly.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Value {
    Small(u8),
    /// Slot and dword of a configuration space.
    Address(u8, u8),
    /// An address in memory, aligned.
    Memory(u16),
    Any(u32),
}

#[derive(Arbitrary, Debug)]
enum Act {
    Read(At, u8),
    Write(At, u8, Value),
    Store(u16, u32),
}

struct Terminal;

impl Console for Terminal {
    fn write(&mut self, _: &[u8]) {}

    fn is_full(&self) -> bool {
        false
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        into.fill(b'x');
        into.len()
    }
}

impl At {
    fn place(self) -> Place {
        match self {
            Self::Port(low) => Place::Port(0xCF0 + u16::from(low % 0x20)),
            Self::Register(device, offset) => {
                let window = u32::from(device % 3) * 0x80 + u32::from(offset % 0x90);
                Place::Memory(GuestPhys(first_window(MIB).0 + window))
            }
            Self::Anywhere(at) => Place::Memory(GuestPhys(at)),
        }
    }
}

impl Value {
    fn get(self) -> u32 {
        match self {
            Self::Small(value) => value.into(),
            Self::Address(slot, dword) => {
                ADDRESS_ENABLE | u32::from(slot % 4) << 11 | u32::from(dword % 64) << 2
            }
            Self::Memory(page) => u32::from(page) << 4,
            Self::Any(value) => value,
        }
    }
}

impl Act {
    /// What the Guest stores, and why it stops then.
    fn stop(&self) -> (Vec<(GuestPhys, u32)>, Stop) {
        let width = |number: u8| Width::ALL[usize::from(number % 3)];
        match *self {
            Self::Read(at, wide) => (vec![], Stop::Read { from: at.place(), width: width(wide) }),
            Self::Write(at, wide, value) => {
                let width = width(wide);
                (vec![], Stop::Write { to: at.place(), width, value: value.get() & width.mask() })
            }
            Self::Store(at, word) => (vec![(GuestPhys(u32::from(at) << 2), word)], Stop::Preempted),
        }
    }
}

fn step(launcher: &mut Launcher<'_>, guest: &mut Player, time: u64) -> Step {
    let (net, entropy) = (&mut Networks::none(), &mut Sixes);
    let mut ports = Ports { now: Nanos(time), console: &mut Terminal, net, entropy };
    launcher.step(guest, &mut ports, &mut NoLog)
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|acts: Vec<Act>| {
    let plan = config::read_modules(&["guest name=a mem=1M bus=pci"]).plans.remove(0);
    let mut file = ElfFile::small();
    file.put32(24, MIB / 2).put32(52 + 12, MIB / 2);
    let mut launcher = Launcher::admit(plan, &file.0, None, Vec::new()).expect("a good plan");
    assert_eq!((launcher.limit(), launcher.device_limit() % 4096), (MIB, 0));
    let mut guest = Player::new(MIB);
    launcher.start(&mut guest).expect("memory as planned");
    guest.acts = acts.iter().map(Act::stop).collect();
    let reads = acts.iter().filter(|act| matches!(act, Act::Read(..))).count();
    let mut is_dead = false;
    for time in 0..=2 * acts.len() as u64 {
        let step = step(&mut launcher, &mut guest, time);
        assert!(guest.raised.drain(..).all(|irq| (1..32).contains(&irq)));
        if matches!(step, Step::Ended(_)) {
            is_dead = true;
            break;
        }
    }
    // Of a Guest that was ended by a read, that one has no answer.
    let left = guest.acts.iter().filter(|(_, stop)| matches!(stop, Stop::Read { .. })).count();
    let unanswered = reads - left - guest.answers.len();
    assert!(unanswered <= usize::from(is_dead), "{unanswered} of {reads} reads without an answer");
    // The next life begins as the first: the window is where it was.
    launcher.start(&mut guest).expect("memory as planned");
    guest.answers.clear();
    guest.acts = [
        (
            vec![],
            Stop::Write {
                to: Place::Port(0xCF8),
                width: Width::Dword,
                value: ADDRESS_ENABLE | 1 << 11 | u32::from(BAR_0),
            },
        ),
        (vec![], Stop::Read { from: Place::Port(DATA_PORT), width: Width::Dword }),
    ]
    .into();
    step(&mut launcher, &mut guest, u64::MAX);
    assert_eq!(guest.answers, [first_window(MIB).0]);
    let _still_there = guest.ram.read_u8(GuestPhys(MIB - 1)).expect("it lies in memory");
});
