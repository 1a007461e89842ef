//! Configuration: the device page, or configuration spaces and the registers behind them.

use abi::pci::*;
use abi::{GuestMemory, PAGE_SIZE, Width};
use kit::device_window::DeviceWindow;
use kit::paging::REGISTERS;
use kit::pci;
use random::Code;

use super::Player;

/// Widths of an access.
const WIDTHS: [Width; 3] = [Width::Byte, Width::Word, Width::Dword];

/// Registers and their bytes.
const READ: [(u32, u32); 16] = [
    (DEVICE_FEATURE_SELECT, 4),
    (DEVICE_FEATURE, 4),
    (DRIVER_FEATURE_SELECT, 4),
    (DRIVER_FEATURE, 4),
    (MSIX_CONFIG, 2),
    (NUM_QUEUES, 2),
    (DEVICE_STATUS, 1),
    (CONFIG_GENERATION, 1),
    (QUEUE_SELECT, 2),
    (QUEUE_SIZE, 2),
    (QUEUE_ENABLE, 2),
    (QUEUE_NOTIFY_OFF, 2),
    (QUEUE_DESC, 4),
    (QUEUE_USED, 4),
    (ISR, 1),
    (DEVICE_CONFIG, 1),
];
/// Those that may be written at any time.
const WRITTEN: [u32; 4] = [DEVICE_FEATURE_SELECT, DRIVER_FEATURE_SELECT, QUEUE_SELECT, DEVICE_CONFIG];

impl Player {
    pub(super) fn play_config(&mut self) {
        if !pci::is_here() {
            self.write_device_page();
        } else if self.dice.one_in(2) {
            self.touch_configuration();
        } else {
            self.touch_registers();
        }
        if self.dice.one_in(4) {
            self.touch_port();
        }
    }

    /// Any byte of the device page; what is read back of it is little.
    fn write_device_page(&mut self) {
        let mut window = DeviceWindow::new();
        let len = if self.dice.one_in(2) { 256 } else { PAGE_SIZE };
        let at = window.start() + self.dice.below(len);
        window.write_from(abi::GuestPhys(at), &[self.dice.byte()]).expect("the device page is inside");
        let device = self.any_device();
        if self.dice.one_in(2) {
            window.set_byte(
                device.offset + abi::device_page::STATUS,
                self.dice.pick(&[0, 1, 3, 7, 0x80, 0xFF]),
            );
            self.call(abi::hypercall::LHCALL_NOTIFY, [window.start() + device.offset, 0, 0, 0]);
        }
    }

    /// Of any slot, any bytes.
    fn touch_configuration(&mut self) {
        let slot = if self.dice.one_in(4) { self.dice.below(SLOTS.into()) } else { self.dice.below(6) } as u8;
        let (offset, width) = (self.dice.below(CONFIG_LEN as u32) as u8, self.dice.pick(&WIDTHS));
        let offset = offset & !(width.bytes() as u8 - 1);
        if self.dice.one_in(2) {
            pci::write_config(slot, offset, width, self.number());
        } else {
            pci::read_config(slot, offset, width);
        }
    }

    /// Of any device, any register, rarely in a way that drivers would not.
    fn touch_registers(&mut self) {
        let device = self.any_device();
        let (register, bytes) = match self.is_reckless() {
            true => (self.dice.below(256), self.dice.pick(&[1, 2, 4])),
            false => self.dice.pick(&READ),
        };
        let at = device.registers.map_or(REGISTERS.0, |at| at.0) + register;
        let mut code = Code::new();
        if self.is_reckless() {
            code.instruction(&mut self.dice, &self.places);
        }
        // mov al, [at]; mov ax, [at]; mov eax, [at]; and the other way
        let (read, write): (&[u8], &[u8]) = match bytes {
            1 => (&[0xA0], &[0xA2]),
            2 => (&[0x66, 0xA1], &[0x66, 0xA3]),
            _ => (&[0xA1], &[0xA3]),
        };
        let is_written = self.is_reckless() || WRITTEN.contains(&register) && self.dice.one_in(2);
        code.push_with(if is_written { write } else { read }, at);
        code.push(&[0xC3]);
        let registers = [self.number(); 8];
        self.run(&code, &registers);
    }

    /// Any port, in any of the ways there are: nearly none is there.
    fn touch_port(&mut self) {
        let mut code = Code::new();
        code.push(&[self.dice.pick(&[0xEC, 0xED, 0xEE, 0xEF, 0x6C, 0x6D, 0x6E, 0x6F])]);
        code.push(&[0xC3]);
        let port = if self.dice.one_in(2) { ADDRESS_PORT.into() } else { self.number() };
        let mut registers = self.registers();
        registers[5] = port;
        self.run(&code, &registers);
    }
}
