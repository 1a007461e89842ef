//! Whatever is typed at the monitor, and whatever comes over its line, about a Guest with any
//! registers and symbols: each line has one answer, and nothing of the Guest changes.
#![no_main]

use abi::{GuestPhys, Nanos};
use kennel_fuzz::hardware::{GUEST_BASE, Hardware};
use kennel_fuzz::ram::Ram;
use kennel_fuzz::world::{LIMIT, Word, populate};
use kernel::cpu::GuestId;
use kernel::guest::Guest;
use kernel::inspect::script::Script;
use kernel::inspect::{Asker, Known, World};
use kernel::inspect::post_mortem::Tsc;
use kernel::shadow::MIN_TABLES;
use kernel::shadow::walk::Format;
use kernel::inspect::usage::Life;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use monitor::command::{Act, COMMANDS};
use monitor::editor::{Editor, LINE_MAX};
use monitor::stats::Device;
use monitor::symbols::Symbols;

/// Bytes an editor shows for one that is typed, at most: it erases a line letter by letter.
const SHOWN_MAX: usize = 8 * LINE_MAX;

/// One Guest, and what was done to it.
struct Village<'a> {
    guest: Guest<Ram>,
    life: Life,
    symbols: Symbols<'a>,
    acts: usize,
}

impl World for Village<'_> {
    type Memory = Ram;

    fn guest(&self, number: usize) -> Option<Known<'_, Ram>> {
        let Self { guest, life, symbols, .. } = self;
        (number == 0).then_some(Known {
            name: "one",
            state: "runs",
            guest: Some(guest),
            life,
            symbols: *symbols,
        })
    }

    fn focus(&self) -> usize {
        0
    }

    fn now(&self) -> Nanos {
        Nanos(1)
    }

    fn tsc(&self) -> Tsc {
        Tsc { now: 0, khz: 0 }
    }

    fn devices(&self, _number: usize) -> Vec<Device> {
        Vec::new()
    }

    fn log(&self) -> Vec<String> {
        Vec::new()
    }

    fn act(&mut self, _number: usize, _act: Act) {
        self.acts += 1;
    }
}

#[derive(Arbitrary, Debug)]
enum Typed<'a> {
    /// A command by its number, and one address behind it.
    Command(u8, Word),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Typed<'_> {
    fn bytes(&self) -> Vec<u8> {
        match *self {
            Self::Command(number, word) => {
                let entry = &COMMANDS[usize::from(number) % COMMANDS.len()];
                let place = if entry.words.starts_with("PLACE") {
                    format!("{:x}", word.get())
                } else {
                    String::new()
                };
                format!("{} {place}\n", entry.name).into()
            }
            Self::Text(text) => text.into(),
            Self::Bytes(bytes) => bytes.into(),
        }
    }
}

fuzz_target!(|input: ([Word; 3], Option<(bool, Word)>, bool, &[u8], Vec<Typed<'_>>)| {
    let ([eip, ebp, esp], tables, is_image, symbols, typed) = input;
    let hardware = Hardware::new(MIN_TABLES);
    let mut ram = Ram::new(LIMIT);
    populate(&mut ram);
    let mut guest = Guest::new(GuestId(1), ram, GUEST_BASE, hardware.pool());
    guest.reset(GuestPhys(0x1000));
    [guest.regs.eip, guest.regs.ebp, guest.regs.esp] = [eip, ebp, esp].map(Word::get);
    if let Some((is_pae, top)) = tables {
        guest.shadow.set_format(Some(if is_pae { Format::Pae } else { Format::TwoLevel }));
        // A directory that cannot be is none.
        let _refused = guest.shadow.switch_to(&guest.memory, GuestPhys(top.get()));
    }
    let symbols = if is_image { Symbols::of_image(symbols) } else { Symbols::new(symbols) };
    let (before, regs) = (guest.memory.0.clone(), guest.regs);
    let mut village = Village { guest, life: Life::begin(1, Nanos(0)), symbols, acts: 0 };
    let (mut editor, mut asker, mut script) = (Editor::default(), Asker::default(), Script::default());
    for byte in typed.iter().flat_map(Typed::bytes) {
        let mut answers = 0;
        editor.feed(byte, &mut |first, words| {
            assert!(first.len() <= SHOWN_MAX);
            answers += 1;
            let answer = asker.ask(words, &mut village).to_string();
            assert!(answer.ends_with('\n'), "{words:?} has no answer");
            String::new()
        });
        assert!(answers <= 1 && editor.take_echo().len() <= SHOWN_MAX);
        if let Some(reply) = script.feed(byte, &mut village) {
            assert!(reply.starts_with("{\"") && reply.ends_with("}\n") && reply.matches('\n').count() == 1);
        }
    }
    assert!(village.guest.memory.0 == before && village.guest.regs == regs, "the monitor has changed it");
    village.guest.shadow.reset();
    drop(village);
    hardware.give_back();
});
