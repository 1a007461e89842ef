//! A driver that was not written for the Host's console alone: text goes out by it, and with `lines=`
//! on the command line so many lines come in and are sent back.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use drivers::device::console::{Size, VirtIOConsole};
use drivers::transport::Transport;
use drivers::{Error, Ram};
use kennel_guest_tests::number;
use kit::{hypercall, interrupts, pci, println};

kit::guest_test!(drivers_console);

type Console<T> = VirtIOConsole<Ram, T>;

/// More bytes than one page.
const LONG: usize = 5000;

fn drivers_console() {
    interrupts::enable();
    drivers::on_device!(Console, works);
}

fn works(device: impl Transport) {
    let mut console = Console::new(device).expect("the driver starts");
    assert_eq!(console.size(), Ok(Some(Size { columns: 80, rows: 25 })));
    for byte in *b"by the driver, byte by byte\r\n" {
        assert_eq!(console.send(byte), Ok(()));
    }
    assert_eq!(console.send_bytes(b"by the driver, in one go\r\n"), Ok(()));
    let mut long = [b'.'; LONG];
    long[LONG - 2..].copy_from_slice(b"\r\n");
    assert_eq!(console.send_bytes(&long), Ok(()));
    emergency(&mut console);
    for _ in 0..number("lines", 0) {
        console.send_bytes(b"type: ").expect("the driver sends");
        echo(&mut console);
    }
    drop(console);
    println!("beside the driver");
}

/// Only on PCI there is a byte for emergencies.
fn emergency<T: Transport>(console: &mut Console<T>) {
    let expected = if pci::is_here() { Ok(()) } else { Err(Error::Unsupported) };
    for byte in *b"!!\r\n" {
        assert_eq!(console.emergency_write(byte), expected);
    }
}

/// Sends a line back.
fn echo<T: Transport>(console: &mut Console<T>) {
    loop {
        match wait(console) {
            b'\r' | b'\n' => break,
            byte => console.send(byte).expect("the driver sends"),
        }
    }
    console.send_bytes(b" is what was typed\r\n").expect("the driver sends");
}

/// The next byte; sleeps until there is one.
fn wait<T: Transport>(console: &mut Console<T>) -> u8 {
    loop {
        // Between the look and the sleep no interrupt may come; HALT turns them on.
        let saved = interrupts::save_and_disable();
        console.ack_interrupt().expect("the driver knows its own buffer");
        let byte = console.recv(true).expect("the driver knows its own buffer");
        if byte.is_none() {
            hypercall::halt();
        }
        interrupts::restore(saved);
        if let Some(byte) = byte {
            return byte;
        }
    }
}
