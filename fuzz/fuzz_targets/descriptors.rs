//! Whatever one Guest loads into its tables, by any call of any variant, nothing that reaches the
//! CPU raises privilege, and nothing of it is there while another Guest runs.
#![no_main]

use std::{cell::RefCell, rc::Rc};

use abi::hypercall::*;
use abi::{GuestMemory, GuestPhys, Stop, Variant};
use kennel_fuzz::hardware::{GUEST_BASE, Hardware};
use kennel_fuzz::judge;
use kennel_fuzz::noise;
use kennel_fuzz::ram::Ram;
use kennel_fuzz::script::{Entered, ScriptedCpu, SharedRam};
use kennel_fuzz::world::{LIMIT, Word, begin, queue};
use kernel::cpu::GuestId;
use kernel::guest::Guest;
use kernel::run::run;
use kernel::shadow::MIN_TABLES;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

const KERNEL: u32 = 0xC000_0000;
/// Where LOAD_TLS and LOAD_GDT read from.
const TABLE_AT: u32 = 0x2000;

#[derive(Arbitrary, Debug)]
enum Load {
    Gdt { index: u8, descriptor: u64 },
    Tls([u64; 3]),
    Table(Vec<u64>),
    Idt { vector: u8, low: u32, high: u32, is_gate: bool },
    Stack { selector: u8, esp: Word, pages: u8 },
    Any { number: u8, args: [u32; 3] },
}

impl Load {
    /// EAX and the call's arguments; what it reads is put into memory.
    fn call(self, memory: &mut SharedRam) -> [u32; 4] {
        let mut put = |entries: &[u64]| {
            let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
            memory.write_from(GuestPhys(TABLE_AT), &bytes).expect("the table lies in memory");
            entries.len() as u32
        };
        match self {
            Self::Gdt { index, descriptor } => {
                [LHCALL_LOAD_GDT_ENTRY, index.into(), descriptor as u32, (descriptor >> 32) as u32]
            }
            Self::Tls(entries) => [LHCALL_LOAD_TLS, TABLE_AT, put(&entries), 0],
            Self::Table(entries) => [LHCALL_LOAD_GDT, TABLE_AT, put(&entries[..entries.len().min(40)]), 0],
            Self::Idt { vector, low, high, is_gate } => {
                // A present interrupt or trap gate, of any DPL: little else is let in.
                let high = if is_gate { high & !0x1E00 | 0x8E00 } else { high };
                // Mostly an exception or one of the first interrupts.
                let vector = if vector & 0x80 == 0 { vector & 0x3F } else { vector };
                [LHCALL_LOAD_IDT_ENTRY, vector.into(), low, high]
            }
            Self::Stack { selector, esp, pages } => {
                [LHCALL_SET_STACK, selector.into(), esp.get(), u32::from(pages) % 4]
            }
            Self::Any { number, args: [a, b, c] } => [number.into(), a, b, c],
        }
    }
}

fn new_guest(id: u32) -> (Guest<SharedRam>, Hardware) {
    let hardware = Hardware::new(MIN_TABLES);
    let ram = SharedRam(Rc::new(RefCell::new(Ram::new(LIMIT))));
    (Guest::new(GuestId(id), ram, GUEST_BASE, hardware.pool()), hardware)
}

/// One turn of a Guest that is awake; each entry is judged, and the last one is what it runs with.
fn turn(guest: &mut Guest<SharedRam>, cpu: &mut ScriptedCpu, hardware: Hardware) -> (Stop, Option<Entered>) {
    guest.before_entry.set_halted(false);
    let stop = run(guest, cpu);
    cpu.scenes.clear();
    let entered = core::mem::take(&mut cpu.entered);
    entered.iter().for_each(|entered| judge::entry(entered, hardware));
    (stop, entered.into_iter().last())
}

/// Starts a Guest, again or for the first time, and lets it make its first call.
fn start(
    guest: &mut Guest<SharedRam>,
    cpu: &mut ScriptedCpu,
    hardware: Hardware,
    variant: Variant,
) -> Option<Entered> {
    let init = begin(guest, variant, KERNEL);
    cpu.call(init);
    turn(guest, cpu, hardware).1
}

/// The tables in force.
fn tables(entered: Option<Entered>) -> impl PartialEq {
    let entered = entered.expect("the innocent Guest was entered");
    (entered.gdt, entered.idt, entered.stack)
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|input: (u8, Vec<(bool, Load)>)| {
    let (variant, loads) = input;
    let variant = Variant::ALL[usize::from(variant) % Variant::ALL.len()];
    let ((mut hostile, its), (mut innocent, others)) = (new_guest(1), new_guest(2));
    let mut cpu = ScriptedCpu::new();
    let at_first = tables(start(&mut innocent, &mut cpu, others, Variant::C));
    start(&mut hostile, &mut cpu, its, variant);
    let mut slot = 0;
    for (is_queued, load) in loads {
        let [eax, a, b, c] = load.call(&mut hostile.memory);
        let call = if variant == Variant::AEdx { [eax, b, c, a, 0] } else { [eax, a, b, c, 0] };
        match is_queued {
            true => {
                queue(&hostile.memory, variant, slot, call);
                slot = (slot + 1) % 64;
            }
            false => cpu.call(call),
        }
        let (stop, _) = turn(&mut hostile, &mut cpu, its);
        assert!(tables(turn(&mut innocent, &mut cpu, others).1) == at_first, "the other one's tables");
        if matches!(stop, Stop::Killed(_)) {
            start(&mut hostile, &mut cpu, its, variant);
            slot = 0;
        }
    }
    hostile.reset(GuestPhys(0));
    innocent.reset(GuestPhys(0));
    its.give_back();
    others.give_back();
});
