//! What every driver begins with: finding its device, on either bus, and bringing it to life.
//!
//! ```text
//!                     | on the device page         | on PCI
//!   find              | by kind, nth               | by kind, nth
//!   agree on features | a byte of status           | registers, and VERSION_1 with them
//!   the rings         | above RAM, as laid out     | in the image, and the device is told where
//!   kick              | NOTIFY                     | a register
//! ```
//!
//! Next on the tour: [`crate::console`].

use abi::Width;
use abi::pci::{DEVICE_CONFIG, FEATURE_VERSION_1, ISR};

use crate::device_window::DeviceWindow;
use crate::devices::{Queue, devices};
use crate::pci::{self, Function};

/// A device that works, with `QUEUES` queues, and `CONFIG` bytes of configuration.
pub struct Started<const QUEUES: usize, const CONFIG: usize> {
    /// The memory its queues are in.
    pub window: DeviceWindow,
    /// Its queues.
    pub queues: [Queue; QUEUES],
    /// What it offers.
    pub offered: u64,
    /// What both sides go by.
    pub accepted: u64,
    /// The first bytes of its configuration.
    pub config: [u8; CONFIG],
    /// Its registers, on PCI.
    pub function: Option<Function>,
}

/// Starts device number `number`, from 0, of a kind, accepting what is offered of `features`; `None`
/// if there is no such device.
pub fn start<const QUEUES: usize, const CONFIG: usize>(
    kind: u8,
    number: usize,
    features: u64,
) -> Option<Started<QUEUES, CONFIG>> {
    match pci::is_here() {
        true => start_on_pci(Function::find(kind, number)?, features),
        false => start_on_page(kind, number, features),
    }
}

fn start_on_page<const QUEUES: usize, const CONFIG: usize>(
    kind: u8,
    number: usize,
    features: u64,
) -> Option<Started<QUEUES, CONFIG>> {
    let mut window = DeviceWindow::new();
    let page = window.device_page();
    let device = devices(&page).filter(|device| device.kind == kind).nth(number)?;
    let mut queues = (0..QUEUES).map_while(|index| device.queue(index));
    let first = queues.next()?;
    let mut all = [first; QUEUES];
    for place in &mut all[1..] {
        *place = queues.next()?;
    }
    let offered = u64::from(device.offered());
    let accepted = features & offered;
    window.bring_up(device.offset, device.accepted_features(), accepted);
    let config = *device.config().first_chunk()?;
    Some(Started { window, queues: all, offered, accepted, config, function: None })
}

fn start_on_pci<const QUEUES: usize, const CONFIG: usize>(
    function: Function,
    features: u64,
) -> Option<Started<QUEUES, CONFIG>> {
    let mut window = DeviceWindow::of_rings();
    let offered = function.offered();
    let accepted = (features | FEATURE_VERSION_1) & offered;
    function.negotiate(features);
    let queues = core::array::from_fn(|index| function.set_up_queue(index as u16, &mut window));
    let config = core::array::from_fn(|at| function.read(DEVICE_CONFIG + at as u32, Width::Byte) as u8);
    function.be_ready();
    Some(Started { window, queues, offered, accepted, config, function: Some(function) })
}

/// Ends an interrupt of a device, which on PCI wants its reason read.
pub fn acknowledge(function: Option<Function>) {
    if let Some(function) = function {
        function.read(ISR, Width::Byte);
    }
}
