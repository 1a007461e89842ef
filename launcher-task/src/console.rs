//! The console device: queue 0 brings what is typed, queue 1 takes what is shown.
//!
//! Output is complete before the Guest goes on, because drivers spin until
//! their buffer comes back. But a chain can be as long as all memory 256 times
//! over, so one step does [`WORK_PER_STEP`] at most and other Guests get
//! their turn in between. And a terminal may be slower than its Guest: when it
//! is full, the chain stays open until there is room, and its Guest waits.
//!
//! Input is taken from the port only when the Guest has offered a buffer for
//! it, so what waits, waits in the port, and a Guest that does not read costs
//! nothing. While there is a buffer the Guest need not kick for the next: each
//! step looks for itself.
//!
//! The size of the terminal is in the configuration, behind a feature that
//! drivers since 2.6.31 know and older ones ignore. It never changes, so nobody
//! has to be told of that, which the lguest bus has no way to do.
//!
//! Invariants:
//! - Nothing typed is lost or doubled, however buffers and bytes come
//!   (`input_waits_until_there_is_a_buffer`, `input_larger_than_a_buffer_goes_into_several`).
//! - A step's output is bounded (`endless_output_is_served_in_steps`).
//! - Nothing is written to a terminal that is full (`a_full_terminal_makes_its_writer_wait`).
//! - A buffer of the wrong direction is the Guest's end
//!   (`output_in_a_writable_buffer_kills_the_guest`).
//!
//! Source: virtio 0.9.5, "Console Device"; lguest ABI, "Request formats".
//!
//! Next on the tour: [`crate::rng`].

use abi::{
    GuestMemory, GuestResult,
    device_page::{QUEUE_ENTRIES, TYPE_CONSOLE},
};

use crate::{
    chain::{Chain, Direction},
    device::{Device, Progress, Shape},
    port::{Console, Ports},
    virtqueue::Virtqueue,
};

/// Number of the queue with what is typed; the other has what is shown.
const INPUT: usize = 0;
/// Most work one step does either way: a byte moved is one, and so is a buffer looked at, or empty
/// buffers would be free.
pub const WORK_PER_STEP: usize = 1024;
// A chain just opened leaves some of it for moving bytes, so each step gets on.
const _: () = assert!(WORK_PER_STEP > QUEUE_ENTRIES as usize);
/// Feature: the configuration says how large the terminal is.
const F_SIZE: u64 = 1 << 0;
/// Feature: a byte written into the configuration is shown.
const EMERGENCY_WRITE: u64 = 1 << 2;
/// Bytes of the configuration: columns and rows, number of ports, the byte for emergencies.
const CONFIG_LEN: usize = 12;
/// Bytes of columns and rows alone.
const SIZE_LEN: usize = 4;
/// Where that byte is.
const EMERGENCY_AT: u32 = 8;
/// Bytes copied at a time.
const COPY_LEN: usize = 128;

/// How large a terminal is, in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsoleSize {
    /// Columns, at least 1.
    pub columns: u16,
    /// Rows, at least 1.
    pub rows: u16,
}

/// The PC's text screen.
impl Default for ConsoleSize {
    fn default() -> Self {
        Self { columns: 80, rows: 25 }
    }
}

impl ConsoleSize {
    /// Reads a size like `80x25`, each number from 1 to 999; `None` if it is none.
    pub fn admit(word: &str) -> Option<Self> {
        let number = |digits: &str| {
            let is_plain =
                (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|&number| is_plain && number > 0)
        };
        let (columns, rows) = word.split_once('x')?;
        Some(Self { columns: number(columns)?, rows: number(rows)? })
    }

    /// As the configuration has it.
    const fn bytes(self) -> [u8; SIZE_LEN] {
        let ([a, b], [c, d]) = (self.columns.to_le_bytes(), self.rows.to_le_bytes());
        [a, b, c, d]
    }
}

/// A console and the chains it is in the middle of.
#[derive(Debug)]
pub struct ConsoleDevice {
    config: [u8; CONFIG_LEN],
    input: Chain,
    output: Chain,
    /// Its bus tells it what is written into its configuration.
    hears_writes: bool,
}

impl ConsoleDevice {
    /// A console of this size, on a bus that tells, or does not, what is written into a
    /// configuration: only then is there a byte for emergencies.
    pub fn new(size: ConsoleSize, hears_writes: bool) -> Self {
        let mut config = [0; CONFIG_LEN];
        config[..SIZE_LEN].copy_from_slice(&size.bytes());
        Self { config, input: Chain::default(), output: Chain::default(), hears_writes }
    }
}

