//! The virtio console: queue 0 brings input, queue 1 takes output.
//!
//! Output waits until the device gives the buffer back, so text is out when
//! the call returns. Input is asked for byte by byte, only when somebody wants
//! one: what was typed ahead stays on the Host's side, where it outlives a
//! restart of this Guest.
//!
//! ```text
//!   write: copy -> offer -> NOTIFY(ring) -> wait for the used ring
//!   read:  offer -> NOTIFY(ring) -> HALT … interrupt -> used ring -> byte
//! ```
//!
//! Invariants: each queue has one buffer and one descriptor, number 0, which is
//! either ours or the device's (`lent` says so of the input's).
//!
//! Source: Virtio 1.0, 5.3 "Console Device".
//!
//! Next on the tour: [`crate::block`].

use abi::PAGE_SIZE;
use abi::device_page::{DESC_WRITE, TYPE_CONSOLE};

use crate::device_window::DeviceWindow;
use crate::devices::Queue;
use crate::driver;
use crate::frames::Frame;
use crate::hypercall::halt;
use crate::interrupts;
use crate::local::Local;
use crate::pci::{self, Function};
use crate::virtqueue::Virtqueue;

static CONSOLE: Local<Option<Console>> = Local::new(None);
/// Its registers, on PCI.
static FUNCTION: Local<Option<Function>> = Local::new(None);

/// Why a queue cannot be out of reach: the window is the one it came with.
const RING_IS_THERE: &str = "the rings lie in the window";

struct Console {
    window: DeviceWindow,
    input: Virtqueue,
    output: Virtqueue,
    from_person: Frame,
    to_person: Frame,
    /// Whether the device has `from_person`, to put a byte in.
    lent: bool,
}

/// Finds the console and sends all further text there; `false` if there is none.
pub fn start() -> bool {
    let Some(started) = driver::start::<2, 0>(TYPE_CONSOLE, 0, 0) else { return false };
    let [input, output] = started.queues;
    let mut new = Console::new(started.window, input, output);
    new.output.poll(&mut new.window).expect(RING_IS_THERE);
    CONSOLE.with(|console| *console = Some(new));
    FUNCTION.set(started.function);
    interrupts::handle(input.irq, || driver::acknowledge(FUNCTION.get())); // its only task is to end a HALT
    super::set_sink(write);
    true
}

/// Writes `bytes`; they are out on return.
fn write(bytes: &[u8]) {
    CONSOLE.with(|console| {
        if let Some(console) = console {
            bytes.chunks(PAGE_SIZE as usize).for_each(|chunk| console.write(chunk));
        }
    });
}

/// The next byte typed; sleeps until there is one, and does `meanwhile` whenever it wakes up for
/// something else.
pub fn read_byte(meanwhile: &mut dyn FnMut()) -> u8 {
    loop {
        // The look and the sleep must not have an interrupt between them, or it would be slept
        // through. HALT turns interrupts on by itself when one comes.
        let saved = interrupts::save_and_disable();
        if let Some(byte) = CONSOLE.with(|console| console.as_mut().and_then(Console::read)) {
            interrupts::restore(saved);
            return byte;
        }
        halt();
        interrupts::restore(saved);
        meanwhile();
    }
}

/// Runs `body` on the output queue and the device pages; for tests of what the Host makes of a ring.
pub fn with_output<R>(body: impl FnOnce(&mut Virtqueue, &mut DeviceWindow) -> R) -> Option<R> {
    CONSOLE.with(|console| console.as_mut().map(|console| body(&mut console.output, &mut console.window)))
}

impl Console {
    fn new(window: DeviceWindow, input: Queue, output: Queue) -> Self {
        Self {
            window,
            input: Virtqueue::new(input),
            output: Virtqueue::new(output),
            from_person: Frame::alloc(),
            to_person: Frame::alloc(),
            lent: false,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.to_person.copy_from(bytes);
        let len = bytes.len() as u32;
        self.output.offer(&mut self.window, 0, self.to_person.phys(), len, 0).expect(RING_IS_THERE);
        pci::kick(self.output.queue());
        while self.output.take_used(&self.window).expect(RING_IS_THERE).is_none() {
            core::hint::spin_loop();
        }
    }

    /// A byte, if there is one; asks for one if not yet done.
    fn read(&mut self) -> Option<u8> {
        if !self.lent {
            let buffer = self.from_person.phys();
            self.input.offer(&mut self.window, 0, buffer, 1, DESC_WRITE).expect(RING_IS_THERE);
            pci::kick(self.input.queue());
            self.lent = true;
        }
        self.input.take_used(&self.window).expect(RING_IS_THERE)?;
        self.lent = false;
        Some(self.from_person.byte(0))
    }
}
