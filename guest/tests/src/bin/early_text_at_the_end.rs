//! Early text that runs up to the last byte of all the Guest has, without a NUL, is shown and ends
//! there.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use abi::{GuestMemory, GuestPhys};
use kit::device_window::DeviceWindow;
use kit::hypercall::Call;

kit::guest_test!(early_text_at_the_end);

const TEXT: &[u8] = b"the very end\r\n";

fn early_text_at_the_end() {
    let mut window = DeviceWindow::new();
    let at = GuestPhys(window.limit() - TEXT.len() as u32);
    window.write_from(at, TEXT).expect("it is the end of the device pages");
    Call::notify(at).make();
}
