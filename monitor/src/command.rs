//! Commands: a line of words, understood.
//!
//! A command is a name and what it needs; `@NAME` anywhere says which Guest it
//! is about, by name or by its number in the boot menu. Both sides, the person
//! at the console and the script at the second line, write the same words.
//!
//! Invariants:
//! - Any words give a command or a sentence (`any_line_is_understood_or_refused`).
//! - What `help` lists is what is understood (`every_command_of_the_list_is_understood`).
//!
//! Next on the tour: [`crate::place`].

use alloc::string::{String, ToString};
use core::fmt;

use crate::place::Place;

/// A command's name, what follows it, and what it does; for `help`, completion and parsing.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// What may follow.
    pub words: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// All commands, in the order in which `help` shows them.
pub const COMMANDS: &[Entry] = &[
    entry("guests", "", "who is there"),
    entry("stats", "", "exits, shadow tables, interrupts, CPU time, traffic"),
    entry("pause", "", "keep it from running"),
    entry("resume", "", "let it run again"),
    entry("restart", "", "start it again in fresh memory"),
    entry("kill", "", "end it"),
    entry("regs", "", "its registers, as of its last exit"),
    entry("bt", "", "where it is, and who called"),
    entry("x", "PLACE [BYTES]", "memory at a linear address"),
    entry("xp", "PLACE [BYTES]", "memory at a Guest-physical address"),
    entry("walk", "PLACE", "its page tables for an address, and the shadow's"),
    entry("gdt", "", "its segments"),
    entry("idt", "[VECTOR]", "its gates: which are direct, and why not"),
    entry("devices", "", "its devices and what went through their queues"),
    entry("trace", "[KIND] [COUNT]", "its last events"),
    entry("log", "", "the Host's own last lines"),
    entry("help", "", "this list"),
];

const fn entry(name: &'static str, words: &'static str, what: &'static str) -> Entry {
    Entry { name, words, what }
}

/// Bytes `x` shows if nobody says, ...
const SHOWN: u32 = 64;
/// ... and at most.
pub const SHOWN_MAX: u32 = 1024;

/// What can be done to a Guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Keep it from running.
    Pause,
    /// Let it run.
    Resume,
    /// Start it again.
    Restart,
    /// End it.
    Kill,
}

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the variants are the commands of these names, told of in COMMANDS")]
pub enum Command<'a> {
    Guests,
    Stats,
    Act(Act),
    Regs,
    Backtrace,
    Memory { is_physical: bool, at: Place<'a>, len: u32 },
    Walk(Place<'a>),
    Gdt,
    Idt(Option<u8>),
    Devices,
    Trace { kind: Option<&'a str>, count: usize },
    Log,
    Help,
}

/// What a line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish<'a> {
    /// What is wanted; `None` if only a Guest was named, which later lines are about.
    pub command: Option<Command<'a>>,
    /// The Guest, if one was named.
    pub guest: Option<&'a str>,
}

/// Why a line is not obeyed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Complaint {
    /// There is no such command.
    Unknown(String),
    /// A command needs something more.
    Missing(&'static str),
    /// A word too many, or one that makes no sense in its place.
    Word(String),
    /// There is no such Guest.
    NoGuest(String),
    /// The Guest has ended.
    Ended(String),
    /// There is no such register, symbol or number.
    NoPlace(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "there is no command \"{word}\"; help lists them"),
            Self::Missing(words) => write!(f, "say more: {words}"),
            Self::Word(word) => write!(f, "\"{word}\" makes no sense here; help lists what does"),
            Self::NoGuest(name) => write!(f, "there is no guest \"{name}\""),
            Self::Ended(name) => write!(f, "guest {name} has ended"),
            Self::NoPlace(word) => {
                write!(f, "\"{word}\" is no register, symbol or number; numbers are hexadecimal")
            }
        }
    }
}

/// Understands the words of a line.
///
/// # Errors
/// A [`Complaint`] about the first that makes no sense.
#[inline(never)] // into code that is built for speed
pub fn parse<'a>(words: &[&'a str]) -> Result<Wish<'a>, Complaint> {
    let mut guest = None;
    let mut rest = [""; WORDS_MAX];
    let mut len = 0;
    for &word in words {
        if let Some(name) = word.strip_prefix('@') {
            guest = Some(name);
        } else {
            *rest.get_mut(len).ok_or_else(|| Complaint::Word(word.into()))? = word;
            len += 1;
        }
    }
    let Some((&name, args)) = rest[..len].split_first() else {
        return Ok(Wish { command: None, guest });
    };
    let mut args = Args(args);
    let command = command(name, &mut args)?;
    args.end()?;
    Ok(Wish { command: Some(command), guest })
}

/// Words of a command at most, its name among them.
const WORDS_MAX: usize = 3;

