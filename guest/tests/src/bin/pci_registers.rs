//! Each register of a device on PCI, at its width: what reads back what was written, what does not, and
//! the steps of a driver, with features that are refused.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::{Byte, Dword, Word};
use abi::device_page::TYPE_CONSOLE;
use abi::pci::*;
use kit::pci::Function;

kit::guest_test!(pci_registers);

fn pci_registers() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    for (register, width, mask) in [
        (DEVICE_FEATURE_SELECT, Dword, u32::MAX),
        (DRIVER_FEATURE_SELECT, Dword, u32::MAX),
        (QUEUE_SELECT, Word, 0xFFFF),
        (MSIX_CONFIG, Word, 0),
        (NUM_QUEUES, Word, 0),
        (CONFIG_GENERATION, Byte, 0),
        (QUEUE_NOTIFY_OFF, Word, 0),
        (ISR, Byte, 0),
    ] {
        let before = device.read(register, width);
        device.write(register, width, 0xA5A5_A5A5 & width.mask());
        let expected = if mask == 0 { before } else { 0xA5A5_A5A5 & mask };
        assert_eq!(device.read(register, width), expected, "register {register}");
    }
    assert_eq!(device.read(QUEUE_SIZE, Word), 0, "there is no queue 0xA5A5");
    for queue in [0, 1] {
        device.write(QUEUE_SELECT, Word, queue);
        assert_eq!((device.read(QUEUE_SIZE, Word), device.read(QUEUE_ENABLE, Word)), (256, 0));
    }
    features_are_agreed_on(&device);
}

fn features_are_agreed_on(device: &Function) {
    let status = |status: u32| {
        device.write(DEVICE_STATUS, Byte, status);
        device.read(DEVICE_STATUS, Byte)
    };
    assert!(device.offered() & FEATURE_VERSION_1 != 0);
    assert_eq!([0, 1, 3, 0xB].map(status), [0, 1, 3, 3], "version 1 was not accepted");
    device.write(DRIVER_FEATURE_SELECT, Dword, 1);
    device.write(DRIVER_FEATURE, Dword, u32::MAX);
    assert_eq!(status(0xB), 3, "more was accepted than was offered");
    device.write(DRIVER_FEATURE, Dword, 1);
    assert_eq!([0xB, 0xF].map(status), [0xB, 0xF]);
    device.write(DRIVER_FEATURE, Dword, 0);
    assert_eq!(device.read(DRIVER_FEATURE, Dword), 1, "agreed is agreed");
    assert_eq!(status(0), 0);
    assert_eq!(device.read(DRIVER_FEATURE, Dword), 0);
}
