//! A Guest that keeps the treaty sees exactly its own page tables.
//!
//! The Guest stores to its tables, of either format, and tells of each store by
//! the call that the ABI asks for. Its kernel half is the same in each top
//! level, which is what the Host may rely on. After each step:
//! - an access ends as [`Model::access`] says: same byte, same error code, or
//!   dead of the same reason;
//! - memory is the model's, so A and D are;
//! - each translation of the current root is one the Guest's tables give;
//! - the kernel stack is writable without a fault;
//! - [`Hardware::audit`](crate::hardware::Hardware::audit) holds.
//!
//! Source: lguest ABI, "What each call must do".
//!
//! Next on the tour: [`crate::hostile`].

use abi::{GuestLinear, GuestPhys, GuestResult, KillReason, PAGE_SIZE, kill::PageTableError};
use kernel::shadow::entry::{A, D, P, U};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::hardware::{Access, SWITCHER_TABLES};
use crate::model::{Model, Outcome};
use crate::op::{self, Kind, Op, Write};
use crate::ram::Ram;
use crate::shape::{Shape, store};
use crate::world::{World, access_of};
use crate::{Hex, config};

/// A call that tells of a changed entry, the first address it is for, and below which top level.
#[derive(Clone, Copy, Debug)]
struct Call {
    top: u32,
    at: GuestLinear,
    what: Changed,
}

/// The entry that changed.
#[derive(Clone, Copy, Debug)]
enum Changed {
    /// In a page table, to this.
    Pte { entry: u32, high: u32 },
    /// In this middle directory.
    Pmd { middle: u32, index: u32 },
    /// In a top level.
    Pgd { index: u32 },
}

/// A Guest, its model, and the treaty between them.
struct Treaty {
    real: World,
    model: Model,
    shape: Shape,
    kernel_address: u32,
}

impl Treaty {
    fn new(shape: Shape, tables: usize, kernel_address: u32, tail: u32) -> Self {
        let real = World::new(shape, tables, kernel_address, tail);
        let ram = Ram(real.ram.0.clone());
        Self { real, model: Model { ram, shape, top: None, stack: None }, shape, kernel_address }
    }

    /// First entry of each top level that belongs to the kernel, if only in part.
    fn kernel_entry(&self) -> u32 {
        self.shape.kernel_entry(self.kernel_address)
    }

    /// Does one step on both sides; `true` if the Guest is dead.
    fn step(&mut self, op: &Op) -> Result<bool, TestCaseError> {
        match op {
            Op::Write { writes, flush } => return self.write_all(writes, *flush),
            Op::Switch(top) => self.switch(top.0)?,
            Op::Flush { everything } => self.flush(*everything),
            Op::Stack { end, pages } => {
                self.real.shadow.set_stack(end.0, *pages);
                self.model.stack = Some((end.0, *pages));
            }
            Op::Touch(at, kind) => return self.touch(GuestLinear(at.0), *kind),
            Op::Tour(at, kind) => return self.tour(GuestLinear(at.0), *kind),
            Op::Move => self.real.cpu ^= 1,
        }
        Ok(false)
    }

