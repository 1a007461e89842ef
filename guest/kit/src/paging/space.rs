//! Address spaces: a user half each, and the kernel half of all.
//!
//! Without PAE a directory copies the kernel half's entries, which never
//! change once the first of them is complete. With PAE one pointer does it.
//!
//! Next on the tour: [`crate::segments`].

use abi::GuestLinear;

use super::{Root, format};
use crate::PAGE_OFFSET;
use crate::frames::Frame;
use crate::page_table::{DIRECTORY_SPAN, Entry, Format, directory_index, pointer_index};

/// First address of the kernel half.
const KERNEL: GuestLinear = GuestLinear(PAGE_OFFSET);

/// Bytes that one of PAE's pointers covers.
const POINTER_SPAN: u32 = 1 << 30;

/// An address space of its own, with the kernel half of all.
#[derive(Debug)]
pub struct Space {
    top: Frame,
}

impl Space {
    /// An address space with nothing in its user half.
    pub fn new() -> Self {
        let space = Self { top: Frame::alloc() };
        match format() {
            Format::TwoLevel => {
                for at in (KERNEL.0..=u32::MAX).step_by(DIRECTORY_SPAN as usize).map(GuestLinear) {
                    space.top.write(4 * directory_index(at), Root::kernel().directory(at).0);
                }
            }
            Format::Pae => {
                space.top.write(8 * pointer_index(KERNEL), Root::kernel().pointer(KERNEL).0);
            }
        }
        space
    }

    /// What to map in, and to switch to.
    pub fn root(&self) -> Root {
        Root(self.top.phys())
    }

    /// Gives back the tables that have an entry in a directory of the user half.
    fn drop_tables(&self) {
        for at in (0..KERNEL.0).step_by(format().span() as usize).map(GuestLinear) {
            let entry = self.root().directory(at);
            if entry.has(Entry::P) {
                self.root().put_directory(at, Entry::ABSENT);
                // SAFETY: `add_table` gave this frame to the entry, and the entry is gone.
                drop(unsafe { Frame::from_phys(entry.frame()) });
            }
        }
    }

    /// Gives back PAE's directories of the user half.
    fn drop_directories(&self) {
        for at in (0..KERNEL.0).step_by(POINTER_SPAN as usize).map(GuestLinear) {
            let pointer = self.root().pointer(at);
            if pointer.has(Entry::P) {
                self.root().put_pointer(at, Entry::ABSENT);
                // SAFETY: `add_directory` gave this frame to the pointer, and the pointer is gone.
                drop(unsafe { Frame::from_phys(pointer.frame()) });
            }
        }
    }
}

impl Default for Space {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Space {
    /// Gives back the tables of the user half. Each entry is taken out and announced first: the
    /// directory's page may serve as another directory soon, and the Host remembers directories.
    fn drop(&mut self) {
        assert!(Root::current() != self.root(), "dropped the address space in use");
        self.drop_tables();
        match format() {
            Format::TwoLevel => {}
            Format::Pae => self.drop_directories(),
        }
    }
}
