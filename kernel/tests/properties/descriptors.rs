//! Descriptors and gates: nothing a Guest loads raises privilege, or shows while another runs.
//!
//! Two Guests take turns on one CPU and load descriptors, TLS, gates and
//! stacks at random, through hypercalls and through the ring. At every entry
//! the CPU's tables are the ones that the Guest on it asked for, entry by
//! entry, with all that is dangerous taken out.
//!
//! Source: lguest ABI, "Descriptor fix-up", "IDT gates from LOAD_IDT_ENTRY";
//! Intel SDM Vol. 3, "Segment Descriptors", "IDT Descriptors".
//!
//! Next on the tour: [`crate::turns`].

use std::collections::BTreeMap;

use abi::hypercall::*;
use abi::{GuestMemory, GuestPhys, Stop, Variant};
use kernel::guest::Guest;
use kernel::guest::segment::KERNEL_CS;
use kernel::run::run;
use kernel::shadow::MIN_TABLES;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use switcher::descriptor::{
    FLAT_CODE_RING_0, FLAT_CODE_RING_1, FLAT_DATA_RING_0, FLAT_DATA_RING_1, IDT_ENTRIES,
};
use switcher::pages::stub_gate;
use switcher::{HOST_DS, pages_address};

use crate::config;
use crate::hardware::Hardware;
use crate::script::{Entered, INIT, ScriptedCpu, SharedRam, new_guest, queue, restart};

const KERNEL: u32 = 0xC000_0000;
const LIMIT: u32 = 0x8000;
/// Where a Guest keeps what LOAD_TLS reads.
const TLS_AT: u32 = 0x2000;
/// GDT entries whose content a Guest has no say in.
const NOT_THE_GUESTS: [u32; 5] = [0, 10, 11, 16, 31];
/// Vectors a Guest's gate is not even noted for.
const IGNORED: [u32; 4] = [2, 8, 15, 31];
/// Vectors that the Host sees first, whatever gate they have.
const HOST_FIRST: [u32; 4] = [7, 13, 14, 18];
const STACK: (u32, u32) = (0x69, 0x5000);

/// What a Guest loads.
#[derive(Clone, Copy, Debug)]
enum Load {
    Gdt {
        index: u32,
        descriptor: u64,
    },
    Tls([u64; 3]),
    Idt {
        vector: u32,
        low: u32,
        high: u32,
    },
    Stack {
        selector: u32,
        esp: u32,
        pages: u32,
    },
    /// Nothing: it only runs.
    Nothing,
}

/// One turn of one of the two.
#[derive(Clone, Copy, Debug)]
struct Turn {
    guest: usize,
    /// Through the ring.
    queued: bool,
    load: Load,
}

fn descriptor() -> impl Strategy<Value = u64> {
    let flat = [FLAT_CODE_RING_0, FLAT_DATA_RING_0, FLAT_CODE_RING_1, FLAT_DATA_RING_1, 0];
    let any_type =
        (any::<u64>(), any::<u8>()).prop_map(|(rest, kind)| rest & !(0xFF << 40) | u64::from(kind) << 40);
    prop_oneof![2 => select(flat.to_vec()), 5 => any_type]
}

