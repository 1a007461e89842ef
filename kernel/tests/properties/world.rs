//! A Guest and its shadows on a CPU that walks them, with nobody in between.
//!
//! The part of the run loop that concerns paging: pin the stack, load the
//! root, and bring each page fault to the Host until the access is done.
//!
//! Next on the tour: [`crate::announced`].

use abi::{GuestLinear, GuestResult, PAGE_SIZE};
use kernel::cpu::exit::PageFaultCode;
use kernel::shadow::{PageFault, Shadow};

use crate::hardware::{Access, GUEST_BASE, Hardware, SWITCHER_TABLES};
use crate::model::Outcome;
use crate::op::Kind;
use crate::ram::Ram;
use crate::shape::Shape;

/// Entries of one access at most: the fault, its repair, and the stack pinned again.
const PATIENCE: usize = 3;

/// A Guest and its shadows.
pub struct World {
    pub ram: Ram,
    pub shadow: Shadow,
    pub hardware: Hardware,
    /// Which of the CPUs it is on.
    pub cpu: usize,
}

impl World {
    /// A Guest after INIT, in linear mode, with `tail` bytes behind its last whole page.
    pub fn new(shape: Shape, tables: usize, kernel_address: u32, tail: u32) -> Self {
        let hardware = Hardware::new(tables);
        let mut shadow = Shadow::new(hardware.pool(), GUEST_BASE);
        shadow.set_kernel_address(kernel_address);
        shadow.set_format(Some(shape.format));
        shadow.set_device_limit(shape.device_limit());
        if shape.closes_low {
            shadow.close_virtual_8086();
        }
        let mut ram = Ram::new(shape.pages() * PAGE_SIZE + tail);
        shape.populate(&mut ram, kernel_address);
        Self { ram, shadow, hardware, cpu: 0 }
    }

    /// Touches `at` from inside the Guest: enters it, again and again, until the access is done
    /// or the Guest hears of it.
    pub fn touch(&mut self, at: GuestLinear, access: Access) -> GuestResult<Outcome> {
        for _ in 0..PATIENCE {
            self.shadow.pin_stack(&mut self.ram)?;
            let root = self.shadow.root(SWITCHER_TABLES[self.cpu])?;
            let code = match self.hardware.walk(root, at, access) {
                Ok(byte) => return Ok(Outcome::Byte(byte)),
                Err(code) => code,
            };
            match self.shadow.demand_page(&mut self.ram, at, code)? {
                PageFault::Fixed => {}
                PageFault::Device(_) => return Ok(Outcome::Device),
                PageFault::Reflect(code) => return Ok(Outcome::Fault(code)),
                PageFault::Closed => return Ok(Outcome::Closed),
            }
        }
        panic!("{at} faults for ever");
    }

    /// Touches `at` as `kind` does; a kill is an error.
    pub fn touch_as(&mut self, at: GuestLinear, kind: Kind) -> GuestResult<Outcome> {
        let access = access_of(kind);
        let found = match kind {
            Kind::HostRead => self.shadow.readable(&mut self.ram, at, PageFaultCode(0))?,
            Kind::HostWrite => self.shadow.writable(&mut self.ram, at)?,
            Kind::Read | Kind::Write | Kind::UserRead | Kind::UserWrite => return self.touch(at, access),
        };
        Ok(found.map_or(Outcome::Fault(access.code(false)), Outcome::Byte))
    }
}

/// What an access of this kind needs.
pub fn access_of(kind: Kind) -> Access {
    let write = matches!(kind, Kind::Write | Kind::UserWrite | Kind::HostWrite);
    Access { write, user: matches!(kind, Kind::UserRead | Kind::UserWrite) }
}
