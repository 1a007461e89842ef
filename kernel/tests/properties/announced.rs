//! A Guest that keeps the treaty sees exactly its own page tables.
//!
//! The Guest stores to its tables and tells of each store by the call that the
//! ABI asks for. Its kernel half is the same in each directory, which is what
//! the Host may rely on. After each step:
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

use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestPhys, GuestResult, KillReason, PAGE_SIZE, kill::PageTableError};
use kernel::shadow::entry::{A, D, GuestEntry, P};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::hardware::{Access, SWITCHER_TABLES};
use crate::model::{Model, Outcome};
use crate::op::{self, Kind, Op, PAGES, Write};
use crate::ram::Ram;
use crate::world::{World, access_of};
use crate::{Hex, config};

/// A call that tells of a change.
#[derive(Clone, Copy, Debug)]
enum Call {
    SetPte { top: u32, at: GuestLinear, entry: u32 },
    SetPgd { top: u32, index: u32 },
    FlushUser,
    FlushAll,
}

/// A Guest, its model, and the treaty between them.
struct Treaty {
    real: World,
    model: Model,
    kernel_address: u32,
    /// A page-table entry was told in this step.
    told: bool,
}

impl Treaty {
    fn new(tables: usize, kernel_address: u32, limit: u32) -> Self {
        let real = World::new(tables, kernel_address, limit);
        let ram = Ram(real.ram.0.clone());
        Self { real, model: Model { ram, top: None, stack: None }, kernel_address, told: false }
    }

    /// First directory slot that belongs to the kernel, if only in part.
    fn kernel_slot(&self) -> u32 {
        self.kernel_address >> 22
    }

