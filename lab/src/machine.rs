//! The machine of a run: which emulator, how much memory, what its second serial port is for, when it
//! ends. The shell that starts it reads this as settings.
//!
//! Next on the tour: `scripts/machine.sh`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::guest::{Guest, Word};
use crate::lab::Lab;
use crate::module::{BuiltIn, Module, Source};
use crate::plan::cards;

/// MiB of memory a machine has at least.
const MEMORY_MIN: u64 = 256;
/// MiB for the Host and GRUB.
const MEMORY_OF_HOST: u64 = 64;
/// MiB that a Guest is counted with whose size is no number; the Host says what is wrong with it.
const USUAL_GUEST: u64 = 64;
/// MiB of a Guest of ours that says nothing.
const USUAL_BUILT_IN: u64 = 16;
/// Seconds without anything to do after which a run ends that has nothing left to type.
const USUAL_IDLE: u32 = 10;

/// What a run's machine is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    emulator: &'static str,
    second_port: Option<SecondPort>,
    gdb: bool,
    timeout: u32,
    idle: u32,
    megs: Option<u32>,
}

/// What the second serial port is for.
#[derive(Clone, PartialEq, Eq, Debug)]
struct SecondPort {
    /// The word for it.
    role: &'static str,
    /// What follows the word on the Host's line.
    what: String,
    /// Where what comes over it is kept.
    file: String,
}

impl Machine {
    /// The machine a lab asks for.
    ///
    /// # Errors
    /// A sentence that says which options do not go together.
    pub fn of(lab: &Lab) -> Result<Self, String> {
        let emulator = match (lab.bochs, lab.v86) {
            (true, true) => return Err("use one of --bochs and --v86".into()),
            (true, false) => "bochs",
            (false, true) => "v86",
            (false, false) => "qemu",
        };
        let second_port = second_port(lab)?;
        if emulator != "qemu" {
            let role = second_port.as_ref().map(|port| port.role);
            if let Some(option) = lab.gdb.then_some("gdb").or(role) {
                let option = if option == "gdb" && !lab.gdb { "gdb-guest" } else { option };
                return Err(format!(
                    "--{option} is QEMU's, not {}'s",
                    if lab.bochs { "Bochs" } else { "v86" }
                ));
            }
        }
        if second_port.is_some() && lab.host.as_deref().is_some_and(|host| host.contains("com2=")) {
            return Err("--host has com2= for what --pcap, --trace, --core or --gdb-guest would be".into());
        }
        Ok(Self {
            emulator,
            second_port,
            gdb: lab.gdb,
            timeout: lab.timeout.unwrap_or(0),
            idle: lab.idle.unwrap_or(USUAL_IDLE),
            megs: lab.machine_mem,
        })
    }

    /// What the Host's line says of the second port.
    pub fn port_words(&self) -> String {
        match &self.second_port {
            None => String::new(),
            Some(port) if port.what.is_empty() => format!("com2={}", port.role),
            Some(port) => format!("com2={}:{}", port.role, port.what),
        }
    }

    /// Words by which the Host knows its machine: where the exit code goes, and that a person may leave
    /// by a key.
    pub fn own_words(&self, is_terminal: bool) -> String {
        let exit = if self.emulator == "bochs" { "" } else { "debug-exit" };
        let key = if is_terminal { "leave-key" } else { "" };
        format!("{exit} {key}")
    }

    /// The settings, as a shell reads them; `usual_megs` is the memory if nobody has said.
    pub fn settings(&self, usual_megs: u64) -> String {
        let megs = self.megs.map_or(usual_megs, u64::from);
        let mut text = String::new();
        let mut set = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}={}", quoted(value));
        };
        set("machine", self.emulator);
        set("megs", &megs.to_string());
        set("gdb", if self.gdb { "yes" } else { "" });
        set("line", self.second_port.as_ref().map_or("", |port| port.role));
        set("timeout", &self.timeout.to_string());
        set("idle", &self.idle.to_string());
        set("saved", self.second_port.as_ref().map_or("", |port| &port.file));
        text
    }
}

fn second_port(lab: &Lab) -> Result<Option<SecondPort>, String> {
    let port = |role, what: &str, file: &str| SecondPort { role, what: what.into(), file: file.into() };
    let pcap = lab.pcap.as_deref().map(|text| capture(text, &lab.guest)).transpose()?;
    let pcap = pcap.map(|(file, network)| port("pcap", &network, &file));
    let trace = lab.trace.as_deref().map(|text| {
        let (file, kinds) = text.split_once(',').unwrap_or((text, ""));
        port("trace", kinds, file)
    });
    let core = lab.core.as_deref().map(|file| port("core", "", file));
    let gdb = lab.gdb_guest.then(|| port("gdb", "", ""));
    let mut wanted = [pcap, trace, core, gdb].into_iter().flatten();
    let first = wanted.next();
    if wanted.next().is_some() {
        return Err("use one of --pcap, --trace, --core and --gdb-guest: there is one port for them".into());
    }
    Ok(first)
}