fn command<'a>(name: &str, args: &mut Args<'a, '_>) -> Result<Command<'a>, Complaint> {
    let of = |name| COMMANDS.iter().find(|entry| entry.name == name).map_or("", |entry| entry.words);
    Ok(match name {
        "guests" => Command::Guests,
        "stats" => Command::Stats,
        "pause" => Command::Act(Act::Pause),
        "resume" => Command::Act(Act::Resume),
        "restart" => Command::Act(Act::Restart),
        "kill" => Command::Act(Act::Kill),
        "regs" => Command::Regs,
        "bt" => Command::Backtrace,
        "x" | "xp" => {
            let at = args.place(of(name))?;
            let len = args.number(SHOWN)?.clamp(1, SHOWN_MAX);
            Command::Memory { is_physical: name == "xp", at, len }
        }
        "walk" => Command::Walk(args.place(of(name))?),
        "gdt" => Command::Gdt,
        "idt" => Command::Idt(args.vector()?),
        "devices" => Command::Devices,
        "trace" => {
            let kind = args.next_if(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
            Command::Trace { kind, count: args.number(u32::MAX)? as usize }
        }
        "log" => Command::Log,
        "help" | "?" => Command::Help,
        _ => return Err(Complaint::Unknown(name.to_string())),
    })
}

/// The words behind a command's name, taken one by one.
struct Args<'a, 'b>(&'b [&'a str]);

impl<'a> Args<'a, '_> {
    fn next_if(&mut self, is_it: impl FnOnce(&str) -> bool) -> Option<&'a str> {
        let (&first, rest) = self.0.split_first()?;
        is_it(first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn place(&mut self, words: &'static str) -> Result<Place<'a>, Complaint> {
        let word = self.next_if(|_| true).ok_or(Complaint::Missing(words))?;
        Place::admit(word).ok_or_else(|| Complaint::NoPlace(word.into()))
    }

    /// A count, decimal unless it begins with 0x.
    fn number(&mut self, otherwise: u32) -> Result<u32, Complaint> {
        let Some(word) = self.next_if(|_| true) else { return Ok(otherwise) };
        let number = match word.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => word.parse(),
        };
        number.map_err(|_| Complaint::Word(word.into()))
    }

    /// A vector: as the SDM has them, decimal unless it begins with 0x.
    fn vector(&mut self) -> Result<Option<u8>, Complaint> {
        let Some(&word) = self.0.first() else { return Ok(None) };
        let number = self.number(0)?;
        u8::try_from(number).map(Some).map_err(|_| Complaint::Word(word.into()))
    }

    fn end(&self) -> Result<(), Complaint> {
        self.0.first().map_or(Ok(()), |word| Err(Complaint::Word((*word).into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn understand(line: &str) -> Result<Wish<'_>, Complaint> {
        parse(&line.split_ascii_whitespace().collect::<Vec<_>>())
    }

    fn command(line: &str) -> Command<'_> {
        understand(line).unwrap().command.unwrap()
    }

    #[test]
    fn every_command_of_the_list_is_understood() {
        for Entry { name, words, .. } in COMMANDS {
            let is_needed = words.starts_with("PLACE");
            let line = if is_needed { format!("{name} esp") } else { (*name).to_string() };
            assert!(understand(&line).is_ok(), "{line}");
            assert_eq!(understand(name).is_err(), is_needed, "{name}");
            assert!(understand(&format!("{line} 1 x y")).is_err(), "{line} 1 x y");
        }
    }

    #[test]
    fn a_guest_is_named_anywhere() {
        for line in ["@b regs", "regs @b"] {
            let wish = Wish { command: Some(Command::Regs), guest: Some("b") };
            assert_eq!(understand(line), Ok(wish));
        }
        assert_eq!(understand("@2"), Ok(Wish { command: None, guest: Some("2") }));
        assert_eq!(understand(""), Ok(Wish { command: None, guest: None }));
    }

    #[test]
    fn places_are_hexadecimal_and_counts_decimal() {
        let at = Place::admit("c0100000").unwrap();
        assert_eq!(command("x c0100000 16"), Command::Memory { is_physical: false, at, len: 16 });
        assert_eq!(command("xp c0100000"), Command::Memory { is_physical: true, at, len: 64 });
        assert_eq!(command("x c0100000 0x20"), Command::Memory { is_physical: false, at, len: 32 });
        assert_eq!(command("x c0100000 4000000000"), Command::Memory { is_physical: false, at, len: 1024 });
        assert_eq!(
            (command("idt 14"), command("idt 0x80")),
            (Command::Idt(Some(14)), Command::Idt(Some(128)))
        );
        assert!(understand("idt 256").is_err() && understand("x c0100000 many").is_err());
    }

    #[test]
    fn a_trace_may_be_of_a_kind_and_of_a_length() {
        assert_eq!(command("trace"), Command::Trace { kind: None, count: u32::MAX as usize });
        assert_eq!(command("trace call 5"), Command::Trace { kind: Some("call"), count: 5 });
        assert_eq!(command("trace 5"), Command::Trace { kind: None, count: 5 });
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |line: &str| understand(line).unwrap_err().to_string();
        assert_eq!(said("dance"), "there is no command \"dance\"; help lists them");
        assert_eq!(said("walk"), "say more: PLACE");
        assert_eq!(said("regs now"), "\"now\" makes no sense here; help lists what does");
    }

    proptest! {
        #[test]
        fn any_line_is_understood_or_refused(line in "\\PC*", name in 0..COMMANDS.len()) {
            let _either = understand(&line);
            let _either = understand(&format!("{} {line}", COMMANDS[name].name));
        }
    }
}
