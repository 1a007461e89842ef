//! A network card that takes large packets, for a stack that knows nothing of them.
//!
//! The stack is told that the wire is 60 KB wide and that nobody wants
//! checksums of TCP; what it then makes is what a stack with segmentation
//! offload makes. What the other side says of its own wire is not passed on.
//!
//! ```text
//!   descriptors:  header | page | page | ... | page      one packet, sixteen pages
//! ```
//!
//! Source: virtio 1.0, 5.1.6.2 "Packet Transmission".
//!
//! Next on the tour: [`crate::Machine`].

use kit::frames::{Frame, phys_of};
use kit::lan::{Came, Nic, ethernet};
use kit::local::Local;
use kit::net::{Card, HEADER_LEN, PLAIN};
use kit::{GuestPhys, PAGE_SIZE};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;

/// Bytes of the longest frame: headers, and 60 KiB.
pub const LARGE_MTU: usize = 54 + (60 << 10);
/// What a wire would carry.
const WIRE: usize = 1514;
/// A checksum from byte 34 on to be put at 50.
const TO_BE_SUMMED: [u8; HEADER_LEN] = [1, 0, 0, 0, 0, 0, 34, 0, 16, 0];
/// The same, and to be cut into 1,460 bytes each.
const TO_BE_CUT: [u8; HEADER_LEN] = [1, 1, 54, 0, 0xB4, 5, 34, 0, 16, 0];
/// First descriptor of a packet: the others are the card's own.
const FIRST: u16 = 128;

static FRAME: Local<[u8; LARGE_MTU]> = Local::new([0; LARGE_MTU]);

/// The card, and whom it has last heard.
pub struct LargeWire {
    /// The card.
    pub card: Card,
    /// The address of who sent the last packet.
    pub heard: [u8; 6],
    head: Frame,
}

/// A packet about to go.
pub struct Goes<'a>(&'a mut LargeWire);

impl LargeWire {
    /// A wire on a card that leaves checksums to the device, and cutting.
    pub fn new(card: Card) -> Self {
        Self { card, heard: [0; 6], head: Frame::alloc() }
    }

    /// Sends a frame, and has it back when this returns.
    fn send(&mut self, frame: &[u8]) {
        let is_tcp = frame[12..14] == [0x08, 0x00] && frame[23] == 6;
        let header = match frame.len() {
            ..=WIRE if !is_tcp => PLAIN,
            ..=WIRE => TO_BE_SUMMED,
            _ => TO_BE_CUT,
        };
        self.head.write_from(0, &header);
        let mut buffers =
            [(self.head.phys(), self.card.header_len() as u32, 0); 2 + LARGE_MTU / PAGE_SIZE as usize];
        let mut count = 1;
        for piece in frame.chunks(PAGE_SIZE as usize) {
            buffers[count] = (GuestPhys(phys_of(piece.as_ptr()).0), piece.len() as u32, 0);
            count += 1;
        }
        self.card.take_back();
        self.card.send_chain(FIRST, &buffers[..count]);
        self.card.kick();
        assert!(self.card.take_back() == 1, "the device is done with it");
    }
}

impl Device for LargeWire {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Came, Goes<'_>)> {
        let mut frame = [0; WIRE];
        let (_, len) = self.card.receive(&mut frame)?;
        self.heard.copy_from_slice(&frame[6..12]);
        let is_greeting = frame[12] == 0x08 && frame[13] == 0 && frame[23] == 6 && frame[47] & 2 != 0;
        if is_greeting && frame[54..56] == [2, 4] {
            frame[56..58].copy_from_slice(&(60u16 << 10).to_be_bytes());
        }
        Some((Came::copy(&frame[..len]), Goes(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Goes<'_>> {
        Some(Goes(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = ethernet();
        capabilities.max_transmission_unit = LARGE_MTU;
        capabilities.checksum.tcp = Checksum::None;
        capabilities
    }
}

impl Nic for LargeWire {
    fn mac(&self) -> [u8; 6] {
        self.card.mac
    }

    fn kick(&mut self) {} // each packet has been
}

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        FRAME.with(|frame| {
            let result = write(&mut frame[..len]);
            self.0.send(&frame[..len]);
            result
        })
    }
}
