//! The early console: text by NOTIFY, from the first hypercall on.
//!
//! A Guest on PCI has no such call; there it is the console's byte for
//! emergencies, which needs no driver either.
//!
//! The Launcher takes a NOTIFY of ordinary memory for a pointer to text with a
//! NUL behind it. Sixteen characters at a time, as Linux does.
//!
//! Source: lguest ABI, "NOTIFY argument".
//!
//! Next on the tour: [`super::virtio`].

use core::sync::atomic::{AtomicU8, Ordering};

use crate::frames::phys_of;
use crate::hypercall::Call;
use crate::pci;

/// Characters in one go.
const CHUNK: usize = 16;

/// What the Launcher is pointed at. In the image, for a stack may lie where only the page tables
/// know; atomic, for a panic may come out of a print and print.
static TEXT: [AtomicU8; CHUNK + 1] = [const { AtomicU8::new(0) }; CHUNK + 1];

/// Writes `bytes`; one exit per sixteen, or on PCI one for each.
pub fn write(bytes: &[u8]) {
    if pci::is_here() {
        return pci::show_emergency(bytes);
    }
    for chunk in bytes.chunks(CHUNK) {
        let with_nul = chunk.iter().copied().chain([0]);
        TEXT.iter().zip(with_nul).for_each(|(to, from)| to.store(from, Ordering::Relaxed));
        Call::notify(phys_of(&TEXT)).make();
    }
}
