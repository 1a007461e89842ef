//! `lguest_data` from the Host's side: the few words both sides write.
//!
//! Its address arrives once, in INIT, together with promises (where the
//! kernel begins, where its `iret` stub is). The promises are copied here and
//! never read again; the living words are read from Guest memory each time
//! they are needed, and only bit 9 of `irq_enabled` is ever believed.
//!
//! Source: lguest ABI, section "struct lguest_data".
//!
//! Next on the tour: [`crate::hypercall::ring`].

use core::ops::Range;

use abi::hypercall::SYSCALL_VECTOR;
use abi::kill::HypercallError;
use abi::lguest_data::{
    BLOCKED_INTERRUPTS, CR2, IF, IRQ_ENABLED, Layout, NoIrqField, RESERVED_TOP, SWITCHER_BASE, TIME,
};
use abi::memory::check_range;
use abi::{GuestLinear, GuestMemory, GuestPhys, GuestResult, Variant};

use crate::hypercall::ring::Ring;

/// Where a Guest must not be interrupted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoIrq {
    /// Anywhere in here: it waits until the Guest is out.
    Range(Range<u32>),
    /// At this `iret`: the frame it is about to pop serves the handler as its own.
    Iret(u32),
}

/// One Guest's `lguest_data`.
pub struct Shared {
    at: GuestPhys,
    /// The year it is of.
    pub variant: Variant,
    layout: &'static Layout,
    /// Where the kernel half of every address space begins.
    pub kernel_address: u32,
    /// Where no interrupt may come.
    pub no_irq: NoIrq,
    /// The calls it has queued.
    pub ring: Ring,
}

impl Shared {
    /// `LGUEST_INIT`: judges the structure of `variant` at `at` and fills in the Host's part.
    ///
    /// # Errors
    /// Kills if it is not all in memory, wants another system-call vector, or begins its kernel
    /// where the Switcher is.
    // Rare, and in the loop all the same: a call there costs each exit registers.
    #[inline(always)]
    pub fn admit(
        memory: &mut impl GuestMemory,
        variant: Variant,
        at: GuestPhys,
        tsc_khz: u32,
        wall_clock: (u32, u32),
    ) -> GuestResult<Self> {
        let layout = variant.layout();
        check_range(at, layout.size as usize, memory.limit())?;
        let field = |offset| GuestPhys(at.0 + offset);
        memory.write_u32(field(layout.reserve_mem + 4), tsc_khz)?;
        let vector = memory.read_u32(field(layout.kernel_address + 4))?;
        if vector != u32::from(SYSCALL_VECTOR) {
            return Err(HypercallError::SyscallVector { vector }.into());
        }
        let no_irq = match layout.noirq {
            NoIrqField::Range(at) => {
                NoIrq::Range(memory.read_u32(field(at))?..memory.read_u32(field(at + 4))?)
            }
            NoIrqField::Iret(at) => NoIrq::Iret(memory.read_u32(field(at))?),
        };
        let kernel_address = memory.read_u32(field(layout.kernel_address))?;
        memory.write_u32(field(layout.reserve_mem), RESERVED_TOP)?;
        if kernel_address >= SWITCHER_BASE {
            return Err(HypercallError::KernelAddress { at: GuestLinear(kernel_address) }.into());
        }
        let shared = Self { at, variant, layout, kernel_address, no_irq, ring: Ring::new(at, variant) };
        shared.set_time(memory, wall_clock)?;
        Ok(shared)
    }

    #[inline]
    fn field(&self, offset: u32) -> GuestPhys {
        GuestPhys(self.at.0 + offset)
    }

    /// Whether the virtual interrupt flag is set.
    #[inline]
    pub fn interrupts_on(&self, memory: &impl GuestMemory) -> GuestResult<bool> {
        Ok(memory.read_u32(self.field(IRQ_ENABLED))? & IF != 0)
    }

    /// Sets the virtual interrupt flag.
    #[inline]
    pub fn set_interrupts_on(&self, memory: &mut impl GuestMemory, on: bool) -> GuestResult {
        memory.write_u32(self.field(IRQ_ENABLED), if on { IF } else { 0 })
    }

    /// The interrupt lines the Guest keeps waiting, a bit each.
    #[inline]
    pub fn blocked(&self, memory: &impl GuestMemory) -> GuestResult<u32> {
        memory.read_u32(self.field(BLOCKED_INTERRUPTS))
    }

    /// Tells the Guest whether something waits for its interrupt flag.
    #[inline]
    pub fn set_irq_pending(&self, memory: &mut impl GuestMemory, pending: bool) -> GuestResult {
        match self.layout.irq_pending {
            Some(offset) => memory.write_u32(self.field(offset), if pending { IF } else { 0 }),
            None => Ok(()),
        }
    }

    /// Tells the Guest where the page tables are that it starts on, if it asks.
    pub fn set_pgdir(&self, memory: &mut impl GuestMemory, top: GuestPhys) -> GuestResult {
        match self.layout.pgdir {
            Some(offset) => memory.write_u32(self.field(offset), top.0),
            None => Ok(()),
        }
    }

    /// Sets the address of the page fault about to be reflected.
    #[inline]
    pub fn set_cr2(&self, memory: &mut impl GuestMemory, at: GuestLinear) -> GuestResult {
        memory.write_u32(self.field(CR2), at.0)
    }

    /// Sets the wall clock: seconds and nanoseconds.
    pub fn set_time(&self, memory: &mut impl GuestMemory, (sec, nsec): (u32, u32)) -> GuestResult {
        memory.write_u32(self.field(TIME), sec)?;
        memory.write_u32(self.field(TIME + 4), nsec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{LGUEST_DATA_AT, Ram, ram_with_lguest_data};

    fn admit(ram: &mut Ram) -> GuestResult<Shared> {
        Shared::admit(ram, Variant::C, LGUEST_DATA_AT, 1_000_000, (17, 4))
    }

    fn word(ram: &Ram, offset: u32) -> u32 {
        ram.read_u32(GuestPhys(LGUEST_DATA_AT.0 + offset)).unwrap()
    }

    #[test]
    fn init_fills_in_the_hosts_part() {
        let mut ram = ram_with_lguest_data();
        admit(&mut ram).unwrap();
        assert_eq!((word(&ram, 1368), word(&ram, 1372)), (RESERVED_TOP, 1_000_000));
        assert_eq!((word(&ram, 12), word(&ram, 16)), (17, 4));
    }

    #[test]
    fn a_kernel_inside_the_switchers_area_is_refused() {
        let mut ram = ram_with_lguest_data();
        ram.write_u32(GuestPhys(LGUEST_DATA_AT.0 + 1384), SWITCHER_BASE).unwrap();
        assert!(admit(&mut ram).is_err());
    }

    #[test]
    fn data_across_the_end_of_memory_is_refused() {
        let mut ram = ram_with_lguest_data();
        for variant in Variant::ALL {
            let at = GuestPhys(ram.limit() - variant.layout().size + 1);
            assert!(Shared::admit(&mut ram, variant, at, 0, (0, 0)).is_err());
        }
    }

    #[test]
    fn only_bit_9_means_interrupts_are_on() {
        let mut ram = ram_with_lguest_data();
        let shared = admit(&mut ram).unwrap();
        ram.write_u32(LGUEST_DATA_AT, 0x46).unwrap();
        assert_eq!(shared.interrupts_on(&ram), Ok(false));
        ram.write_u32(LGUEST_DATA_AT, 0x246).unwrap();
        assert_eq!(shared.interrupts_on(&ram), Ok(true));
    }
}
