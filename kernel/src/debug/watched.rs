//! The CPU as it is while somebody uses its debug registers.
//!
//! A [`Cpu`] around a CPU: the run loop is the same, and knows nothing of
//! debugging. What this one does more is to set debug registers and TF in front
//! of each entry, and to find out behind it whose #DB that was. An exit that is
//! the debugger's looks to the run loop like an interrupt of the Host's, at
//! which the turn ends.
//!
//! ```text
//!   run loop --enter--> stop due? ---------------------------------> "interrupt"
//!                       |  TF, DR0..DR7
//!                       '--enter--> Guest --exit--> TF is the Guest's own again
//!                                                    |  #DB, int3: the debugger's? "interrupt"
//!                                                    '------------- the Guest's? as it came
//! ```
//!
//! Invariants:
//! - TF in the Guest's registers is its own whenever the run loop looks at them
//!   (`a_guest_sees_only_its_own_trap_flag`).
//! - A #DB of both goes to both, the Guest first (`a_breakpoint_of_both_stops_in_the_handler`).
//!
//! Source: Intel SDM Vol. 3, "Debug Exception (#DB)", "Resume Flag".
//!
//! Next on the tour: [`super::step`].

use abi::{GuestLinear, HostPhys, Nanos};
use switcher::{BAD_FRAME, FAULT_ON_ENTRY, SwitcherPages};

use crate::cpu::eflags::{RF, TF};
use crate::cpu::exit::{BREAKPOINT, DEBUG};
use crate::cpu::{Attention, Cpu, GuestId, Left};
use crate::guest::debug_registers::{Armed, SINGLE_STEP};
use crate::guest::debugger::step::Flags;
use crate::guest::debugger::{Debugger, Halt};

/// The vector of an interrupt that no device raises.
const STOP: u8 = 0xFF;

/// A CPU whose debug registers are in use.
pub struct Watched<'a, C> {
    /// The CPU.
    pub cpu: &'a mut C,
    /// What is to be set.
    pub armed: Armed,
    /// Who debugs the Guest, if anybody does.
    pub debugger: Option<&'a mut Debugger>,
    /// Where a breakpoint on execution does not count, because it has counted already.
    pub passes: Option<u32>,
    /// What the #DB that the Guest gets was about.
    pub causes: u32,
}

impl<C: Cpu> Watched<'_, C> {
    /// Whether the Guest may not be entered, because the debugger has what it wanted.
    fn is_stopped(&mut self) -> bool {
        let regs = self.cpu.pages().stack.regs;
        let Some(debugger) = &mut self.debugger else { return false };
        debugger.notice_progress(&regs);
        debugger.halt.is_some()
    }

    /// Makes the exit one of `vector`.
    fn exit_as(&mut self, vector: u8, code: u32) {
        let regs = &mut self.cpu.pages().stack.regs;
        (regs.trapnum, regs.errcode) = (vector.into(), code);
    }

    /// An exit of `vector` without an entry.
    fn left_at_once(&mut self, vector: u8, code: u32) -> Left {
        self.exit_as(vector, code);
        Left { cr2: 0, tsc: self.cpu.tsc() as u32 }
    }

    /// How the instruction to be executed alone deals with EFLAGS, if there is one.
    fn stepping(&self) -> Option<Flags> {
        self.debugger.as_ref()?.step.map(|step| step.flags)
    }

    /// Finds out what an exit means; `had_trap_flag` is the Guest's own TF before it.
    fn judge(&mut self, had_trap_flag: bool) {
        let stepping = self.stepping();
        let regs = &mut self.cpu.pages().stack.regs;
        let (trapnum, eip) = (regs.trapnum, regs.eip);
        let is_debug = trapnum == u32::from(DEBUG);
        let status = if is_debug { self.cpu.debug_status() } else { 0 };
        let regs = &mut self.cpu.pages().stack.regs;
        let has_stepped = status & SINGLE_STEP != 0;
        if let Some(flags) = stepping
            && !(has_stepped && flags == Flags::Loaded)
        {
            regs.eflags = regs.eflags & !TF | if had_trap_flag { TF } else { 0 };
        }
        if trapnum & (FAULT_ON_ENTRY | BAD_FRAME) != 0 {
            return;
        }
        self.passes = (regs.eflags & RF != 0).then_some(eip);
        if is_debug {
            self.debug_exception(status, has_stepped && had_trap_flag);
            return;
        }
        match &mut self.debugger {
            Some(debugger) if trapnum == u32::from(BREAKPOINT) => {
                debugger.is_trapped = true;
                self.exit_as(STOP, 0);
            }
            Some(_) | None => {}
        }
    }

    fn debug_exception(&mut self, status: u32, has_stepped_itself: bool) {
        let hit = self.armed.debuggers_hit(status).map(Halt::Hardware);
        let step = self.stepping().filter(|_| status & SINGLE_STEP != 0);
        let halt = hit.or(step.map(|_| Halt::Stepped));
        if let Some(debugger) = &mut self.debugger {
            debugger.halt = halt;
            let is_pushed = step == Some(Flags::Pushed) && !has_stepped_itself;
            debugger.pushed_at = is_pushed.then_some(GuestLinear(self.cpu.pages().stack.regs.esp));
        }
        self.causes = self.armed.own_hits(status) | if has_stepped_itself { SINGLE_STEP } else { 0 };
        // With neither it was `int 1`, which leaves no trace.
        if self.causes == 0 && halt.is_some() {
            self.exit_as(STOP, 0);
        }
    }
}

