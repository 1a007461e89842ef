//! The CPU that Guests run on: [`kernel::cpu::Cpu`] in instructions.
//!
//! The mind decides and this does: enters the Guest through the Switcher,
//! serves the Host's interrupts, keeps the alarm clock at the earliest thing
//! somebody waits for, and passes the FPU on.
//!
//! Invariants:
//! - Interrupts are off in the Host whenever this is called.
//! - CR0.TS is what the running Guest wants, and clear whenever the Host
//!   itself touches the FPU's state.
//!
//! Source: Intel SDM Vol. 3, "Control Registers"; lguest ABI, "Exit".
//!
//! Next on the tour: the Switcher.

use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::{HostPhys, Nanos};
use kernel::cpu::fpu::{Image, Kind};
use kernel::cpu::{Attention, Cpu, FpuStates, GuestId, Left};
use kernel::platform::wall::WallClock;
use switcher::SwitcherPages;
use x86::controlregs::{Cr0, cr0, cr0_write, cr2};

use super::cpu::{Features, tsc};
use super::fpu::FpuState;
use super::interrupts::Interrupt;
use super::machine_check::MachineChecks;
use super::percpu::ThisCpu;
use super::{clock, debug, interrupts, nmi, selftest, timer};

/// One CPU, with what it needs to run Guests in turn.
pub struct GuestCpu {
    cpu: ThisCpu,
    machine_checks: MachineChecks,
    fpu: Kind,
    /// Each Guest's FPU state; that of the one that ran last is in the FPU.
    fpu_states: Vec<(GuestId, Box<FpuState>)>,
    ran_last: Option<GuestId>,
    task_switched: bool,
    /// When the Launcher wants the CPU back at the latest, ...
    slice_end: Nanos,
    /// ... and what the TSC shows then.
    deadline: u64,
    /// When the alarm goes off.
    alarm: Nanos,
    wall: WallClock,
}

impl GuestCpu {
    /// Takes a CPU that has `features` for running Guests.
    pub fn new(cpu: ThisCpu, features: Features) -> Self {
        Self {
            cpu,
            machine_checks: features.machine_checks,
            fpu: if features.fxsr { Kind::Fx } else { Kind::X87 },
            fpu_states: Vec::new(),
            ran_last: None,
            task_switched: false,
            slice_end: Nanos::NEVER,
            deadline: tsc().wrapping_add(clock::FAR),
            alarm: Nanos::NEVER,
            wall: WallClock::new(clock::now(), clock::wall_clock()),
        }
    }

    /// Begins a slice that ends at `end`.
    pub fn begin_slice(&mut self, end: Nanos) {
        self.slice_end = end;
        self.deadline = clock::tsc_at(end);
        self.wake_at(end);
    }

    /// Sleeps until an interrupt, at the latest at `until`.
    pub fn sleep(&mut self, until: Nanos) {
        self.slice_end = Nanos::NEVER;
        self.wake_at(until);
        super::cpu::wait_for_interrupt();
        // Whatever it was; if it was not the alarm, setting it again costs little.
        self.alarm = Nanos::NEVER;
    }

    /// Whether its `iret` takes any ring into virtual-8086 mode.
    pub fn has_lax_iret(&self) -> bool {
        self.cpu.lax_iret
    }

    /// NMIs that came in the middle of a switch, by a counter a Guest can forge.
    pub fn take_switch_nmis(&mut self) -> u32 {
        core::mem::take(&mut self.cpu.pages.stack.nmis)
    }

    fn state_of(&mut self, guest: GuestId) -> &mut FpuState {
        let found = self.fpu_states.iter().position(|(id, _)| *id == guest);
        let index = found.unwrap_or_else(|| {
            self.fpu_states.push((guest, Box::new(FpuState::fresh(self.fpu))));
            self.fpu_states.len() - 1
        });
        &mut self.fpu_states[index].1
    }

    /// Saves the FPU state of the Guest that ran last; after that the FPU is nobody's.
    fn put_fpu_away(&mut self) {
        self.set_task_switched(false);
        let kind = self.fpu;
        if let Some(last) = self.ran_last.take() {
            // SAFETY: TS is clear as of now, and `kind` is what CPUID said.
            unsafe { self.state_of(last).save(kind) };
        }
    }

