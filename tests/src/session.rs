//! One run of one machine, from power-on to its end.
//!
//! A session fails loudly: when the machine does not do what a test waits for, it panics
//! with the whole serial log and whatever the emulator itself had to say.
//!
//! Next on the tour: [`crate::outcome`].

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::link::{Link, LinkError, Socket};
use crate::outcome::Outcome;
use crate::scratch::Scratch;

/// What QEMU's monitor says when it is ready.
const MONITOR_PROMPT: &str = "(qemu) ";

/// A machine that is running.
#[derive(Debug)]
pub struct Session {
    child: Child,
    serial: Option<Link>,
    monitor: Option<Link>,
    scratch: Scratch,
    deadline: Instant,
}

/// The lines an emulator is to call back on.
#[derive(Debug)]
pub struct Sockets {
    /// The machine's serial port, if it has one.
    pub serial: Option<Socket>,
    /// The emulator's monitor, if a test wants it.
    pub monitor: Option<Socket>,
}

impl Session {
    /// Starts `command` and waits until it has called on each of `sockets`.
    pub fn start(mut command: Command, sockets: Sockets, scratch: Scratch, limit: Duration) -> Self {
        let said = File::create(scratch.path("emulator.log")).expect("the scratch directory is writable");
        let errors = said.try_clone().expect("a file can be shared");
        command.stdin(Stdio::null()).stdout(said).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let deadline = Instant::now() + limit;
        let mut session = Self { child, serial: None, monitor: None, scratch, deadline };
        session.serial = sockets.serial.map(|socket| session.connect(&socket));
        session.monitor = sockets.monitor.map(|socket| session.connect(&socket));
        if let Some(Err(error)) = session.monitor.as_mut().map(|monitor| monitor.wait_for(MONITOR_PROMPT)) {
            session.fail(&format!("QEMU's monitor: {error:?}"));
        }
        session
    }

