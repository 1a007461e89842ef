//! What the second serial line is for.
//!
//! A line for programs: what goes over it is not meant to be read by people.
//! One word on the Host's command line, `com2=...`, gives it a role; a role
//! gets the bytes that come in and sends what it has to say.
//!
//! ```text
//!   com2=pcap:NET    out   a capture of the network NET
//!   com2=monitor     both  a command a line, and an answer in JSON
//!   com2=core        out   a core file of the first Guest killed ([`crate::core_file`])
//!   com2=trace       out   all that happens to Guests ([`crate::trace::frame`])
//! ```
//!
//! Next on the tour: [`crate::multiplexer`].

use crate::event::Kinds;

/// Word of the Host's command line that gives the second line its role.
pub const SECOND_LINE: &str = "com2";

/// What may follow it, for people.
pub const ROLES: &str = "pcap:NETWORK, com2=monitor, com2=trace[:KIND,...] or com2=core[:GUEST]";

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
}

impl<'a> Role<'a> {
    /// The role a word names, if it names one.
    pub fn admit(word: &'a str) -> Option<Self> {
        match word.split_once(':') {
            None if word == "monitor" => Some(Self::Monitor),
            None if word == "trace" => Some(Self::Trace(Kinds::ALL)),
            None if word == "core" => Some(Self::Core(None)),
            Some(("core", name)) if !name.is_empty() => Some(Self::Core(Some(name))),
            Some(("trace", kinds)) => Kinds::admit(kinds).map(Self::Trace),
            Some(("pcap", network)) if !network.is_empty() => Some(Self::Capture(network)),
            Some(_) | None => None,
        }
    }

    /// Whether anything that comes in means something to it.
    pub const fn is_heard(self) -> bool {
        match self {
            Self::Capture(_) | Self::Trace(_) | Self::Core(_) => false,
            Self::Monitor => true,
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
        for word in
            ["", "pcap", "pcap:", "serial", "serial:lan", "monitor:lan", "core:", "trace:", "trace:lan"]
        {
            assert_eq!(Role::admit(word), None, "{word}");
        }
    }
}
