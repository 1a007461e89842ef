//! Debian's plain GDB at the second serial port.
//!
//! Commands go in one by one, and what it says before its next prompt is the answer. A command that
//! lets Guests run has none before they stop, so it is given with [`Gdb::go`], and what it said is
//! had with [`Gdb::stopped`].
//!
//! Next on the tour: [`crate::outcome`].

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What it says when it wants a command.
const PROMPT: &str = "(gdb) ";
/// The longest a command may take, however slow the computer it runs on.
const LIMIT: Duration = Duration::from_secs(60);

/// A GDB that is running.
#[derive(Debug)]
pub struct Gdb {
    child: Child,
    bytes: Receiver<Vec<u8>>,
    heard: String,
    consumed: usize,
}

impl Gdb {
    /// Starts it with the symbols of `program`.
    pub fn start(program: &Path) -> Self {
        let mut gdb = Command::new("gdb");
        gdb.args(["-q", "-nx", "-iex", "set style enabled off", "-iex", "set debuginfod enabled off"]);
        gdb.args(["-ex", "set confirm off", "-ex", "set pagination off", "-ex", "set width 0"]).arg(program);
        // What the Host's monitor answers it writes to standard error.
        let (mut output, into) = io::pipe().expect("there are pipes");
        gdb.stdin(Stdio::piped()).stdout(into.try_clone().expect("a pipe has two ends")).stderr(into);
        let child = gdb.spawn().expect("scripts/setup brings gdb");
        drop(gdb); // and with it our end of the pipe
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut gdb = Self { child, bytes, heard: String::new(), consumed: 0 };
        gdb.stopped();
        gdb
    }

    /// Gives a command and returns the answer.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.go(command);
        self.stopped()
    }

    /// Gives a command and does not wait for an answer.
    #[track_caller]
    pub fn go(&mut self, command: &str) {
        let mut input = self.child.stdin.as_ref().expect("it is a pipe");
        writeln!(input, "{command}").unwrap_or_else(|error| self.fail(&format!("{command}: {error}")));
    }

    /// Waits for the answer to the last command.
    #[track_caller]
    pub fn stopped(&mut self) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.heard[self.consumed..].find(PROMPT) {
                let answer = self.heard[self.consumed..][..at].to_owned();
                self.consumed += at + PROMPT.len();
                return answer;
            }
            match self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.heard.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => self.fail(&format!("waiting for GDB: {error}")),
            }
        }
    }

    /// What Ctrl-C does.
    pub fn interrupt(&mut self) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "GDB is gone");
    }

    /// Ends it without a word to the other side.
    pub fn vanish(mut self) {
        self.child.kill().expect("it is running");
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        panic!("{what}\n--- gdb ---\n{}", self.heard);
    }
}

impl Drop for Gdb {
    fn drop(&mut self) {
        // It may have ended by itself, which is all that is wanted here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
