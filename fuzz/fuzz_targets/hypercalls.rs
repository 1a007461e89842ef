//! A Guest of any variant makes any calls, by instruction and ring, and leaves for any reason:
//! each entry is sane, what its shadows name is its own, and no table is lost.
#![no_main]

use abi::boot_params::{E820_MAP, RAMDISK_SIZE};
use abi::lguest_data::SWITCHER_BASE;
use abi::{Dialect, GuestMemory, GuestPhys, Nanos, Stop, Variant};
use kennel_fuzz::hardware::{GUEST_BASE, Hardware};
use kennel_fuzz::judge;
use kennel_fuzz::noise;
use kennel_fuzz::ram::Ram;
use kennel_fuzz::script::{ENTRY, ScriptedCpu, SharedRam};
use kennel_fuzz::world::{LIMIT, Word, begin, queue};
use kernel::cpu::GuestId;
use kernel::guest::Guest;
use kernel::inspect::post_mortem;
use kernel::inspect::post_mortem::Tsc;
use kernel::run::run;
use kernel::guest::segment::KERNEL_CS;
use kernel::shadow::MIN_TABLES;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

/// Vector of a machine check, which is the end of the Host and no Guest can cause.
const MACHINE_CHECK: u32 = 18;

/// How often a Guest is started: enough to see that a killed one leaves nothing behind.
const LIVES: u32 = 2;

#[derive(Arbitrary, Debug)]
enum Event {
    Store(Word, Word),
    Queue([Word; 5]),
    Call { number: u8, by_vmcall: bool, args: [Word; 4] },
    Trap { trapnum: u16, code: u8, cr2: Word, eip: Word, cs: u8, eflags: u32, esp: Word, ss: u8 },
    PageFault { at: Word, code: u8 },
    Raise(u8),
    Haste(u64),
    Wait,
}

#[derive(Arbitrary, Debug)]
struct Life {
    tables: u8,
    variant: u8,
    /// Whether the module's line says so.
    is_told: bool,
    pae: Option<bool>,
    kernel_address: Word,
    /// Length of RAM and of the initrd, if not what they are.
    boot: Option<[Word; 2]>,
    events: Vec<Event>,
}

struct Stage {
    guest: Guest<SharedRam>,
    cpu: ScriptedCpu,
    hardware: Hardware,
    variant: Variant,
    kernel_address: u32,
    boot: Option<[Word; 2]>,
    slot: u32,
    /// How often it was killed.
    deaths: u32,
}

impl Stage {
    fn begin(&mut self) {
        self.slot = 0;
        let init = begin(&mut self.guest, self.variant, self.kernel_address);
        if let Some([ram, initrd]) = self.boot {
            let memory = &mut *self.guest.memory.0.borrow_mut();
            memory.set_word(E820_MAP + 8, ram.get());
            memory.set_word(RAMDISK_SIZE, initrd.get());
        }
        self.cpu.call(init);
        self.run();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Store(at, word) => {
                // A store that misses memory is a fault of the Guest's own.
                let _missed = self.guest.memory.write_u32(GuestPhys(at.get()), word.get());
                return;
            }
            Event::Queue(call) => {
                queue(&self.guest.memory, self.variant, self.slot, call.map(Word::get));
                self.slot = (self.slot + 1) % 64;
                return;
            }
            Event::Call { number, by_vmcall, args } => {
                let [ebx, ecx, edx, esi] = args.map(Word::get);
                self.cpu.call([(number % 24).into(), ebx, ecx, edx, esi]);
                if by_vmcall {
                    let scene = self.cpu.scenes.pop_back().expect("it was just added");
                    self.cpu.scenes.push_back(Box::new(move |regs| {
                        let cr2 = scene(regs);
                        (regs.trapnum, regs.eip, regs.cs) = (6, ENTRY.0, KERNEL_CS);
                        cr2
                    }));
                }
            }
            Event::Trap { trapnum, code, cr2, eip, cs, eflags, esp, ss } => {
                let trapnum = u32::from(trapnum) & 0x1FF;
                let trapnum = if trapnum as u8 == MACHINE_CHECK as u8 { 13 } else { trapnum };
                self.cpu.scenes.push_back(Box::new(move |regs| {
                    (regs.trapnum, regs.errcode, regs.eflags) = (trapnum, code.into(), eflags);
                    (regs.eip, regs.cs, regs.esp, regs.ss) = (eip.get(), cs.into(), esp.get(), ss.into());
                    cr2.get()
                }));
            }
            Event::PageFault { at, code } => self.cpu.scenes.push_back(Box::new(move |regs| {
                (regs.trapnum, regs.errcode) = (14, code.into());
                at.get()
            })),
            Event::Raise(line) => return self.guest.interrupts.raise(line),
            Event::Haste(step) => self.cpu.step = Nanos(step),
            Event::Wait => {}
        }
        self.run();
    }

    /// One call of the Launcher's, which ends after the scene that waits and an end of slice. A
    /// Guest that sleeps plays no scene.
    fn run(&mut self) {
        let stop = run(&mut self.guest, &mut self.cpu);
        self.cpu.scenes.clear();
        let entered = core::mem::take(&mut self.cpu.entered);
        assert!(entered.len() <= 2, "{} entries", entered.len());
        entered.iter().for_each(|entered| judge::entry(entered, self.hardware));
        if let Stop::Read { .. } = stop {
            self.guest.answer(LIMIT);
        }
        if let Stop::Killed(reason) = stop {
            assert_eq!(run(&mut self.guest, &mut self.cpu), stop);
            assert!(self.cpu.entered.is_empty() && !reason.to_string().is_empty());
            let at = Tsc { now: 0, khz: 1_000_000 };
            post_mortem::tell(&self.guest, at, |line| assert!(!line.to_string().contains('\n')));
            self.end();
            self.deaths += 1;
        }
    }

    /// Every shadow is sound, and a reset gives every table back.
    fn end(&mut self) {
        let told = self.guest.shared.as_ref().map(|shared| shared.kernel_address);
        let first_shared = told.unwrap_or(self.kernel_address.min(SWITCHER_BASE)).div_ceil(1 << 22);
        let audit = self.hardware.audit(&self.guest.shadow, LIMIT, first_shared as usize);
        audit.expect("the shadows are sound");
        self.guest.reset(ENTRY);
        let (all, free) = self.guest.shadow.tables();
        assert_eq!(free, all - 1, "tables leak");
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|life: Life| {
    let hardware = Hardware::new(MIN_TABLES + usize::from(life.tables) % 3 * 4);
    let ram = SharedRam(std::rc::Rc::new(std::cell::RefCell::new(Ram::new(LIMIT))));
    let mut guest = Guest::new(GuestId(1), ram, GUEST_BASE, hardware.pool());
    let variant = Variant::ALL[usize::from(life.variant) % Variant::ALL.len()];
    guest.shadow.set_device_limit(LIMIT + abi::PAGE_SIZE);
    guest.dialect = Dialect { variant: life.is_told.then_some(variant), pae: life.pae };
    let kernel_address = match life.kernel_address {
        Word::Small(_) => 0xC000_0000,
        other => other.get(),
    };
    let mut stage = Stage {
        guest,
        cpu: ScriptedCpu::new(),
        hardware,
        variant,
        kernel_address,
        boot: life.boot,
        slot: 0,
        deaths: 0,
    };
    stage.begin();
    for event in life.events {
        if stage.deaths == LIVES {
            break;
        }
        if stage.guest.shared.is_none() {
            stage.begin();
        }
        stage.happen(event);
    }
    stage.end();
    hardware.give_back();
});
