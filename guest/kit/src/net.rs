//! The virtio network card: queue 0 brings packets, queue 1 takes them.
//!
//! Each packet lies in one page, its header in front. Receive pages are lent
//! from the start and lent again as soon as they have been read; a page that
//! is sent comes back when the device is done with it.
//!
//! ```text
//!   send:    copy -> a free page -> offer ... kick, once for many
//!   receive: used ring -> copy -> offer the page again ... kick once all is read, if the device asks
//! ```
//!
//! Invariants: a page is ours or the device's, never both ([`Card::send`] takes a free one,
//! [`Card::receive`] one that came back).
//!
//! Source: Virtio 1.0, 5.1 "Network Device"; lguest ABI, "Request formats".
//!
//! Next on the tour: [`crate::lan`].

use abi::device_page::{DESC_NEXT, DESC_WRITE, TYPE_NET};
use abi::pci::FEATURE_VERSION_1;
use abi::{GuestPhys, PAGE_SIZE};

use crate::device_window::DeviceWindow;
use crate::driver;
use crate::frames::Frame;
use crate::interrupts;
use crate::local::Local;
use crate::pci::{self, Function};
use crate::virtqueue::{Used, Virtqueue};

/// Bytes of the header before each packet, as far as it says something about it.
pub const HEADER_LEN: usize = 10;
/// The same with the number of buffers behind it, as it is on PCI, or with MRG_RXBUF.
const LONG_HEADER_LEN: usize = 12;
/// A header that leaves nothing to be done.
pub const PLAIN: [u8; HEADER_LEN] = [0; HEADER_LEN];
/// Pages lent to the device, and pages to send from.
pub const PAGES: usize = 64;
/// Longest frame in one page.
pub const FRAME_MAX: usize = PAGE_SIZE as usize - LONG_HEADER_LEN;

/// Feature bits a driver here may ask for.
pub mod feature {
    /// Checksums may be left to the device.
    pub const CSUM: u64 = 1 << 0;
    /// The device may leave checksums to us.
    pub const GUEST_CSUM: u64 = 1 << 1;
    /// Large packets may be handed over.
    pub const HOST_TSO4: u64 = 1 << 11;
    /// Large packets may be handed over by the device.
    pub const GUEST_TSO4: u64 = 1 << 7;
    /// One packet may come in several buffers, and the header is longer.
    pub const MRG_RXBUF: u64 = 1 << 15;
}

const RING_IS_THERE: &str = "the rings lie in the window";

/// The registers of the card, on PCI.
static FUNCTION: Local<Option<Function>> = Local::new(None);

/// A card and its pages.
pub struct Card {
    /// The memory its queues are in.
    pub window: DeviceWindow,
    /// The queue that brings packets.
    pub receive: Virtqueue,
    /// The queue that takes them.
    pub transmit: Virtqueue,
    /// Its address.
    pub mac: [u8; 6],
    received: [Frame; PAGES],
    sent: [Frame; PAGES],
    /// Pages to send from that are ours: a bit each.
    free: u64,
    /// Bytes of the header before each packet.
    header_len: usize,
    /// Pages were lent again that the device has not been kicked for.
    owes_kick: bool,
}

impl Card {
    /// Finds card number `which`, brings it to life with `features` and lends it pages to receive
    /// in; `None` if there is no such card.
    pub fn start(which: usize, features: u64) -> Option<Self> {
        let started = driver::start::<2, 6>(TYPE_NET, which, features)?;
        let [receive, transmit] = started.queues;
        let is_long = started.accepted & (feature::MRG_RXBUF | FEATURE_VERSION_1) != 0;
        let mut card = Self {
            window: started.window,
            receive: Virtqueue::new(receive),
            transmit: Virtqueue::new(transmit),
            mac: started.config,
            received: core::array::from_fn(|_| Frame::alloc()),
            sent: core::array::from_fn(|_| Frame::alloc()),
            free: !0,
            header_len: if is_long { LONG_HEADER_LEN } else { HEADER_LEN },
            owes_kick: false,
        };
        card.transmit.poll(&mut card.window).expect(RING_IS_THERE);
        (0..PAGES as u16).for_each(|id| card.lend(id));
        pci::kick(&receive);
        FUNCTION.set(started.function);
        interrupts::handle(receive.irq, || driver::acknowledge(FUNCTION.get())); // its only task is to end a HALT
        Some(card)
    }

