//! Which Linux an image is.
//!
//! A bzImage says so in its header; an ELF file has the banner that Linux
//! prints first somewhere in its data. What is read is for the log and for the
//! few rules that nothing else shows. The treaty itself is recognised later,
//! by what the Guest does.
//!
//! ```text
//! 3.11.10-lguest (someone@somewhere) #1 SMP ...
//! ^ text ------^  ^ the rest is not kept
//! ```
//!
//! Invariants:
//! - What is printed is short and plain (`a_name_that_would_garble_the_log_is_none`).
//!
//! Source: Linux boot protocol, "kernel_version"; lguest ABI, "Telling the
//! variants apart at run time".
//!
//! Next on the tour: [`crate::boot_params`].

use core::{fmt, str};

/// What stands before the release in an ELF file.
const BANNER: &[u8] = b"Linux version ";
/// Longest release there is: Linux gives it 64 bytes, NUL included.
const TEXT_MAX: usize = 63;

/// A Linux release, as the image calls itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release<'a> {
    text: &'a str,
    number: (u16, u16),
}

impl<'a> Release<'a> {
    /// Reads a release at the start of `bytes`: two numbers with a dot between them, and what
    /// follows up to a blank or NUL.
    pub fn admit(bytes: &'a [u8]) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_graphic();
        let len = bytes.iter().take(TEXT_MAX + 1).take_while(|&byte| is_plain(byte)).count();
        let text = str::from_utf8(bytes.get(..len.min(TEXT_MAX))?).ok()?;
        let mut numbers = text.split(|letter: char| !letter.is_ascii_digit());
        let number = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        (len <= TEXT_MAX && text.contains('.')).then_some(Self { text, number })
    }

    /// Looks for the banner in an uncompressed kernel.
    pub fn find(file: &'a [u8]) -> Option<Self> {
        let mut rest = file;
        loop {
            let start = rest.iter().position(|&byte| byte == BANNER[0])?;
            rest = &rest[start..];
            if let Some(release) = rest.strip_prefix(BANNER).and_then(Self::admit) {
                return Some(release);
            }
            rest = &rest[1..];
        }
    }

    /// Whether its early console may hold on to hvc0, so that its console is hvc1: 4.4.230 has been seen
    /// to, and 4.4.155 not to.
    pub fn may_lose_its_console(&self) -> bool {
        let is_digit = |letter: char| letter.is_ascii_digit();
        let third = self.text.strip_prefix("4.4.").map(|rest| rest.split(|letter| !is_digit(letter)).next());
        self.number == (4, 4) && third.flatten().and_then(|third| third.parse::<u16>().ok()) > Some(155)
    }

    /// Whether it is older than `major.minor`.
    pub fn is_before(&self, major: u16, minor: u16) -> bool {
        self.number < (major, minor)
    }
}

impl fmt::Display for Release<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_release_ends_at_a_blank_or_nul() {
        for text in ["3.11.10-x86 (a@b) #1 SMP", "3.11.10-x86\0junk", "3.11.10-x86"] {
            assert_eq!(Release::admit(text.as_bytes()).unwrap().to_string(), "3.11.10-x86");
        }
    }

    #[test]
    fn releases_are_compared_by_number() {
        let release = |text: &'static str| Release::admit(text.as_bytes()).unwrap();
        assert!(release("2.6.39.1").is_before(3, 0) && release("3.9.0").is_before(3, 10));
        assert!(!release("4.0.0-rc1").is_before(4, 0) && !release("3.10+").is_before(3, 9));
    }

    #[test]
    fn some_of_4_4_may_lose_their_console() {
        let may = |text: &'static str| Release::admit(text.as_bytes()).unwrap().may_lose_its_console();
        assert!(may("4.4.230") && may("4.4.156-lguest"));
        assert!(!may("4.4.155") && !may("4.4.0") && !may("4.4") && !may("4.12.230") && !may("3.4.230"));
    }

    #[test]
    fn a_name_that_would_garble_the_log_is_none() {
        let long = [b"3.1".as_slice(), &[b'x'; 61]].concat();
        for bytes in
            [b"".as_slice(), b"linux", b"3", b"3-1", b"99999.1", b".3.1", b"3.", b"3.1\x1b[2J\xff", &long]
        {
            let release = Release::admit(bytes);
            assert!(release.is_none_or(|release| release.text == "3.1"), "{release:?}");
        }
        assert_eq!(Release::admit(&long), None);
        assert!(Release::admit(&long[..63]).is_some());
    }

    #[test]
    fn the_banner_of_an_uncompressed_kernel_is_found() {
        let file = b"LLinux version %s\0Linux version 2.6.32-5 (gcc)\0Linux version 9.9";
        assert_eq!(Release::find(file).unwrap().to_string(), "2.6.32-5");
        assert_eq!(Release::find(b"Linux versio"), None);
    }
}
