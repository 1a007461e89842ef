//! `vmcall` is a hypercall in the years that made it one and an undefined opcode in all others, even
//! with a trap gate for #UD, which the CPU would enter by itself; `ud2` is never anything but itself,
//! and ring 3 makes no hypercall this way either.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::Ordering;

use abi::Variant;
use abi::lguest_data::{RING_ENTRIES, RING_FREE};
use kit::dialect::Dialect;
use kit::gate::GateKind;
use kit::hypercall::Call;
use kit::user::{self, Outcome, programs};
use kit::{lazy, probe, shared, traps};

kit::guest_test!(vmcall_and_ud2);

const UNDEFINED: u8 = 6;

fn vmcall_and_ud2() {
    for kind in [GateKind::Interrupt, GateKind::Trap] {
        traps::load_gate(UNDEFINED, kind, 0);
        assert_eq!(vector(probe::ud2()), Some(UNDEFINED), "ud2, {kind:?} gate");
        lazy::queue(Call::FLUSH_USER);
        match Dialect::current().variant() {
            Variant::AEbx | Variant::B => {
                assert_eq!(vector(probe::vmcall()), None, "{kind:?} gate");
                assert_eq!(queued(), 0, "{kind:?} gate: a call empties the ring");
            }
            Variant::AEdx | Variant::C | Variant::D => {
                assert_eq!(vector(probe::vmcall()), Some(UNDEFINED), "{kind:?} gate");
                assert_eq!(queued(), 1, "{kind:?} gate: no call was made");
                Call::FLUSH_ASYNC.make();
            }
        }
        assert_eq!(vector(probe::ud2()), Some(UNDEFINED), "ud2 again, {kind:?} gate");
        match user::run(programs::vmcall(), [0; 3]) {
            Outcome::Trapped(trap) => assert_eq!((trap.vector, trap.ring), (UNDEFINED, 3), "{kind:?} gate"),
            Outcome::Exited(_) => panic!("ring 3 made a hypercall"),
        }
    }
}

fn vector(probed: probe::Probed) -> Option<u8> {
    probed.err().map(|exception| exception.vector)
}

fn queued() -> usize {
    (0..RING_ENTRIES).filter(|&slot| shared::hcall_status(slot).load(Ordering::Relaxed) != RING_FREE).count()
}
