//! The PCI bus, from a driver's side.
//!
//! Configuration spaces are read and written through two ports, and say where
//! a device's registers are; those lie above RAM, where each access is an exit.
//!
//! ```text
//!   find(kind, n) --> Function --start(features)--> 0, 1, 3, features, 0xB
//!                        |        a queue each in the rings' area, then 0xF
//!                        '-- window: one page, mapped at REGISTERS
//! ```
//!
//! Invariants: an access stays inside the page that is mapped ([`Function::read`]
//! and [`Function::write`] assert it).
//!
//! Source: lguest ABI, "PCI (4.0+)"; Virtio 1.0, 3.1 "Device Initialization".
//!
//! Next on the tour: [`crate::console`].

use core::arch::asm;
use core::sync::atomic::{AtomicU8, Ordering};

use abi::device_page::{QUEUE_ENTRIES, STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_DRIVER_OK, TYPE_CONSOLE};
use abi::pci::*;
use abi::{GuestLinear, GuestPhys, PAGE_SIZE, Width};

use crate::device_window::DeviceWindow;
use crate::devices::{Bell, Queue};
use crate::page_table::Entry;
use crate::paging::{REGISTERS, Root};

/// Device number of slot 1 where there is this bus at all, in front of the vendor.
const CONSOLE_IS_THERE: u32 = (DEVICE_VIRTIO as u32 + TYPE_CONSOLE as u32) << 16 | VENDOR_VIRTIO as u32;
/// The answer of [`is_here`], once it is known: no or yes.
static IS_HERE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 2;

/// Reads a port.
pub fn read_port(port: u16, width: Width) -> u32 {
    let value: u32;
    // SAFETY: a Guest has no ports: its Host answers, and touches nothing but EAX.
    unsafe {
        match width {
            Width::Byte => asm!("in al, dx", in("dx") port, inout("eax") 0 => value, options(nomem, nostack)),
            Width::Word => asm!("in ax, dx", in("dx") port, inout("eax") 0 => value, options(nomem, nostack)),
            Width::Dword => {
                asm!("in eax, dx", in("dx") port, inout("eax") 0 => value, options(nomem, nostack))
            }
        }
    }
    value
}

/// Writes a port. A device may read memory for it, and write there.
pub fn write_port(port: u16, width: Width, value: u32) {
    // SAFETY: a Guest has no ports; what its devices do to memory they do by its queues.
    unsafe {
        match width {
            Width::Byte => asm!("out dx, al", in("dx") port, in("eax") value, options(nostack)),
            Width::Word => asm!("out dx, ax", in("dx") port, in("eax") value, options(nostack)),
            Width::Dword => asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack)),
        }
    }
}

/// Names the configuration dword of `slot` that `offset` is in; returns the port of `offset`.
fn name(slot: u8, offset: u8) -> u16 {
    let address = ADDRESS_ENABLE | u32::from(slot) << 11 | u32::from(offset & !3);
    write_port(ADDRESS_PORT, Width::Dword, address);
    DATA_PORT + u16::from(offset & 3)
}

/// Reads the configuration space of `slot`.
pub fn read_config(slot: u8, offset: u8, width: Width) -> u32 {
    read_port(name(slot, offset), width)
}

/// Writes the configuration space of `slot`.
pub fn write_config(slot: u8, offset: u8, width: Width, value: u32) {
    write_port(name(slot, offset), width, value);
}

/// Whether this Guest's devices are on PCI, and not on the device page.
pub fn is_here() -> bool {
    let known = IS_HERE.load(Ordering::Relaxed);
    if known != UNKNOWN {
        return known == 1;
    }
    let is_here = read_config(CONSOLE_SLOT, VENDOR, Width::Dword) == CONSOLE_IS_THERE;
    IS_HERE.store(is_here.into(), Ordering::Relaxed);
    is_here
}

/// Maps `len` bytes of registers at `at`, which end on the page they begin on, and says where; all
/// windows are on a few pages in a row, so each of those has its own place, behind those of
/// [`Function`]s.
pub fn map_registers(at: GuestPhys, len: u32) -> GuestLinear {
    assert!(at.page_offset() + len <= PAGE_SIZE, "the registers end on their first page");
    let number = u32::from(SLOTS) + at.0 / PAGE_SIZE % u32::from(SLOTS);
    let page = GuestLinear(REGISTERS.0 + number * PAGE_SIZE);
    Root::kernel().set(page, Entry::new(at.page_base(), Entry::KERNEL));
    GuestLinear(page.0 + at.page_offset())
}

/// A device on the bus, with its registers in reach.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Where it is plugged in.
    pub slot: u8,
    /// The line it interrupts on.
    pub irq: u8,
    /// Where its registers are mapped.
    pub window: GuestLinear,
}

impl Function {
    /// Finds device number `number`, from 0, of a kind, and maps its registers.
    pub fn find(kind: u8, number: usize) -> Option<Self> {
        let wanted = u32::from(DEVICE_VIRTIO + u16::from(kind)) << 16 | u32::from(VENDOR_VIRTIO);
        let mut slots = (0..SLOTS).filter(|&slot| read_config(slot, VENDOR, Width::Dword) == wanted);
        slots.nth(number).map(Self::map)
    }

    fn map(slot: u8) -> Self {
        let at = GuestPhys(read_config(slot, BAR_0, Width::Dword));
        let page = GuestLinear(REGISTERS.0 + u32::from(slot) * PAGE_SIZE);
        Root::kernel().set(page, Entry::new(at.page_base(), Entry::KERNEL));
        let irq = read_config(slot, INTERRUPT_LINE, Width::Byte) as u8;
        Self { slot, irq, window: GuestLinear(page.0 + at.page_offset()) }
    }

