//! A window that is moved over memory, or anywhere else, is gone; memory stays what it is, and the window
//! comes back where it was.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::{Byte, Dword, Word};
use abi::device_page::TYPE_CONSOLE;
use abi::pci::{BAR_0, DEVICE_STATUS, NUM_QUEUES};
use kit::frames::Frame;
use kit::pci::{Function, read_config, write_config};

kit::guest_test!(pci_window_moved);

fn pci_window_moved() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    let window = read_config(device.slot, BAR_0, Dword);
    let frame = Frame::alloc();
    frame.fill(0x77);
    for elsewhere in [frame.phys().0, 0, 0xFEE0_0000, u32::MAX] {
        write_config(device.slot, BAR_0, Dword, elsewhere);
        assert_eq!(device.read(NUM_QUEUES, Word), 0xFFFF, "nobody answers");
        device.write(DEVICE_STATUS, Byte, 1);
        assert_eq!(frame.read(0), 0x77);
    }
    write_config(device.slot, BAR_0, Dword, window);
    assert_eq!((device.read(NUM_QUEUES, Word), device.read(DEVICE_STATUS, Byte)), (2, 0));
    assert_eq!(frame.read(NUM_QUEUES & !3), 0x77);
}
