//! A Guest writes what it likes into tables of either format, tells of it or not, and touches what
//! it likes: no shadow names anything but its memory, and fresh shadows say what its tables say.
#![no_main]

use abi::{GuestLinear, GuestPhys, GuestResult, HostPhys};
use kennel_fuzz::hardware::{Access, GUEST_BASE, Hardware, SWITCHER_TABLES};
use kennel_fuzz::noise;
use kennel_fuzz::ram::Ram;
use kennel_fuzz::walk::{Found, walk};
use kennel_fuzz::world::{LIMIT, Word, populate};
use kernel::cpu::exit::PageFaultCode;
use kernel::shadow::entry::{A, D, W};
use kernel::shadow::walk::Format;
use kernel::shadow::{MIN_TABLES, PageFault, Shadow};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_mutator, fuzz_target};

#[derive(Arbitrary, Debug)]
enum Step {
    Store(Word, Word),
    Switch(Word),
    SetPte {
        top: Word,
        at: Word,
        entry: Word,
        high: Word,
    },
    SetPgd {
        top: Word,
        index: u16,
    },
    SetPmd {
        middle: Word,
        index: u16,
    },
    Flush {
        everything: bool,
    },
    Stack {
        end: Word,
        pages: u8,
    },
    Touch(Word, u8),
    Fault(Word, u8),
    HostTouch {
        at: Word,
        write: bool,
    },
    Move,
    /// All is forgotten, one address is touched, and what is in the shadows then is compared.
    Compare(Word, u8),
    Restart {
        kernel_address: Word,
    },
}

struct World {
    ram: Ram,
    shadow: Shadow,
    hardware: Hardware,
    switcher: HostPhys,
    top: Option<GuestPhys>,
    kernel_address: u32,
}

/// Where an access ends: at a byte, or with a fault the Guest sees.
type Touched = Result<GuestPhys, PageFaultCode>;

impl World {
    fn step(&mut self, step: &Step, format: Option<Format>) -> GuestResult {
        let Self { ram, shadow, .. } = self;
        match *step {
            Step::Store(at, word) if at.get() <= LIMIT - 4 => ram.set_word(at.get(), word.get()),
            Step::Store(..) => {}
            Step::Switch(top) => {
                let top = GuestPhys(top.get());
                return shadow.switch_to(ram, top).map(|()| self.top = Some(top));
            }
            Step::SetPte { top, at, entry, high } => {
                let change = [top, at, entry, high].map(Word::get);
                return shadow.set_pte(ram, change.into());
            }
            Step::SetPgd { top, index } => return shadow.set_pgd(GuestPhys(top.get()), index.into()),
            Step::SetPmd { middle, index } => {
                return shadow.set_pmd(ram, GuestPhys(middle.get()), index.into());
            }
            Step::Flush { everything: true } => shadow.flush_all(),
            Step::Flush { everything: false } => shadow.flush_user(ram),
            Step::Stack { end, pages } => shadow.set_stack(end.get(), u32::from(pages) % 3),
            Step::Touch(at, kind) => return self.touch(GuestLinear(at.get()), access(kind)).map(|_| ()),
            Step::Fault(at, code) => {
                let code = PageFaultCode(code.into());
                return shadow.demand_page(ram, GuestLinear(at.get()), code).map(|_| ());
            }
            Step::HostTouch { at, write: true } => {
                return shadow.writable(ram, GuestLinear(at.get())).map(|_| ());
            }
            Step::HostTouch { at, write: false } => {
                return shadow.readable(ram, GuestLinear(at.get()), PageFaultCode(0)).map(|_| ());
            }
            Step::Move => self.switcher = SWITCHER_TABLES[usize::from(self.switcher == SWITCHER_TABLES[0])],
            Step::Compare(at, kind) => return self.compare(GuestLinear(at.get()), access(kind)),
            Step::Restart { kernel_address } => self.restart(kernel_address.get(), format),
        }
        Ok(())
    }

