//! What the drivers must know of memory: where it is for a device.
//!
//! Image, stack, heap and frames all lie in the direct map, so a device's view
//! of a buffer is its address less `PAGE_OFFSET`, and sharing one is no work.
//! Registers of PCI devices are mapped when a driver asks for them.
//!
//! Invariants: what is shared lies in the direct map in one piece
//! ([`Ram::share`](Hal::share) asserts it).
//!
//! Next on the tour: [`crate::heap`].

use core::ptr::NonNull;

use abi::GuestPhys;
use kit::frames::{direct, give_back_run, take_run};
use kit::paging::WINDOW;
use kit::{PAGE_OFFSET, pci};
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

/// A Guest's memory, as drivers see it.
#[derive(Debug)]
pub struct Ram;

const NOT_NULL: &str = "the kernel half does not begin at 0";

// SAFETY: 1. a run of frames is zeroed, in one piece, page-aligned, and nobody else's until it comes
// back; 2. registers get pages of their own, where nothing else is mapped.
unsafe impl Hal for Ram {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let at = take_run(pages as u32);
        (at.0.into(), NonNull::new(direct(at).0 as *mut u8).expect(NOT_NULL))
    }

    unsafe fn dma_dealloc(at: PhysAddr, _: NonNull<u8>, pages: usize) -> i32 {
        // SAFETY: by this function's own contract it came from `dma_alloc`, and nobody uses it.
        unsafe { give_back_run(GuestPhys(at as u32), pages as u32) };
        0
    }

    unsafe fn mmio_phys_to_virt(at: PhysAddr, len: usize) -> NonNull<u8> {
        let at = u32::try_from(at).expect("no register is beyond 4 GiB");
        let place = pci::map_registers(GuestPhys(at), len as u32);
        NonNull::new(place.0 as *mut u8).expect(NOT_NULL)
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let start = buffer.cast::<u8>().as_ptr() as u32;
        let is_direct = (PAGE_OFFSET..WINDOW.0).contains(&start) && buffer.len() as u32 <= WINDOW.0 - start;
        assert!(is_direct, "a buffer at {start:#x} is not in the direct map");
        (start - PAGE_OFFSET).into()
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
