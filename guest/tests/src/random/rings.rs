//! Virtqueues of all devices on either bus: requests that make sense, and rings of anything.

use abi::device_page::*;
use abi::{GuestLinear, GuestMemory, GuestPhys};
use kit::device_window::DeviceWindow;
use kit::devices::{Queue, devices};
use kit::pci::{self, Function};

use super::Player;

/// Most devices a random Guest has.
const DEVICES: usize = 8;
/// Most queues of a device.
const QUEUES: usize = 2;

/// A device, as far as the player knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    /// What it is, `TYPE_*`.
    kind: u8,
    /// Where its descriptor is on the device page.
    pub(super) offset: u32,
    /// Its registers, on PCI.
    pub(super) registers: Option<GuestLinear>,
    queues: [Option<Queue>; QUEUES],
    /// The next index of each available ring.
    available: [u16; QUEUES],
}

/// All devices.
#[derive(Debug)]
pub(super) struct Devices {
    all: [Option<Device>; DEVICES],
    window: DeviceWindow,
}

impl Devices {
    /// Finds the devices on this Guest's bus and brings all of them to life.
    pub(super) fn find() -> Self {
        if pci::is_here() { Self::on_pci() } else { Self::on_page() }
    }

    fn on_page() -> Self {
        let mut window = DeviceWindow::new();
        let page = window.device_page();
        let mut all = [None; DEVICES];
        for (place, device) in all.iter_mut().zip(devices(&page)) {
            window.bring_up(device.offset, device.accepted_features(), device.offered().into());
            let queues = core::array::from_fn(|index| device.queue(index));
            *place = Some(Device::new(device.kind, device.offset, None, queues));
        }
        Self { all, window }
    }

    fn on_pci() -> Self {
        let mut window = DeviceWindow::of_rings();
        let kinds = [(TYPE_CONSOLE, 2), (TYPE_BLOCK, 1), (TYPE_NET, 2), (TYPE_RNG, 1)];
        let mut all = [None; DEVICES];
        let found = kinds.iter().filter_map(|&(kind, queues)| Some((kind, queues, Function::find(kind, 0)?)));
        for (place, (kind, count, function)) in all.iter_mut().zip(found) {
            function.negotiate(function.offered());
            let mut queues = [None; QUEUES];
            for (index, queue) in queues.iter_mut().take(count).enumerate() {
                *queue = Some(function.set_up_queue(index as u16, &mut window));
            }
            function.be_ready();
            *place = Some(Device::new(kind, 0, Some(function.window), queues));
        }
        Self { all, window }
    }
}

impl Device {
    const fn new(
        kind: u8,
        offset: u32,
        registers: Option<GuestLinear>,
        queues: [Option<Queue>; QUEUES],
    ) -> Self {
        Self { kind, offset, registers, queues, available: [0; QUEUES] }
    }
}

impl Player {
    /// One of the devices; there is always a console.
    pub(super) fn any_device(&mut self) -> Device {
        let index = self.any_device_index();
        self.devices.all[index].expect("it was found")
    }

    fn any_device_index(&mut self) -> usize {
        let count = self.devices.all.iter().flatten().count() as u32;
        self.dice.below(count) as usize
    }

    pub(super) fn play_rings(&mut self) {
        let index = self.any_device_index();
        let device = self.devices.all[index].expect("it was found");
        let number = self.dice.below(QUEUES as u32) as usize;
        let Some(queue) = device.queues[number] else { return };
        let heads = 1 + self.dice.below(3);
        let mut available = device.available[number];
        for _ in 0..heads {
            let first = self.dice.below(queue.entries.into());
            self.lay_chain(&queue, number, first, device.kind);
            let slot = u32::from(available % queue.entries);
            let head = if self.is_reckless() { self.dice.throw() } else { first };
            self.write_u16(queue.at.0 + avail_offset(queue.entries) + 4 + 2 * slot, head as u16);
            available = available.wrapping_add(1);
        }
        if self.is_reckless() {
            available = self.dice.throw() as u16;
        }
        self.write_u16(queue.at.0 + avail_offset(queue.entries) + 2, available);
        if self.dice.one_in(8) {
            self.write_u16(queue.at.0 + avail_offset(queue.entries), self.dice.clone().throw() as u16);
        }
        if let Some(device) = &mut self.devices.all[index] {
            device.available[number] = available;
        }
        pci::kick(&queue);
    }

    /// A chain of descriptors that begins with number `first`: a request of the device's kind, or not.
    fn lay_chain(&mut self, queue: &Queue, number: usize, first: u32, kind: u8) {
        let entries = u32::from(queue.entries);
        let len = 1 + self.dice.below(5);
        let request = self.places.own(&mut self.dice) & !7;
        let is_read = self.write_request(request, kind);
        // What the device writes comes last: all of it, nothing, or what is behind a disk's header.
        let is_written = |link| match (kind, number) {
            (TYPE_BLOCK, _) => link > 0 && (is_read || link + 1 == len),
            (TYPE_CONSOLE | TYPE_NET, 1) => false,
            _ => true,
        };
        for link in 0..len {
            let at = queue.at.0 + 16 * ((first + link) % entries);
            let is_last = link + 1 == len;
            let next =
                if self.is_reckless() { self.dice.below(entries + 2) } else { (first + link + 1) % entries };
            let flags = self.flags_of_descriptor(is_last, is_written(link));
            let (buffer, size) = if link == 0 { (request, 16) } else { self.any_buffer(is_last) };
            self.write_u32(at, buffer);
            let high = if self.is_reckless() { self.dice.throw() } else { 0 };
            self.write_u32(at + 4, high);
            self.write_u32(at + 8, size);
            self.write_u32(at + 12, flags | next << 16);
        }
    }

    /// The first bytes of what a device of `kind` is asked: a disk's type and sector, a packet's header.
    /// Returns whether it asks a disk for something.
    fn write_request(&mut self, at: u32, kind: u8) -> bool {
        let words = match kind {
            TYPE_BLOCK => [self.dice.pick(&[0, 1, 4, 8, 9, u32::MAX]), 0, self.dice.below(2100), 0],
            TYPE_NET => [self.dice.below(0x400), self.dice.throw(), self.dice.below(2000) << 16, 0xFFFF_FFFF],
            _ => core::array::from_fn(|_| self.number()),
        };
        for (place, word) in
            (at..).step_by(4).zip(words).take_while(|(place, _)| place + 4 <= self.places.own.end)
        {
            self.poke(place, word);
        }
        matches!(words[0], 0 | 8)
    }

    fn flags_of_descriptor(&mut self, is_last: bool, is_written: bool) -> u32 {
        if self.is_reckless() {
            return self.dice.below(8);
        }
        let next = if is_last { 0 } else { u32::from(DESC_NEXT) };
        next | if is_written { u32::from(DESC_WRITE) } else { 0 }
    }

    /// A buffer: in a page to play with, rarely anywhere.
    fn any_buffer(&mut self, is_last: bool) -> (u32, u32) {
        let len = if is_last { 1 } else { self.dice.pick(&[0, 1, 12, 60, 512, 1514, 4096, 65_536]) };
        if self.is_reckless() {
            return (self.places.physical(&mut self.dice), self.number());
        }
        let at = self.places.own(&mut self.dice);
        (at, len.min(self.places.own.end - at))
    }

    /// Writes into a ring; what does not lie there is left out.
    fn write_u32(&mut self, at: u32, value: u32) {
        let _ = self.devices.window.write_u32(GuestPhys(at), value);
    }

    fn write_u16(&mut self, at: u32, value: u16) {
        let _ = self.devices.window.write_u16(GuestPhys(at), value);
    }
}
