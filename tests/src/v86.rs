//! The machine in a browser: v86, under Node. Nobody tuned it to us, nor us to it.
//!
//! It is a third reading of the same manuals, and it leaves things out. What those are is written down
//! here and nowhere else ([`LACKS`]). Its time is the computer's own, so nothing is counted there.
//!
//! Source: the package `v86`, in the version that `tests/v86/package.json` names.
//!
//! Next on the tour: [`crate::session`].

use std::process::Command;
use std::time::Duration;

use crate::artefacts;
use crate::boot::Boot;
use crate::iso::{self, Protocol};
use crate::link::Socket;
use crate::scratch::Scratch;
use crate::session::{Session, Sockets};

/// The longest a machine may take, however slow the computer it runs on.
const LIMIT: Duration = Duration::from_secs(240);

/// How long a machine may take in which nobody is expected to pass.
pub const ENOUGH: Duration = Duration::from_secs(60);

/// Test Guests that cannot pass, and what v86 does not have that they need.
pub const LACKS: &[(&str, &str)] = &[
    ("debugging_itself", "breakpoints on instructions, which DR7 asks for"),
    ("descriptors_tamed", "#GP for a far call by a selector of nothing: the call does nothing instead"),
    ("fpu_thief", "the kinds of numbers in x87's tag word"),
    ("innocent", "the kinds of numbers in x87's tag word"),
    ("kill_double_fault", "#TS and #GP inside a task switch: the emulator ends"),
    ("kill_virtual_8086", "an IRET that asks for virtual-8086 mode outside ring 0: the emulator ends"),
    ("kill_virtual_8086_user", "an IRET that asks for virtual-8086 mode outside ring 0: the emulator ends"),
    ("mov_ss_shadow", "TF"),
    ("no_ldt", "#GP for a far call by a selector of nothing: the call does nothing instead"),
    ("privileged_instructions", "INVD"),
    ("rings_contained", "BOUND"),
    ("single_step", "TF"),
];

/// What v86 lacks that test Guest `name` needs, if it is known to lack something.
pub fn lacks(name: &str) -> Option<&'static str> {
    LACKS.iter().find(|(guest, _)| *guest == name).map(|(_, what)| *what)
}

/// A v86 machine to be started.
#[derive(Debug)]
pub struct V86 {
    scratch: Scratch,
    megs: u32,
    limit: Duration,
}

impl V86 {
    /// Boots by GRUB from a CD, as v86's own loader has no command lines for modules.
    pub fn grub(boot: &Boot) -> Self {
        let scratch = Scratch::new();
        iso::make(boot, Protocol::Multiboot2, &scratch);
        Self { scratch, megs: 128, limit: LIMIT }
    }

    /// With so many MiB of memory.
    #[must_use]
    pub fn memory(self, megs: u32) -> Self {
        Self { megs, ..self }
    }

    /// Gives the machine another time than usual.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Switches it on. Its status is that of QEMU's debug exit.
    #[track_caller]
    pub fn start(self) -> Session {
        let serial = Socket::listen();
        let package = artefacts::v86();
        assert!(package.is_dir(), "v86 is not there; scripts/setup brings it");
        let mut command = Command::new("node");
        command.arg(artefacts::root().join("tests/v86/machine.mjs")).arg(package);
        command.arg(self.scratch.path("kennel.iso")).arg(self.megs.to_string());
        command.arg(serial.address().to_string());
        Session::start(command, Sockets { serial: Some(serial), monitor: None }, self.scratch, self.limit)
    }
}
