//! Typing for the monitor.

use super::*;

/// What the monitor takes: its bytes, `[` for the opening and `]` for the shutting of its door.
fn taken(bench: &mut Bench) -> String {
    let taken = core::iter::from_fn(|| bench.multiplexer.door.take());
    let letter = |typed| match typed {
        door::Typed::Open => '[',
        door::Typed::Byte(byte) => char::from(byte),
        door::Typed::Shut => ']',
    };
    taken.map(letter).collect()
}

#[test]
fn what_is_typed_before_and_behind_the_door_goes_to_the_guest() {
    let mut bench = bench(&["a"]);
    bench.types(b"one\x01mtwo\x01a\x01mthree\x01mfour\x04five");
    assert_eq!((bench.reads(0).as_str(), taken(&mut bench).as_str()), ("one", "[two]"));
    bench.types(b"");
    assert_eq!((bench.reads(0).as_str(), taken(&mut bench).as_str()), ("three", "[four]"));
    bench.types(b"");
    assert_eq!(bench.reads(0), "five");
}

#[test]
fn guests_are_quiet_until_the_monitor_has_seen_its_door_shut() {
    let mut bench = bench(&["a"]);
    bench.types(b"\x01m");
    bench.says(0, "hidden\n");
    assert_eq!((taken(&mut bench).as_str(), bench.shown().as_str()), ("[", ""));
    bench.types(b"\x01m");
    assert_eq!(bench.shown(), "");
    assert_eq!((taken(&mut bench).as_str(), bench.shown().as_str()), ("]", "hidden\n"));
}

#[test]
fn what_the_monitor_has_no_room_for_is_not_taken() {
    let mut bench = bench(&["a"]);
    let line = [b"\x01m".to_vec(), b"x".repeat(600), b"\x01mrest".to_vec()].concat();
    bench.types(&line);
    assert!(!bench.keys.is_empty());
    let first = taken(&mut bench);
    bench.types(b"");
    assert_eq!((first + &taken(&mut bench)).len(), 602);
    bench.types(b"");
    assert_eq!(bench.reads(0), "rest");
}

#[test]
fn the_focus_moves_while_the_door_is_open() {
    let mut bench = bench(&["a", "b"]);
    bench.types(b"\x01mx\x012y");
    assert_eq!((taken(&mut bench).as_str(), bench.multiplexer.focus()), ("[xy", 1));
    assert_eq!(bench.shown(), "guest b: has the focus\n");
}
