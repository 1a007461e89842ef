//! The line a person is typing: edited, completed and remembered.
//!
//! Bytes go in as they come from the terminal. What the terminal is to show
//! comes out, and when a line is whole, its words. Left, right, up, down,
//! backspace and Tab mean what they mean everywhere.
//!
//! Only ASCII is taken. No command needs more, and the library below believes
//! whatever looks like UTF-8 from afar, which noise may well do.
//!
//! Invariants:
//! - Nothing but ASCII reaches the library (`letters_beyond_ascii_are_not_taken`).
//! - Any bytes are survived, and what is shown for each is bounded
//!   (`any_bytes_are_survived`).
//!
//! Next on the tour: the Host, in the kernel crate's `inspect`.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::convert::Infallible;

use embedded_cli::arguments::Arg;
use embedded_cli::autocomplete::{Autocompletion, Request};
use embedded_cli::cli::{Cli, CliBuilder, CliHandle};
use embedded_cli::command::RawCommand;
use embedded_cli::service::{Autocomplete, CommandProcessor, Help, ProcessError};
use embedded_io::{ErrorType, Write};

use crate::command::COMMANDS;

/// What is shown in front of the line.
pub const PROMPT: &str = "kennel> ";
/// Bytes of a line at most.
pub const LINE_MAX: usize = 120;
/// What the key to erase with sends, on some terminals ...
const BACKSPACE: u8 = 0x08;
/// ... and on most.
const DELETE: u8 = 0x7F;
/// Erases all that is before the cursor.
const CTRL_U: u8 = 0x15;
/// Bytes of lines remembered.
const HISTORY: usize = 1024;

/// What the terminal is to show, until somebody fetches it.
#[derive(Clone, Debug, Default)]
struct Echo(Rc<RefCell<Vec<u8>>>);

impl ErrorType for Echo {
    type Error = Infallible;
}

impl Write for Echo {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The commands' names, for Tab.
struct Names;

impl Autocomplete for Names {
    fn autocomplete(request: Request<'_>, completion: &mut Autocompletion<'_>) {
        if let Request::CommandName(begun) = request {
            let fitting = COMMANDS.iter().filter_map(|entry| entry.name.strip_prefix(begun));
            fitting.for_each(|rest| completion.merge_autocompletion(rest));
        }
    }
}

impl Help for Names {}

/// Is given what is to be shown first and the words of a line, and returns the answer.
pub type Obey<'a> = dyn FnMut(Vec<u8>, &[&str]) -> String + 'a;

/// What becomes of a line that is whole.
struct WholeLine<'a> {
    obey: &'a mut Obey<'a>,
    echo: Echo,
}

impl CommandProcessor<Echo, Infallible> for WholeLine<'_> {
    fn process<'a>(
        &mut self,
        _: &mut CliHandle<'_, Echo, Infallible>,
        raw: RawCommand<'a>,
    ) -> Result<(), ProcessError<'a, Infallible>> {
        let words = words(&raw);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let first = core::mem::take(&mut *self.echo.0.borrow_mut());
        let shown = (self.obey)(first, &words);
        self.echo.0.borrow_mut().extend_from_slice(shown.as_bytes());
        Ok(())
    }
}

type Lines = Cli<Echo, Infallible, [u8; LINE_MAX], [u8; HISTORY]>;

/// A line under way.
pub struct Editor {
    lines: Box<Lines>,
    echo: Echo,
}

impl Default for Editor {
    /// An empty line, its prompt about to be shown.
    fn default() -> Self {
        let echo = Echo::default();
        let lines = CliBuilder::default()
            .writer(echo.clone())
            .command_buffer([0; LINE_MAX])
            .history_buffer([0; HISTORY])
            .prompt(PROMPT)
            .build();
        Self { lines: Box::new(lines.unwrap_or_else(|never| match never {})), echo }
    }
}

