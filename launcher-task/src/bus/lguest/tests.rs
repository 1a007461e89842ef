//! Notifications of every kind, with two devices on the bus.

use super::*;
use crate::{
    chain::Direction::{Readable, Writable},
    config::MIB,
    console::{ConsoleDevice, ConsoleSize},
    device::{Progress, Shape},
    fakes::{Driver, FakeConsole, FakeEntropy, Ram},
    net::network::Networks,
    virtqueue::Virtqueue,
};
use abi::Nanos;

/// A device with features and configuration, which gives back all it is offered.
struct Echo;

impl Device for Echo {
    fn shape(&self) -> Shape<'_> {
        Shape { kind: 9, name: "echo", queues: 1, features: 0x81, config: &[7, 8] }
    }

    fn serve(
        &mut self,
        _: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        _: &mut Ports<'_>,
    ) -> GuestResult<Progress> {
        let mut chain = crate::chain::Chain::default();
        while queue.pop(memory, &mut chain)? {
            queue.give_back(memory, &mut chain, 0)?;
        }
        Ok(Progress::Idle)
    }

    fn reset(&mut self) {}
}

/// Where the bus must have put things, by the ABI's rules and the devices' order.
const PAGE: u32 = MIB;
const CONSOLE: u32 = PAGE;
const ECHO: u32 = PAGE + 5 + 2 * 8 + 2 * 4 + 4;
const ECHO_ACCEPTED: usize = ECHO as usize + 5 + 8 + 4;
const INPUT_RING: u32 = PAGE + 0x1000;
const OUTPUT_RING: u32 = PAGE + 0x4000;
const ECHO_RING: u32 = PAGE + 0x7000;

struct Bench {
    bus: LguestBus<'static>,
    ram: Ram,
    terminal: FakeConsole,
}

fn bench() -> Bench {
    let console = ConsoleDevice::new(ConsoleSize::default(), false);
    let devices: Vec<Box<dyn Device>> = vec![Box::new(console), Box::new(Echo)];
    let (mut bus, mut ram) = (LguestBus::new(devices, GuestPhys(PAGE)), Ram::zeroed(2 * MIB));
    bus.install(&mut ram).unwrap();
    Bench { bus, ram, terminal: FakeConsole::default() }
}

impl Bench {
    fn notify(&mut self, at: u32) -> GuestResult<Heard> {
        let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
        let mut ports = Ports { now: Nanos(0), console: &mut self.terminal, net, entropy };
        self.bus.notify(GuestPhys(at), &mut self.ram, &mut ports)
    }

    fn serve(&mut self) -> Vec<u8> {
        let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
        let mut ports = Ports { now: Nanos(0), console: &mut self.terminal, net, entropy };
        self.bus.serve(&mut self.ram, &mut ports).unwrap().collect()
    }
}

fn kicked(irqs: &[u8]) -> GuestResult<Heard> {
    let mut due = Irqs::default();
    irqs.iter().for_each(|&irq| due.add(irq));
    Ok(Heard::Kicked(due))
}

#[test]
fn devices_are_packed_and_the_list_ends() {
    let bench = bench();
    let expected = [
        3, 2, 4, 4, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 2, 0, 4, 1, 0, 0, // console
        1, 0, 0, 0x31, 0, 0, 0, 0, // its size, what this bus offers with each device; accepted
        80, 0, 25, 0, // columns, rows
        9, 1, 4, 2, 0, 0, 1, 3, 0, 7, 1, 0, 0, // echo
        0x81, 0, 0, 0x31, 0, 0, 0, 0, 7, 8, 0, 0,
    ];
    assert_eq!(bench.ram[PAGE as usize..PAGE as usize + expected.len()], expected);
}

