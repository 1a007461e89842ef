//! A Guest behind the guard, and the PC's screen in front of it.

use super::*;
use crate::terminal::screen::{CELLS, COLUMNS, Screen, TextMemory};

/// Cells in an array.
struct Cells(Box<[u16; CELLS]>);

impl TextMemory for Cells {
    fn put(&mut self, cell: usize, value: u16) {
        self.0[cell] = value;
    }

    fn get(&self, cell: usize) -> u16 {
        self.0[cell]
    }

    fn scroll(&mut self) {
        self.0.copy_within(COLUMNS.., 0);
    }
}

/// A Guest, and what it has made of the terminal.
struct Bench {
    guard: Guard,
    filter: Filter,
    answers: Answers,
    log: Vec<u8>,
    screen: Screen<Cells>,
}

fn bench() -> Bench {
    Bench {
        guard: Guard::default(),
        filter: Filter::default(),
        answers: Answers::new(),
        log: Vec::new(),
        screen: Screen::new(Cells(Box::new([u16::from(b' '); CELLS]))),
    }
}

impl Bench {
    fn show(&mut self, bytes: &[u8], has_focus: bool) {
        let Self { guard, filter, answers, log, screen } = self;
        guard.feed(filter, bytes, has_focus, answers, &mut |bytes| show(log, screen, bytes));
    }

    fn says(&mut self, text: &str) {
        self.show(text.as_bytes(), true);
    }

    fn host(&mut self, line: &str) {
        let Self { guard, log, screen, .. } = self;
        guard.begin_line(&mut |bytes| show(log, screen, bytes));
        show(log, screen, line.as_bytes());
        show(log, screen, b"\n");
        guard.host_wrote(b"\n");
    }

    /// What was shown since this was asked last.
    fn log(&mut self) -> String {
        String::from_utf8(core::mem::take(&mut self.log)).unwrap()
    }

    fn rows(&self) -> Vec<String> {
        let row = |cells: &[u16]| cells.iter().map(|&cell| char::from(cell as u8)).collect::<String>();
        self.screen.memory.0.chunks(COLUMNS).map(|cells| row(cells).trim_end().into()).collect()
    }

    fn answered(&mut self) -> String {
        core::iter::from_fn(|| self.answers.pop()).map(char::from).collect()
    }
}

/// As the console does.
fn show(log: &mut Vec<u8>, screen: &mut Screen<Cells>, bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' {
            screen.put(b'\r');
        }
        screen.put(byte);
        log.push(byte);
    }
}