impl Device for ConsoleDevice {
    fn shape(&self) -> Shape<'_> {
        let (features, config_len) =
            if self.hears_writes { (F_SIZE | EMERGENCY_WRITE, CONFIG_LEN) } else { (F_SIZE, SIZE_LEN) };
        let config = &self.config[..config_len];
        Shape { kind: TYPE_CONSOLE, name: "console", queues: 2, features, config }
    }

    fn serve(
        &mut self,
        index: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Progress> {
        if index == INPUT {
            receive(&mut self.input, queue, memory, ports.console)
        } else {
            transmit(&mut self.output, queue, memory, ports.console)
        }
    }

    /// The emergency byte: it is shown at once, whatever state the driver is in.
    fn write_config(&mut self, offset: u32, bytes: &[u8], ports: &mut Ports<'_>) {
        if offset == EMERGENCY_AT && self.hears_writes {
            ports.console.write(&bytes[..1]);
        }
    }

    fn reset(&mut self) {
        self.input.close();
        self.output.close();
    }
}

/// Sees to it that there is an open chain, if the Guest has one for us.
fn open(
    chain: &mut Chain,
    queue: &mut Virtqueue,
    memory: &dyn GuestMemory,
    direction: Direction,
) -> GuestResult<bool> {
    if chain.is_open() {
        return Ok(true);
    }
    let is_open = queue.pop(memory, chain)?;
    if is_open {
        chain.require(direction)?;
    }
    Ok(is_open)
}

/// Moves what is typed into the Guest's buffers.
fn receive(
    chain: &mut Chain,
    queue: &mut Virtqueue,
    memory: &mut dyn GuestMemory,
    port: &mut dyn Console,
) -> GuestResult<Progress> {
    let mut budget = WORK_PER_STEP;
    while open(chain, queue, memory, Direction::Writable)? {
        queue.want_kicks(memory, false)?;
        budget = budget.saturating_sub(chain.buffers().len());
        if budget == 0 {
            return Ok(Progress::Waiting);
        }
        let taken = fill(chain, memory, port, budget)?;
        let is_full = chain.piece(1).is_none();
        if taken > 0 || is_full {
            queue.give_back(memory, chain, taken)?;
        }
        if !is_full {
            return Ok(Progress::Waiting);
        }
        budget -= taken as usize;
    }
    queue.want_kicks(memory, true)?;
    Ok(Progress::Idle)
}

/// Fills an open chain until it is full, the port is empty or `budget` is used up; returns the
/// bytes taken.
fn fill(
    chain: &mut Chain,
    memory: &mut dyn GuestMemory,
    port: &mut dyn Console,
    budget: usize,
) -> GuestResult<u32> {
    let mut bytes = [0; COPY_LEN];
    while let Some(piece) = chain.piece(COPY_LEN.min(budget - chain.moved() as usize)) {
        let taken = port.read(&mut bytes[..piece.len]);
        memory.write_from(piece.at, &bytes[..taken])?;
        chain.advance(taken);
        if taken == 0 {
            break;
        }
    }
    Ok(chain.moved())
}

/// Shows what is in the Guest's buffers.
fn transmit(
    chain: &mut Chain,
    queue: &mut Virtqueue,
    memory: &mut dyn GuestMemory,
    port: &mut dyn Console,
) -> GuestResult<Progress> {
    if port.is_full() {
        return Ok(Progress::Busy);
    }
    let mut budget = WORK_PER_STEP;
    while open(chain, queue, memory, Direction::Readable)? {
        budget = budget.saturating_sub(chain.buffers().len());
        if budget > 0 && chain.piece(1).is_some() {
            budget -= show(chain, memory, port, budget)?;
        }
        if budget == 0 {
            return Ok(Progress::Busy);
        }
        queue.give_back(memory, chain, 0)?;
    }
    Ok(Progress::Idle)
}

/// Shows what is in an open chain, at most `budget` bytes; returns how many.
#[inline(never)]
fn show(
    chain: &mut Chain,
    memory: &mut dyn GuestMemory,
    port: &mut dyn Console,
    budget: usize,
) -> GuestResult<usize> {
    let (mut bytes, mut left) = ([0; COPY_LEN], budget);
    while left > 0
        && let Some(piece) = chain.piece(COPY_LEN.min(left))
    {
        let bytes = &mut bytes[..piece.len];
        memory.read_into(piece.at, bytes)?;
        port.write(bytes);
        chain.advance(piece.len);
        left -= piece.len;
    }
    Ok(budget - left)
}

#[cfg(test)]
mod tests;
