//! The registers of a device: which one an access is to.
//!
//! Each has its own width, and an access must have just that: half of a
//! register, or two at once, is nothing a driver does. Only the device's own
//! configuration, behind them, may be read and written as one likes.
//!
//! Invariants: each byte of the common registers belongs to one register
//! (`the_registers_lie_side_by_side`).
//!
//! Source: lguest ABI, "BAR0 registers"; virtio 1.0, 4.1.4.3 "Common
//! configuration structure layout".
//!
//! Next on the tour: `bus/pci/setup.rs`.

use abi::kill::DeviceError;
use abi::pci::*;
use abi::{GuestResult, Width};

/// What an access to a window is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// Which half of the features offered is shown.
    DeviceFeatureSelect,
    /// Half of the features offered.
    DeviceFeature,
    /// Which half of the features accepted is shown.
    DriverFeatureSelect,
    /// Half of the features accepted.
    DriverFeature,
    /// Message-signalled interrupts, of which there are none.
    MsixVector,
    /// How many queues.
    NumQueues,
    /// How far the driver has come.
    Status,
    /// Changes with the configuration.
    Generation,
    /// Which queue the next are about.
    QueueSelect,
    /// Entries of the queue.
    QueueSize,
    /// 1 once it is in use.
    QueueEnable,
    /// Where its notify register is among many.
    QueueNotifyOff,
    /// Half of an address of a part of the queue: which part, and by how much to shift.
    QueuePart(usize, u32),
    /// A queue's number, to kick it.
    Notify,
    /// Why there was an interrupt.
    Isr,
    /// Byte so-and-so of the device's configuration.
    Config(u32),
}

/// Where each register is, and how wide.
const REGISTERS: [(u32, Width, Register); 21] = {
    use Register::*;
    use Width::{Byte, Dword, Word};
    [
        (DEVICE_FEATURE_SELECT, Dword, DeviceFeatureSelect),
        (DEVICE_FEATURE, Dword, DeviceFeature),
        (DRIVER_FEATURE_SELECT, Dword, DriverFeatureSelect),
        (DRIVER_FEATURE, Dword, DriverFeature),
        (MSIX_CONFIG, Word, MsixVector),
        (NUM_QUEUES, Word, NumQueues),
        (DEVICE_STATUS, Byte, Status),
        (CONFIG_GENERATION, Byte, Generation),
        (QUEUE_SELECT, Word, QueueSelect),
        (QUEUE_SIZE, Word, QueueSize),
        (QUEUE_MSIX_VECTOR, Word, MsixVector),
        (QUEUE_ENABLE, Word, QueueEnable),
        (QUEUE_NOTIFY_OFF, Word, QueueNotifyOff),
        (QUEUE_DESC, Dword, QueuePart(0, 0)),
        (QUEUE_DESC + 4, Dword, QueuePart(0, 32)),
        (QUEUE_AVAIL, Dword, QueuePart(1, 0)),
        (QUEUE_AVAIL + 4, Dword, QueuePart(1, 32)),
        (QUEUE_USED, Dword, QueuePart(2, 0)),
        (QUEUE_USED + 4, Dword, QueuePart(2, 32)),
        (NOTIFY, Word, Notify),
        (ISR, Byte, Isr),
    ]
};

impl Register {
    /// What an access of `width` at `offset` of a window is to.
    ///
    /// # Errors
    /// [`DeviceError::Register`] if it is to no register, or to a part of one.
    pub fn at(offset: u32, width: Width) -> GuestResult<Self> {
        if offset == NOTIFY && width == Width::Word {
            return Ok(Self::Notify); // by far the most frequent
        }
        if offset >= DEVICE_CONFIG {
            return Ok(Self::Config(offset - DEVICE_CONFIG));
        }
        let found = REGISTERS.iter().find(|(at, wide, _)| (*at, *wide) == (offset, width));
        let missed = DeviceError::Register { offset, len: width.bytes() };
        found.map(|(_, _, register)| *register).ok_or(missed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registers_lie_side_by_side() {
        let mut end = 0;
        for (offset, width, register) in REGISTERS {
            assert_eq!((offset, offset % width.bytes()), (end, 0), "{register:?}");
            assert_eq!(Register::at(offset, width), Ok(register));
            end = offset + width.bytes();
        }
        assert_eq!(end, ISR + 1);
    }

    #[test]
    fn an_access_of_another_width_is_to_no_register() {
        for (offset, right, _) in REGISTERS {
            for width in Width::ALL.into_iter().filter(|&width| width != right) {
                let missed = DeviceError::Register { offset, len: width.bytes() };
                assert_eq!(Register::at(offset, width), Err(missed.into()));
            }
        }
        assert!(Register::at(2, Width::Word).is_err() && Register::at(59, Width::Byte).is_err());
        assert_eq!(Register::at(63, Width::Dword), Ok(Register::Config(3)));
    }
}
