//! What became of a machine: the serial log and the emulator's exit status.
//!
//! Source: the serial line's grammar in README.md, "What the serial line says".
//!
//! Next on the tour: [`crate::verdict`].

/// The end of a [`crate::Session`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// All that came over the serial line; lines end in `\n`.
    pub log: String,
    /// The emulator's own exit status, if it was not killed.
    pub status: Option<i32>,
}

/// Frames the Host counted when all Guests were gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frames {
    /// Free ones.
    pub free: u32,
    /// All it had to give.
    pub total: u32,
}

impl Outcome {
    /// The code in the Host's last line, `None` if the log ends in any other way.
    pub fn exit_code(&self) -> Option<u8> {
        self.log.trim_end_matches('\n').lines().last()?.strip_prefix("host: end, exit code ")?.parse().ok()
    }

    /// The exit code, which QEMU's own status must agree with.
    ///
    /// Only for a Host that was told `debug-exit`: the device turns a code into `2 * code + 1`.
    #[track_caller]
    pub fn agreed_exit_code(&self) -> u8 {
        let code = self.exit_code().unwrap_or_else(|| panic!("no last line of the Host in:\n{}", self.log));
        assert_eq!(self.status, Some(2 * i32::from(code) + 1), "QEMU's status in:\n{}", self.log);
        code
    }

    /// What the Host said about itself, without the prefix.
    pub fn host_lines(&self) -> impl Iterator<Item = &str> {
        self.log.lines().filter_map(|line| line.strip_prefix("host: "))
    }

    /// What the Host said about Guest `name`, without the prefix.
    pub fn guest_lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("guest {name}: ");
        self.log.lines().filter_map(move |line| line.strip_prefix(prefix.as_str()))
    }

    /// The sentence Guest `name` was killed with, if it was.
    pub fn killed(&self, name: &str) -> Option<&str> {
        self.guest_lines(name).find_map(|line| line.strip_prefix("killed: "))
    }

    /// The Host's count of frames, if it gave one.
    pub fn frames(&self) -> Option<Frames> {
        self.host_lines().find_map(|line| {
            let (free, total) = line.strip_prefix("frames: ")?.strip_suffix(" free")?.split_once(" of ")?;
            Some(Frames { free: free.parse().ok()?, total: total.parse().ok()? })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(log: &str) -> Outcome {
        Outcome { log: log.into(), status: None }
    }

    #[test]
    fn the_exit_code_is_that_of_the_very_last_line() {
        assert_eq!(outcome("host: end, exit code 0\nhost: end, exit code 1\n").exit_code(), Some(1));
        assert_eq!(outcome("host: end, exit code 0\nhost: panic\n").exit_code(), None);
        assert_eq!(outcome("").exit_code(), None);
    }

    #[test]
    fn a_kill_is_found_by_the_guest_s_name() {
        let log = outcome("guest a: killed: did it\nguest b: powered off: bye\n");
        assert_eq!(log.killed("a"), Some("did it"));
        assert_eq!(log.killed("b"), None);
    }

    #[test]
    fn frames_are_counted_from_the_host_s_line() {
        let log = outcome("host: frames: 12 of 34 free\nhost: end, exit code 0\n");
        assert_eq!(log.frames(), Some(Frames { free: 12, total: 34 }));
        assert_eq!(outcome("host: frames: all free\n").frames(), None);
    }
}
