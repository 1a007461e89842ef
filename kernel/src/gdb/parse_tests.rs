//! Packets, as GDB sends them.

use super::*;

#[test]
fn a_place_and_what_is_there_are_told_apart() {
    assert_eq!(Request::parse(b"mc0100000,40"), Request::ReadMemory { at: 0xC010_0000, len: 0x40 });
    let write = Request::WriteMemory { at: 0x1000, bytes: vec![0xAB, 0xCD] };
    assert_eq!(Request::parse(b"M1000,2:abCD"), write);
}

#[test]
fn somebody_is_named_in_many_ways() {
    for name in ["p2.2", "p2.-1", "p2", "2"] {
        assert_eq!(whom(name.as_bytes()), Some(Whom::Process(2)), "{name}");
    }
    for name in ["0", "-1", "p-1.-1", "p0.0"] {
        assert_eq!(whom(name.as_bytes()), Some(Whom::All), "{name}");
    }
    assert_eq!((whom(b""), whom(b"p"), whom(b"px")), (None, None, None));
}

#[test]
fn everybody_may_be_told_something_else() {
    let go = Request::Go(vec![(Action::Step, Whom::Process(1)), (Action::Continue, Whom::All)]);
    assert_eq!(Request::parse(b"vCont;s:p1.1;c"), go);
    assert_eq!(Request::parse(b"vCont;C05:p2.-1"), Request::Go(vec![(Action::Continue, Whom::Process(2))]));
}

#[test]
fn breakpoints_are_of_five_types() {
    assert_eq!(
        Request::parse(b"Z0,1000,1"),
        Request::Set { point: Point::Software { at: 0x1000 }, on: true }
    );
    let watch = Point::Hardware { at: 0x2000, len: 8, kind: Kind::Write };
    assert_eq!(Request::parse(b"z2,2000,8"), Request::Set { point: watch, on: false });
}

#[test]
fn what_is_not_understood_is_unknown() {
    for body in [
        "",
        "x",
        "gg",
        "m",
        "m1",
        "m1,",
        "m123456789,1",
        "M1,2:ab",
        "M1,1:a",
        "G0",
        "Hx1",
        "vCont",
        "vCont;",
        "vCont;x",
        "Z5,1,1",
        "Zz",
        "D1",
        "vKill;",
        "qWhat",
        "vMustReplyEmpty",
    ] {
        assert_eq!(Request::parse(body.as_bytes()), Request::Unknown, "{body}");
    }
}

#[test]
fn hex_goes_both_ways() {
    assert_eq!(to_hex(&[0, 0x9A, 0xFF]), b"009aff");
    assert_eq!(from_hex(b"009aFF"), Some(vec![0, 0x9A, 0xFF]));
}