impl<C: Cpu> Cpu for Watched<'_, C> {
    fn pages(&mut self) -> &mut SwitcherPages {
        self.cpu.pages()
    }

    fn enter(&mut self, root: HostPhys) -> Left {
        if self.is_stopped() {
            return self.left_at_once(STOP, 0);
        }
        if let Some((vector, code)) = self.debugger.as_mut().and_then(|debugger| debugger.owes.take()) {
            return self.left_at_once(vector, code);
        }
        let is_stepping = self.stepping().is_some();
        let passes = self.passes.take();
        let regs = &mut self.cpu.pages().stack.regs;
        let had_trap_flag = regs.eflags & TF != 0;
        if is_stepping {
            regs.eflags |= TF;
        }
        if passes == Some(regs.eip) {
            regs.eflags |= RF;
        }
        let left = self.cpu.enter_watched(root, self.armed.addresses(), self.armed.control());
        self.judge(had_trap_flag);
        left
    }

    fn enter_watched(&mut self, root: HostPhys, _addresses: [u32; 4], _control: u32) -> Left {
        self.enter(root)
    }

    fn debug_status(&mut self) -> u32 {
        core::mem::take(&mut self.causes)
    }

    fn interrupt(&mut self, vector: u8) -> Attention {
        if vector == STOP { Attention::Wanted } else { self.cpu.interrupt(vector) }
    }

    fn switcher_table(&self) -> HostPhys {
        self.cpu.switcher_table()
    }

    fn now_runs(&mut self, guest: GuestId, is_fresh: bool) -> Option<GuestId> {
        self.cpu.now_runs(guest, is_fresh)
    }

    fn nmi(&mut self) {
        self.cpu.nmi();
    }

    fn has_machine_check(&mut self) -> bool {
        self.cpu.has_machine_check()
    }

    fn tsc(&mut self) -> u64 {
        self.cpu.tsc()
    }

    fn now(&mut self) -> Nanos {
        self.cpu.now()
    }

    fn wall_clock(&mut self) -> (u32, u32) {
        self.cpu.wall_clock()
    }

    fn tsc_khz(&self) -> u32 {
        self.cpu.tsc_khz()
    }

    fn wake_at(&mut self, at: Nanos) {
        self.cpu.wake_at(at);
    }

    fn slice_is_over(&mut self) -> bool {
        self.cpu.slice_is_over()
    }

    fn set_task_switched(&mut self, on: bool) {
        self.cpu.set_task_switched(on);
    }
}
