//! The memory that devices and Guest share: where rings live.
//!
//! On the lguest bus that is the pages above RAM, with the device page among
//! them; on PCI it is an area of the image that nothing else uses. Either way
//! it belongs to the Launcher as much as to the Guest and to no Rust variable,
//! so reading and writing it is safe as long as it stays inside.
//!
//! Invariants: every access is checked against the window (`place`), and is
//! volatile: the Launcher changes what is there.
//!
//! Source: lguest ABI, "Guest memory map as prepared".
//!
//! Next on the tour: [`crate::driver`].

use core::cell::UnsafeCell;

use abi::device_page::{
    DEVICE_PAGES, QUEUE_ENTRIES, STATUS, STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_DRIVER_OK, ring_len,
};
use abi::memory::check_range;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, KillReason, PAGE_SIZE};

use crate::boot_params::memory_size;
use crate::devices::DevicePage;
use crate::frames::{direct, phys_of};
use crate::hypercall::Call;
use crate::local::Local;
use crate::paging::DEVICES;

/// Queues there is room for in the image.
const QUEUES: u32 = 8;
/// Bytes of their rings.
const RINGS_LEN: u32 = QUEUES * ring_len(QUEUE_ENTRIES);

/// Rings of queues that a driver places where it likes.
#[repr(C, align(4096))]
struct Rings(UnsafeCell<[u8; RINGS_LEN as usize]>);

// SAFETY: Rust never looks inside; a `DeviceWindow` does, as into memory of a device.
unsafe impl Sync for Rings {}

static RINGS: Rings = Rings(UnsafeCell::new([0; RINGS_LEN as usize]));
static TAKEN: Local<u32> = Local::new(0);

/// A run of memory that devices share.
#[derive(Debug)]
pub struct DeviceWindow {
    start: u32,
    end: u32,
    /// Where it is mapped.
    mapped_at: GuestLinear,
}

impl DeviceWindow {
    /// The device pages, right above RAM.
    pub fn new() -> Self {
        let start = memory_size();
        Self { start, end: start + DEVICE_PAGES * PAGE_SIZE, mapped_at: DEVICES }
    }

    /// The area for rings in the image.
    pub fn of_rings() -> Self {
        let start = phys_of(&RINGS);
        Self { start: start.0, end: start.0 + RINGS_LEN, mapped_at: direct(start) }
    }

    /// Frames with rings in them, from `start` to `end`.
    ///
    /// # Safety
    /// They are no Rust variables, and were taken for this.
    pub unsafe fn of_frames(start: GuestPhys, end: GuestPhys) -> Self {
        Self { start: start.0, end: end.0, mapped_at: direct(start) }
    }

    /// Takes room for the rings of one queue, zeroed, in the area for them.
    ///
    /// # Panics
    /// If there is none left.
    pub fn take_rings(&mut self) -> GuestPhys {
        let number = TAKEN.with(|taken| core::mem::replace(taken, *taken + 1));
        assert!(number < QUEUES, "there is room for {QUEUES} queues");
        let at = GuestPhys(Self::of_rings().start + number * ring_len(QUEUE_ENTRIES));
        self.zero(at, ring_len(QUEUE_ENTRIES)).expect("it lies in the area");
        at
    }

    /// The physical address of the device page.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// A copy of the device page.
    pub fn device_page(&self) -> DevicePage {
        let mut page = [0; PAGE_SIZE as usize];
        self.read_into(GuestPhys(self.start), &mut page).expect("the first page is inside");
        page
    }

    /// Sets the byte at `offset` of the device page.
    pub fn set_byte(&mut self, offset: u32, value: u8) {
        self.write_u8(GuestPhys(self.start + offset), value).expect("the device page is inside");
    }

    /// Resets a device and brings it to life with the features in `accepted`, in the order of Linux
    /// 3.1.
    pub fn bring_up(&mut self, offset: u32, places: core::ops::Range<u32>, accepted: u64) {
        let device = GuestPhys(self.start + offset);
        self.set_byte(offset + STATUS, 0);
        Call::notify(device).make();
        self.set_byte(offset + STATUS, STATUS_ACKNOWLEDGE);
        self.set_byte(offset + STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
        for (place, byte) in places.zip(accepted.to_le_bytes()) {
            self.set_byte(place, byte);
        }
        Call::notify(device).make();
        self.set_byte(offset + STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
    }

    /// Where `len` bytes at `at` can be reached, if they lie in the window.
    fn place<T>(&self, at: GuestPhys, len: usize) -> GuestResult<*mut T> {
        check_range(at, len, self.limit())?;
        let outside = at.0 < self.start || !at.0.is_multiple_of(size_of::<T>() as u32);
        if outside {
            return Err(KillReason::OutOfGuestMemory { at, len: len as u32 });
        }
        Ok((self.mapped_at.0 + (at.0 - self.start)) as *mut T)
    }

    fn read<T: Copy>(&self, at: GuestPhys) -> GuestResult<T> {
        let from = self.place::<T>(at, size_of::<T>())?;
        // SAFETY: inside the window, mapped, aligned (`place`); only integers.
        Ok(unsafe { from.read_volatile() })
    }

    fn write<T: Copy>(&mut self, at: GuestPhys, value: T) -> GuestResult {
        let to = self.place::<T>(at, size_of::<T>())?;
        // SAFETY: inside the window, mapped, aligned (`place`); only integers.
        unsafe { to.write_volatile(value) };
        Ok(())
    }
}

impl Default for DeviceWindow {
    fn default() -> Self {
        Self::new()
    }
}

impl GuestMemory for DeviceWindow {
    fn limit(&self) -> u32 {
        self.end
    }

    fn read_into(&self, at: GuestPhys, into: &mut [u8]) -> GuestResult {
        self.place::<u8>(at, into.len())?;
        for (place, byte) in (at.0..).zip(into) {
            *byte = self.read(GuestPhys(place))?;
        }
        Ok(())
    }

    fn write_from(&mut self, at: GuestPhys, from: &[u8]) -> GuestResult {
        self.place::<u8>(at, from.len())?;
        for (place, byte) in (at.0..).zip(from) {
            self.write(GuestPhys(place), *byte)?;
        }
        Ok(())
    }

    fn zero(&mut self, at: GuestPhys, len: u32) -> GuestResult {
        self.place::<u8>(at, len as usize)?;
        (at.0..at.0 + len).try_for_each(|place| self.write(GuestPhys(place), 0u8))
    }

    fn read_u32(&self, at: GuestPhys) -> GuestResult<u32> {
        self.read(at)
    }

    fn read_u16(&self, at: GuestPhys) -> GuestResult<u16> {
        self.read(at)
    }

    fn write_u32(&mut self, at: GuestPhys, value: u32) -> GuestResult {
        self.write(at, value)
    }

    fn write_u16(&mut self, at: GuestPhys, value: u16) -> GuestResult {
        self.write(at, value)
    }
}
