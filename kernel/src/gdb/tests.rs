//! A conversation with GDB over Guests made of bytes.

use abi::GuestPhys;

use super::intake::framed;
use super::*;
use crate::cpu::GuestId;
use crate::cpu::fpu::{IMAGE_LEN, Image, Kind as FpuKind, Register};
use crate::guest::debugger::INT3;
use crate::scripted::{Ram, new_guest};

/// The FPU of one Guest, by its side of the line.
struct OneFpu(Image);

impl FpuStates for OneFpu {
    fn kind(&self) -> FpuKind {
        self.0.kind
    }

    fn read(&mut self, _guest: GuestId) -> Image {
        self.0.clone()
    }

    fn write(&mut self, _guest: GuestId, image: &Image) {
        self.0 = image.clone();
    }
}

fn no_numbers() -> OneFpu {
    OneFpu(Image { kind: FpuKind::Fx, bytes: [0; IMAGE_LEN] })
}

/// A line with `count` Guests, lent for good.
fn line(count: usize, waits: bool) -> Session<Ram> {
    let processes = (0..count).map(|task| Process::new(task, format!("guest{task}"))).collect();
    let mut session = Session::new(processes, waits);
    for (task, process) in session.processes().iter_mut().enumerate() {
        process.guest = Some(Box::new(new_guest(task as u32)));
    }
    session
}

fn guest(session: &mut Session<Ram>, task: usize) -> &mut Guest<Ram> {
    session.processes()[task].guest.as_deref_mut().unwrap()
}

/// Says `body` and returns the bodies of the answers.
fn say(session: &mut Session<Ram>, body: &str) -> Vec<String> {
    hear(session, &framed(body.as_bytes()));
    heard(session)
}

fn hear(session: &mut Session<Ram>, bytes: &[u8]) {
    let questions = bytes.iter().filter_map(|&byte| session.hear(byte, &mut no_numbers()));
    assert_eq!(questions.collect::<Vec<_>>(), []);
}

fn heard(session: &mut Session<Ram>) -> Vec<String> {
    let said = String::from_utf8(session.take_said()).unwrap();
    let packets = said.split('$').skip(1);
    packets.map(|packet| packet.split('#').next().unwrap().to_owned()).collect()
}

/// As [`say`], with one answer.
#[track_caller]
fn ask(session: &mut Session<Ram>, body: &str) -> String {
    let mut answers = say(session, body);
    assert_eq!(answers.len(), 1, "{body}: {answers:?}");
    answers.remove(0)
}

/// A client has come, and knows of processes.
fn attached(count: usize) -> Session<Ram> {
    let mut session = line(count, false);
    assert!(ask(&mut session, "qSupported:multiprocess+").contains("PacketSize=1000"));
    session
}

#[test]
fn guests_run_until_somebody_is_there() {
    let mut session = line(1, false);
    hear(&mut session, b"\x03+-noise#00");
    assert_eq!((session.wish(0), session.is_attached()), (Wish::Run, false));
    assert!(guest(&mut session, 0).debugger.is_none());
    assert_eq!(ask(&mut session, "?"), "T05thread:1;");
    assert_eq!((session.wish(0), session.wish(1)), (Wish::Hold, Wish::Run), "1 is not to be debugged");
}

#[test]
fn guests_that_wait_do_not_begin() {
    let mut session = line(1, true);
    assert_eq!(session.wish(0), Wish::Hold);
    ask(&mut session, "qSupported");
    assert_eq!(say(&mut session, "vCont;c"), [""; 0]);
    assert_eq!(session.wish(0), Wish::Run);
}

#[test]
fn registers_and_memory_are_read_and_written() {
    let mut session = attached(1);
    guest(&mut session, 0).regs.ecx = 0x1234_5678;
    let registers = ask(&mut session, "g");
    assert!(registers.starts_with("0000000078563412"));
    assert_eq!(ask(&mut session, &format!("G01{}", &registers[2..128])), "OK");
    assert_eq!((guest(&mut session, 0).regs.eax, guest(&mut session, 0).regs.ecx), (1, 0x1234_5678));
    assert_eq!(ask(&mut session, "M1000,2:abcd"), "OK");
    assert_eq!(ask(&mut session, "m1000,2"), "abcd");
    assert_eq!(guest(&mut session, 0).memory.read_u16(GuestPhys(0x1000)), Ok(0xCDAB));
    assert_eq!(ask(&mut session, "mffff,4"), "00", "as far as there is any");
    for nowhere in ["mffc00000,4", "mfffffff0,20", "Mffc00000,1:00"] {
        assert_eq!(ask(&mut session, nowhere), "E01");
    }
}

