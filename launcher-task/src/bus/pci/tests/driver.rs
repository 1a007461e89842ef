//! What a driver does with registers, in order and out of it.

use super::*;

#[test]
fn a_driver_of_1_0_has_its_buffers_served() {
    let mut bench = bench();
    let mut driver = bench.bring_up();
    assert_eq!((bench.get(18, Width::Word), bench.get(30, Width::Word)), (1, 0));
    driver.offer(&mut bench.ram, &[(0x100, 4, Readable)]);
    assert_eq!(irqs(bench.set(56, Width::Word, 0)), [2]);
    assert_eq!(driver.used(&bench.ram), [(0, 0)]);
    assert_eq!([0; 2].map(|_| bench.get(58, Width::Byte)), [1, 0], "reading the reason clears it");
}

#[test]
fn a_changed_configuration_is_told_of() {
    let mut bench = bench();
    let mut driver = bench.bring_up();
    assert_eq!(bench.serve(), []);
    driver.offer(&mut bench.ram, &[(0x100, 4, Readable)]);
    bench.set(56, Width::Word, 0).unwrap();
    assert_eq!(bench.serve(), [2]);
    assert_eq!((bench.get(58, Width::Byte), bench.get(21, Width::Byte)), (3, 1));
    assert_eq!(bench.get(60, Width::Dword), 1);
    bench.set(62, Width::Word, 0x0807).unwrap();
    assert_eq!(bench.get(61, Width::Dword), 0xFF08_0700, "and all ones behind its end");
    bench.set(63, Width::Word, 0).unwrap();
    assert_eq!(bench.get(63, Width::Byte), 8, "nothing is written across it");
}

#[test]
fn features_are_offered_by_halves() {
    let mut bench = bench();
    let mut offered = |half| {
        bench.set(0, Width::Dword, half).unwrap();
        bench.get(4, Width::Dword)
    };
    assert_eq!([0, 1, 2, u32::MAX].map(&mut offered), [0x81 | 1 << 28 | 1 << 29, 1, 0, 0]);
}

#[test]
fn features_not_offered_are_not_agreed_on() {
    let mut bench = bench();
    assert_eq!(bench.negotiate(0x2, VERSION_1), 3);
    assert_eq!(bench.negotiate(0x1, VERSION_1 | 2), 3);
    assert_eq!(bench.negotiate(0x81, VERSION_1), 0xB);
    bench.set(8, Width::Dword, 2).unwrap();
    bench.set(12, Width::Dword, 1).unwrap();
    assert_eq!(bench.get(20, Width::Byte), 0xB, "agreed once, agreed for good");
    bench.status(0).unwrap();
    bench.set(8, Width::Dword, 2).unwrap();
    bench.set(12, Width::Dword, 1).unwrap();
    bench.set(8, Width::Dword, 1).unwrap();
    bench.set(12, Width::Dword, VERSION_1).unwrap();
    bench.status(0xB).unwrap();
    assert_eq!(bench.get(20, Width::Byte), 3, "beyond the sixty-fourth");
}

#[test]
fn a_driver_without_version_1_is_not_agreed_with() {
    assert_eq!(bench().negotiate(0x81, 0), 3);
}

#[test]
fn the_status_only_moves_forward() {
    for (steps, from, to) in [(&[1, 3][..], 3, 2), (&[3], 3, 7), (&[], 0, 0xC)] {
        let mut bench = bench();
        steps.iter().for_each(|&step| assert!(bench.status(step).is_ok()));
        assert_eq!(bench.status(to.into()), Err(DeviceError::Status { from, to }.into()));
    }
    let mut bench = bench();
    bench.bring_up();
    assert_eq!(bench.status(0x8F), Ok(Heard::Failed("echo")));
    assert_eq!(bench.status(0), Ok(Heard::Reset));
    assert_eq!((bench.get(20, Width::Byte), bench.get(28, Width::Word)), (0, 0));
}