fn load() -> impl Strategy<Value = Load> {
    let high = prop_oneof![
        8 => (any::<u32>(), select(&[0x8E00, 0x8F00, 0xAE00, 0xEE00, 0xEF00, 0xCF00, 0x0E00]))
            .prop_map(|(rest, kind)| rest & 0xFFFF_00FF | kind),
        1 => any::<u32>(),
    ];
    let vector = prop_oneof![20 => 0..34_u32, 4 => Just(0x80), 4 => 0..256_u32, 1 => any::<u32>()];
    let index = prop_oneof![40 => 0..32_u32, 1 => any::<u32>()];
    let selector =
        prop_oneof![10 => Just(STACK.0), 1 => any::<u32>(), 4 => (0..33_u32).prop_map(|n| (n * 8) | 1)];
    prop_oneof![
        6 => (index, descriptor()).prop_map(|(index, descriptor)| Load::Gdt { index, descriptor }),
        3 => [descriptor(), descriptor(), descriptor()].prop_map(Load::Tls),
        6 => (vector, any::<u32>(), high).prop_map(|(vector, low, high)| Load::Idt { vector, low, high }),
        1 => (selector, any::<u32>(), 0..4_u32)
            .prop_map(|(selector, esp, pages)| Load::Stack { selector, esp, pages }),
        3 => Just(Load::Nothing),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    (0..2_usize, any::<bool>(), load()).prop_map(|(guest, queued, load)| Turn { guest, queued, load })
}

/// What one Guest asked for since it began.
#[derive(Clone, Default)]
struct Asked {
    gdt: BTreeMap<u32, u64>,
    idt: BTreeMap<u32, (u32, u32)>,
    stack: (u32, u32),
}

impl Asked {
    fn note(&mut self, load: Load) {
        match load {
            Load::Gdt { index, descriptor } => drop(self.gdt.insert(index, descriptor)),
            Load::Tls(entries) => self.gdt.extend((6..).zip(entries)),
            Load::Idt { vector, .. } if IGNORED.contains(&vector) => {}
            Load::Idt { vector, low, high } => drop(self.idt.insert(vector, (low, high))),
            Load::Stack { selector, esp, .. } => self.stack = (selector, esp),
            Load::Nothing => {}
        }
    }

    /// The descriptor the CPU may have at `index`.
    fn descriptor(&self, index: u32) -> u64 {
        let start = BTreeMap::from([(12, FLAT_CODE_RING_1), (13, FLAT_DATA_RING_1)]);
        match index {
            10 => FLAT_CODE_RING_0,
            11 => FLAT_DATA_RING_0,
            _ if NOT_THE_GUESTS.contains(&index) => 0,
            _ => match self.gdt.get(&index).or(start.get(&index)).copied().unwrap_or(0) {
                system if system & 1 << 44 == 0 => 0,
                segment => {
                    let at_least_ring_1 = if segment >> 45 & 3 == 0 { 1 << 45 } else { 0 };
                    (segment | at_least_ring_1 | 1 << 40) & !(1 << 53)
                }
            },
        }
    }

    /// The gate the CPU may have for `vector`.
    fn gate(&self, vector: u32) -> u64 {
        let closed = stub_gate(vector as u8, u8::from(vector == 0x1F));
        let is_the_guests = (vector < 32 || vector == 0x80) && !HOST_FIRST.contains(&vector);
        let Some(&(low, high)) =
            self.idt.get(&vector).filter(|(_, high)| is_the_guests && high & 0x8000 != 0)
        else {
            return closed;
        };
        match high >> 8 & 0x1F {
            // #DB comes to the Host whatever gate it has, for the Guest's DR6.
            0xF if vector != 1 => u64::from(high & !0x10FF) << 32 | u64::from(KERNEL_CS << 16 | low & 0xFFFF),
            // Their stubs count on an error code, which `int n` does not push.
            _ if [8, 10, 11, 12, 13, 14, 17].contains(&vector) => closed,
            _ => stub_gate(vector as u8, (high >> 13 & 3) as u8),
        }
    }
}

/// Judges what the CPU had in force at an entry.
fn judge(entered: &Entered, asked: &Asked) -> Result<(), TestCaseError> {
    for (index, &descriptor) in (0..).zip(&entered.gdt) {
        let is_switchers = matches!(index, 10 | 11);
        let is_segment = descriptor >> 44 & 1 == 1 && descriptor >> 45 & 3 >= 1;
        prop_assert!(
            is_switchers || descriptor == 0 || is_segment,
            "GDT entry {index} is {descriptor:#018x}"
        );
        prop_assert_eq!(descriptor, asked.descriptor(index), "GDT entry {}", index);
    }
    for (vector, &gate) in (0..IDT_ENTRIES as u32).zip(&entered.idt) {
        let is_stub = gate == stub_gate(vector as u8, (gate >> 45 & 3) as u8);
        let lands_in_ring_1 = gate >> 16 & 0xFFFF == u64::from(KERNEL_CS) && gate >> 40 & 0x9F == 0x8F;
        prop_assert!(is_stub || lands_in_ring_1, "gate {vector} is {gate:#018x}");
        prop_assert_eq!(gate, asked.gate(vector), "gate {}", vector);
    }
    prop_assert_eq!(entered.stack, asked.stack);
    prop_assert_eq!(entered.switcher_stack, (u32::from(HOST_DS), pages_address(0) + 0x1000));
    Ok(())
}

/// One of the two, and where it is in its ring.
struct Player {
    guest: Guest<SharedRam>,
    hardware: Hardware,
    asked: Asked,
    slot: u32,
}

impl Player {
    fn new(id: u32) -> Self {
        let hardware = Hardware::new(MIN_TABLES);
        let guest = new_guest(id, LIMIT, hardware, KERNEL, Variant::C);
        Self { guest, hardware, asked: Asked::default(), slot: 0 }
    }

    fn init(&mut self, cpu: &mut ScriptedCpu) -> Result<(), TestCaseError> {
        cpu.call(INIT);
        prop_assert_eq!(run(&mut self.guest, cpu), Stop::Preempted);
        self.judge_all(cpu)
    }

    /// Judges the entries of the last turn: only the very last one has seen what it loaded.
    fn judge_all(&self, cpu: &mut ScriptedCpu) -> Result<(), TestCaseError> {
        for entered in core::mem::take(&mut cpu.entered) {
            prop_assert_eq!(entered.guest, self.guest.id);
            judge(&entered, &self.asked)?;
        }
        Ok(())
    }

    fn play(&mut self, cpu: &mut ScriptedCpu, turn: Turn) -> Result<(), TestCaseError> {
        let call = match turn.load {
            Load::Gdt { index, descriptor } => {
                [LHCALL_LOAD_GDT_ENTRY, index, descriptor as u32, (descriptor >> 32) as u32, 0]
            }
            Load::Tls(entries) => {
                for (at, entry) in (TLS_AT..).step_by(8).zip(entries) {
                    self.guest.memory.write_from(GuestPhys(at), &entry.to_le_bytes()).unwrap();
                }
                [LHCALL_LOAD_TLS, TLS_AT, 0, 0, 0]
            }
            Load::Idt { vector, low, high } => [LHCALL_LOAD_IDT_ENTRY, vector, low, high, 0],
            Load::Stack { selector, esp, pages } => [LHCALL_SET_STACK, selector, esp, pages, 0],
            Load::Nothing => [LHCALL_FLUSH_ASYNC, 0, 0, 0, 0],
        };
        if turn.queued {
            queue(&self.guest.memory, Variant::C, self.slot, call);
            self.slot = (self.slot + 1) % 64;
            cpu.call([LHCALL_FLUSH_ASYNC, 0, 0, 0, 0]);
        } else {
            cpu.call(call);
        }
        let stop = run(&mut self.guest, cpu);
        let after = cpu.entered.split_off(1);
        self.judge_all(cpu)?;
        cpu.entered = after;
        self.asked.note(turn.load);
        match stop {
            Stop::Killed(_) => {
                prop_assert!(cpu.entered.is_empty(), "a killed Guest was entered");
                cpu.scenes.clear();
                restart(&mut self.guest, KERNEL, Variant::C);
                (self.asked, self.slot) = (Asked::default(), 0);
                self.init(cpu)
            }
            stop => {
                prop_assert_eq!(stop, Stop::Preempted);
                self.judge_all(cpu)
            }
        }
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn no_descriptor_or_gate_raises_privilege_or_outlives_a_turn(
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        let mut cpu = ScriptedCpu::new();
        let mut players = [Player::new(1), Player::new(2)];
        for player in &mut players {
            player.init(&mut cpu)?;
        }
        for (number, turn) in turns.into_iter().enumerate() {
            let in_turn = |error| TestCaseError::fail(format!("turn {number}, {turn:x?}: {error}"));
            players[turn.guest].play(&mut cpu, turn).map_err(in_turn)?;
        }
        for mut player in players {
            player.guest.shadow.reset();
            player.hardware.give_back();
        }
    }
}