    fn place(&self, offset: u32, width: Width) -> u32 {
        let at = GuestLinear(self.window.0 + offset);
        assert!(at.page_offset() + width.bytes() <= PAGE_SIZE, "the window ends with its page");
        assert!(at.page_base() == self.window.page_base(), "the window ends with its page");
        at.0
    }

    /// Reads a register.
    pub fn read(&self, offset: u32, width: Width) -> u32 {
        let at = self.place(offset, width);
        let value: u32;
        // SAFETY: the page is mapped, no memory is behind it, and reading a register moves no byte
        // of the Guest's.
        unsafe {
            match width {
                Width::Byte => {
                    asm!("movzx {0}, byte ptr [{1}]", out(reg) value, in(reg) at, options(nostack))
                }
                Width::Word => {
                    asm!("movzx {0}, word ptr [{1}]", out(reg) value, in(reg) at, options(nostack))
                }
                Width::Dword => asm!("mov {0}, [{1}]", out(reg) value, in(reg) at, options(nostack)),
            }
        }
        value
    }

    /// Writes a register.
    pub fn write(&self, offset: u32, width: Width, value: u32) {
        let at = self.place(offset, width);
        // SAFETY: as for reading; what a device does to memory it does by its queues.
        unsafe {
            match width {
                Width::Byte => asm!("mov [{0}], al", in(reg) at, in("eax") value, options(nostack)),
                Width::Word => asm!("mov [{0}], ax", in(reg) at, in("eax") value, options(nostack)),
                Width::Dword => asm!("mov [{0}], eax", in(reg) at, in("eax") value, options(nostack)),
            }
        }
    }

    /// The features offered.
    pub fn offered(&self) -> u64 {
        let half = |select: u32| {
            self.write(DEVICE_FEATURE_SELECT, Width::Dword, select);
            u64::from(self.read(DEVICE_FEATURE, Width::Dword))
        };
        half(0) | half(1) << 32
    }

    /// Resets the device and agrees on those of `features` that it offers, and on version 1.
    ///
    /// # Panics
    /// If it does not agree.
    pub fn negotiate(&self, features: u64) {
        let mut status = 0;
        for step in [0, STATUS_ACKNOWLEDGE, STATUS_DRIVER] {
            status |= step;
            self.write(DEVICE_STATUS, Width::Byte, status.into());
        }
        let accepted = (features | FEATURE_VERSION_1) & self.offered();
        for half in 0..2 {
            self.write(DRIVER_FEATURE_SELECT, Width::Dword, half);
            self.write(DRIVER_FEATURE, Width::Dword, (accepted >> (32 * half)) as u32);
        }
        status |= STATUS_FEATURES_OK;
        self.write(DEVICE_STATUS, Width::Byte, status.into());
        assert_eq!(self.read(DEVICE_STATUS, Width::Byte), status.into(), "the device has agreed");
    }

    /// Gives queue `index` rings of its own, in the area that `rings` reaches.
    pub fn set_up_queue(&self, index: u16, rings: &mut DeviceWindow) -> Queue {
        let at = rings.take_rings();
        self.place_queue(index, QUEUE_ENTRIES, Queue::places(at, QUEUE_ENTRIES));
        let bell = Bell::Register { at: GuestLinear(self.window.0 + NOTIFY), queue: index };
        Queue { entries: QUEUE_ENTRIES, irq: self.irq, at, bell }
    }

    /// Tells the device where queue `index` has its descriptors, available and used ring.
    pub fn place_queue(&self, index: u16, entries: u16, places: [u64; 3]) {
        self.write(QUEUE_SELECT, Width::Word, index.into());
        self.write(QUEUE_SIZE, Width::Word, entries.into());
        for (register, at) in [QUEUE_DESC, QUEUE_AVAIL, QUEUE_USED].into_iter().zip(places) {
            self.write(register, Width::Dword, at as u32);
            self.write(register + 4, Width::Dword, (at >> 32) as u32);
        }
        self.write(QUEUE_ENABLE, Width::Word, 1);
    }

    /// Says that the driver is ready.
    pub fn be_ready(&self) {
        let status = self.read(DEVICE_STATUS, Width::Byte) | u32::from(STATUS_DRIVER_OK);
        self.write(DEVICE_STATUS, Width::Byte, status);
    }
}

/// Shows text through the console's byte for emergencies, which needs neither driver nor mapping.
pub fn show_emergency(bytes: &[u8]) {
    /// Where that byte is in the console's configuration.
    const EMERGENCY: u32 = 8;
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_BAR, Width::Byte, 0);
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_LENGTH, Width::Dword, 4);
    write_config(CONSOLE_SLOT, CAP_ACCESS + CAP_OFFSET, Width::Dword, DEVICE_CONFIG + EMERGENCY);
    let data = name(CONSOLE_SLOT, CAP_ACCESS + CAP_EXTRA);
    bytes.iter().for_each(|&byte| write_port(data, Width::Dword, byte.into()));
}

/// Kicks a queue, by hypercall or by register, as its bus has it.
pub fn kick(queue: &Queue) {
    match queue.bell {
        Bell::Notify => crate::hypercall::Call::notify(queue.at).make(),
        // SAFETY: the register was mapped when the queue was set up.
        Bell::Register { at, queue } => unsafe {
            asm!("mov [{0}], ax", in(reg) at.0, in("ax") queue, options(nostack));
        },
    }
}