    /// Does one step on both sides; `true` if the Guest is dead.
    fn step(&mut self, op: &Op) -> Result<bool, TestCaseError> {
        self.told = false;
        match op {
            Op::Write { writes, flush } => return self.write_all(writes, *flush),
            Op::Switch(page) => {
                let top = page * PAGE_SIZE;
                prop_assert_eq!(self.real.shadow.switch_to(&self.real.ram, GuestPhys(top)), Ok(()));
                self.model.top = Some(top);
            }
            Op::Flush { everything: true } => self.real.shadow.flush_all(),
            Op::Flush { everything: false } => self.real.shadow.flush_user(),
            Op::Stack { end, pages } => {
                self.real.shadow.set_stack(end.0, *pages);
                self.model.stack = Some((end.0, *pages));
            }
            Op::Touch(at, kind) => return self.touch(GuestLinear(at.0), *kind),
            Op::Move => self.real.cpu ^= 1,
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
            Outcome::Fault(_) if is_host => {
                prop_assert!(matches!(real, Outcome::Fault(_)), "{real:?}, not {model:?}")
            }
            Outcome::Fault(_) | Outcome::Byte(_) | Outcome::Killed(_) => prop_assert_eq!(real, model),
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

    /// Stores, in each directory if the kernel half is meant, then tells.
    fn write_all(&mut self, writes: &[Write], flush: bool) -> Result<bool, TestCaseError> {
        let mut calls = Vec::new();
        for write in writes {
            let is_kernels = write.page < op::DIRECTORIES && write.index.0 >= self.kernel_slot();
            let pages = if is_kernels { 0..op::DIRECTORIES } else { write.page..write.page + 1 };
            for page in pages.clone() {
                self.real.ram.set_word(page * PAGE_SIZE + write.index.0 * 4, write.entry.0);
                self.model.ram.set_word(page * PAGE_SIZE + write.index.0 * 4, write.entry.0);
            }
            pages.for_each(|page| self.calls_for(page, *write, &mut calls));
        }
        if self.model.top.is_none() {
            return Ok(false);
        }
        if flush {
            calls = vec![if self.is_users(&calls) { Call::FlushUser } else { Call::FlushAll }];
        }
        for call in calls {
            if self.tell(call)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The calls that tell of one store: it may be a directory's, and in any number of tables.
    fn calls_for(&self, page: u32, write: Write, calls: &mut Vec<Call>) {
        let (index, entry) = (write.index.0, write.entry.0);
        if page < op::DIRECTORIES {
            calls.push(Call::SetPgd { top: page * PAGE_SIZE, index });
        }
        for top in (0..op::DIRECTORIES).map(|directory| directory * PAGE_SIZE) {
            for slot in 0..SWITCHER_BASE >> 22 {
                let directory = self.model.ram.word(top + slot * 4);
                if directory & P != 0 && directory >> 12 == page {
                    calls.push(Call::SetPte { top, at: GuestLinear(slot << 22 | index << 12), entry });
                }
            }
        }
    }

    /// Whether only the user half of the current address space is concerned.
    fn is_users(&self, calls: &[Call]) -> bool {
        calls.iter().all(|call| match *call {
            Call::SetPte { top, at, .. } => Some(top) == self.model.top && at.0 >> 22 < self.kernel_slot(),
            Call::SetPgd { top, index } => Some(top) == self.model.top && index < self.kernel_slot(),
            Call::FlushUser | Call::FlushAll => true,
        })
    }

    fn tell(&mut self, call: Call) -> Result<bool, TestCaseError> {
        let real = &mut self.real;
        match call {
            Call::FlushUser => real.shadow.flush_user(),
            Call::FlushAll => real.shadow.flush_all(),
            Call::SetPgd { top, index } => {
                prop_assert_eq!(real.shadow.set_pgd(GuestPhys(top), index), Ok(()))
            }
            Call::SetPte { top, at, entry } => {
                self.told = true;
                let told = real.shadow.set_pte(&real.ram, GuestPhys(top), at, GuestEntry(entry), 0);
                return self.judge_telling(top, at, entry, told);
            }
        }
        Ok(false)
    }

    /// Telling of an entry the Host will not follow kills; so may telling of a good one below a
    /// directory entry that has turned bad since.
    fn judge_telling(
        &self,
        top: u32,
        at: GuestLinear,
        entry: u32,
        told: GuestResult,
    ) -> Result<bool, TestCaseError> {
        let directory = self.model.ram.word(top + (at.0 >> 22) * 4);
        // An entry never used is only taken out.
        let is_judged = entry & P != 0 && entry & (A | D) != 0;
        let bad_page: KillReason = PageTableError::Entry { at, entry }.into();
        let bad_directory: KillReason = PageTableError::Directory { at, entry: directory }.into();
        match told {
            Err(reason) if reason == bad_page => {
                prop_assert!(is_judged && !self.model.is_sound_page(entry))
            }
            Err(reason) => prop_assert!(
                reason == bad_directory && entry & A != 0 && !self.model.is_sound_directory(directory),
                "{reason}"
            ),
            Ok(()) => prop_assert!(!is_judged || self.model.is_sound_page(entry), "told {entry:#x}"),
        }
        Ok(told.is_err())
    }

    /// What holds after each step of a Guest that lives.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let slot = self.kernel_slot();
        self.model.adopt(&self.real.ram, op::DIRECTORIES, slot, self.told)?;
        let first_shared = self.kernel_address.div_ceil(1 << 22) as usize;
        let root = self.real.shadow.root(SWITCHER_TABLES[self.real.cpu]).unwrap();
        self.real.hardware.audit(&self.real.shadow, self.real.ram.0.len() as u32, first_shared)?;
        for (at, page, rights) in self.real.hardware.translations(root) {
            prop_assert!(self.model.allows(at, page, rights), "{at} leads to {page} with rights {rights:#x}");
        }
        Ok(())
    }

    /// A reset gives every table back.
    fn finish(mut self) -> Result<(), TestCaseError> {
        self.real.shadow.reset();
        let (all, free) = self.real.shadow.tables();
        prop_assert_eq!(free, all - 1, "tables leak");
        self.real.hardware.give_back()
    }
}

fn follow(tables: usize, kernel_address: Hex, limit: u32, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut treaty = Treaty::new(tables, kernel_address.0, limit);
    for (number, op) in ops.iter().enumerate() {
        let in_step = |error| TestCaseError::fail(format!("step {number}, {op:x?}: {error}"));
        if treaty.step(op).map_err(in_step)? {
            break;
        }
        treaty.check().map_err(in_step)?;
    }
    treaty.finish()
}

proptest! {
    #![proptest_config(config(250))]

    #[test]
    fn a_guest_that_tells_its_changes_sees_its_own_tables(
        tables in op::pool_size(),
        kernel_address in op::kernel_address(),
        limit in prop_oneof![Just(PAGES * PAGE_SIZE), Just(PAGES * PAGE_SIZE + 0x800)],
        ops in prop::collection::vec(op::op(), 1..60),
    ) {
        follow(tables, kernel_address, limit, &ops)?;
    }
}