impl Editor {
    /// Takes a byte. If it ends a line, `obey` is given what is to be shown first and the words, and
    /// returns what is shown before the next prompt. A word in quotes is one word.
    #[inline(never)] // into code that is built for speed
    pub fn feed(&mut self, byte: u8, obey: &mut Obey<'_>) {
        let mut whole_line = WholeLine { obey, echo: self.echo.clone() };
        if !byte.is_ascii() {
            return;
        }
        let (byte, times) = match byte {
            DELETE => (BACKSPACE, 1),
            CTRL_U => (BACKSPACE, LINE_MAX),
            other => (other, 1),
        };
        for _ in 0..times {
            self.lines.process_byte::<Names, _>(byte, &mut whole_line).unwrap_or_else(|never| match never {});
        }
    }

    /// Shows prompt and line once more, because something else was shown.
    pub fn show_again(&mut self) {
        self.lines.write(|_| Ok(())).unwrap_or_else(|never| match never {});
    }

    /// Takes what is to be shown.
    pub fn take_echo(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.echo.0.borrow_mut())
    }
}

/// A line's words, options and all as they were typed.
fn words(raw: &RawCommand<'_>) -> Vec<String> {
    let args = raw.args().args().map(|arg| match arg {
        Ok(Arg::Value(word)) => word.into(),
        Ok(Arg::LongOption(word)) => alloc::format!("--{word}"),
        Ok(Arg::ShortOption(letter)) => alloc::format!("-{letter}"),
        Ok(Arg::DoubleDash) | Err(_) => "-".into(),
    });
    core::iter::once(raw.name().into()).chain(args).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines that were typed, and all that was shown.
    fn edit(bytes: &[u8]) -> (Vec<String>, String) {
        let (mut editor, mut lines, mut shown) = (Editor::default(), Vec::new(), Vec::new());
        for &byte in bytes {
            editor.feed(byte, &mut |first, words| {
                shown.extend(first);
                lines.push(words.join(" "));
                "answer\n".into()
            });
            shown.extend(editor.take_echo());
        }
        (lines, String::from_utf8_lossy(&shown).into_owned())
    }

    #[test]
    fn a_line_is_answered_before_the_next_prompt() {
        let (lines, shown) = edit(b"regs  @a\n");
        assert_eq!(lines, ["regs @a"]);
        assert_eq!(shown, "kennel> regs  @a\r\nanswer\nkennel> ");
    }

    #[test]
    fn mistakes_are_mended_and_tab_completes() {
        assert_eq!(edit(b"rex\x7fgs\n").0, ["regs"]);
        assert_eq!(edit(b"rg\x1b[De\x1b[Cs\n").0, ["regs"]);
        assert_eq!(edit(b"dev\t@a\n").0, ["devices @a"]);
        assert_eq!(edit(b"nonsense\x15log\n").0, ["log"]);
        // As far as it is clear: resume, restart, regs.
        assert_eq!(edit(b"r\t").1, "kennel> re");
    }

    #[test]
    fn lines_are_remembered() {
        assert_eq!(edit(b"regs\nlog\n\x1b[A\x1b[A\n").0, ["regs", "log", "regs"]);
    }

    #[test]
    fn a_line_under_way_can_be_shown_again() {
        let mut editor = Editor::default();
        b"wal".iter().for_each(|&byte| editor.feed(byte, &mut |_, _| String::new()));
        editor.take_echo();
        editor.show_again();
        assert!(editor.take_echo().ends_with(b"kennel> wal"));
    }

    #[test]
    fn letters_beyond_ascii_are_not_taken() {
        // Halves of letters, letters too long for what they are, and such as there are none.
        let line = [b"re\xC3".as_slice(), b"\xE0\x80\x80\xED\xA0\x80\xF8\x88gs \xC3\xA9\n"].concat();
        assert_eq!(edit(&line).0, ["regs"]);
    }

    #[test]
    fn nothing_is_asked_by_an_empty_line() {
        assert!(edit(b"\n\r\n   \n").0.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut editor = Editor::default();
            for byte in bytes {
                editor.feed(byte, &mut |_, _| String::new());
                prop_assert!(editor.take_echo().len() <= 8 * LINE_MAX);
            }
        }
    }
}
