//! The everyday machine: QEMU, always with its own translator.
//!
//! Next on the tour: [`crate::bochs`].

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::boot::Boot;
use crate::iso::{self, Protocol};
use crate::link::Socket;
use crate::scratch::Scratch;
use crate::session::{Session, Sockets};

/// The usual CPU without its local APIC, which nobody here uses. Behind one, QEMU 7.2 now and then
/// forgets an interrupt until the next comes, and there may be none.
const CPU: &str = "qemu32,-apic";
/// The longest a machine may take, however slow the computer it runs on.
const LIMIT: Duration = Duration::from_secs(120);

/// A QEMU machine to be started.
#[derive(Debug)]
pub struct Qemu {
    command: Command,
    scratch: Scratch,
    has_serial: bool,
    has_monitor: bool,
    second_line: Option<String>,
    limit: Duration,
}

impl Qemu {
    /// Boots by QEMU's own Multiboot 1 loader.
    pub fn kernel(boot: &Boot) -> Self {
        let mut qemu = Self::new(Scratch::new());
        qemu.command.arg("-kernel").arg(&boot.host).args(["-append", &boot.options]);
        if !boot.modules.is_empty() {
            qemu.command.args(["-initrd", &initrd(boot)]);
        }
        qemu
    }

    /// Boots by GRUB from a CD.
    pub fn grub(boot: &Boot, protocol: Protocol) -> Self {
        let scratch = Scratch::new();
        let iso = iso::make(boot, protocol, &scratch);
        Self::new(scratch).cdrom(&iso)
    }

    fn new(scratch: Scratch) -> Self {
        let mut command = Command::new("qemu-system-i386");
        command.args(["-accel", "tcg", "-cpu", CPU, "-display", "none", "-nic", "none", "-no-reboot"]);
        command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]);
        Self { command, scratch, has_serial: true, has_monitor: false, second_line: None, limit: LIMIT }
    }

    fn cdrom(mut self, iso: &Path) -> Self {
        self.command.args(["-boot", "d", "-cdrom"]).arg(iso);
        self
    }

    /// Adds options of QEMU's own.
    #[must_use]
    pub fn options(mut self, options: &[&str]) -> Self {
        self.command.args(options);
        self
    }

    /// Makes one instruction last one nanosecond: time then passes as the machine works, and a
    /// busy computer makes no difference to what it does.
    #[must_use]
    pub fn counted(self) -> Self {
        self.counted_at(0)
    }

    /// The same on a slower machine: an instruction lasts `1 << shift` nanoseconds. Fewer instructions
    /// and fewer bytes then make a second, which so takes an emulator less time.
    #[must_use]
    pub fn counted_at(self, shift: u8) -> Self {
        let clock = format!("shift={shift},sleep=off");
        self.options(&["-icount", &clock, "-rtc", "base=2026-01-01T00:00:00,clock=vm"])
    }

    /// Leaves the serial port out.
    #[must_use]
    pub fn without_serial_port(mut self) -> Self {
        self.has_serial = false;
        self
    }

    /// Gives the machine a second serial port, and writes what comes over it to `file`.
    #[must_use]
    pub fn second_line(mut self, file: &Path) -> Self {
        self.second_line = Some(format!("file:{}", file.display()));
        self
    }

    /// Gives the machine a second serial port, and lets who calls at `socket` talk over it.
    #[must_use]
    pub fn second_line_at(mut self, socket: &Path) -> Self {
        self.second_line = Some(format!("unix:{},server=on,wait=off", socket.display()));
        self
    }

    /// Opens QEMU's monitor for [`Session::monitor`].
    #[must_use]
    pub fn with_monitor(mut self) -> Self {
        self.has_monitor = true;
        self
    }

    /// Gives the machine longer than usual.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The command that starts it with its serial port on standard input and output, for a test that
    /// reads at its own pace.
    pub fn on_a_pipe(mut self) -> Command {
        self.command.args([
            "-chardev",
            "stdio,id=com1,signal=off",
            "-serial",
            "chardev:com1",
            "-monitor",
            "none",
        ]);
        self.command
    }

    /// Switches it on.
    #[track_caller]
    pub fn start(mut self) -> Session {
        let serial = self.socket("-serial", self.has_serial);
        if let Some(line) = &self.second_line {
            self.command.args(["-serial", line]);
        }
        let monitor = self.socket("-monitor", self.has_monitor);
        Session::start(self.command, Sockets { serial, monitor }, self.scratch, self.limit)
    }

    /// Opens a socket for one of QEMU's lines, or tells it that there is none.
    fn socket(&mut self, option: &str, wanted: bool) -> Option<Socket> {
        let socket = wanted.then(Socket::listen);
        let place =
            socket.as_ref().map_or_else(|| "none".into(), |socket| format!("tcp:{}", socket.address()));
        self.command.args([option, &place]);
        socket
    }
}

/// QEMU's notation of modules: file and words, separated by commas; a comma itself is doubled.
fn initrd(boot: &Boot) -> String {
    let modules = boot.modules.iter().map(|module| format!("{} {}", module.file.display(), module.line));
    modules.map(|module| module.replace(',', ",,")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_module_line_is_doubled() {
        let boot = Boot { host: "kennel".into(), options: String::new(), modules: Vec::new() }
            .with("a", "guest name=a -- x,y")
            .with("b", "initrd for=a");
        assert_eq!(initrd(&boot), "a guest name=a -- x,,y,b initrd for=a");
    }
}