#[test]
fn a_breakpoint_is_one_guests_and_stops_all() {
    let mut session = attached(2);
    assert_eq!(ask(&mut session, "Hgp2.2"), "OK");
    assert_eq!(ask(&mut session, "Z0,1000,1"), "OK");
    let has_int3 = |guest: &Guest<Ram>| guest.memory.read_u8(GuestPhys(0x1000)) == Ok(INT3);
    assert!(!has_int3(guest(&mut session, 0)) && has_int3(guest(&mut session, 1)));
    assert_eq!(say(&mut session, "vCont;c"), [""; 0]);
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Run; 2]);
    let mut hit = session.processes()[1].guest.take().unwrap();
    hit.debugger.as_mut().unwrap().halt = Some(Halt::Software);
    assert!(session.notice(1, &mut hit) && !session.notice(1, &mut hit));
    assert_eq!(heard(&mut session), ["T05thread:p2.2;swbreak:;"]);
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Hold; 2]);
}

#[test]
fn one_may_step_alone() {
    let mut session = attached(2);
    assert_eq!(say(&mut session, "vCont;s:p2.2"), [""; 0]);
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Hold, Wish::Run]);
    let is_stepping = |guest: &mut Guest<Ram>| guest.debugger.as_ref().unwrap().step.is_some();
    assert_eq!([0, 1].map(|task| is_stepping(guest(&mut session, task))), [false, true]);
}

#[test]
fn processes_are_listed_with_their_names() {
    let mut session = attached(2);
    assert_eq!(ask(&mut session, "qfThreadInfo"), "mp1.1,p2.2");
    assert_eq!(ask(&mut session, "qThreadExtraInfo,p2.2"), "677565737431");
    session.ended(0);
    assert_eq!(ask(&mut session, "qfThreadInfo"), "mp2.2");
    assert_eq!((ask(&mut session, "Tp1.1"), ask(&mut session, "Tp2.2")), ("E01".into(), "OK".into()));
}

#[test]
fn watchpoints_are_as_many_as_there_are_registers() {
    let mut session = attached(1);
    for (body, answer) in
        [("Z2,2001,8", "OK"), ("Z1,1000,1", "E01"), ("z2,2001,8", "OK"), ("Z1,1000,1", "OK")]
    {
        assert_eq!(ask(&mut session, body), answer, "{body}");
    }
    assert_eq!(ask(&mut session, "Z4,ffc00000,4"), "E01");
}

#[test]
fn ctrl_c_stops_what_runs_and_nothing_else() {
    let mut session = attached(1);
    hear(&mut session, b"\x03");
    assert_eq!(heard(&mut session), [""; 0]);
    say(&mut session, "c");
    hear(&mut session, b"\x03");
    assert_eq!(heard(&mut session), ["T02thread:p1.1;"]);
    assert_eq!(session.wish(0), Wish::Hold);
}

#[test]
fn a_killed_guest_is_kept_as_long_as_somebody_looks() {
    let mut session = attached(1);
    say(&mut session, "c");
    let mut killed = session.processes()[0].guest.take().unwrap();
    assert!(session.keeps(0, &mut killed, KillReason::Panicked));
    assert_eq!(heard(&mut session), ["T06thread:p1.1;"]);
    assert!(!session.keeps(0, &mut killed, KillReason::Panicked), "once");
    session.processes()[0].guest = Some(killed);
    assert_eq!(ask(&mut session, "m1000,1"), "00");
    say(&mut session, "c");
    session.ended(0);
    assert_eq!(heard(&mut session), ["W00;process:1"]);
    assert!(!session.is_attached());
}

#[test]
fn a_client_that_leaves_takes_all_with_it() {
    let mut session = attached(1);
    ask(&mut session, "Z0,1000,1");
    assert_eq!(ask(&mut session, "D;1"), "OK");
    assert!(!session.is_attached() && session.wish(0) == Wish::Run);
    let guest = guest(&mut session, 0);
    assert_eq!(guest.memory.read_u8(GuestPhys(0x1000)), Ok(0));
    assert!(guest.debugger.is_none() && !guest.is_debugged);
}

