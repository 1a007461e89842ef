//! Whatever comes over GDB's line, it becomes requests or nothing, and the Guests stay whole: what is
//! said is framed, no more memory changes than was asked, and a new client is always heard.
#![no_main]

use kennel_fuzz::script::SharedRam;
use kernel::cpu::{FpuStates, GuestId};
use kernel::cpu::fpu::{IMAGE_LEN, Image, Kind};
use kernel::gdb::intake::framed;
use kernel::gdb::{Process, Session, Wish};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

/// What bodies begin with, besides anything.
const USUAL: [&str; 21] = [
    "qSupported:multiprocess+",
    "?",
    "g",
    "G00",
    "m1000,10",
    "M1000,2:cccc",
    "Hgp1.1",
    "vCont;s:p1.1;c",
    "vCont;c",
    "Z0,1000,1",
    "z0,1000,1",
    "Z2,1001,8",
    "Z1,ffbfffff,1",
    "D;1",
    "vKill;1",
    "qXfer:features:read:target.xml:",
    "p10",
    "P1c=ffffffff",
    "qRcmd,7374617473",
    "qHostInfo",
    "qProcessInfo",
];

/// The FPU of the only Guest.
struct OneFpu(Image);

impl FpuStates for OneFpu {
    fn kind(&self) -> Kind {
        self.0.kind
    }

    fn read(&mut self, _guest: GuestId) -> Image {
        self.0.clone()
    }

    fn write(&mut self, _guest: GuestId, image: &Image) {
        self.0 = image.clone();
    }
}

#[derive(Arbitrary, Debug)]
enum Heard<'a> {
    Usual(u8, &'a [u8]),
    Packet(&'a [u8]),
    Noise(&'a [u8]),
    Interrupt,
}

fuzz_target!(|all: Vec<Heard<'_>>| {
    let process = Process::<SharedRam>::new(0, "a".into());
    let mut session = Session::new(vec![process], false);
    let mut fpu = OneFpu(Image { kind: Kind::Fx, bytes: [0; IMAGE_LEN] });
    for heard in all {
        let bytes = match heard {
            Heard::Usual(which, end) => {
                let begin = USUAL[usize::from(which) % USUAL.len()].as_bytes();
                framed(&[begin, end].concat())
            }
            Heard::Packet(body) => framed(body),
            Heard::Noise(bytes) => bytes.to_vec(),
            Heard::Interrupt => vec![3],
        };
        for byte in bytes {
            if let Some(question) = session.hear(byte, &mut fpu) {
                session.reply(&question.line);
            }
        }
        for packet in session.take_said().split(|&byte| byte == b'$').skip(1) {
            let end = packet.iter().position(|&byte| byte == b'#').expect("a packet ends");
            let sum = packet[..end].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            let digits = std::str::from_utf8(&packet[end + 1..end + 3]).expect("two digits");
            assert_eq!(u8::from_str_radix(digits, 16), Ok(sum));
        }
        if session.wish(0) == Wish::Kill {
            session.ended(0);
            return;
        }
    }
    // In the middle of whatever it was, the next client is heard.
    framed(b"qSupported").into_iter().for_each(|byte| assert_eq!(session.hear(byte, &mut fpu), None));
    assert!(session.is_attached() && session.wish(0) == Wish::Hold);
});
