//! Several Guests at a terminal made of bytes.

use std::collections::VecDeque;

use super::scrollback::KEPT;
use super::*;

mod monitor;

/// A terminal that shows a string, and may have room for no more than so much of it.
#[derive(Default)]
struct Paper(Vec<u8>, Option<usize>);

impl Line for Paper {
    fn room(&self) -> usize {
        self.1.map_or(usize::MAX, |end| end.saturating_sub(self.0.len()))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn show(&mut self, filter: &mut Filter, bytes: &[u8], _: bool, answers: &mut Answers) {
        filter.feed(bytes, &mut |piece| match piece {
            filter::Piece::Text(text) => self.write(text),
            filter::Piece::Control(code) => self.write(&[code]),
            filter::Piece::Sequence(_, b'n') => assert!(answers.push(b'!')),
            _ => {}
        });
    }

    fn line(&mut self, what: fmt::Arguments<'_>) {
        self.fresh_line();
        self.write(format!("{what}\n").as_bytes());
    }

    fn fresh_line(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with(b"\n") {
            self.0.push(b'\n');
        }
    }
}

/// Guests at a terminal, a person at its keys.
struct Bench {
    multiplexer: Multiplexer,
    paper: Paper,
    keys: VecDeque<u8>,
    now: Nanos,
}

fn bench(names: &[&str]) -> Bench {
    let mut multiplexer = Multiplexer::default();
    for name in names {
        multiplexer.add(name, Box::leak(vec![0; KEPT].into_boxed_slice()));
    }
    Bench { multiplexer, paper: Paper::default(), keys: VecDeque::new(), now: Nanos(0) }
}

impl Bench {
    fn says(&mut self, guest: usize, text: &str) {
        self.multiplexer.write(guest, text.as_bytes(), &mut self.paper);
    }

    fn sleeps(&mut self, guest: usize) {
        self.multiplexer.turn_over(guest, true, &mut self.paper);
    }

    fn ends(&mut self, guest: usize) {
        self.multiplexer.ended(guest, &mut self.paper);
    }

    /// Types, and lets the terminal listen until nothing is taken any more.
    fn types(&mut self, bytes: &[u8]) {
        self.keys.extend(bytes);
        let mut before = self.keys.len() + 1;
        while self.keys.len() < before {
            before = self.keys.len();
            self.multiplexer.listen(self.now, || self.keys.pop_front(), &mut self.paper);
        }
    }

    fn reads(&mut self, guest: usize) -> String {
        let mut bytes = [0; 2 * TYPED];
        let len = self.multiplexer.read(guest, &mut bytes);
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    }

