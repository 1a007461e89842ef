//! A console between a mock driver and a fake terminal.

use abi::{GuestPhys, KillReason, Nanos, kill::RingError};

use super::*;
use crate::fakes::{Driver, FakeConsole, FakeEntropy, Ram};
use crate::net::network::Networks;
use crate::virtqueue::Rings;
use Direction::{Readable, Writable};

const RING: GuestPhys = GuestPhys(0x1_0000);
const LIMIT: u32 = 0x1_3000;
const OUTPUT: usize = 1;

/// A console with only the queue a test looks at.
struct Bench {
    device: ConsoleDevice,
    ram: Ram,
    driver: Driver,
    queue: Virtqueue,
    terminal: FakeConsole,
}

fn bench() -> Bench {
    Bench {
        device: ConsoleDevice::new(ConsoleSize::default(), false),
        ram: Ram::zeroed(LIMIT),
        driver: Driver::new(RING),
        queue: Virtqueue::new(Rings::in_one_run(RING), 0),
        terminal: FakeConsole::default(),
    }
}

impl Bench {
    fn serve(&mut self, index: usize) -> GuestResult<Progress> {
        let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
        let mut ports = Ports { now: Nanos(0), console: &mut self.terminal, net, entropy };
        self.device.serve(index, &mut self.queue, &mut self.ram, &mut ports)
    }

    fn owes_interrupt(&mut self) -> bool {
        self.queue.settle(&mut self.ram).unwrap()
    }
}

#[test]
fn output_is_shown_and_its_buffer_returned_within_the_kick() {
    let mut bench = bench();
    bench.ram[0x100..0x105].copy_from_slice(b"Hello");
    bench.ram[0x300..0x302].copy_from_slice(b"!\n");
    bench.driver.offer(&mut bench.ram, &[(0x100, 5, Readable), (0x300, 2, Readable)]);
    assert_eq!(bench.serve(OUTPUT), Ok(Progress::Idle));
    assert_eq!(bench.terminal.shown, b"Hello!\n");
    assert_eq!(bench.driver.used(&bench.ram), [(0, 0)]);
    assert!(bench.owes_interrupt());
}

#[test]
fn endless_output_is_served_in_steps() {
    let mut bench = bench();
    bench.ram[..0x1000].fill(b'x');
    // Miri is a thousand times slower, and looks for something else.
    let len: u32 = if cfg!(miri) { 0x100 } else { 0x1000 };
    let all = 255 * len as usize;
    bench.driver.offer(&mut bench.ram, &[(0, len, Readable); 255]);
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    let mut steps = 0;
    while bench.serve(OUTPUT) == Ok(Progress::Busy) {
        steps += 1;
        assert!((1..=steps * WORK_PER_STEP).contains(&bench.terminal.shown.len()));
        assert!(!bench.owes_interrupt() || bench.terminal.shown.len() >= all);
    }
    assert!(steps >= all / WORK_PER_STEP, "{steps}");
    assert_eq!(bench.terminal.shown.len(), all + 1);
    assert_eq!(bench.driver.used(&bench.ram).len(), 2);
}

#[test]
fn a_full_terminal_makes_its_writer_wait() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0, 3000, Readable)]);
    bench.terminal.room = Some(2000);
    while bench.terminal.shown.len() < 2000 {
        assert_eq!(bench.serve(OUTPUT), Ok(Progress::Busy));
    }
    let shown = bench.terminal.shown.len();
    assert!(shown <= 2000 + WORK_PER_STEP);
    for _ in 0..10 {
        assert_eq!(bench.serve(OUTPUT), Ok(Progress::Busy));
    }
    assert_eq!((bench.terminal.shown.len(), bench.driver.used(&bench.ram)), (shown, vec![]));
    bench.terminal.room = None;
    while bench.serve(OUTPUT) == Ok(Progress::Busy) {}
    assert_eq!((bench.terminal.shown.len(), bench.driver.used(&bench.ram)), (3000, vec![(0, 0)]));
}

#[test]
fn buffers_without_bytes_cost_work_too() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0, 0, Readable); 256]);
    // Miri is a thousand times slower, and looks for something else.
    let times = if cfg!(miri) { 8 } else { 256 };
    for _ in 1..times {
        bench.driver.publish(&mut bench.ram, 0);
    }
    let mut steps = 1;
    while bench.serve(OUTPUT) == Ok(Progress::Busy) {
        steps += 1;
    }
    assert!(steps >= times * 256 / WORK_PER_STEP, "{steps}");
    assert_eq!(bench.driver.used(&bench.ram).len(), times);
}

#[test]
fn output_in_a_writable_buffer_kills_the_guest() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable), (0, 1, Writable)]);
    assert_eq!(bench.serve(OUTPUT), Err(KillReason::Ring(RingError::Direction)));
    assert_eq!(bench.terminal.shown, b"");
}

#[test]
fn input_in_a_readable_buffer_kills_the_guest() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    assert_eq!(bench.serve(INPUT), Err(KillReason::Ring(RingError::Direction)));
}

