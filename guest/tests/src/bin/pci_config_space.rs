//! The configuration spaces of PCI, by ports of all widths: the host bridge, the console with its window
//! and capabilities, the window's size, and registers reached without having mapped it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::{Byte, Dword, Word};
use abi::pci::*;
use kit::boot_params;
use kit::pci::{read_config, read_port, write_config, write_port};

kit::guest_test!(pci_config_space);

fn pci_config_space() {
    write_port(0xCFB, Byte, 1);
    write_port(ADDRESS_PORT, Dword, ADDRESS_ENABLE);
    assert_eq!(read_port(ADDRESS_PORT, Dword), ADDRESS_ENABLE);
    assert_eq!(read_config(0, SUBCLASS, Word), 0x0600, "a host bridge");
    assert_eq!(read_config(CONSOLE_SLOT, VENDOR, Dword), 0x1043_1AF4);
    assert_eq!(
        (read_config(CONSOLE_SLOT, DEVICE, Word), read_config(CONSOLE_SLOT, CLASS, Byte)),
        (0x1043, 7)
    );
    assert_eq!(read_config(31, VENDOR, Dword), u32::MAX, "nobody");
    the_window_tells_its_size();
    the_capabilities_lead_on();
    registers_are_reached_through_the_last();
}

fn the_window_tells_its_size() {
    let at = read_config(CONSOLE_SLOT, BAR_0, Dword);
    assert!(at >= boot_params::memory_size() + 0x10_0000, "above memory and a MiB: {at:#x}");
    write_config(CONSOLE_SLOT, BAR_0, Dword, u32::MAX);
    let size = !read_config(CONSOLE_SLOT, BAR_0, Dword) + 1;
    write_config(CONSOLE_SLOT, BAR_0, Dword, at);
    assert!(size.is_power_of_two() && at.is_multiple_of(size) && size >= 64, "{size}");
    write_config(CONSOLE_SLOT, 0x14, Dword, u32::MAX);
    assert_eq!(read_config(CONSOLE_SLOT, 0x14, Dword), 0, "there is no second window");
}

fn the_capabilities_lead_on() {
    let (mut at, mut kinds) = (read_config(CONSOLE_SLOT, CAPABILITIES, Byte) as u8, 0);
    while at != 0 {
        assert_eq!(read_config(CONSOLE_SLOT, at, Byte), CAPABILITY_VENDOR.into());
        kinds |= 1 << read_config(CONSOLE_SLOT, at + CAP_TYPE, Byte);
        at = read_config(CONSOLE_SLOT, at + CAP_NEXT, Byte) as u8;
    }
    assert_eq!(kinds, 0b11_1110, "all five kinds");
}

fn registers_are_reached_through_the_last() {
    assert_eq!(through(NUM_QUEUES, 2), 2);
    assert_eq!(through(DEVICE_STATUS, 1) & 0xFF, 0);
    for (offset, len) in [(0x80, 4), (0x100, 1), (u32::MAX, 1), (1, 2), (NUM_QUEUES, 3), (0, 0)] {
        assert_eq!(through(offset, len), u32::MAX, "{offset:#x} {len}");
    }
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_BAR, Byte, 1);
    assert_eq!(through(NUM_QUEUES, 2), u32::MAX, "another window");
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_BAR, Byte, 0);
}

fn through(offset: u32, len: u32) -> u32 {
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_OFFSET, Dword, offset);
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_LENGTH, Dword, len);
    read_config(CONSOLE_SLOT, CAP_ACCESS + CAP_EXTRA, Dword)
}
