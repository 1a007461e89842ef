//! Writes the device page: the list of what a Guest has.
//!
//! A descriptor is written when its Guest is (re)started, and never believed
//! afterwards: the page is the Guest's to scribble on. The Launcher keeps its
//! own record of where everything is ([`crate::bus`]) and reads back only what
//! is the Guest's to say: the status byte and the features it accepts.
//!
//! Invariants: a descriptor reads back byte by byte as the ABI lays it out
//! (`a_descriptor_is_laid_out_as_the_abi_says`).
//!
//! Source: lguest ABI, "Device page (legacy bus)".
//!
//! Next on the tour: [`crate::chain`].

use abi::device_page::{HEADER_LEN, QUEUE_ENTRIES, QUEUE_LEN};
use abi::{GuestMemory, GuestPhys, GuestResult};

use crate::device::Shape;

/// Bytes of features, offered and accepted each: this bus knows 32 of them.
const FEATURES_LEN: u32 = 4;

/// Bytes of a device's descriptor.
pub const fn descriptor_len(shape: &Shape<'_>) -> u32 {
    accepted_offset(shape) + FEATURES_LEN + shape.config.len() as u32
}

/// Offset in a descriptor of the features accepted.
const fn accepted_offset(shape: &Shape<'_>) -> u32 {
    HEADER_LEN + shape.queues as u32 * QUEUE_LEN + FEATURES_LEN
}

/// Where in the descriptor at `at` the Guest notes the features it accepts, as a dword.
pub const fn accepted_features(shape: &Shape<'_>, at: GuestPhys) -> GuestPhys {
    GuestPhys(at.0 + accepted_offset(shape))
}

/// Writes a descriptor at `at`, over zeroes, with the features offered and with interrupt line and
/// ring of each queue.
///
/// # Errors
/// [`abi::KillReason::OutOfGuestMemory`] if the page is not in memory.
pub fn write_descriptor(
    memory: &mut dyn GuestMemory,
    at: GuestPhys,
    shape: &Shape<'_>,
    offered: u32,
    queues: impl Iterator<Item = (u8, GuestPhys)>,
) -> GuestResult {
    let config_len = shape.config.len() as u8;
    memory.write_from(at, &[shape.kind, shape.queues, FEATURES_LEN as u8, config_len])?;
    let mut next = at.0 + HEADER_LEN;
    for (irq, ring) in queues {
        memory.write_u16(GuestPhys(next), QUEUE_ENTRIES)?;
        memory.write_u16(GuestPhys(next + 2), irq.into())?;
        memory.write_u32(GuestPhys(next + 4), ring.page_number())?;
        next += QUEUE_LEN;
    }
    memory.write_u32(GuestPhys(next), offered)?;
    memory.write_from(GuestPhys(next + 2 * FEATURES_LEN), shape.config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Ram;

    #[test]
    fn a_descriptor_is_laid_out_as_the_abi_says() {
        let shape =
            Shape { kind: 2, name: "block", queues: 2, features: 0x204, config: &[1, 2, 3, 4, 5, 6, 7] };
        let mut page = Ram::zeroed(64);
        let queues = [(1, GuestPhys(0x0100_1000)), (2, GuestPhys(0x0100_4000))];
        write_descriptor(&mut page, GuestPhys(3), &shape, 0x1000_0204, queues.into_iter()).unwrap();
        let expected = [
            2, 2, 4, 7, 0, // type, num_vq, feature_len, config_len, status
            0, 1, 1, 0, 0x01, 0x10, 0, 0, // 256 entries, irq 1, page 0x1001
            0, 1, 2, 0, 0x04, 0x10, 0, 0, // 256 entries, irq 2, page 0x1004
            0x04, 0x02, 0, 0x10, 0, 0, 0, 0, // offered, accepted
            1, 2, 3, 4, 5, 6, 7,
        ];
        assert_eq!(descriptor_len(&shape), expected.len() as u32);
        assert_eq!(page[3..3 + expected.len()], expected);
        assert_eq!(accepted_features(&shape, GuestPhys(3)), GuestPhys(28));
        assert!(page[..3].iter().chain(&page[3 + expected.len()..]).all(|&byte| byte == 0));
    }
}
