//! The console of PCI works by interrupts as well: one for each kick that gives a buffer back, with its
//! reason to be read once; and text goes out by the byte for emergencies in whatever state it is.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use abi::Width::Byte;
use abi::device_page::TYPE_CONSOLE;
use abi::pci::{ISR, ISR_QUEUE};
use kit::device_window::DeviceWindow;
use kit::frames::Frame;
use kit::pci::{self, Function};
use kit::virtqueue::Virtqueue;
use kit::{interrupts, println};

kit::guest_test!(pci_console);

static KICKED: AtomicU32 = AtomicU32::new(0);

fn pci_console() {
    println!("before there is a driver");
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    let mut rings = DeviceWindow::of_rings();
    device.negotiate(0);
    let queue = device.set_up_queue(1, &mut rings);
    device.be_ready();
    interrupts::handle(queue.irq, || {
        KICKED.fetch_add(1, Ordering::Relaxed);
    });
    interrupts::enable();
    let mut output = Virtqueue::new(queue);
    let text = Frame::alloc();
    text.copy_from(b"by the driver\r\n");
    for round in 1..=3 {
        output.offer(&mut rings, 0, text.phys(), 15, 0).expect("the rings are there");
        pci::kick(output.queue());
        let used = output.take_used(&rings).expect("the rings are there");
        assert_eq!(used.map(|used| used.id), Some(0));
        while KICKED.load(Ordering::Relaxed) < round {}
        assert_eq!([0; 2].map(|_| device.read(ISR, Byte)), [ISR_QUEUE.into(), 0], "read once");
    }
    assert_eq!(KICKED.load(Ordering::Relaxed), 3);
    println!("beside the driver");
}
