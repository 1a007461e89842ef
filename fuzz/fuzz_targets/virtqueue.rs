//! Rings of any content, kicked in any order: the Launcher's step is bounded, raises none but its
//! own interrupts, and each chain it sees lies in memory.
#![no_main]

use abi::device_page::{QUEUE_ENTRIES, avail_offset};
use abi::{GuestMemory, GuestPhys, Nanos, Shutdown, Stop};
use kennel_fuzz::elf_file::ElfFile;
use kennel_fuzz::noise;
use kennel_fuzz::player::{NoLog, Player, Sixes};
use launcher_task::bus::EARLY_TEXT_MAX;
use launcher_task::chain::Chain;
use launcher_task::console::WORK_PER_STEP;
use launcher_task::net::network::Networks;
use launcher_task::task::KICKS_PER_STEP;
use launcher_task::virtqueue::{INDIRECT_DESC, Rings, Virtqueue};
use launcher_task::{Console, Launcher, Ports, Step, config};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

const MIB: u32 = 1 << 20;
/// The device page; the console's two rings follow it, and the entropy source's.
const DEVICES: u32 = MIB;
/// Bytes of a ring, in whole pages.
const RING: u32 = 3 * 4096;

/// One store to a ring, or anywhere.
#[derive(Arbitrary, Debug)]
enum Store {
    Descriptor { queue: bool, index: u8, at: u32, high: bool, len: u16, flags: u16, next: u16 },
    Publish { queue: bool, place: u8, head: u16, index: u16 },
    Any { at: u32, word: u32 },
}

#[derive(Arbitrary, Debug)]
enum Why {
    Kick { queue: bool },
    Status { status: u8 },
    Notify(u32),
    Preempted,
    Halted,
    Restart,
}

/// A terminal that counts what it shows, and always has a little typed.
struct Terminal(usize);

impl Console for Terminal {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn is_full(&self) -> bool {
        false
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        into.iter_mut().take(5).map(|place| *place = b'k').count()
    }
}

fn ring(queue: bool) -> u32 {
    DEVICES + 4096 + if queue { RING } else { 0 }
}

impl Store {
    fn words(&self) -> Vec<(GuestPhys, u32)> {
        let words = match *self {
            Self::Descriptor { queue, index, at, high, len, flags, next } => {
                let place = ring(queue) + 16 * u32::from(index);
                let link = u32::from(flags) | u32::from(next) << 16;
                let at = if at & 1 == 0 { at % (2 * MIB) } else { at };
                vec![(place, at), (place + 4, high.into()), (place + 8, len.into()), (place + 12, link)]
            }
            Self::Publish { queue, place, head, index } => {
                let avail = ring(queue) + avail_offset(QUEUE_ENTRIES);
                let pair = u32::from(head) | u32::from(head) << 16;
                vec![(avail + 4 + 4 * u32::from(place % 128), pair), (avail, u32::from(index) << 16)]
            }
            Self::Any { at, word } => vec![(DEVICES + at % MIB, word)],
        };
        words.into_iter().map(|(at, word)| (GuestPhys(at), word)).collect()
    }
}

impl Why {
    fn act(&self, mut words: Vec<(GuestPhys, u32)>) -> (Vec<(GuestPhys, u32)>, Stop) {
        let stop = match *self {
            Self::Kick { queue } => Stop::Notify(GuestPhys(ring(queue))),
            Self::Status { status } => {
                // Kind, queues, features and configuration stand before it as they did.
                words.extend([(GuestPhys(DEVICES + 4), status.into())]);
                Stop::Notify(GuestPhys(DEVICES))
            }
            Self::Notify(at) => Stop::Notify(GuestPhys(at)),
            Self::Preempted => Stop::Preempted,
            Self::Halted => Stop::Halted(Nanos::NEVER),
            Self::Restart => Stop::Shutdown(Shutdown::new(true, [b'!'; Shutdown::TEXT_LEN])),
        };
        (words, stop)
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|acts: Vec<(Vec<Store>, Why)>| {
    let plan = config::read_modules(&["guest name=a mem=1M"]).plans.remove(0);
    let mut file = ElfFile::small();
    // Where the small file wants to be there is the initrd's end, or nothing: 512 KiB will do.
    file.put32(24, MIB / 2).put32(52 + 12, MIB / 2);
    let mut launcher = Launcher::admit(plan, &file.0, None, Vec::new()).expect("a good plan");
    let mut guest = Player::new(launcher.limit());
    launcher.start(&mut guest).expect("memory as planned");
    guest.acts =
        acts.iter().map(|(stores, why)| why.act(stores.iter().flat_map(Store::words).collect())).collect();
    for time in 0..=2 * acts.len() as u64 {
        let mut terminal = Terminal(0);
        let (net, entropy) = (&mut Networks::none(), &mut Sixes);
        let mut ports = Ports { now: Nanos(time), console: &mut terminal, net, entropy };
        let step = launcher.step(&mut guest, &mut ports, &mut NoLog);
        let most = (KICKS_PER_STEP as usize + 3) * WORK_PER_STEP.max(EARLY_TEXT_MAX as usize);
        assert!(terminal.0 <= most, "{} bytes in a step", terminal.0);
        assert!(guest.raised.drain(..).all(|irq| (1..=3).contains(&irq)));
        if matches!(step, Step::Ended(_)) {
            break;
        }
    }
    for queue in [false, true] {
        let rings = Rings::in_one_run(GuestPhys(ring(queue)));
        let (mut queue, mut chain) = (Virtqueue::new(rings, INDIRECT_DESC), Chain::default());
        for taken in 0.. {
            assert!(taken <= QUEUE_ENTRIES, "more chains than entries");
            let Ok(true) = queue.pop(&guest.ram, &mut chain) else { break };
            assert!((1..=usize::from(QUEUE_ENTRIES)).contains(&chain.buffers().len()));
            let is_inside = |at: u32, len: u32| u64::from(at) + u64::from(len) <= guest.ram.limit().into();
            assert!(chain.buffers().iter().all(|buffer| is_inside(buffer.at.0, buffer.len)));
            queue.give_back(&mut guest.ram, &mut chain, 0).expect("the ring is in memory");
        }
    }
});