#[test]
fn notify_is_resolved_in_the_abis_order() {
    let mut bench = bench();
    bench.ram[CONSOLE as usize + 4] = 3;
    assert_eq!(bench.notify(CONSOLE), Ok(Heard::Status(3)));
    assert_eq!(bench.notify(ECHO), Ok(Heard::Reset), "a descriptor that begins within the page");
    assert_eq!(bench.notify(OUTPUT_RING), kicked(&[]));
    assert_eq!(bench.notify(OUTPUT_RING + 0xFFF), kicked(&[]), "anywhere in a ring's first page");
    assert_eq!(bench.notify(OUTPUT_RING + 0x1000), Ok(Heard::Text), "its second page is no kick");
    assert_eq!(bench.notify(CONSOLE + 1), Ok(Heard::Text), "inside a descriptor is not at it");
    let at = GuestPhys(2 * MIB);
    assert_eq!(bench.notify(at.0), Err(KillReason::UnknownNotify { at }));
    assert_eq!(bench.notify(u32::MAX), Err(KillReason::UnknownNotify { at: GuestPhys(u32::MAX) }));
}

#[test]
fn a_kick_serves_its_queue_and_raises_its_line() {
    let mut bench = bench();
    let mut driver = Driver::new(GuestPhys(ECHO_RING));
    driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    assert_eq!(bench.notify(ECHO_RING), kicked(&[3]));
    assert_eq!(driver.used(&bench.ram), [(0, 0)]);
    driver.set_available_flags(&mut bench.ram, 1);
    driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    assert_eq!(bench.notify(ECHO_RING), kicked(&[]), "the driver wants no interrupt");
}

#[test]
fn typing_is_looked_for_at_each_step_once_there_is_a_buffer() {
    let mut bench = bench();
    assert_eq!(bench.serve(), []);
    assert_eq!(bench.terminal.reads, 0);
    let mut driver = Driver::new(GuestPhys(INPUT_RING));
    driver.offer(&mut bench.ram, &[(0x100, 4, Writable)]);
    assert_eq!(bench.notify(INPUT_RING), kicked(&[]));
    assert_eq!(bench.serve(), []);
    bench.terminal.typed.extend(b"hi");
    assert_eq!(bench.serve(), [1]);
    assert_eq!(&bench.ram[0x100..0x103], b"hi\0");
    assert!(!bench.bus.is_busy());
}

#[test]
fn early_text_is_shown_to_its_nul_the_end_of_memory_or_the_bound() {
    let mut bench = bench();
    bench.ram[0x1234..0x1234 + 70].fill(b'a');
    assert_eq!(bench.notify(0x1234), Ok(Heard::Text));
    assert_eq!(bench.terminal.shown, [b'a'; 70]);
    bench.terminal.shown.clear();
    bench.ram[0x2_0000..0x3_0000].fill(b'b');
    assert_eq!(bench.notify(0x2_0000), Ok(Heard::Text));
    assert_eq!(bench.terminal.shown, [b'b'; EARLY_TEXT_MAX as usize]);
    bench.terminal.shown.clear();
    let end = bench.ram.len();
    bench.ram[end - 3..].fill(b'c');
    assert_eq!(bench.notify(end as u32 - 3), Ok(Heard::Text));
    assert_eq!(bench.terminal.shown, b"ccc");
}

#[test]
fn status_zero_resets_the_device() {
    let mut bench = bench();
    let mut driver = Driver::new(GuestPhys(ECHO_RING));
    driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    bench.notify(ECHO_RING).unwrap();
    bench.ram[ECHO_ACCEPTED] = 0x81;
    assert_eq!(bench.notify(ECHO), Ok(Heard::Reset));
    let ring = ECHO_RING as usize;
    assert!(bench.ram[ring..ring + 0x3000].iter().all(|&byte| byte == 0));
    let features = &bench.ram[ECHO_ACCEPTED - 4..ECHO_ACCEPTED + 6];
    assert_eq!(features, [0x81, 0, 0, 0x31, 0, 0, 0, 0, 7, 8]);
    driver = Driver::new(GuestPhys(ECHO_RING));
    driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    assert_eq!(bench.notify(ECHO_RING), kicked(&[3]), "its cursors started over too");
}