fn is_the_hosts(row: &str) -> bool {
    row.starts_with("host:")
        || row.strip_prefix("guest ").is_some_and(|rest| {
            rest.split_once(':').is_some_and(|(name, _)| {
                (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
            })
        })
}

#[test]
fn ordinary_text_is_not_touched() {
    let mut bench = bench();
    let text = "\x1b[1;32mgreen\x1b[0m hello: host\r\nhostess: x\nghost: y guest: z\nthe host: is\n\tguest a: b\n \
                99 %\r100 %\r\nhttp://localhost:8080/ on a line that is longer than a terminal is wide, and then \
                some: localhost: too\nÄpfel, für localhost:80, 日本 localhost:81\n~ # \x1b[J\x1b[6Cls\x08\x1b[K\nhelp:\n";
    bench.says(text);
    assert_eq!(bench.log(), text);
}

#[test]
fn a_full_screen_program_is_not_touched() {
    let mut bench = bench();
    let page: String = (1..=24).map(|row| format!("\x1b[{row};1Hhello: {row} host guest x\x1b[K")).collect();
    let text =
        format!("\x1b[?1049h\x1b[H\x1b[J{page}\x1b[25;1H\x1b[7m:\x1b[0m\x1b[1;1Hh\x1b[2;3Hl\x1b[1;24r");
    bench.says(&text);
    assert_eq!(bench.log(), text + "\x1b[H");
    bench.says("\x1b[r\x1b[25;1H\x1b[K\x1b[?1049lhello\nhost x\n");
    assert!(bench.log().ends_with("\x1b[?1049l\r\x1b[Jhello\nhost x\n"));
}

#[test]
fn a_shell_is_not_touched_after_a_program_that_used_the_screen() {
    for program in [
        "\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8",
        "\x1b[H\x1b[J1\n2\n3\n\x1b[25;1H\x1b[K\n",
        "one\ntwo\n\x1b[2A\x1b[2Kthree\n\x1b[2Kfour\n",
        "\x1b[H\x1b[2J",
    ] {
        let mut bench = bench();
        bench.says("# ");
        bench.says(program);
        bench.log();
        bench.says("hello: a\nhost\nguest\n");
        let log = bench.log().replace("\x1b[J", "");
        assert_eq!(log, "hello: a\nhost\nguest\n", "{program:?}");
    }
}

#[test]
fn a_line_like_the_hosts_is_marked() {
    for (text, shown) in [
        ("host: end, exit code 0\n", "host| end, exit code 0\n"),
        ("guest a: killed\n", "guest a| killed\n"),
        ("\x1b[0mhost\x1b[1m: x\n", "\x1b[0mhost\x1b[1m| x\n"),
        ("x\rhost: x\n", "x\rhost| x\n"),
        ("xx\x08\x08host: x\n", "xx\x08\x08host| x\n"),
        ("\x1b[8mx\x1b[1Ghost: x\n", "\x1b[8mx\x1b[1Ghost| x\n"),
        ("h\u{200b}os\u{ad}t: x\n", "host| x\n"),
        ("?ost: x\rh\n", "?ost: x\r|\n"),
        ("guest_a: x\x1b[6G\x1b[X\n", "guest_a: x\x1b[6G\n"),
        ("guest a killed\x1b[8G:\n", "guest a killed\x1b[8G|\n"),
        ("xhost: x\r\x1b[P\n", "xhost: x\r\n"),
    ] {
        let mut bench = bench();
        text.bytes().for_each(|byte| bench.show(&[byte], true));
        assert_eq!(bench.log(), shown, "{text:?}");
        assert!(!bench.rows().iter().any(|row| is_the_hosts(row)));
    }
}

#[test]
fn what_would_be_wrapped_to_the_beginning_of_a_row_is_marked() {
    let mut bench = bench();
    bench.says(&("x".repeat(80) + "host: end\n"));
    assert!(bench.log().ends_with("xhost| end\n"));
}

#[test]
fn a_line_of_the_host_is_legible_after_anything() {
    for (text, log) in [
        ("plain\n", "plain\nhost: x\n"),
        ("half", "half\nhost: x\n"),
        ("\x1b[8mhidden\n", "\x1b[8mhidden\n\x1b[0m\nhost: x\n"),
        ("\x1b[31mred\x1b[m\n", "\x1b[31mred\x1b[m\nhost: x\n"),
        ("\x0e\x1b(0lqk\n", "\x0e\x1b(0lqk\n\x0f\x1b(B\nhost: x\n"),
        ("\x1b[?25l\x1b[?7l", "\x1b[?25l\x1b[?7l\x1b[?25h\x1b[?7h\nhost: x\n"),
        ("\x1b[3;9r", "\x1b[3;9r\x1b[H\x1b[r\x1b[999;1H\nhost: x\n"),
        ("\x1b[?47h", "\x1b[?1049h\x1b[?1049l\x1b[999;1H\nhost: x\n"),
        ("a\nb\n\x1b[2A", "a\nb\n\x1b[2A\x1b[999;1H\nhost: x\n"),
        ("\x1b]0;unfinished", "host: x\n"),
        ("\x1b[3", "host: x\n"),
        ("\x1b[4h\x1b[?6h\x1b[?1000h\x1b[?2004h", "host: x\n"),
    ] {
        let mut bench = bench();
        bench.says(text);
        bench.host("host: x");
        assert_eq!(bench.log(), log, "{text:?}");
    }
}

#[test]
fn no_question_passes() {
    let questions = [
        "\x1b[c",
        "\x1b[0c",
        "\x1b[>c",
        "\x1b[=c",
        "\x1b[5n",
        "\x1b[6n",
        "\x1b[?6n",
        "\x1b[?15n",
        "\x1b[x",
        "\x1b[18t",
        "\x1b[21t",
        "\x1b[?1$p",
        "\x1b[4$p",
        "\x1bP$qm\x1b\\",
        "\x1bP+q544e\x1b\\",
        "\x1b]4;1;?\x07",
        "\x1b]10;?\x1b\\",
        "\x1b]52;c;?\x07",
        "\x1b]0;title\x07",
        "\x05",
        "\x1bZ",
        "\x1b[>q",
        "\x1b[?u",
        "\x1b[?1u",
        "\x1b_Gi=1;AAAA\x1b\\",
        "\x1b^x\x1b\\",
        "\x1bXx\x1b\\",
        "\x1b[i",
        "\x1b[5i",
        "\x1b[?5i",
        "\x1b[?1004h",
        "\x1b[?1000;1006h",
        "\x1b[?2004h",
        "\x1b[?9h",
        "\x1b[>4;2m",
        "\x1b[=1u",
        "\x1b[>1u",
        "\x1bP0;1|17/17\x1b\\",
        "\u{9b}6n",
        "\u{90}$qm\u{9c}",
        "\x1bktitle\x1b\\",
        "\x1b[3J",
        "\x1b[1;2'z",
        "\x1b[1*y",
        "\x1b[9999b",
        "\x1b#8",
        "\x1b[!p",
        "\x1b%G",
        "\x1b n",
        "\x1b[12h",
        "\x1b[20h",
        "\x1b[2;1y",
    ];
    for question in questions {
        let mut bench = bench();
        bench.says(question);
        assert!(bench.log().chars().all(|letter| (' '..='~').contains(&letter)), "{question:?}");
    }
    let mut bench = bench();
    bench.show(b"\x9b6n\x90\x05", true);
    assert_eq!(bench.log(), "?6n?");
}

#[test]
fn two_questions_are_answered() {
    let mut bench = bench();
    bench.says("# \x1b[5n\x1b[6n");
    assert_eq!(bench.answered(), "\x1b[0n\x1b[25;3R");
    bench.says("\x1b[3;7H\x1b[6n\x1b[999;999H\x1b[6n");
    assert_eq!(bench.answered(), "\x1b[3;7R\x1b[25;80R");
    (0..100).for_each(|_| bench.says("\x1b[6n"));
    assert!(bench.answered().len() <= 64);
}

#[test]
fn who_has_not_the_focus_stays_in_its_row() {
    let mut bench = bench();
    bench.show(
        b"a\x1b[5Ab\x1b[Hc\x1b[2Jd\x1b[?1049he\x1b[?25l\x1b[1;5rf\x1bMg\x1bch\x1b7\x1b8\x1b[31m!\x1b[K",
        false,
    );
    assert_eq!(bench.log(), "abcdefgh\x1b[31m!\x1b[K");
}

#[test]
fn whatever_a_guest_writes_no_row_begins_like_the_hosts() {
    const WORDS: [&str; 40] = [
        "h",
        "o",
        "s",
        "t",
        ":",
        "host",
        "ost:",
        "host:",
        "guest ",
        "guest",
        " ",
        "a",
        "a:",
        "guest a",
        ": x",
        "\r",
        "\n",
        "\x08",
        "\x08\x08\x08",
        "\t",
        "\x1b[A",
        "\x1b[B",
        "\x1b[C",
        "\x1b[D",
        "\x1b[9D",
        "\x1b[G",
        "\x1b[2G",
        "\x1b[H",
        "\x1b[24;1H",
        "\x1b[2J",
        "\x1b[J",
        "\x1b[K",
        "\x1b[1K",
        "\x1b[X",
        "\x1b[P",
        "\x1b[@",
        "\x1b[L",
        "\x1b7",
        "\x1b8",
        "\x1bM",
    ];
    let mut seed = 11_u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize
    };
    // Miri is a thousand times slower, and looks for something else.
    for round in 0..if cfg!(miri) { 3 } else { 2000 } {
        let mut words: Vec<String> = Vec::new();
        for _ in 0..60 {
            words.push(match random() % 24 {
                0 => format!("\x1b[{};{}H", 1 + random() % 26, 1 + random() % 9),
                1 => format!("\x1b[{}G", 1 + random() % 9),
                2 => "x".repeat(random() % 90),
                3 => "\x1b[?1049h".into(),
                4 => "\x1b[?1049l".into(),
                5 => format!("\x1b[{};{}r", random() % 5, random() % 26),
                6 => "\n".repeat(random() % 30),
                7 => "é".into(),
                _ => WORDS[random() % WORDS.len()].into(),
            });
        }
        if imitates(&words) {
            while let Some(place) = (0..words.len()).find(|&place| imitates(&without(&words, place))) {
                words = without(&words, place);
            }
            panic!("round {round}: {words:?}");
        }
    }
}

fn without(words: &[String], place: usize) -> Vec<String> {
    [&words[..place], &words[place + 1..]].concat()
}

/// Whether the screen or the log shows a line like the Host's in between.
fn imitates(words: &[String]) -> bool {
    let mut bench = bench();
    let on_screen = words.iter().any(|word| {
        bench.says(word);
        bench.rows().iter().any(|row| is_the_hosts(row))
    });
    on_screen || bench.log().split('\n').any(is_the_hosts)
}
