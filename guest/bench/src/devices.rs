//! An interrupt of a device, from the line to the handler and back.
//!
//! The console is kicked with an empty buffer, which costs what it costs; a
//! kick that ends in an interrupt costs the delivery more. The difference is
//! the figure, and only a Host can be asked for it.
//!
//! Next on the tour: [`crate::Machine`].

use core::sync::atomic::{AtomicU32, Ordering};

use abi::device_page::{AVAIL_NO_INTERRUPT, QUEUE_ENTRIES, TYPE_CONSOLE, avail_offset};
use abi::{GuestMemory, GuestPhys};
use kit::console::{self, virtio};
use kit::device_window::DeviceWindow;
use kit::devices::devices;
use kit::hypercall::Call;
use kit::interrupts;

use crate::row::{Row, each};

/// The row.
pub const INTERRUPT_DELIVERY: Row = Row::new("interrupt-delivery", 500, with_interrupt, without_interrupt);

/// Why nothing here fails: whoever starts the bench has a console.
const CONSOLE: &str = "every Guest has a console with two queues";

static DELIVERED: AtomicU32 = AtomicU32::new(0);

/// Starts the console, and has its second queue's interrupt counted. Text goes the old way on.
pub fn prepare() {
    assert!(virtio::start(), "{CONSOLE}");
    console::set_sink(console::early::write);
    let page = DeviceWindow::new().device_page();
    let found = devices(&page).find(|device| device.kind == TYPE_CONSOLE);
    let queue = found.and_then(|device| device.queue(1)).expect(CONSOLE);
    interrupts::handle(queue.irq, || {
        DELIVERED.fetch_add(1, Ordering::Relaxed);
    });
}

fn with_interrupt(count: u32) {
    let before = DELIVERED.load(Ordering::Relaxed);
    kicks(count, 0);
    assert!(DELIVERED.load(Ordering::Relaxed) - before == count, "one interrupt a kick");
}

fn without_interrupt(count: u32) {
    kicks(count, AVAIL_NO_INTERRUPT);
}

fn kicks(count: u32, flags: u16) {
    let queue = with_queue(|queue, window| {
        let available = GuestPhys(queue.at().0 + avail_offset(QUEUE_ENTRIES));
        window.write_u16(available, flags).map(|()| queue.at())
    });
    each(count, |_| {
        with_queue(|queue, window| queue.offer(window, 0, GuestPhys(0), 0, 0));
        Call::notify(queue).make();
        with_queue(|queue, window| queue.take_used(window));
    });
}

fn with_queue<R>(
    body: impl FnOnce(&mut kit::virtqueue::Virtqueue, &mut DeviceWindow) -> abi::GuestResult<R>,
) -> R {
    virtio::with_output(body).expect(CONSOLE).expect(CONSOLE)
}