    /// Waits until the machine says `text` and returns what it said before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let result = self.serial().wait_for(text);
        result.unwrap_or_else(|error| self.fail(&format!("waiting for {text:?}: {error:?}")))
    }

    /// Waits until the machine says `text` and returns what it said before; `None` if it does not in
    /// time, or ends.
    pub fn hears(&mut self, text: &str) -> Option<String> {
        self.serial().wait_for(text).ok()
    }

    /// Types `text`, to nobody if the machine has ended.
    pub fn send_if_alive(&mut self, text: &str) {
        let _ = self.serial().send(text);
    }

    /// Types `text` as it is.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        let result = self.serial().send(text);
        result.unwrap_or_else(|error| self.fail(&format!("typing {text:?}: {error:?}")));
    }

    /// Gives a command to QEMU's monitor and waits until it is done.
    #[track_caller]
    pub fn monitor(&mut self, command: &str) {
        if let Err(error) = self.try_monitor(command) {
            self.fail(&format!("monitor command {command:?}: {error:?}"));
        }
    }

    /// Gives commands to QEMU's monitor, the same again and again, until the machine ends, and
    /// returns how many were done.
    pub fn monitor_until_the_end(&mut self, command: &str) -> usize {
        let mut count = 0;
        while self.try_monitor(command).is_ok() {
            count += 1;
        }
        count
    }

    /// Waits until `text` stands on the machine's VGA screen. Needs a monitor.
    #[track_caller]
    pub fn wait_for_on_screen(&mut self, text: &str) {
        while !self.screen().contains(text) {
            if Instant::now() > self.deadline {
                let screen = self.screen();
                self.fail(&format!("waiting for {text:?} on the screen, which shows:\n{screen}"));
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// The 25 lines of the VGA text screen. Needs a monitor.
    #[track_caller]
    pub fn screen(&mut self) -> String {
        let dump = self.scratch.path("screen");
        self.monitor(&format!("pmemsave 0xb8000 4000 \"{}\"", dump.display()));
        let cells = std::fs::read(dump).unwrap_or_default();
        let line = |cells: &[u8]| cells.iter().step_by(2).map(|&byte| char::from(byte)).collect::<String>();
        cells.chunks(160).map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
    }

    /// Whether the machine ends by itself within `patience`.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.serial().ends_by(deadline)
    }

    /// What becomes of a machine that may not come to its end; `None` if it has not in time.
    pub fn outcome(mut self) -> Option<Outcome> {
        self.serial().wait_for_end().ok()?;
        let status = self.child.wait().ok()?.code();
        Some(Outcome { log: self.log(), status })
    }

    /// Has all that the machine says shown at once.
    pub fn show(&mut self, is_shown: bool) {
        self.serial().show(is_shown);
    }

    /// Waits for the machine to end by itself.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        if let Some(Err(error)) = self.serial.as_mut().map(Link::wait_for_end) {
            self.fail(&format!("waiting for the machine to end: {error:?}"));
        }
        let status = loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => break status.code(),
                None if Instant::now() > self.deadline => self.fail("waiting for the emulator to exit"),
                None => sleep(Duration::from_millis(5)),
            }
        };
        Outcome { log: self.log(), status }
    }

    /// Ends this test with all that is known about the machine.
    #[track_caller]
    pub fn fail(&self, what: &str) -> ! {
        panic!("{}", self.report(what));
    }

    /// All that is known about the machine, with `what` is wrong with it.
    pub fn report(&self, what: &str) -> String {
        let emulator = self.scratch.text("emulator.log");
        format!("{what}\n--- serial line ---\n{}\n--- emulator ---\n{emulator}", self.log())
    }

    fn log(&self) -> String {
        self.serial.as_ref().map_or_else(String::new, Link::heard)
    }

    fn serial(&mut self) -> &mut Link {
        self.serial.as_mut().expect("this machine was started with a serial port")
    }

    #[track_caller]
    fn connect(&mut self, socket: &Socket) -> Link {
        let link = socket.accept(self.deadline, || matches!(self.child.try_wait(), Ok(None)));
        link.unwrap_or_else(|error: LinkError| self.fail(&format!("the emulator did not call: {error:?}")))
    }

    fn try_monitor(&mut self, command: &str) -> Result<(), LinkError> {
        let monitor = self.monitor.as_mut().expect("this machine was started with a monitor");
        monitor.send(&format!("{command}\n"))?;
        monitor.wait_for(MONITOR_PROMPT).map(drop)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself, which is all that is wanted here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine made of shell commands, whose serial port is descriptor 3.
    fn machine(commands: &str, limit: Duration) -> Session {
        let socket = Socket::listen();
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(format!("exec 3<>/dev/tcp/127.0.0.1/{}; {commands}", socket.address().port()));
        Session::start(bash, Sockets { serial: Some(socket), monitor: None }, Scratch::new(), limit)
    }

    #[test]
    #[should_panic(expected = "all there was")]
    fn a_silent_machine_is_reported_with_its_log() {
        machine("echo all there was >&3; exec sleep 60", Duration::from_millis(500)).wait_for("prompt");
    }

    #[test]
    #[should_panic(expected = "kept its reasons")]
    fn what_the_emulator_said_is_part_of_the_report() {
        machine("echo kept its reasons; exec 3>&-", Duration::from_secs(60)).wait_for("prompt");
    }

    #[test]
    fn a_conversation_ends_with_the_log_and_the_status() {
        let mut session = machine("read -ru3 word; echo you said $word >&3; exit 7", Duration::from_secs(60));
        session.send("hello\n");
        session.wait_for("you said");
        let outcome = session.finish();
        assert_eq!((outcome.log.as_str(), outcome.status), ("you said hello\n", Some(7)));
    }

    #[test]
    fn a_dropped_session_leaves_no_process_behind() {
        let session = machine("exec sleep 60", Duration::from_secs(60));
        let process = format!("/proc/{}", session.child.id());
        assert!(std::path::Path::new(&process).exists());
        drop(session);
        assert!(!std::path::Path::new(&process).exists());
    }
}