/// File and network of a capture: the network behind the last comma, if there is one of that name, else
/// the first there is.
fn capture(text: &str, guests: &[Guest]) -> Result<(String, String), String> {
    let cards = guests.iter().flat_map(cards);
    let networks: Vec<&str> = cards.filter_map(|card| card.split(',').next()).collect();
    let first = networks.first().ok_or("--pcap wants a network")?;
    let (file, network) = match text.rsplit_once(',') {
        Some((file, network)) if networks.contains(&network) => (file, network),
        _ => (text, *first),
    };
    Ok((file.into(), network.into()))
}

/// MiB of memory for a machine: room for each Guest and its shadows, for what is on the ISO twice (GRUB
/// moves modules about), and for the Host.
pub fn memory_for(guests: &[Guest], modules: &[Module], iso: &Path) -> u64 {
    let guests: u64 = guests.iter().map(memory_of).sum();
    let iso = fs::metadata(iso).map_or(0, |data| data.len());
    let again = modules
        .iter()
        .enumerate()
        .filter(|(index, module)| modules[..*index].iter().any(|other| other.place == module.place));
    let again: u64 = again.map(|(_, module)| size(&module.source)).sum();
    let media = (iso + again).div_ceil(1 << 20);
    (guests * 5 / 4 + media * 2 + MEMORY_OF_HOST).max(MEMORY_MIN)
}

fn size(source: &Source) -> u64 {
    match source {
        Source::File(file) => fs::metadata(file).map_or(0, |data| data.len()),
        Source::BuiltIn(_) | Source::Example => 1 << 20,
    }
}

/// MiB of a Guest's memory.
fn memory_of(guest: &Guest) -> u64 {
    let Some(mem) = guest.mem.as_ref().map(Word::text) else {
        return if BuiltIn::named(&guest.kernel).is_some() { USUAL_BUILT_IN } else { USUAL_GUEST };
    };
    let digits = mem.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number = digits.parse::<u64>().ok().filter(|number| *number < 10_000_000).unwrap_or(USUAL_GUEST);
    match mem.chars().last() {
        Some('G' | 'g') => number * 1024,
        Some('K' | 'k') => number / 1024,
        _ => number,
    }
}

/// A value as a shell reads it back.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(text: &str) -> Lab {
        toml::from_str(text).unwrap()
    }

    fn guest(mem: &str) -> Guest {
        Guest { kernel: "x".into(), mem: Some(Word::Text(mem.into())), ..Guest::default() }
    }

    #[test]
    fn options_that_do_not_go_together_are_refused() {
        for text in [
            "bochs = true\ngdb = true",
            "bochs = true\ngdb-guest = true",
            "v86 = true\ntrace = 'x'",
            "bochs = true\nv86 = true",
            "core = 'x'\ntrace = 'y'",
            "core = 'x'\nhost = 'com2=monitor'",
            "pcap = 'x'\nguest = [{ kernel = 'demo', net = 'none' }]",
        ] {
            assert!(Machine::of(&lab(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_capture_is_of_the_network_that_is_named_or_of_the_first() {
        let guests = "guest = [{ kernel = 'demo' }, { kernel = 'demo', net = 'wan,open' }]";
        for (pcap, word, file) in
            [("a.pcap", "lan", "a.pcap"), ("a.pcap,wan", "wan", "a.pcap"), ("a,b", "lan", "a,b")]
        {
            let machine = Machine::of(&lab(&format!("pcap = '{pcap}'\n{guests}"))).unwrap();
            assert_eq!(machine.port_words(), format!("com2=pcap:{word}"));
            assert!(machine.settings(1).contains(&format!("saved='{file}'\n")));
        }
    }

    #[test]
    fn a_trace_takes_kinds() {
        let machine = Machine::of(&lab("trace = '/x,exit,enter'")).unwrap();
        assert_eq!(machine.port_words(), "com2=trace:exit,enter");
        assert!(machine.settings(300).contains("megs='300'\n"));
    }

    #[test]
    fn memory_is_enough_for_all_guests() {
        for (mem, mib) in [("64M", 64), ("1G", 1024), ("2048k", 2), ("8", 8), ("lots", 64)] {
            assert_eq!(memory_of(&guest(mem)), mib, "{mem}");
        }
        let none = Path::new("/no/such/iso");
        assert_eq!(memory_for(&[guest("64M")], &[], none), 256);
        assert_eq!(memory_for(&[guest("400M"), guest("400M")], &[], none), 1064);
    }

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(quoted("it's $x"), r"'it'\''s $x'");
    }
}
