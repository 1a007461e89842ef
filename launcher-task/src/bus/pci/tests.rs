//! A driver by hand, honest or not, in front of a console and an echo.

mod any;
mod driver;

use super::*;
use crate::{
    chain::{Chain, Direction::Readable},
    config::MIB,
    console::{ConsoleDevice, ConsoleSize},
    device::{Progress, Shape},
    fakes::{Driver, FakeConsole, FakeEntropy, Ram},
    net::network::Networks,
    virtqueue::Virtqueue,
};
use abi::kill::{DeviceError, RingError};
use abi::{KillReason, Nanos};
use proptest::prelude::*;

const CONSOLE: u32 = 1 << 31 | 1 << 11;
const ECHO: u32 = 1 << 31 | 2 << 11;
const CONSOLE_WINDOW: u32 = 2 * MIB;
const ECHO_WINDOW: u32 = 2 * MIB + 0x80;
const RING: u32 = 0x1_0000;
const VERSION_1: u32 = 1;

/// A device that gives back all it is offered, counts that in its configuration and keeps what is
/// written there.
#[derive(Default)]
struct Echo {
    config: [u8; 4],
}

impl Device for Echo {
    fn shape(&self) -> Shape<'_> {
        Shape { kind: 2, name: "echo", queues: 1, features: 0x81, config: &self.config }
    }

    fn serve(
        &mut self,
        _: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        _: &mut Ports<'_>,
    ) -> GuestResult<Progress> {
        let mut chain = Chain::default();
        while queue.pop(memory, &mut chain)? {
            queue.give_back(memory, &mut chain, 0)?;
            self.config[0] += 1;
        }
        Ok(Progress::Idle)
    }

    fn write_config(&mut self, offset: u32, bytes: &[u8], _: &mut Ports<'_>) {
        self.config[offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn reset(&mut self) {}
}

struct Bench {
    bus: PciBus<'static>,
    ram: Ram,
    terminal: FakeConsole,
}

fn bench() -> Bench {
    let devices: Vec<Box<dyn Device>> =
        vec![Box::<Echo>::default(), Box::new(ConsoleDevice::new(ConsoleSize::default(), true))];
    let (mut bus, mut ram) = (PciBus::new(devices, MIB), Ram::zeroed(MIB));
    bus.install(&mut ram).unwrap();
    Bench { bus, ram, terminal: FakeConsole::default() }
}

impl Bench {
    fn write_to(&mut self, to: Place, width: Width, value: u32) -> GuestResult<Heard> {
        let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
        let mut ports = Ports { now: Nanos(0), console: &mut self.terminal, net, entropy };
        self.bus.write(to, width, value, &mut self.ram, &mut ports)
    }

    fn out(&mut self, port: u16, width: Width, value: u32) {
        self.write_to(Place::Port(port), width, value).unwrap();
    }

    /// As IN does: nothing beyond the width arrives.
    fn inp(&mut self, port: u16, width: Width) -> u32 {
        self.bus.read(Place::Port(port), width).unwrap() & width.mask()
    }

    fn config(&mut self, slot: u32, offset: u32) -> u32 {
        self.out(0xCF8, Width::Dword, slot | offset);
        self.inp(0xCFC, Width::Dword)
    }

    fn set_config(&mut self, slot: u32, offset: u32, width: Width, value: u32) {
        self.out(0xCF8, Width::Dword, slot | offset & !3);
        self.out(0xCFC + (offset & 3) as u16, width, value);
    }

    fn set(&mut self, offset: u32, width: Width, value: u32) -> GuestResult<Heard> {
        self.write_to(Place::Memory(GuestPhys(ECHO_WINDOW + offset)), width, value)
    }

    fn get(&mut self, offset: u32, width: Width) -> u32 {
        self.bus.read(Place::Memory(GuestPhys(ECHO_WINDOW + offset)), width).unwrap()
    }

    fn status(&mut self, status: u32) -> GuestResult<Heard> {
        self.set(20, Width::Byte, status)
    }

    /// Up to FEATURES_OK; what the status is then.
    fn negotiate(&mut self, low: u32, high: u32) -> u32 {
        for status in [0, 1, 3] {
            self.status(status).unwrap();
        }
        for (half, features) in [low, high].into_iter().enumerate() {
            self.set(8, Width::Dword, half as u32).unwrap();
            self.set(12, Width::Dword, features).unwrap();
        }
        self.status(0xB).unwrap();
        self.get(20, Width::Byte)
    }

    fn set_queue(&mut self, size: u32, places: [u64; 3]) -> GuestResult<Heard> {
        self.set(22, Width::Word, 0)?;
        self.set(24, Width::Word, size)?;
        for (part, at) in (0..).zip(places) {
            self.set(32 + 8 * part, Width::Dword, at as u32)?;
            self.set(36 + 8 * part, Width::Dword, (at >> 32) as u32)?;
        }
        self.set(28, Width::Word, 1)
    }

    /// All the way, with the rings of a fake driver.
    fn bring_up(&mut self) -> Driver {
        assert_eq!(self.negotiate(0x80, VERSION_1), 0xB);
        self.set_queue(256, [RING, RING + 0x1000, RING + 0x2000].map(u64::from)).unwrap();
        self.status(0xF).unwrap();
        Driver::new(GuestPhys(RING))
    }

    fn serve(&mut self) -> Vec<u8> {
        let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
        let mut ports = Ports { now: Nanos(0), console: &mut self.terminal, net, entropy };
        self.bus.serve(&mut self.ram, &mut ports).unwrap().collect()
    }
}

fn irqs(heard: GuestResult<Heard>) -> Vec<u8> {
    match heard {
        Ok(Heard::Kicked(due)) => due.collect(),
        other => panic!("{other:?} is no kick"),
    }
}

#[test]
fn a_kernel_finds_the_bus_as_linux_looks_for_it() {
    let mut bench = bench();
    bench.out(0xCFB, Width::Byte, 1);
    bench.out(0xCF8, Width::Dword, 0x8000_0000);
    assert_eq!(bench.inp(0xCF8, Width::Dword), 0x8000_0000);
    assert_eq!(bench.config(1 << 31, 8) >> 16, 0x0600, "slot 0 is a host bridge");
    assert_eq!(bench.config(1 << 31, 0), 0, "without a vendor");
}

#[test]
fn the_console_is_in_slot_1_wherever_it_stood() {
    let mut bench = bench();
    assert_eq!(bench.config(CONSOLE, 0), 0x1043_1AF4);
    assert_eq!(bench.config(ECHO, 0), 0x1042_1AF4);
    assert_eq!((bench.config(CONSOLE, 0x3C), bench.config(ECHO, 0x3C)), (1, 2));
    assert_eq!((bench.config(CONSOLE, 0x10), bench.config(ECHO, 0x10)), (CONSOLE_WINDOW, ECHO_WINDOW));
    assert_eq!(bench.bus.device_limit(), 2 * MIB + 0x1000);
}

#[test]
fn where_there_is_no_device_all_is_ones() {
    let mut bench = bench();
    let absent = [1 << 31 | 3 << 11, CONSOLE | 1 << 8, CONSOLE | 1 << 16, CONSOLE & !(1 << 31)];
    for slot in absent {
        assert_eq!(bench.config(slot, 0), u32::MAX, "{slot:#x}");
        bench.set_config(slot, 0x10, Width::Dword, 0);
    }
    assert_eq!(bench.config(CONSOLE, 0x10), CONSOLE_WINDOW);
    for (port, width) in [(0xCF7, Width::Word), (0xCFA, Width::Dword), (0xCFE, Width::Dword)] {
        bench.out(port, width, 0);
        assert_eq!(bench.inp(port, width), width.mask(), "{port:#x}");
    }
    let nowhere = Place::Memory(GuestPhys(2 * MIB - 4));
    assert_eq!(bench.bus.read(nowhere, Width::Dword), Ok(u32::MAX));
    assert_eq!(bench.write_to(nowhere, Width::Dword, 0), Ok(Heard::Nothing));
}

#[test]
fn every_width_of_port_sees_its_part() {
    let mut bench = bench();
    bench.config(CONSOLE, 0);
    assert_eq!(bench.inp(0xCFC, Width::Word), 0x1AF4);
    assert_eq!(bench.inp(0xCFE, Width::Word), 0x1043);
    assert_eq!(bench.inp(0xCFF, Width::Byte), 0x10);
    bench.set_config(CONSOLE, 0x0D, Width::Byte, 0x77);
    assert_eq!(bench.config(CONSOLE, 0x0C), 0x7700);
}

#[test]
fn an_early_console_needs_no_driver() {
    let mut bench = bench();
    for byte in *b"early" {
        bench.set_config(CONSOLE, 0x88, Width::Byte, 0);
        bench.set_config(CONSOLE, 0x8C, Width::Dword, 68);
        bench.set_config(CONSOLE, 0x90, Width::Dword, 4);
        bench.set_config(CONSOLE, 0x94, Width::Dword, 0xABCD_0000 | u32::from(byte));
    }
    assert_eq!(bench.terminal.shown, b"early");
    bench.set_config(CONSOLE, 0x8C, Width::Dword, 18);
    bench.set_config(CONSOLE, 0x90, Width::Dword, 2);
    assert_eq!(bench.config(CONSOLE, 0x94) & 0xFFFF, 2, "queues, read the same way");
    bench.set_config(CONSOLE, 0x8C, Width::Dword, 0x80);
    assert_eq!(bench.config(CONSOLE, 0x94), u32::MAX, "behind the window");
}

#[test]
fn a_window_may_be_moved_and_found_again() {
    let mut bench = bench();
    bench.set_config(ECHO, 0x10, Width::Dword, 0xF000_0000);
    assert_eq!(bench.get(18, Width::Word), u32::MAX, "gone from where it was");
    let moved = Place::Memory(GuestPhys(0xF000_0000 + 18));
    assert_eq!(bench.bus.read(moved, Width::Word), Ok(1));
    bench.set_config(ECHO, 0x10, Width::Dword, u32::MAX);
    assert_eq!(bench.config(ECHO, 0x10), !63);
    assert_eq!(bench.bus.read(Place::Memory(GuestPhys(u32::MAX)), Width::Byte), Ok(0));
}

#[test]
fn a_window_moved_over_ram_is_just_gone() {
    let mut bench = bench();
    let mut driver = bench.bring_up();
    bench.set_config(ECHO, 0x10, Width::Dword, RING);
    driver.offer(&mut bench.ram, &[(0x100, 4, Readable)]);
    assert_eq!(bench.set(56, Width::Word, 0), Ok(Heard::Nothing));
    assert_eq!(driver.used(&bench.ram), []);
    bench.set_config(ECHO, 0x10, Width::Dword, ECHO_WINDOW);
    assert_eq!(irqs(bench.set(56, Width::Word, 0)), [2]);
}

#[test]
fn a_restart_puts_everything_back() {
    let mut bench = bench();
    bench.bring_up();
    bench.set_config(ECHO, 0x10, Width::Dword, 0x0900_0000);
    bench.bus.install(&mut bench.ram).unwrap();
    assert_eq!(bench.inp(0xCF8, Width::Dword), 0);
    assert_eq!(bench.config(ECHO, 0x10), ECHO_WINDOW);
    assert_eq!((bench.get(20, Width::Byte), bench.get(12, Width::Dword)), (0, 0));
}

#[test]
fn a_notify_is_of_another_bus() {
    let mut bench = bench();
    let (net, entropy) = (&mut Networks::none(), &mut FakeEntropy::default());
    let mut ports = Ports { now: Nanos(0), console: &mut bench.terminal, net, entropy };
    let heard = bench.bus.notify(GuestPhys(0x1000), &mut bench.ram, &mut ports);
    assert_eq!(heard, Err(KillReason::UnknownNotify { at: GuestPhys(0x1000) }));
}