#[test]
fn a_reset_takes_back_the_buffers_that_were_waiting() {
    let mut bench = bench();
    Driver::new(GuestPhys(INPUT_RING)).offer(&mut bench.ram, &[(0x100, 4, Writable)]);
    bench.notify(INPUT_RING).unwrap();
    assert_eq!(bench.notify(CONSOLE), Ok(Heard::Reset));
    bench.terminal = FakeConsole::with_typed(b"late");
    Driver::new(GuestPhys(INPUT_RING)).offer(&mut bench.ram, &[(0x200, 4, Writable)]);
    assert_eq!((bench.serve(), bench.terminal.reads), (vec![], 0), "the new ring has not been kicked");
    assert_eq!(bench.notify(INPUT_RING), kicked(&[1]));
    assert_eq!((&bench.ram[0x100..0x104], &bench.ram[0x200..0x204]), (&[0; 4][..], &b"late"[..]));
}

/// Kicks with a chain in a table of descriptors, which takes a feature that was accepted.
fn kick_indirectly(bench: &mut Bench, driver: &mut Driver) -> GuestResult<Heard> {
    driver.offer_in_table(&mut bench.ram, 0x2000, &[(0, 1, Readable)]);
    bench.notify(ECHO_RING)
}

#[test]
fn features_are_in_force_whatever_the_year() {
    const STATUS_BYTE: usize = ECHO as usize + 4;
    const INDIRECT: u8 = 0x10;
    let outcome = |events: &[(usize, u8, Option<u32>)]| {
        let mut bench = bench();
        let mut driver = Driver::new(GuestPhys(ECHO_RING));
        for &(at, value, notified) in events {
            bench.ram[at] = value;
            notified.map(|at| bench.notify(at).unwrap());
        }
        kick_indirectly(&mut bench, &mut driver)
    };
    let accepted = (ECHO_ACCEPTED + 3, INDIRECT);
    let silent = |(at, value)| (at, value, None);
    let told = |value| (STATUS_BYTE, value, Some(ECHO));
    assert_eq!(outcome(&[silent(accepted), silent((STATUS_BYTE, 7))]), kicked(&[3]), "2.6.25");
    assert_eq!(outcome(&[told(1), told(3), silent(accepted), told(7)]), kicked(&[3]), "2.6.26");
    assert_eq!(outcome(&[told(1), told(3), silent(accepted)]), kicked(&[3]), "2.6.31, in its probe");
    let year_3_1 = [silent(accepted), told(3), silent((STATUS_BYTE, 7))];
    assert_eq!(outcome(&year_3_1), kicked(&[3]), "3.1");
    let index = 0;
    let refused = Err(abi::kill::RingError::Indirect { index }.into());
    assert_eq!(outcome(&[told(3), told(7), silent(accepted)]), refused, "too late");
    assert_eq!(outcome(&[silent(accepted), told(7), told(0)]), refused, "forgotten by a reset");
}

#[test]
fn a_failed_driver_is_named() {
    let mut bench = bench();
    bench.ram[ECHO as usize + 4] = 0x83;
    assert_eq!(bench.notify(ECHO), Ok(Heard::Failed("echo")));
}

#[test]
fn a_scribbled_device_page_misleads_only_the_guest() {
    let mut bench = bench();
    bench.ram[PAGE as usize..PAGE as usize + 0x1000].fill(0xFF);
    let mut driver = Driver::new(GuestPhys(OUTPUT_RING));
    bench.ram[0] = b'k';
    driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
    assert_eq!(bench.notify(OUTPUT_RING), kicked(&[2]));
    assert_eq!(bench.terminal.shown, b"k");
    assert_eq!(bench.notify(ECHO), Ok(Heard::Failed("echo")));
}

#[test]
#[should_panic(expected = "the rings fit the device pages")]
fn more_rings_than_device_pages_are_the_launchers_own_mistake() {
    let devices: Vec<Box<dyn Device>> = (0..86).map(|_| Box::new(Echo) as Box<dyn Device>).collect();
    LguestBus::new(devices, GuestPhys(PAGE));
}