    fn switch(&mut self, top: u32) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.real.shadow.switch_to(&self.real.ram, GuestPhys(top)), Ok(()));
        self.model.top = Some(top);
        Ok(())
    }

    fn flush(&mut self, everything: bool) {
        if everything {
            self.real.shadow.flush_all();
        } else {
            self.real.shadow.flush_user(&self.real.ram);
        }
    }

    /// Touches `at` in one address space after the other.
    fn tour(&mut self, at: GuestLinear, kind: Kind) -> Result<bool, TestCaseError> {
        for top in self.shape.tops() {
            self.switch(top)?;
            if self.touch(at, kind)? {
                return Ok(true);
            }
            // It may have cost others a licence.
            self.model.adopt(&self.real.ram, self.kernel_entry())?;
        }
        Ok(false)
    }

    fn touch(&mut self, at: GuestLinear, kind: Kind) -> Result<bool, TestCaseError> {
        // Nobody is in ring 3 before there are page tables.
        let kind = match kind {
            Kind::UserRead if self.model.top.is_none() => Kind::Read,
            Kind::UserWrite if self.model.top.is_none() => Kind::Write,
            other => other,
        };
        let is_host = matches!(kind, Kind::HostRead | Kind::HostWrite);
        let real = self.real.touch_as(at, kind).unwrap_or_else(Outcome::Killed);
        let pinned = if is_host { None } else { self.model.pin() };
        let model = pinned.map_or_else(|| self.model.access(at, access_of(kind)), Outcome::Killed);
        match model {
            Outcome::Fault(_) | Outcome::Device if is_host => {
                prop_assert!(matches!(real, Outcome::Fault(_)), "{real:?}, not {model:?}")
            }
            Outcome::Fault(_) | Outcome::Device | Outcome::Byte(_) | Outcome::Closed | Outcome::Killed(_) => {
                prop_assert_eq!(real, model)
            }
        }
        if !is_host && !matches!(real, Outcome::Killed(_)) {
            self.check_stack()?;
        }
        Ok(matches!(real, Outcome::Killed(_)))
    }

    /// While the Guest runs the CPU can push on its kernel stack.
    fn check_stack(&mut self) -> Result<(), TestCaseError> {
        let root = self.real.shadow.root(SWITCHER_TABLES[self.real.cpu]).unwrap();
        for at in self.model.stack_pages() {
            let pushed = self.real.hardware.walk(root, at, Access { write: true, user: false });
            prop_assert!(pushed.is_ok(), "the stack page at {at} is not pinned");
        }
        Ok(())
    }

    /// Stores, in each top level if the kernel half is meant, then tells.
    fn write_all(&mut self, writes: &[Write], flush: bool) -> Result<bool, TestCaseError> {
        let mut calls = Vec::new();
        for write in writes {
            let places = self.places(write.at.0);
            for &at in &places {
                for ram in [&mut self.real.ram, &mut self.model.ram] {
                    store(ram, self.shape.format, at, write.entry.0, write.high.0);
                }
            }
            places.iter().for_each(|&at| self.calls_for(at, write, &mut calls));
        }
        if self.model.top.is_none() {
            return Ok(false);
        }
        if flush {
            self.flush(!self.is_users(&calls));
            return Ok(false);
        }
        for call in calls {
            if self.tell(call)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where a store to `at` goes: a kernel's top-level entry is the same in each top level.
    fn places(&self, at: u32) -> Vec<u32> {
        match self.shape.top_entry(at) {
            Some((_, index)) if index >= self.kernel_entry() => {
                self.shape.tops().map(|top| top + index * self.shape.format.entry_len()).collect()
            }
            Some(_) | None => vec![at],
        }
    }

    /// The calls that tell of one store: it may be a top level's, and in any number of tables.
    fn calls_for(&self, at: u32, write: &Write, calls: &mut Vec<Call>) {
        let (page, index) = (at & !(PAGE_SIZE - 1), at % PAGE_SIZE / self.shape.format.entry_len());
        if let Some((top, index)) = self.shape.top_entry(at) {
            let at = GuestLinear(index << self.shape.top_shift());
            calls.push(Call { top, at, what: Changed::Pgd { index } });
        }
        for top in self.shape.tops() {
            let leads_here = |&(_, table): &(GuestLinear, u32)| table == page;
            for (first, middle) in self.model.middles(top).into_iter().filter(leads_here) {
                let at = GuestLinear(first.0 | index << self.shape.slot_shift());
                calls.push(Call { top, at, what: Changed::Pmd { middle, index } });
            }
            for (first, _) in self.model.tables(top).into_iter().filter(leads_here) {
                let what = Changed::Pte { entry: write.entry.0, high: write.high.0 };
                calls.push(Call { top, at: GuestLinear(first.0 | index << 12), what });
            }
        }
    }

    /// Whether only the user half of the current address space is concerned.
    fn is_users(&self, calls: &[Call]) -> bool {
        let is_users = |at: GuestLinear| at.0 >> self.shape.top_shift() < self.kernel_entry();
        calls.iter().all(|call| Some(call.top) == self.model.top && is_users(call.at))
    }

    fn tell(&mut self, Call { top, at, what }: Call) -> Result<bool, TestCaseError> {
        let World { shadow, ram, .. } = &mut self.real;
        match what {
            Changed::Pgd { index } => prop_assert_eq!(shadow.set_pgd(GuestPhys(top), index), Ok(())),
            Changed::Pmd { middle, index } => {
                prop_assert_eq!(shadow.set_pmd(ram, GuestPhys(middle), index), Ok(()));
            }
            Changed::Pte { entry, high } => {
                let told = shadow.set_pte(ram, [top, at.0, entry, high].into());
                return self.judge_telling(at, entry, high, told);
            }
        }
        Ok(false)
    }

    /// Telling of an entry the Host will not follow kills.
    fn judge_telling(
        &self,
        at: GuestLinear,
        entry: u32,
        high: u32,
        told: GuestResult,
    ) -> Result<bool, TestCaseError> {
        // An entry never used is only taken out.
        let is_judged = entry & P != 0 && entry & (A | D) != 0;
        let is_bad = is_judged && !self.model.is_lawful(entry, high);
        let bad_page: KillReason = PageTableError::Entry { at, entry }.into();
        prop_assert_eq!(told, if is_bad { Err(bad_page) } else { Ok(()) });
        Ok(is_bad)
    }

    /// What holds after each step of a Guest that lives.
    fn check(&mut self) -> Result<(), TestCaseError> {
        self.model.adopt(&self.real.ram, self.kernel_entry())?;
        let first_shared = self.kernel_address.div_ceil(1 << 22) as usize;
        let root = self.real.shadow.root(SWITCHER_TABLES[self.real.cpu]).unwrap();
        self.real.hardware.audit(&self.real.shadow, self.real.ram.0.len() as u32, first_shared)?;
        for (at, page, rights) in self.real.hardware.translations(root) {
            prop_assert!(self.model.allows(at, page, rights), "{at} leads to {page} with rights {rights:#x}");
            prop_assert!(rights & U == 0 || !self.shape.is_closed(at), "{at} is open to ring 3");
        }
        Ok(())
    }

    /// A reset gives every table back.
    fn finish(mut self) -> Result<(), TestCaseError> {
        self.real.shadow.reset();
        let (all, free) = self.real.shadow.tables();
        prop_assert_eq!(free, all - 1, "tables leak");
        self.real.hardware.give_back();
        Ok(())
    }
}

fn follow(
    shape: Shape,
    tables: usize,
    kernel_address: Hex,
    tail: u32,
    ops: &[Op],
) -> Result<(), TestCaseError> {
    let mut treaty = Treaty::new(shape, tables, kernel_address.0, tail);
    for (number, op) in ops.iter().enumerate() {
        let in_step = |error| TestCaseError::fail(format!("step {number}, {op:x?}: {error}"));
        if treaty.step(op).map_err(in_step)? {
            break;
        }
        treaty.check().map_err(in_step)?;
    }
    treaty.finish()
}

/// A shape, how many tables its pool has, and what happens.
fn story() -> impl Strategy<Value = (Shape, usize, Vec<Op>)> {
    op::shape().prop_flat_map(|shape| {
        (Just(shape), op::pool_size(shape), prop::collection::vec(op::op(shape), 1..60))
    })
}

proptest! {
    #![proptest_config(config(160))]

    #[test]
    fn a_guest_that_tells_its_changes_sees_its_own_tables(
        (shape, tables, ops) in story(),
        kernel_address in op::kernel_address(),
        tail in prop_oneof![Just(0_u32), Just(0x800)],
    ) {
        follow(shape, tables, kernel_address, tail, &ops)?;
    }
}