#[test]
fn a_kick_before_the_driver_is_ready_waits_for_it() {
    let mut bench = bench();
    bench.negotiate(0, VERSION_1);
    bench.set_queue(256, [RING, RING + 0x1000, RING + 0x2000].map(u64::from)).unwrap();
    let mut driver = Driver::new(GuestPhys(RING));
    driver.offer(&mut bench.ram, &[(0x100, 4, Readable)]);
    assert_eq!(irqs(bench.set(56, Width::Word, 0)), []);
    assert_eq!(driver.used(&bench.ram), []);
    assert_eq!(irqs(bench.status(0xF)), [2]);
    assert_eq!(driver.used(&bench.ram), [(0, 0)]);
}

#[test]
fn a_kick_of_no_queue_kills() {
    let mut bench = bench();
    assert_eq!(bench.set(56, Width::Word, 0), Err(DeviceError::Kick { queue: 0 }.into()));
    bench.bring_up();
    assert_eq!(bench.set(56, Width::Word, 1), Err(DeviceError::Kick { queue: 1 }.into()));
}

#[test]
fn a_queue_in_use_stays_where_it_is() {
    let mut bench = bench();
    let mut driver = bench.bring_up();
    bench.set_queue(3, [1, 2, 3]).unwrap();
    assert_eq!((bench.get(24, Width::Word), bench.get(32, Width::Dword)), (256, RING));
    bench.set(28, Width::Word, 0).unwrap();
    assert_eq!(bench.get(28, Width::Word), 1);
    driver.offer(&mut bench.ram, &[(0x100, 4, Readable)]);
    assert_eq!(irqs(bench.set(56, Width::Word, 0)), [2]);
}

#[test]
fn a_queue_that_cannot_be_kills() {
    let place = |at| Err(RingError::Place { at: GuestPhys(at) }.into());
    let outside = |at, len| Err(KillReason::OutOfGuestMemory { at: GuestPhys(at), len });
    let cases = [
        (3, [0x1000, 0x2000, 0x3000], Err(RingError::Size { size: 3 }.into())),
        (8, [0x1008, 0x2000, 0x3000], place(0x1008)),
        (8, [0x1000, 0x2000, 0x3002], place(0x3002)),
        (8, [u64::from(MIB) - 16, 0x2000, 0x3000], outside(MIB - 16, 128)),
        (8, [0x1000, 0x2000, ECHO_WINDOW.into()], outside(ECHO_WINDOW, 70)),
        (8, [0x1000, 1 << 32, 0x3000], Err(DeviceError::QueueBeyond { queue: 0, at: 1 << 32 }.into())),
    ];
    for (size, places, end) in cases {
        let mut bench = bench();
        bench.negotiate(0, VERSION_1);
        assert_eq!(bench.set_queue(size, places), end, "{size} {places:x?}");
    }
    assert_eq!(bench().set_queue(8, [0x1000; 3]), Err(DeviceError::QueueEarly { queue: 0 }.into()));
}

#[test]
fn a_queue_that_is_not_there_has_no_entries() {
    let mut bench = bench();
    bench.set(22, Width::Word, 1).unwrap();
    assert_eq!((bench.get(24, Width::Word), bench.get(32, Width::Dword)), (0, 0));
    bench.set(32, Width::Dword, 5).unwrap();
    assert_eq!(bench.set(28, Width::Word, 1), Ok(Heard::Nothing));
    assert_eq!((bench.get(28, Width::Word), bench.get(32, Width::Dword)), (0, 0));
}

#[test]
fn part_of_a_register_kills() {
    let mut bench = bench();
    for (offset, width) in [(0, Width::Word), (20, Width::Dword), (57, Width::Byte), (2, Width::Dword)] {
        let reason = DeviceError::Register { offset, len: width.bytes() };
        assert_eq!(bench.set(offset, width, 0), Err(reason.into()));
        let from = Place::Memory(GuestPhys(ECHO_WINDOW + offset));
        assert_eq!(bench.bus.read(from, width), Err(reason.into()));
    }
}
