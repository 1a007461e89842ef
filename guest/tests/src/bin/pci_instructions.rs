//! Every instruction a compiler would read or write a register by is performed as the CPU would, in whatever
//! form it names the place; its code may even lie on a page the Guest has taken away without a word.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::Width::{Byte, Dword, Word};
use abi::device_page::TYPE_CONSOLE;
use abi::pci::*;
use kit::page_table::Entry;
use kit::paging::Root;
use kit::pci::Function;
use kit::{GuestLinear, mmio};

kit::guest_test!(pci_instructions);

fn pci_instructions() {
    let device = Function::find(TYPE_CONSOLE, 0).expect("every Guest has a console");
    let at = |offset| GuestLinear(device.window.0 + offset);
    device.write(DRIVER_FEATURE_SELECT, Dword, 0x8899_AABB);
    let dword = at(DRIVER_FEATURE_SELECT);
    assert_eq!([mmio::dword(dword), mmio::dword_by_index(dword), mmio::dword_by_es(dword)], [0x8899_AABB; 3]);
    device.write(QUEUE_SELECT, Word, 0x88BB);
    let word = at(QUEUE_SELECT);
    assert_eq!([mmio::word(word), mmio::word_zero(word)], [0x1122_88BB, 0x88BB]);
    assert_eq!(mmio::word_sign(word), 0xFFFF_88BB);
    device.write(DEVICE_STATUS, Byte, 0x83);
    let byte = at(DEVICE_STATUS);
    assert_eq!([mmio::byte(byte), mmio::high_byte(byte)], [0x1122_3383, 0x1122_8344]);
    assert_eq!([mmio::byte_zero(byte), mmio::byte_zero_word(byte)], [0x83, 0x1122_0083]);
    assert_eq!(mmio::byte_sign(byte), 0xFFFF_FF83);
    assert_eq!([mmio::or(dword), mmio::subtract(dword)], [0x99BB_BBFF, 0x8888_8889]);
    let flags = [mmio::byte_is_above(byte), mmio::byte_is_below_3(byte), mmio::bit_1_is_clear(byte)];
    assert_eq!(flags, [1, 1, 0]);
    device.write(DEVICE_STATUS, Byte, 0);
    writes(&device, at);
    mmio::put_number(dword);
    let unmap = |code| Root::current().write(code, Entry::ABSENT);
    assert_eq!(mmio::read_by_code_elsewhere(dword, unmap), (0x5566_7788, 0x5566_7788));
    device.write(DEVICE_STATUS, Byte, 0);
}

fn writes(device: &Function, at: impl Fn(u32) -> GuestLinear) {
    mmio::put_dword(at(DRIVER_FEATURE_SELECT));
    assert_eq!(device.read(DRIVER_FEATURE_SELECT, Dword), mmio::MARK);
    mmio::put_number(at(DRIVER_FEATURE_SELECT));
    assert_eq!(device.read(DRIVER_FEATURE_SELECT, Dword), 0x5566_7788);
    mmio::put_word(at(QUEUE_SELECT));
    assert_eq!(device.read(QUEUE_SELECT, Word), mmio::MARK & 0xFFFF);
    mmio::put_word_number(at(QUEUE_SELECT));
    assert_eq!(device.read(QUEUE_SELECT, Word), 0x99AA);
    mmio::put_byte_number(at(DEVICE_STATUS));
    assert_eq!(device.read(DEVICE_STATUS, Byte), 3);
    device.write(DEVICE_STATUS, Byte, 0);
    mmio::put_high_byte(at(DEVICE_STATUS));
    assert_eq!(device.read(DEVICE_STATUS, Byte), 0x33);
}
