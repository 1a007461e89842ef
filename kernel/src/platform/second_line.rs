//! What the second serial line is for.
//!
//! A line for programs: what goes over it is not meant to be read by people.
//! One word on the Host's command line, `com2=...`, gives it a role; a role
//! gets the bytes that come in and sends what it has to say.
//!
//! ```text
//!   com2=pcap:NET            out   a capture of the network NET
//!   com2=monitor             both  a command a line, and an answer in JSON
//!   com2=core                out   a core file of the first Guest killed ([`crate::inspect::core_file`])
//!   com2=trace               out   all that happens to Guests ([`crate::trace::frame`])
//!   com2=gdb[:GUEST][,wait]  both  GDB, for that Guest alone
//! ```
//!
//! Next on the tour: [`crate::terminal::multiplexer`].

use crate::trace::event::Kinds;

/// Word of the Host's command line that gives the second line its role.
pub const SECOND_LINE: &str = "com2";

/// What may follow it, for people.
pub const ROLES: &str =
    "pcap:NETWORK, com2=monitor, com2=trace[:KIND,...], com2=core[:GUEST] or com2=gdb[:GUEST][,wait]";

/// What the second line is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role<'a> {
    /// All that goes over the network of this name, as a capture.
    Capture(&'a str),
    /// The monitor, for scripts.
    Monitor,
    /// A core file of the Guest of this name, or of the first that is killed.
    Core(Option<&'a str>),
    /// Everybody's events of these kinds, as they happen.
    Trace(Kinds),
    /// GDB.
    Gdb {
        /// The only Guest it debugs.
        guest: Option<&'a str>,
        /// What it debugs does not begin before it says so.
        waits: bool,
    },
}

impl<'a> Role<'a> {
    /// The role a word names, if it names one.
    pub fn admit(word: &'a str) -> Option<Self> {
        let (start, waits) = word.strip_suffix(",wait").map_or((word, false), |start| (start, true));
        match (word.split_once(':'), start.split_once(':')) {
            (Some(("pcap", network)), _) if !network.is_empty() => Some(Self::Capture(network)),
            (Some(("trace", kinds)), _) => Kinds::admit(kinds).map(Self::Trace),
            (Some(("core", name)), _) if !name.is_empty() => Some(Self::Core(Some(name))),
            (_, Some(("gdb", guest))) if !guest.is_empty() => Some(Self::Gdb { guest: Some(guest), waits }),
            (None, _) if word == "monitor" => Some(Self::Monitor),
            (None, _) if word == "trace" => Some(Self::Trace(Kinds::ALL)),
            (None, _) if word == "core" => Some(Self::Core(None)),
            (_, None) if start == "gdb" => Some(Self::Gdb { guest: None, waits }),
            _ => None,
        }
    }

    /// Whether anything that comes in means something to it.
    pub const fn is_heard(self) -> bool {
        match self {
            Self::Capture(_) | Self::Trace(_) | Self::Core(_) => false,
            Self::Monitor => true,
            Self::Gdb { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_a_role_or_none() {
        assert_eq!(Role::admit("pcap:lan"), Some(Role::Capture("lan")));
        assert_eq!(Role::admit("monitor"), Some(Role::Monitor));
        assert_eq!(Role::admit("core"), Some(Role::Core(None)));
        assert_eq!(Role::admit("core:a"), Some(Role::Core(Some("a"))));
        assert_eq!(Role::admit("trace"), Some(Role::Trace(Kinds::ALL)));
        assert_eq!(Role::admit("trace:exit"), Kinds::admit("exit").map(Role::Trace));
        assert_eq!(Role::admit("gdb"), Some(Role::Gdb { guest: None, waits: false }));
        assert_eq!(Role::admit("gdb,wait"), Some(Role::Gdb { guest: None, waits: true }));
        assert_eq!(Role::admit("gdb:a,wait"), Some(Role::Gdb { guest: Some("a"), waits: true }));
        let others =
            ["", "pcap", "pcap:", "serial", "serial:lan", "monitor:lan", "core:", "trace:", "trace:lan"];
        for word in others.into_iter().chain(["gdb:", "gdb,now", "gdb wait", "monitor,wait"]) {
            assert_eq!(Role::admit(word), None, "{word}");
        }
    }
}
