//! A crowd of random Guests between two innocents, from one seed.
//!
//! What nobody thought of is found by chance, or not at all. Each crowd has two dozen Guests that play
//! random steps, on either bus, with disks and network cards, in the words of several years. What
//! becomes of them is their own affair. What counts is that the innocent Guests notice nothing, the
//! Host ends in order with all its memory back, and nobody has written a line in its name.
//!
//! A random Guest may well sleep for ever, or go round in a loop with its interrupts off. One more Guest
//! sleeps and says when the time is up; those who are left are killed then, from the Host's monitor.
//!
//! Invariants: `a_seed_is_one_crowd`, `a_line_in_the_hosts_name_is_found`.
//!
//! Next on the tour: the tests in `tests/machine/`.

use std::fmt;
use std::time::Duration;

use crate::scratch::Scratch;
use crate::{Bochs, Boot, Outcome, Qemu, Session, V86, artefacts};

/// Random Guests of a crowd.
pub const RANDOM: u32 = 24;
/// Kinds of steps for v86: without those whose instructions end the emulator itself.
const V86_KINDS: &str = "-vm,frames,code,user,segments,debug,fpu";
/// The word in all text of random Guests that looks like somebody else's.
const FORGED: &str = "FORGED";
/// How long a machine may take to end when nobody has anything left to do.
const PATIENCE: Duration = Duration::from_millis(300);
/// The longest a crowd may take, however slow the computer it runs on.
const LIMIT: Duration = Duration::from_secs(240);

/// Where a crowd runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// QEMU, on its oldest CPU: no PAE, no SSE, no MMX.
    QemuPentium,
    /// QEMU, on a CPU with everything that it knows.
    QemuRecent,
    /// Bochs, on a Pentium.
    BochsPentium,
    /// Bochs, on a recent CPU.
    BochsRecent,
    /// v86, whose time is the computer's own.
    V86,
}

impl Place {
    /// All places, and the words that name each on a command line.
    pub const ALL: [(&'static str, Self); 5] = [
        ("qemu", Self::QemuPentium),
        ("qemu-recent", Self::QemuRecent),
        ("bochs", Self::BochsPentium),
        ("bochs-recent", Self::BochsRecent),
        ("v86", Self::V86),
    ];

    /// What names it.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, place)| *place == self).map_or("", |(word, _)| word)
    }

    /// What the innocents do there, how many milliseconds of the machine's clock that takes at most
    /// alone (`None` where time is not counted), and when the time is up.
    fn work(self) -> (u32, Option<u32>, u32) {
        match self {
            Self::QemuPentium | Self::QemuRecent => (80, Some(80), 600),
            Self::V86 => (6, None, 5000),
            Self::BochsPentium | Self::BochsRecent => (6, Some(90), 10_000),
        }
    }
}

/// One crowd.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crowd {
    /// What all its dice come from.
    pub seed: u32,
    /// Where it runs.
    pub place: Place,
    /// Whether all of it have page tables of three levels.
    pub pae: bool,
    /// What the Guests are told of kinds of steps.
    pub kinds: String,
    /// How many steps each plays.
    pub steps: u32,
}

impl fmt::Display for Crowd {
    /// The command that runs it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, place, pae, kinds, steps } = self;
        write!(f, "scripts/random --seed {seed} --in {} --kinds {kinds} --steps {steps}", place.word())?;
        if *pae { f.write_str(" --pae") } else { Ok(()) }
    }
}

impl Crowd {
    /// The crowd of a seed, of all kinds of steps that the machine can stand.
    pub fn new(seed: u32, place: Place) -> Self {
        let kinds = if place == Place::V86 { V86_KINDS } else { "-" };
        Self { seed, place, pae: false, kinds: kinds.into(), steps: 300 }
    }

    /// The same with page tables of three levels.
    #[must_use]
    pub fn with_pae(self) -> Self {
        Self { pae: true, ..self }
    }

    /// What is booted.
    pub fn boot(&self, scratch: &Scratch) -> Boot {
        let (rounds, alone, until) = self.place.work();
        let within = alone.map_or_else(
            || " within=100000 fpu=no".to_owned(), // v86 forgets what kind of numbers are in the FPU
            |alone| format!(" within={}", alone * (RANDOM + 2)),
        );
        let innocent = |boot: Boot, number: u32| {
            let line = format!("guest name=innocent{number} mem=3M -- seed={number} rounds={rounds}{within}");
            boot.with(artefacts::guest("innocent"), line)
        };
        let crowd = (0..RANDOM).fold(innocent(Boot::bare(), 1), |boot, number| {
            boot.with(artefacts::guest("random"), self.line(number))
        });
        let sleeper = format!("guest name=sleeper mem=3M -- until={until}");
        innocent(crowd, 2)
            .with(artefacts::guest("sleeper"), sleeper)
            .with(scratch.numbered_disk(), "disk name=d cow")
    }

