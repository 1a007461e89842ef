//! What every driver begins with: finding its device and bringing it to life.
//!
//! ```text
//!   find(kind, n) -> Found --start(features)--> DeviceWindow::bring_up
//! ```
//!
//! Next on the tour: [`crate::console`].

use crate::device_window::DeviceWindow;
use crate::devices::{Device, DevicePage, devices};

/// A device on a copy of the device page, and the window to the real one.
pub struct Found<'page> {
    /// What it is like.
    pub device: Device<'page>,
    window: DeviceWindow,
}

/// Finds device number `number`, from 0, of a kind on `page`, the copy of the device page.
pub fn find(page: &DevicePage, kind: u8, number: usize) -> Option<Found<'_>> {
    let device = devices(page).filter(|device| device.kind == kind).nth(number)?;
    Some(Found { device, window: DeviceWindow::new() })
}

impl Found<'_> {
    /// Resets the device and brings it to life, accepting of the features offered those named.
    /// Returns the window, to speak with it.
    pub fn start(mut self, features: u32) -> DeviceWindow {
        let Device { offset, .. } = self.device;
        let accepted = features & self.device.offered();
        self.window.bring_up(offset, self.device.accepted_features(), accepted.into());
        self.window
    }
}