#[test]
fn input_waits_until_there_is_a_buffer() {
    let mut bench = bench();
    bench.terminal = FakeConsole::with_typed(b"uptime\n");
    assert_eq!(bench.serve(INPUT), Ok(Progress::Idle));
    assert_eq!(bench.terminal.reads, 0, "what has no buffer stays in the port");
    bench.driver.offer(&mut bench.ram, &[(0x100, 64, Writable)]);
    assert_eq!(bench.serve(INPUT), Ok(Progress::Waiting));
    assert_eq!(&bench.ram[0x100..0x108], b"uptime\n\0");
    assert_eq!(bench.driver.used(&bench.ram), [(0, 7)]);
    assert!(bench.owes_interrupt());
}

#[test]
fn a_buffer_waits_until_there_is_input() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0x100, 64, Writable)]);
    assert_eq!(bench.serve(INPUT), Ok(Progress::Waiting));
    assert_eq!(bench.driver.used(&bench.ram), []);
    assert!(!bench.owes_interrupt());
    bench.terminal.typed.extend(b"a");
    bench.serve(INPUT).unwrap();
    assert_eq!(bench.driver.used(&bench.ram), [(0, 1)]);
    assert_eq!(bench.ram[0x100], b'a');
}

#[test]
fn input_larger_than_a_buffer_goes_into_several() {
    let mut bench = bench();
    bench.terminal = FakeConsole::with_typed(b"abcdefgh");
    bench.driver.offer(&mut bench.ram, &[(0x100, 2, Writable), (0x200, 1, Writable)]);
    bench.driver.offer(&mut bench.ram, &[(0x300, 2, Writable)]);
    assert_eq!(bench.serve(INPUT), Ok(Progress::Idle));
    assert_eq!(bench.driver.used(&bench.ram), [(0, 3), (2, 2)]);
    bench.driver.offer(&mut bench.ram, &[(0x400, 9, Writable)]);
    bench.serve(INPUT).unwrap();
    assert_eq!(bench.driver.used(&bench.ram), [(3, 3)]);
    let mut got = bench.ram[0x100..0x102].to_vec();
    got.push(bench.ram[0x200]);
    got.extend_from_slice(&bench.ram[0x300..0x302]);
    got.extend_from_slice(&bench.ram[0x400..0x403]);
    assert_eq!(got, b"abcdefgh");
}

#[test]
fn input_without_end_is_taken_in_steps() {
    let mut bench = bench();
    bench.terminal = FakeConsole::with_typed(&[b'x'; 5000]);
    bench.driver.offer(&mut bench.ram, &[(0, 0x8000, Writable)]);
    assert_eq!(bench.serve(INPUT), Ok(Progress::Waiting));
    let taken = 5000 - bench.terminal.typed.len();
    assert!((1..=WORK_PER_STEP).contains(&taken));
    assert_eq!(bench.driver.used(&bench.ram), [(0, taken as u32)]);
}

#[test]
fn kicks_are_not_asked_for_while_a_buffer_is_there() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0x100, 1, Writable)]);
    bench.serve(INPUT).unwrap();
    assert_eq!(bench.driver.used_flags(&bench.ram), 1);
    bench.terminal.typed.extend(b"a");
    assert_eq!(bench.serve(INPUT), Ok(Progress::Idle));
    assert_eq!(bench.driver.used_flags(&bench.ram), 0);
}

#[test]
fn a_reset_forgets_the_chain_in_hand() {
    let mut bench = bench();
    bench.driver.offer(&mut bench.ram, &[(0x100, 8, Writable)]);
    bench.serve(INPUT).unwrap();
    bench.device.reset();
    bench.queue = Virtqueue::new(Rings::in_one_run(RING), 0);
    bench.ram[RING.0 as usize..].fill(0);
    bench.terminal.typed.extend(b"late");
    assert_eq!(bench.serve(INPUT), Ok(Progress::Idle));
    assert_eq!(bench.ram[0x100..0x104], [0; 4]);
    assert_eq!(bench.terminal.typed.len(), 4);
}

#[test]
fn the_size_is_offered_and_two_words_of_the_configuration() {
    let device = ConsoleDevice::new(ConsoleSize { columns: 132, rows: 0x102 }, false);
    assert_eq!((device.shape().features, device.shape().config), (1, [132, 0, 2, 1].as_slice()));
}

#[test]
fn a_size_is_two_numbers_and_neither_is_zero() {
    let size = |columns, rows| Some(ConsoleSize { columns, rows });
    assert_eq!(ConsoleSize::admit("132x43"), size(132, 43));
    assert_eq!(ConsoleSize::admit("999x1"), size(999, 1));
    for word in ["", "80", "80x", "x25", "0x25", "80x0", "1000x25", "80x+5", "80x25x2", "80 x25", "-1x5"] {
        assert_eq!(ConsoleSize::admit(word), None, "{word}");
    }
}