    /// The line of random Guest `number`: all that differs depends on the seed.
    fn line(&self, number: u32) -> String {
        let seed = self.seed.wrapping_mul(RANDOM).wrapping_add(number);
        let bus = if seed % 3 == 1 { " bus=pci" } else { "" };
        let disk = if seed.is_multiple_of(2) { " disk=d" } else { "" };
        let net = if seed.is_multiple_of(5) { " net=lan" } else { "" };
        let year = if seed % 7 < 2 { "4.13" } else { "3.19" };
        let pae = if self.pae || seed.is_multiple_of(11) { ",pae" } else { "" };
        let Self { kinds, steps, .. } = self;
        format!(
            "guest name=r{number} mem=3M{bus}{disk}{net} -- speak={year}{pae} seed={seed} steps={steps} kinds={kinds}"
        )
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What did not happen in time, with all that was heard.
    pub fn run(&self, is_shown: bool) -> Result<Outcome, String> {
        let scratch = Scratch::new();
        let boot = self.boot(&scratch);
        let mut session = self.start(&boot);
        session.show(is_shown);
        let mut awaited = vec!["innocent", "innocent", "sleeper"];
        while !awaited.is_empty() {
            let passed = session.hears("test: PASS ").and_then(|_| session.hears("\n"));
            let Some(passed) = passed else {
                session.send_if_alive("\x01mguests\rlog\r"); // for who reads what follows
                session.ends_within(PATIENCE * 10);
                return Err(session.report(&format!("{awaited:?} did not pass; again: {self}")));
            };
            if let Some(place) = awaited.iter().position(|name| *name == passed) {
                awaited.remove(place);
            }
        }
        if !session.ends_within(PATIENCE) {
            session.send_if_alive("\x01mguests\r");
            (0..RANDOM).for_each(|number| session.send_if_alive(&format!("kill @r{number}\r")));
        }
        session.outcome().ok_or_else(|| format!("the machine did not end; again: {self}"))
    }

    fn start(&self, boot: &Boot) -> Session {
        let qemu =
            |cpu| Qemu::kernel(boot).counted().options(&["-m", "512", "-cpu", cpu]).limit(LIMIT).start();
        let bochs = || Bochs::grub(boot).memory(256).limit(LIMIT);
        match self.place {
            Place::QemuPentium => qemu("pentium,-apic"),
            Place::QemuRecent => qemu("max,-apic"),
            Place::BochsPentium => bochs().start(),
            Place::BochsRecent => bochs().recent().start(),
            Place::V86 => V86::grub(boot).memory(256).limit(LIMIT).start(),
        }
    }

    /// Runs it and says what is wrong with it, if anything is.
    ///
    /// # Errors
    /// A sentence, the command that runs it again, and the serial line.
    pub fn check(&self, is_shown: bool) -> Result<(), String> {
        let outcome = self.run(is_shown)?;
        judge(&outcome).map_err(|fault| {
            let log = if is_shown { "stands above" } else { &outcome.log };
            format!("{fault}\nagain: {self}\n--- serial line ---\n{log}")
        })
    }
}

/// Whether the innocents noticed nothing and the Host ended in order.
fn judge(outcome: &Outcome) -> Result<(), String> {
    let passed = outcome.log.lines().filter(|line| *line == "test: PASS innocent").count();
    if passed != 2 {
        return Err(format!("{passed} of 2 innocent Guests passed"));
    }
    if let Some(line) = forged_line(&outcome.log) {
        return Err(format!("a Guest wrote {line:?}"));
    }
    if let Some(line) = outcome.log.lines().find(|line| line.starts_with("host: panic")) {
        return Err(format!("the Host says {line:?}"));
    }
    let code = outcome.exit_code();
    if !matches!(code, Some(0 | 1)) {
        return Err(format!("the Host's exit code is {code:?}"));
    }
    match outcome.frames() {
        Some(frames) if frames.free == frames.total => Ok(()),
        frames => Err(format!("of the Host's frames {frames:?} are free")),
    }
}

/// A line of a Guest that begins as one of the Host's. Where the Host would write its colon, a Guest's
/// has been replaced.
fn forged_line(log: &str) -> Option<&str> {
    let is_the_hosts = |line: &str| {
        let word = line.split_once(": ").map_or("", |(word, _)| word);
        word == "host" || word.strip_prefix("guest ").is_some_and(|name| !name.contains(['|', ' ']))
    };
    log.lines().find(|line| line.contains(FORGED) && is_the_hosts(seen(line)))
}

/// The line without the sequences it begins with, which a terminal does not show.
fn seen(line: &str) -> &str {
    let is_end = |letter: char| letter.is_ascii_alphabetic();
    line.strip_prefix("\x1b[").and_then(|rest| rest.split_once(is_end)).map_or(line, |(_, rest)| seen(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_crowd() {
        let lines = |seed| {
            let crowd = Crowd::new(seed, Place::QemuPentium);
            (0..RANDOM).map(|number| crowd.line(number)).collect::<Vec<_>>()
        };
        assert_eq!(lines(7), lines(7));
        assert!(lines(7).iter().all(|line| !lines(8).contains(line)));
        let crowd = Crowd::new(7, Place::BochsRecent).with_pae();
        assert!((0..RANDOM).all(|number| crowd.line(number).contains(",pae")));
        assert_eq!(
            crowd.to_string(),
            "scripts/random --seed 7 --in bochs-recent --kinds - --steps 300 --pae"
        );
    }

    #[test]
    fn a_line_in_the_hosts_name_is_found() {
        assert_eq!(forged_line("a\nhost: panic FORGED\nb"), Some("host: panic FORGED"));
        assert_eq!(
            forged_line("\x1b[2K\x1b[1Gguest a: killed: FORGED"),
            Some("\x1b[2K\x1b[1Gguest a: killed: FORGED")
        );
        assert_eq!(forged_line("guest a| killed: FORGED\nhost| FORGED"), None);
        assert_eq!(forged_line("> host: panic FORGED\nhost: end, exit code 0"), None);
    }

    #[test]
    fn an_end_in_order_is_judged_good() {
        let log =
            "test: PASS innocent\ntest: PASS innocent\nhost: frames: 7 of 7 free\nhost: end, exit code 1\n";
        let outcome = |log: String| Outcome { log, status: None };
        assert_eq!(judge(&outcome(log.into())), Ok(()));
        for (good, bad) in
            [("code 1", "code 3"), ("7 of 7", "6 of 7"), ("PASS", "FAIL"), ("host: frames", "host: panic")]
        {
            assert!(judge(&outcome(log.replacen(good, bad, 1))).is_err(), "{bad}");
        }
    }
}