    /// What was shown since this was asked last, with all that is late.
    fn shown(&mut self) -> String {
        while self.multiplexer.catch_up(&mut self.paper, |_| ()) {}
        String::from_utf8(core::mem::take(&mut self.paper.0)).unwrap()
    }
}

#[test]
fn no_line_is_torn_by_anothers() {
    let mut bench = bench(&["a", "b"]);
    bench.says(0, "one ");
    bench.says(1, "two ");
    bench.says(0, "half\n");
    bench.says(1, "halves\n");
    assert_eq!(bench.shown(), "one half\ntwo halves\n");
}

#[test]
fn a_slow_line_makes_its_writer_wait_and_nobody_else() {
    let mut bench = bench(&["a", "b"]);
    bench.paper.1 = Some(0);
    let (mut said, mut heard) = (String::new(), String::new());
    for number in 0..3000 {
        let text = format!("a says {number}\n");
        while bench.multiplexer.is_full(0) {
            assert!(!bench.multiplexer.is_full(1));
            heard += &core::str::from_utf8(&bench.paper.0).unwrap().replace('\r', "");
            bench.paper.0.clear();
            bench.paper.1 = Some(300);
            let mut woken = Vec::new();
            bench.multiplexer.catch_up(&mut bench.paper, |guest| woken.push(guest));
            assert_eq!(woken, if bench.multiplexer.is_full(0) { vec![] } else { vec![0] });
        }
        bench.says(0, &text);
        said += &text;
    }
    bench.paper.1 = None;
    heard += &bench.shown();
    assert!(heard == said, "nothing is lost");
}

#[test]
fn several_writers_share_a_slow_line() {
    let mut bench = bench(&["a", "b", "c"]);
    bench.paper.1 = Some(0);
    for (guest, letter) in ["a", "b", "c"].into_iter().enumerate() {
        while !bench.multiplexer.is_full(guest) {
            bench.says(guest, &(letter.repeat(15) + "\n"));
        }
    }
    bench.paper.1 = Some(3000);
    for _ in 0..100 {
        // Room for less than one of them at a time.
        let end = bench.paper.0.len() + 100;
        bench.paper.1 = Some(end.min(3000));
        bench.multiplexer.catch_up(&mut bench.paper, |_| ());
    }
    let count = |letter| bench.paper.0.iter().filter(|&&byte| byte == letter).count();
    let counts = b"abc".map(count);
    assert!(counts.iter().all(|&count| count > 700), "{counts:?}");
}

#[test]
fn who_is_hidden_does_not_wait() {
    let mut bench = bench(&["a", "b"]);
    bench.paper.1 = Some(0);
    while !bench.multiplexer.is_full(1) {
        bench.says(1, "b\n");
    }
    bench.paper.1 = None;
    bench.types(b"\x01b");
    bench.paper.1 = Some(0);
    let mut woken = Vec::new();
    bench.multiplexer.catch_up(&mut bench.paper, |guest| woken.push(guest));
    assert_eq!(woken, [1]);
    bench.says(1, &"b\n".repeat(AHEAD as usize));
    assert!(!bench.multiplexer.is_full(1));
}

#[test]
fn a_line_about_a_guest_comes_behind_what_it_has_written() {
    let mut bench = bench(&["a", "b"]);
    bench.paper.1 = Some(0);
    let text = "text\n".repeat(300);
    bench.says(0, &text);
    bench.multiplexer.tell(0, format_args!("guest a: restarting"), &mut bench.paper);
    bench.says(0, "again\n");
    bench.multiplexer.tell_end(0, format_args!("guest a: powered off"), &mut bench.paper);
    assert!(bench.multiplexer.is_behind(0));
    bench.paper.1 = None;
    assert_eq!(bench.shown(), text + "guest a: restarting\nagain\nguest a: powered off\n");
    assert!(!bench.multiplexer.is_behind(0));
}

#[test]
fn lines_a_guest_causes_without_end_are_counted() {
    let mut bench = bench(&["a", "b"]);
    for _ in 0..2000 {
        bench.multiplexer.tell(0, format_args!("guest a: has given up on its console"), &mut bench.paper);
    }
    bench.multiplexer.tell_end(0, format_args!("guest a: powered off: x"), &mut bench.paper);
    let shown = bench.shown();
    let given_up = shown.lines().filter(|line| line.ends_with("on its console")).count();
    assert!((1..50).contains(&given_up));
    let rest =
        format!("guest a: {} more lines about it were left out\nguest a: powered off: x\n", 2000 - given_up);
    assert!(shown.ends_with(&rest), "{shown}");
}

#[test]
fn an_answer_of_the_terminal_is_typed_for_who_has_asked() {
    let mut bench = bench(&["a", "b"]);
    bench.says(1, "\x1b[6n\n");
    assert_eq!((bench.reads(0), bench.reads(1)), (String::new(), "!".into()));
    // One that asks and does not read leaves room for the person.
    (0..2 * TYPED).for_each(|_| bench.says(1, "\x1b[6n\n"));
    assert!(bench.reads(1).len() <= TYPED / 2);
}

#[test]
fn a_guest_alone_is_shown_at_once() {
    let mut bench = bench(&["a", "b"]);
    bench.ends(1);
    bench.says(0, "50 ");
    assert_eq!(bench.shown(), "50 ");
    bench.says(0, "%");
    assert_eq!(bench.shown(), "%");
}

#[test]
fn a_prompt_is_shown_when_its_guest_sleeps_and_not_run_into() {
    let mut bench = bench(&["a", "b"]);
    bench.says(0, "a> ");
    assert_eq!(bench.shown(), "");
    bench.sleeps(0);
    bench.says(1, "news\n");
    assert_eq!(bench.shown(), "a> \nnews\n");
}

#[test]
fn whoever_has_the_focus_may_take_its_time_with_a_line_but_not_for_ever() {
    let mut bench = bench(&["a", "b"]);
    for _ in 0..10 {
        bench.says(0, ".");
        bench.says(1, "-");
        bench.multiplexer.turn_over(0, false, &mut bench.paper);
        bench.multiplexer.turn_over(1, false, &mut bench.paper);
    }
    assert_eq!(bench.shown(), "");
    for _ in 0..TURNS {
        bench.multiplexer.turn_over(0, false, &mut bench.paper);
        bench.multiplexer.turn_over(1, false, &mut bench.paper);
    }
    assert_eq!(bench.shown(), "..........");
}

#[test]
fn the_last_line_of_a_guest_comes_before_its_end() {
    let mut bench = bench(&["a", "b"]);
    bench.says(1, "no newline");
    bench.ends(1);
    say(&mut bench.paper, format_args!("guest b: powered off"));
    assert_eq!(bench.shown(), "no newline\nguest b: powered off\n");
}

#[test]
fn typing_goes_to_the_first_that_lives() {
    let mut bench = bench(&["a", "b", "c"]);
    bench.types(b"x");
    assert_eq!((bench.reads(0), bench.reads(1)), ("x".into(), String::new()));
    bench.ends(0);
    bench.types(b"y");
    assert_eq!((bench.reads(1), bench.reads(2)), ("y".into(), String::new()));
}

#[test]
fn what_waits_for_a_guest_that_ends_goes_to_the_next() {
    let mut bench = bench(&["a", "b"]);
    bench.types(b"poweroff\npoweroff\n");
    let mut first = [0; 9];
    assert_eq!(bench.multiplexer.read(0, &mut first), 9);
    bench.ends(0);
    assert_eq!(bench.reads(1), "poweroff\n");
    bench.types(b"too late");
    bench.ends(1);
}

#[test]
fn the_focus_moves_in_the_middle_of_what_is_typed() {
    let mut bench = bench(&["a", "b", "c"]);
    bench.types(b"for a\x012for b\x01nfor c\x01nand a");
    assert_eq!(bench.reads(0), "for aand a");
    assert_eq!((bench.reads(1), bench.reads(2)), ("for b".into(), "for c".into()));
    let shown = bench.shown();
    assert_eq!(shown, "guest b: has the focus\nguest c: has the focus\nguest a: has the focus\n");
}

#[test]
fn whoever_gets_the_focus_shows_its_prompt_again() {
    let mut bench = bench(&["a", "b"]);
    bench.says(1, "hello\nb> ");
    bench.sleeps(1);
    bench.says(0, "busy\n");
    bench.shown();
    bench.types(b"\x012");
    assert_eq!(bench.shown(), "guest b: has the focus\nb> ");
}

#[test]
fn a_guest_that_is_not_there_does_not_get_the_focus() {
    let mut bench = bench(&["a"]);
    bench.types(b"\x019x");
    assert_eq!(bench.shown(), "host: there is no guest 9; Ctrl-A ? helps\n");
    assert_eq!(bench.reads(0), "x");
}

#[test]
fn others_can_be_hidden_and_are_kept_meanwhile() {
    let mut bench = bench(&["a", "b"]);
    bench.types(b"\x01b");
    assert_eq!(bench.shown(), "host: guests without the focus are hidden\n");
    bench.says(1, "in the dark\nb> ");
    bench.says(0, "in the light\n");
    assert_eq!(bench.shown(), "in the light\n");
    bench.types(b"\x012");
    assert_eq!(bench.shown(), "guest b: has the focus\nin the dark\nb> ");
    bench.says(0, "now a\n");
    bench.types(b"\x01b");
    assert_eq!(bench.shown(), "host: guests without the focus are shown\nnow a\n");
}

#[test]
fn the_last_64_kib_of_a_guest_are_kept_and_shown_on_request() {
    let mut bench = bench(&["a", "b"]);
    bench.types(b"\x01b");
    let lines: String = (0..10_000).map(|number| format!("line {number:>5}\n")).collect();
    bench.says(1, &lines);
    bench.shown();
    bench.types(b"\x012");
    let lost = lines.len() - KEPT;
    let head = format!("guest b: has the focus\nguest b: {lost} bytes before this are gone\n");
    assert_eq!(bench.shown(), head + &lines[lost..]);
    bench.types(b"\x01l");
    assert_eq!(bench.shown(), format!("host: the last {KEPT} bytes of guest b:\n{}", &lines[lost..]));
}

#[test]
fn a_look_back_loses_nothing_of_what_comes_meanwhile() {
    let mut bench = bench(&["a", "b"]);
    bench.says(0, &"old line\n".repeat(KEPT / 9 + 1));
    bench.shown();
    bench.types(b"\x01l");
    for number in 0..2000 {
        bench.says(0, &format!("new {number}\n"));
        bench.multiplexer.catch_up(&mut bench.paper, |_| ());
    }
    let shown = bench.shown();
    let new: Vec<&str> = shown.lines().filter(|line| line.starts_with("new ")).collect();
    assert_eq!(new, (0..2000).map(|number| format!("new {number}")).collect::<Vec<_>>());
    assert!(!shown.contains("are gone"));
}

#[test]
fn a_guest_that_does_not_read_blocks_nobody_for_long() {
    let mut bench = bench(&["deaf", "b"]);
    let noise = vec![b'z'; TYPED];
    bench.types(&noise);
    bench.types(b"more\x012x");
    assert_eq!(bench.keys.len(), 7, "nothing was taken");
    bench.now = PATIENCE;
    bench.types(b"");
    assert_eq!(bench.reads(1), "x");
    assert!(bench.shown().contains("guest deaf: does not read"));
    assert_eq!(bench.reads(0), "z".repeat(TYPED));
    bench.types(b"\x011heard");
    assert_eq!(bench.reads(0), "heard");
}

/// The help names exactly the keys that do something.
#[test]
fn ctrl_a_x_leaves_only_where_the_command_line_allows_it() {
    let mut bench = bench(&["a"]);
    bench.types(b"\x01x\x01?");
    assert!(!bench.multiplexer.has_left() && !bench.shown().contains("Ctrl-A x"));
    bench.multiplexer.allow_leaving();
    bench.types(b"\x01?");
    assert!(bench.shown().contains("Ctrl-A x  leaves"));
    bench.types(b"\x01X");
    assert!(bench.multiplexer.has_left());
}

#[test]
fn the_help_lists_guests_and_keys() {
    let mut bench = bench(&["a", "b"]);
    bench.ends(1);
    bench.types(b"\x01?");
    let help = bench.shown();
    for words in ["1 a, has the focus", "2 b, has ended", "Ctrl-A n", "Ctrl-A l", "Ctrl-A b", "Ctrl-A a"] {
        assert!(help.contains(words), "{words} is not in:\n{help}");
    }
    assert!(help.lines().all(|line| line.starts_with("host: ")));
}

#[test]
fn any_typing_is_survived() {
    let mut bench = bench(&["a", "b", "c"]);
    let mut seed = 7_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    // Miri is a thousand times slower, and looks for something else.
    let rounds = if cfg!(miri) { 10 } else { 3000 };
    for round in 0..rounds {
        let noise: [u8; 40] = core::array::from_fn(|_| if random() < 60 { 1 } else { random() });
        bench.types(&noise);
        bench.now = bench.now.after(Nanos::from_millis(100));
        let guest = usize::from(random()) % 3;
        bench.says(guest, &"x\n".repeat(usize::from(random())));
        if random() < 20 {
            bench.reads(guest);
        }
        if round == rounds / 2 {
            bench.ends(1);
        }
        bench.multiplexer.turn_over(guest, random() < 30, &mut bench.paper);
        bench.shown();
    }
}

#[test]
fn a_terminal_without_guests_takes_nothing() {
    let mut bench = bench(&[]);
    bench.types(b"abc\x011\x01l");
    assert_eq!((bench.keys.len(), bench.shown().as_str()), (7, ""));
}