    /// Enters the Guest until its access is done, or it hears of it.
    fn touch(&mut self, at: GuestLinear, access: Access) -> GuestResult<Touched> {
        for _ in 0..3 {
            self.shadow.pin_stack(&mut self.ram)?;
            let root = self.shadow.root(self.switcher)?;
            let code = match self.hardware.walk(root, at, access) {
                Ok(byte) => return Ok(Ok(byte)),
                Err(code) => code,
            };
            match self.shadow.demand_page(&mut self.ram, at, code)? {
                PageFault::Fixed => {}
                PageFault::Device(_) => unreachable!("this Guest has no devices"),
                PageFault::Closed => unreachable!("nothing is closed to its ring 3"),
                PageFault::Reflect(code) => return Ok(Err(code)),
            }
        }
        panic!("{at} faults for ever");
    }

    fn compare(&mut self, at: GuestLinear, access: Access) -> GuestResult {
        self.shadow.set_stack(0, 0);
        self.shadow.flush_all();
        let (before, format, top) = (Ram(self.ram.0.clone()), self.shadow.format(), self.top);
        let touched = self.touch(at, access);
        let found = walk(&before, format, top, at);
        match found {
            _ if top.is_none() && access.user => assert_eq!(touched, Ok(Err(access.code(false)))),
            Found::Nothing => assert_eq!(touched, Ok(Err(access.code(false)))),
            Found::Page { rights, .. } | Found::BadBehind { rights } if !access.is_allowed(rights) => {
                assert_eq!(touched, Ok(Err(access.code(true))));
            }
            Found::Page { page, .. } => assert_eq!(touched, Ok(Ok(GuestPhys(page | at.page_offset())))),
            Found::Bad | Found::BadBehind { .. } => assert!(touched.is_err(), "{found:?}, {touched:?}"),
        }
        touched?.ok().map_or(Ok(()), |_| self.judge_all(&before))
    }

    /// Judges each translation in fresh shadows against the tables they were made from.
    fn judge_all(&mut self, before: &Ram) -> GuestResult {
        let root = self.shadow.root(self.switcher)?;
        for (at, page, rights) in self.hardware.translations(root) {
            let found = walk(before, self.shadow.format(), self.top, at);
            let Found::Page { page: asked, rights: allowed, entry_at } = found else {
                panic!("{at} leads to {page}, and the Guest's tables have {found:?}");
            };
            assert!(page.0 == asked && rights & !allowed == 0, "{at} leads to {page} with {rights:#x}");
            let marks = if rights & W != 0 { A | D } else { A };
            let entry = entry_at.map_or(marks, |at| self.ram.word(at));
            assert_eq!(entry & marks, marks, "{at} was used, and its entry is {entry:#x}");
        }
        Ok(())
    }

    /// Every shadow is sound and none is lost; then the Guest ends, and another begins.
    fn restart(&mut self, kernel_address: u32, format: Option<Format>) {
        let first_shared = self.kernel_address.div_ceil(1 << 22) as usize;
        let limit = self.ram.0.len() as u32;
        self.shadow.root(self.switcher).expect("there is always a root");
        self.hardware.audit(&self.shadow, limit, first_shared).expect("the shadows are sound");
        self.shadow.reset();
        let (all, free) = self.shadow.tables();
        assert_eq!(free, all - 1, "tables leak");
        self.top = None;
        self.kernel_address = kernel_address.min(0xFFBF_FFFF);
        self.shadow.set_kernel_address(self.kernel_address);
        self.shadow.set_format(format);
    }
}

fn access(kind: u8) -> Access {
    Access { write: kind & 1 != 0, user: kind & 2 != 0 }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|input: (u8, Option<bool>, u16, Vec<Step>)| {
    let (tables, pae, tail, steps) = input;
    let hardware = Hardware::new(MIN_TABLES + usize::from(tables) % 3 * 4);
    let shadow = Shadow::new(hardware.pool(), GUEST_BASE);
    let mut ram = Ram::new(LIMIT + u32::from(tail) % 0x1000);
    populate(&mut ram);
    let format = pae.map(|pae| if pae { Format::Pae } else { Format::TwoLevel });
    let switcher = SWITCHER_TABLES[0];
    let mut world = World { ram, shadow, hardware, switcher, top: None, kernel_address: 0xFFC0_0000 };
    world.restart(0xC000_0000, format);
    // The first step that kills is the last: a restart is a step as well.
    let _end = steps.iter().try_for_each(|step| world.step(step, format));
    world.restart(0, format);
    hardware.give_back();
});