    /// Bytes of the header before each packet.
    pub const fn header_len(&self) -> usize {
        self.header_len
    }

    fn lend(&mut self, id: u16) {
        let page = self.received[usize::from(id)].phys();
        self.receive.offer(&mut self.window, id, page, PAGE_SIZE, DESC_WRITE).expect(RING_IS_THERE);
    }

    /// Puts a packet into the ring; `false` if all pages are the device's. [`Card::kick`] sends it.
    pub fn send(&mut self, header: [u8; HEADER_LEN], frame: &[u8]) -> bool {
        let Some(id) = self.free_page() else { return false };
        let page = &self.sent[usize::from(id)];
        // The number of buffers behind a long header stays 0, as the page began.
        page.write_from(0, &header);
        page.write_from(self.header_len as u32, frame);
        let (at, len) = (page.phys(), (self.header_len + frame.len()) as u32);
        self.transmit.offer(&mut self.window, id, at, len, 0).expect(RING_IS_THERE);
        true
    }

    /// Puts the packet into the ring again that page `id` still holds, `len` bytes with its header;
    /// the page must be free, and is.
    pub fn send_again(&mut self, id: u16, len: u32) {
        self.take_back();
        assert!(self.free & (1 << id) != 0, "page {id} is the device's");
        self.free &= !(1 << id);
        let at = self.sent[usize::from(id)].phys();
        self.transmit.offer(&mut self.window, id, at, len, 0).expect(RING_IS_THERE);
    }

    /// Puts a chain of these buffers into the ring, first descriptor `id`, whatever they name.
    pub fn send_chain(&mut self, id: u16, buffers: &[(GuestPhys, u32, u16)]) {
        for (place, &(at, len, flags)) in (id..).zip(buffers) {
            let is_last = usize::from(place - id) + 1 == buffers.len();
            let link = if is_last { 0 } else { u32::from(DESC_NEXT) | u32::from(place + 1) << 16 };
            self.transmit
                .describe(&mut self.window, place, at, len, link | u32::from(flags))
                .expect(RING_IS_THERE);
        }
        self.transmit.publish(&mut self.window, id).expect(RING_IS_THERE);
    }

    /// A page to send from.
    fn free_page(&mut self) -> Option<u16> {
        if self.free == 0 {
            self.take_back();
        }
        let id = (self.free != 0).then(|| self.free.trailing_zeros() as u16)?;
        self.free &= !(1 << id);
        Some(id)
    }

    /// Takes back what the device is done with, and returns how much that was.
    pub fn take_back(&mut self) -> u32 {
        let mut count = 0;
        while let Some(used) = self.transmit.take_used(&self.window).expect(RING_IS_THERE) {
            self.free |= 1u64.checked_shl(used.id).unwrap_or(0);
            count += 1;
        }
        count
    }

    /// Kicks the device for what is in the ring, if it wants that.
    pub fn kick(&mut self) {
        if self.transmit.wants_kicks(&self.window).expect(RING_IS_THERE) {
            pci::kick(self.transmit.queue());
        }
    }

    /// The next packet: its header, and how many bytes of `into` its frame has filled.
    pub fn receive(&mut self, into: &mut [u8]) -> Option<([u8; HEADER_LEN], usize)> {
        let used = self.next_used()?;
        let page = &self.received[used.id as usize];
        let mut header = [0; HEADER_LEN];
        page.read_into(0, &mut header);
        let len = (used.len as usize).saturating_sub(self.header_len).min(into.len());
        page.read_into(self.header_len as u32, &mut into[..len]);
        self.lend_again(used.id as u16);
        Some((header, len))
    }

    /// Takes the next page that has come without looking at it, and returns its bytes, header included.
    pub fn discard(&mut self) -> Option<u32> {
        let used = self.next_used()?;
        self.lend_again(used.id as u16);
        Some(used.len)
    }

    /// The next page that has come; before it is said that there is none, the device is kicked for
    /// those it has got back.
    fn next_used(&mut self) -> Option<Used> {
        let used = self.receive.take_used(&self.window).expect(RING_IS_THERE);
        if used.is_some() || !core::mem::take(&mut self.owes_kick) {
            return used;
        }
        if self.receive.wants_kicks(&self.window).expect(RING_IS_THERE) {
            pci::kick(self.receive.queue());
        }
        self.receive.take_used(&self.window).expect(RING_IS_THERE)
    }

    fn lend_again(&mut self, id: u16) {
        self.lend(id);
        self.owes_kick = true;
    }
}