    /// Puts the FPU state of the Guest that ran last away and brings that of `guest`.
    fn pass_fpu(&mut self, guest: GuestId, is_fresh: bool) {
        self.put_fpu_away();
        let kind = self.fpu;
        let state = self.state_of(guest);
        if is_fresh {
            *state = FpuState::fresh(kind);
        }
        // SAFETY: TS is clear, and `kind` is what CPUID said.
        unsafe { state.load(kind) };
    }
}

impl FpuStates for GuestCpu {
    fn kind(&self) -> Kind {
        self.fpu
    }

    fn read(&mut self, guest: GuestId) -> Image {
        self.put_fpu_away();
        let kind = self.fpu;
        self.state_of(guest).image(kind)
    }

    fn write(&mut self, guest: GuestId, image: &Image) {
        self.put_fpu_away();
        if image.kind == self.fpu {
            self.state_of(guest).replace(image);
        }
    }
}

impl Cpu for GuestCpu {
    #[inline]
    fn pages(&mut self) -> &mut SwitcherPages {
        self.cpu.pages
    }

    #[inline]
    fn enter(&mut self, root: HostPhys) -> Left {
        // SAFETY: 1. Interrupts are off in the Host. 2. The pages are this CPU's, and their tables
        // were loaded with them. 3. Roots are made by `kernel::shadow`, which maps what the Guest
        // owns and, in the last slot, `guest_view`. 4. The run loop sanitises before each entry.
        unsafe {
            switcher::enter(self.cpu.pages, root.0);
            Left { cr2: cr2() as u32, tsc: tsc() as u32 }
        }
    }

    #[inline(never)]
    fn enter_watched(&mut self, root: HostPhys, addresses: [u32; 4], control: u32) -> Left {
        debug::set_addresses(addresses);
        // SAFETY: As for `enter`; 5. `kernel::guest::debug_registers::Armed` lets no other breakpoint pass.
        unsafe {
            switcher::enter_watched(self.cpu.pages, root.0, control);
            Left { cr2: cr2() as u32, tsc: tsc() as u32 }
        }
    }

    #[cold]
    #[inline(never)]
    fn debug_status(&mut self) -> u32 {
        debug::take_status()
    }

    #[inline]
    fn switcher_table(&self) -> HostPhys {
        self.cpu.guest_view
    }

    fn now_runs(&mut self, guest: GuestId, is_fresh: bool) -> Option<GuestId> {
        let ran_before = self.ran_last;
        if is_fresh || ran_before != Some(guest) {
            self.pass_fpu(guest, is_fresh);
        }
        self.ran_last = Some(guest);
        ran_before
    }

    #[inline]
    fn interrupt(&mut self, vector: u8) -> Attention {
        selftest::interrupted();
        match interrupts::dispatch(vector) {
            Interrupt::Input => Attention::Wanted,
            Interrupt::Output | Interrupt::Unexpected(_) => Attention::GoOn,
            Interrupt::Timer => {
                self.alarm = Nanos::NEVER;
                if clock::now() >= self.slice_end {
                    return Attention::Wanted;
                }
                self.wake_at(self.slice_end);
                Attention::GoOn
            }
        }
    }

    fn nmi(&mut self) {
        nmi::note();
    }

    fn has_machine_check(&mut self) -> bool {
        self.machine_checks.is_one()
    }

    #[inline]
    fn tsc(&mut self) -> u64 {
        tsc()
    }

    fn now(&mut self) -> Nanos {
        clock::now()
    }

    fn wall_clock(&mut self) -> (u32, u32) {
        self.wall.advance(clock::now())
    }

    fn tsc_khz(&self) -> u32 {
        clock::tsc_khz()
    }

    /// Sets the alarm unless it goes off before that anyway.
    fn wake_at(&mut self, at: Nanos) {
        if at < self.alarm {
            self.alarm = at;
            timer::arm(clock::now().until(at));
        }
    }

    #[inline]
    fn slice_is_over(&mut self) -> bool {
        self.deadline.wrapping_sub(tsc()) as i64 <= 0
    }

    #[inline]
    fn set_task_switched(&mut self, on: bool) {
        if on == self.task_switched {
            return;
        }
        self.task_switched = on;
        // SAFETY: Ring 0 may; TS only makes the next FPU instruction fault.
        unsafe {
            let mut value = cr0();
            value.set(Cr0::CR0_TASK_SWITCHED, on);
            cr0_write(value);
        }
    }
}
