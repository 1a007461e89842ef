//! A kick of a device on either bus; an interrupt, from the line to the handler and back.
//!
//! For the interrupt the console is kicked with an empty buffer, which costs what it costs; a
//! kick that ends in an interrupt costs the delivery more. The difference is
//! the figure, and only a Host can be asked for it.
//!
//! Next on the tour: [`crate::disks`].

use core::sync::atomic::{AtomicU32, Ordering};

use abi::device_page::{AVAIL_NO_INTERRUPT, QUEUE_ENTRIES, TYPE_CONSOLE, avail_offset};
use abi::pci::NUM_QUEUES;
use abi::{GuestMemory, GuestPhys, Width};
use kit::console::{self, virtio};
use kit::device_window::DeviceWindow;
use kit::devices::devices;
use kit::frames::Frame;
use kit::hypercall::Call;
use kit::local::Local;
use kit::pci::{self, Function};
use kit::{bare, interrupts};

use crate::row::{Row, each, nothing};

/// The row.
pub const INTERRUPT_DELIVERY: Row = Row::new("interrupt-delivery", 500, with_interrupt, without_interrupt);

/// A kick of a queue in which nothing waits, as the bus has it: an exit, a look, and back.
pub const KICK: Row = Row::new("kick", 1000, kicks_of_nothing, nothing);

/// A register of a device, read, which only PCI has.
pub const REGISTER_READ: Row = Row::new("register-read", 1000, register_reads, nothing);

/// Text for a person, a KiB to a kick, as far as the serial line takes it at once.
pub const TEXT_SHOWN: Row = Row::new("console-per-kib", 8, text, nothing);
/// Bytes of it, and of a line.
const TEXT: u32 = 1024;
const LINE: usize = 64;

/// Why nothing here fails: whoever starts the bench has a console.
const CONSOLE: &str = "every Guest has a console with two queues";

static PAGE: Local<Option<Frame>> = Local::new(None);
static DELIVERED: AtomicU32 = AtomicU32::new(0);

/// Starts the console of a Guest on PCI. Text goes the old way on.
pub fn prepare_pci() {
    assert!(virtio::start(), "{CONSOLE}");
    console::set_sink(console::early::write);
}

fn kicks_of_nothing(count: u32) {
    let queue = virtio::with_output(|queue, _| *queue.queue()).expect(CONSOLE);
    each(count, |_| pci::kick(&queue));
}

fn register_reads(count: u32) {
    let device = Function::find(TYPE_CONSOLE, 0).expect(CONSOLE);
    each(count, |_| {
        bare::hold(device.read(NUM_QUEUES, Width::Word));
    });
}

/// Starts the console, and has its second queue's interrupt counted. Text goes the old way on.
pub fn prepare() {
    assert!(virtio::start(), "{CONSOLE}");
    console::set_sink(console::early::write);
    let page = DeviceWindow::new().device_page();
    let found = devices(&page).find(|device| device.kind == TYPE_CONSOLE);
    let queue = found.and_then(|device| device.queue(1)).expect(CONSOLE);
    let page = Frame::alloc();
    let mut line = [b'.'; LINE];
    line[LINE - 1] = b'\n';
    (0..TEXT).step_by(LINE).for_each(|offset| page.write_from(offset, &line));
    PAGE.with(|place| *place = Some(page));
    interrupts::handle(queue.irq, || {
        DELIVERED.fetch_add(1, Ordering::Relaxed);
    });
}

fn text(count: u32) {
    let page = PAGE.with(|page| page.as_ref().map(Frame::phys)).expect("prepare made it");
    each(count, |_| {
        with_queue(|queue, window| queue.offer(window, 0, page, TEXT, 0));
        Call::notify(with_queue(|queue, _| Ok(queue.at()))).make();
        assert!(with_queue(|queue, window| queue.take_used(window)).is_some(), "it is shown on return");
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
