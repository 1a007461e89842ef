//! The strict machine: Bochs, which enforces segment limits, insists on a UART that was set
//! up, and refuses what a real CPU refuses in `iret`.
//!
//! Next on the tour: [`crate::session`].

use std::path::Path;
use std::process::Command;
use std::thread::{self, sleep};
use std::time::Duration;

use crate::artefacts;
use crate::boot::Boot;
use crate::iso::{self, Protocol};
use crate::link::Socket;
use crate::scratch::Scratch;
use crate::session::{Session, Sockets};

/// The longest a machine may take, however slow the computer it runs on.
const LIMIT: Duration = Duration::from_secs(240);

/// How the settings name the CPU people get: the strictest, which knows least.
const PENTIUM: &str = "model=pentium";
/// The other end of the road: a CPU with all that came since, SMEP and SMAP among it.
const RECENT: &str = "model=tigerlake";

/// A Bochs machine to be started.
#[derive(Debug)]
pub struct Bochs {
    settings: String,
    scratch: Scratch,
    megs: u32,
    limit: Duration,
}

impl Bochs {
    /// Boots by GRUB from a CD, as Bochs has no loader of its own.
    pub fn grub(boot: &Boot) -> Self {
        Self::grub_with(boot, "")
    }

    /// The same behind `commands` of GRUB's own, lines of them.
    pub fn grub_with(boot: &Boot, commands: &str) -> Self {
        let scratch = Scratch::new();
        iso::make_with(boot, Protocol::Multiboot2, commands, &scratch);
        let settings = std::fs::read_to_string(artefacts::root().join("scripts/bochsrc"))
            .expect("scripts/bochsrc can be read");
        assert!(settings.contains(PENTIUM), "scripts/bochsrc names the CPU");
        Self { settings, scratch, megs: 128, limit: LIMIT }
    }

    /// With a recent CPU instead of a Pentium.
    #[must_use]
    pub fn recent(mut self) -> Self {
        self.settings = self.settings.replace(PENTIUM, RECENT);
        self
    }

    /// With so many MiB of memory.
    #[must_use]
    pub fn memory(self, megs: u32) -> Self {
        Self { megs, ..self }
    }

    /// Gives the machine longer than usual.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Switches it on.
    #[track_caller]
    pub fn start(self) -> Session {
        let serial = Socket::listen();
        let settings = &self.settings;
        let address = serial.address();
        let iso = self.scratch.path("kennel.iso");
        self.scratch.file(
            "bochsrc",
            format!(
                "{settings}megs: {}\nlog: {}\nata0-master: type=cdrom, path={}, status=inserted\n\
                 com1: enabled=1, mode=socket-client, dev={address}\n",
                self.megs,
                self.scratch.path("bochs.log").display(),
                iso.display(),
            ),
        );
        let (command, said) = (self.command(), self.scratch.path("emulator.log"));
        thread::spawn(move || watch_screen(&said));
        let sockets = Sockets { serial: Some(serial), monitor: None };
        Session::start(command, sockets, self.scratch, self.limit)
    }

    /// Bochs draws its screen on a terminal and does not start without one, so `script` gives
    /// it one. Its debugger, which Debian's build always has, is told to let the machine run.
    fn command(&self) -> Command {
        let run = self.scratch.file("commands", "continue\n");
        let settings = self.scratch.path("bochsrc");
        let bochs = format!("exec bochs -q -f {} -rc {}", settings.display(), run.display());
        let mut command = Command::new("script");
        command.env("TERM", "xterm").args(["-qec", &bochs, "/dev/null"]);
        command
    }
}

/// Reads what Bochs draws, for it waits when nobody does: after some thousand letters. It draws on a
/// terminal of its own making, and tells which on the one it was given.
fn watch_screen(said: &Path) {
    for _ in 0..600 {
        let text = std::fs::read(said)
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into());
        let screen = text.split_once("connected to screen \"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some((screen, _)) = screen {
            let read = format!("stty raw -echo <{screen}; exec cat {screen} >/dev/null 2>&1");
            // If the terminal is gone already, so is Bochs.
            let _ = Command::new("sh").args(["-c", &read]).status();
            return;
        }
        sleep(Duration::from_millis(50));
    }
}