#[test]
fn a_new_client_begins_anew() {
    let mut session = attached(1);
    assert_eq!(ask(&mut session, "QStartNoAckMode"), "OK");
    say(&mut session, "c");
    // It vanishes, and another one comes, who wants its packets acknowledged.
    hear(&mut session, &framed(b"qSupported"));
    assert!(session.take_said().starts_with(b"+$PacketSize"));
    assert_eq!(session.wish(0), Wish::Hold);
}

#[test]
fn nonsense_changes_nothing() {
    let mut session = attached(1);
    assert_eq!(ask(&mut session, "vCont;t:1"), "");
    assert_eq!(ask(&mut session, "vMustReplyEmpty"), "");
    assert_eq!((session.is_attached(), session.wish(0)), (true, Wish::Hold));
}

#[test]
fn gdb_may_kill() {
    let mut session = attached(2);
    assert_eq!(ask(&mut session, "vKill;2"), "OK");
    assert_eq!([0, 1].map(|task| session.wish(task)), [Wish::Hold, Wish::Kill]);
    session.ended(1);
    assert_eq!(session.wish(1), Wish::Run);
}

#[test]
fn the_machine_is_described_in_parts() {
    let mut session = attached(1);
    assert_eq!(ask(&mut session, "qXfer:features:read:target.xml:0,5"), "m<?xml");
    assert!(ask(&mut session, "qXfer:features:read:target.xml:5,fff").starts_with("l version"));
    assert_eq!(ask(&mut session, "qXfer:features:read:target.xml:ffffffff,fff"), "l");
}

#[test]
fn a_register_is_read_and_written_by_its_number() {
    let (mut session, mut fpu) = (attached(1), no_numbers());
    fpu.0.set(Register::Stack(0), 0x1234);
    let mut about = |body: &str| {
        framed(body.as_bytes()).into_iter().for_each(|byte| assert_eq!(session.hear(byte, &mut fpu), None));
        heard(&mut session).remove(0)
    };
    assert_eq!((about("p10"), about("p29")), ("34120000000000000000".into(), "E01".into()));
    assert_eq!(
        (about("P8=78563412"), about("P8=1"), about("P8=123456")),
        ("OK".into(), "".into(), "E01".into())
    );
    assert_eq!(
        (about("P20=000102030405060708090a0b0c0d0e0f"), about("p8")),
        ("OK".into(), "78563412".into())
    );
    assert_eq!(fpu.0.get(Register::Xmm(0)).to_le_bytes()[15], 15);
    assert_eq!(guest(&mut session, 0).regs.eip, 0x1234_5678);
}

#[test]
fn who_is_sent_elsewhere_does_not_sleep_there() {
    let mut session = attached(1);
    guest(&mut session, 0).before_entry.set_halted(true);
    ask(&mut session, "P0=01000000");
    assert!(guest(&mut session, 0).before_entry.is_halted());
    ask(&mut session, "P8=01000000");
    assert!(!guest(&mut session, 0).before_entry.is_halted());
}

#[test]
fn the_monitor_is_asked_about_the_guest_in_view() {
    let mut session = attached(2);
    ask(&mut session, "Hgp2.2");
    let packet = framed(b"qRcmd,73746174730a");
    let mut questions = packet.into_iter().filter_map(|byte| session.hear(byte, &mut no_numbers()));
    assert_eq!(questions.next(), Some(Question { line: b"stats\n".into(), task: 1 }));
    drop(questions);
    assert_eq!(heard(&mut session), [""; 0], "the answer is somebody else's to find");
    session.reply(&[b'a'; 3000]);
    let answers = heard(&mut session);
    assert_eq!(answers.iter().map(String::len).collect::<Vec<_>>(), [4081, 1921, 2]);
    assert!(answers[0].starts_with("O6161") && answers[2] == "OK");
    assert_eq!(ask(&mut session, "qRcmd,7"), "", "half a byte");
}

#[test]
fn who_ends_while_all_stand_still_is_told_at_the_next_go() {
    let mut session = attached(1);
    session.ended(0);
    assert_eq!(heard(&mut session), [""; 0]);
    assert_eq!(say(&mut session, "vCont;c"), ["W00;process:1"]);
}

#[test]
fn the_machine_has_a_name() {
    let mut session = attached(1);
    let machine = ask(&mut session, "qHostInfo");
    assert!(machine.starts_with("triple:693338362d") && machine.ends_with(";endian:little;"));
    assert_eq!(ask(&mut session, "qProcessInfo"), format!("pid:1;{machine}"));
}
