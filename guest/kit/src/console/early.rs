//! The early console: text by NOTIFY, from the first hypercall on.
//!
//! The Launcher takes a NOTIFY of ordinary memory for a pointer to text with a
//! NUL behind it. Sixteen characters at a time, as Linux does.
//!
//! Source: lguest ABI, "NOTIFY argument".
//!
//! Next on the tour: [`super::virtio`].

use crate::frames::phys_of;
use crate::hypercall::Call;

/// Characters in one go.
const CHUNK: usize = 16;

/// Writes `bytes`; one exit per sixteen.
pub fn write(bytes: &[u8]) {
    for chunk in bytes.chunks(CHUNK) {
        let mut text = [0; CHUNK + 1];
        text[..chunk.len()].copy_from_slice(chunk);
        Call::notify(phys_of(core::hint::black_box(&text))).make();
    }
}
