//! The entropy device: fills what it is offered with bytes nobody can foresee.
//!
//! A chain may be all of memory, and a driver is content with less: each gets a
//! page at most, and a step serves a page's worth of them.
//!
//! Invariants:
//! - A step's work is bounded, whatever is offered
//!   (`endless_requests_are_served_in_steps`).
//! - The length given back is what was filled, and nothing else is touched
//!   (`a_buffer_is_filled_up_to_a_page`).
//!
//! Source: virtio 1.0, "Entropy Device".
//!
//! Next on the tour: [`crate::block`].

use abi::{
    GuestMemory, GuestResult, PAGE_SIZE,
    device_page::{QUEUE_ENTRIES, TYPE_RNG},
};

use crate::{
    chain::{Chain, Direction},
    device::{Device, Progress, Shape},
    port::{Entropy, Ports},
    virtqueue::Virtqueue,
};

/// Most bytes a chain gets, and a step makes; a buffer looked at counts as one.
pub const WORK_PER_STEP: usize = PAGE_SIZE as usize;
/// Most buffers of a chain: with no more work left than that, it is for the next step.
const BUFFERS: usize = QUEUE_ENTRIES as usize;
const _: () = assert!(WORK_PER_STEP > BUFFERS);
/// Bytes made at a time.
const COPY_LEN: usize = 256;

/// An entropy device.
#[derive(Debug, Default)]
pub struct RngDevice {
    chain: Chain,
}

impl Device for RngDevice {
    fn shape(&self) -> Shape<'_> {
        Shape { kind: TYPE_RNG, name: "entropy source", queues: 1, features: 0, config: &[] }
    }

    fn serve(
        &mut self,
        _: usize,
        queue: &mut Virtqueue,
        memory: &mut dyn GuestMemory,
        ports: &mut Ports<'_>,
    ) -> GuestResult<Progress> {
        let mut budget = WORK_PER_STEP;
        while budget > BUFFERS {
            if !queue.pop(memory, &mut self.chain)? {
                return Ok(Progress::Idle);
            }
            self.chain.require(Direction::Writable)?;
            budget -= self.chain.buffers().len();
            let filled = fill(&mut self.chain, memory, ports.entropy, budget)?;
            budget -= filled as usize;
            queue.give_back(memory, &mut self.chain, filled)?;
        }
        Ok(Progress::Busy)
    }

    fn reset(&mut self) {
        self.chain.close();
    }
}

/// Fills an open chain with at most `budget` bytes; returns how many.
fn fill(
    chain: &mut Chain,
    memory: &mut dyn GuestMemory,
    entropy: &mut dyn Entropy,
    budget: usize,
) -> GuestResult<u32> {
    let mut bytes = [0; COPY_LEN];
    while let Some(piece) = chain.piece(COPY_LEN.min(budget - chain.moved() as usize)) {
        if piece.len == 0 {
            break;
        }
        entropy.fill(&mut bytes[..piece.len]);
        memory.write_from(piece.at, &bytes[..piece.len])?;
        chain.advance(piece.len);
    }
    Ok(chain.moved())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fakes::{Driver, FakeConsole, FakeEntropy, Ram},
        net::network::Networks,
        virtqueue::Rings,
    };
    use Direction::{Readable, Writable};
    use abi::{GuestPhys, Nanos, kill::RingError};

    const RING: GuestPhys = GuestPhys(0x1_0000);

    struct Bench {
        device: RngDevice,
        ram: Ram,
        driver: Driver,
        queue: Virtqueue,
    }

    fn bench() -> Bench {
        let queue = Virtqueue::new(Rings::in_one_run(RING), 0);
        Bench { device: RngDevice::default(), ram: Ram::zeroed(0x1_3000), driver: Driver::new(RING), queue }
    }

    impl Bench {
        fn serve(&mut self) -> GuestResult<Progress> {
            let (console, entropy) = (&mut FakeConsole::default(), &mut FakeEntropy::default());
            let net = &mut Networks::none();
            let mut ports = Ports { now: Nanos(0), console, net, entropy };
            self.device.serve(0, &mut self.queue, &mut self.ram, &mut ports)
        }
    }

    #[test]
    fn a_buffer_is_filled_up_to_a_page() {
        let mut bench = bench();
        bench
            .driver
            .offer(&mut bench.ram, &[(0x100, 3, Writable), (0x200, 0, Writable), (0x300, 200, Writable)]);
        bench.driver.offer(&mut bench.ram, &[(0x1000, 0x8000, Writable)]);
        while bench.serve() == Ok(Progress::Busy) {}
        let [(0, 203), (3, filled)] = bench.driver.used(&bench.ram)[..] else { panic!("two buffers back") };
        assert!((1..=4096).contains(&filled), "{filled}");
        let is_zero = |range: core::ops::Range<usize>| bench.ram[range].iter().all(|&byte| byte == 0);
        assert!(
            !is_zero(0x100..0x103) && !is_zero(0x300..0x3C8) && !is_zero(0x1000..0x1000 + filled as usize)
        );
        assert!(is_zero(0x103..0x300) && is_zero(0x3C8..0x1000));
        assert!(is_zero(0x1000 + filled as usize..RING.0 as usize));
    }

    #[test]
    fn endless_requests_are_served_in_steps() {
        let mut bench = bench();
        bench.driver.offer(&mut bench.ram, &[(0, 0x1_0000, Writable); 256]);
        for _ in 1..256 {
            bench.driver.publish(&mut bench.ram, 0);
        }
        let mut steps = 1;
        while bench.serve() == Ok(Progress::Busy) {
            steps += 1;
        }
        let back = bench.driver.used(&bench.ram);
        assert!(steps >= 256 && back.len() == 256, "{steps}");
        for _ in 0..256 {
            bench.driver.offer(&mut bench.ram, &[(0, 100, Writable)]);
        }
        while bench.serve() == Ok(Progress::Busy) {}
        let small = bench.driver.used(&bench.ram);
        assert!(small.len() == 256 && small.iter().all(|&(_, filled)| filled == 100));
        assert!(back.iter().all(|&(_, filled)| (1..=4096).contains(&filled)));
    }

    #[test]
    fn a_buffer_to_read_from_kills_the_guest() {
        let mut bench = bench();
        bench.driver.offer(&mut bench.ram, &[(0, 1, Readable)]);
        assert_eq!(bench.serve(), Err(RingError::Direction.into()));
    }
}
