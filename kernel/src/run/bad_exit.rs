//! Exits that are not what they seem.
//!
//! A Guest that knows an emulator better than its author does can come back in
//! ways no manual describes. What it left is not believed, the Host serves what
//! is the Host's own of it, and the Guest ends.
//!
//! Invariants:
//! - No Guest makes the Host believe in a machine check that the CPU's own
//!   registers do not report (`a_machine_check_that_no_register_confirms_kills_who_ran`).
//! - A device that came by a bad frame is served (`a_device_that_comes_by_a_bad_frame_is_served`).
//!
//! Source: Intel SDM Vol. 3, "Interrupt 18—Machine-Check Exception (#MC)".
//!
//! Next on the tour: [`crate::emulate::io`].

use abi::KillReason;
use abi::kill::ExitError;

use crate::cpu::Cpu;
use crate::cpu::eflags::VM;
use crate::cpu::exit::TrapExit;

/// A machine check is the end of the machine if the CPU's own registers report one. If not, who ran
/// has found a way to forge it.
#[cold]
#[inline(never)]
pub fn machine_check<C: Cpu>(cpu: &mut C) -> KillReason {
    assert!(!cpu.has_machine_check(), "the CPU reported a machine check");
    ExitError::MachineCheck.into()
}

/// The end of a Guest that left where no Guest can. What is the Host's own of it is served all the
/// same: a device whose interrupt stayed unanswered would be silent for good.
#[cold]
#[inline(never)]
pub fn bad_frame<C: Cpu>(cpu: &mut C, vector: u8) -> KillReason {
    match TrapExit::decode(vector.into(), 0, 0) {
        TrapExit::HostInterrupt(vector) => {
            cpu.interrupt(vector);
        }
        TrapExit::Nmi => cpu.nmi(),
        TrapExit::MachineCheck => return machine_check(cpu),
        _ => {}
    }
    if cpu.pages().stack.regs.eflags & VM != 0 {
        ExitError::Virtual8086 { vector }.into()
    } else {
        ExitError::Frame { vector }.into()
    }
}

#[cfg(test)]
mod tests {
    use abi::Stop;
    use switcher::BAD_FRAME;

    use super::*;
    use crate::run::run;
    use crate::scripted::{ScriptedCpu, new_guest};

    /// How a Guest ends that leaves by `trapnum` with these flags in its frame.
    fn end_of(cpu: &mut ScriptedCpu, trapnum: u32, eflags: u32) -> Stop {
        cpu.scenes.push_back(Box::new(move |pages| {
            (pages.stack.regs.trapnum, pages.stack.regs.eflags) = (trapnum, eflags);
            0
        }));
        run(&mut new_guest(1), cpu)
    }

    fn killed(error: ExitError) -> Stop {
        Stop::Killed(error.into())
    }

    #[test]
    fn a_frame_from_virtual_8086_mode_kills_whatever_its_vector() {
        for vector in 0..=u8::MAX {
            let stop = end_of(&mut ScriptedCpu::default(), BAD_FRAME | u32::from(vector), VM);
            let expected = match vector {
                18 => ExitError::MachineCheck,
                _ => ExitError::Virtual8086 { vector },
            };
            assert_eq!(stop, killed(expected));
        }
    }

    #[test]
    fn a_frame_of_another_length_kills() {
        let stop = end_of(&mut ScriptedCpu::default(), BAD_FRAME | 0x1F, 0);
        assert_eq!(stop, killed(ExitError::Frame { vector: 0x1F }));
    }

    #[test]
    fn a_device_that_comes_by_a_bad_frame_is_served() {
        let mut cpu = ScriptedCpu::default();
        end_of(&mut cpu, BAD_FRAME | 0x20, VM);
        end_of(&mut cpu, BAD_FRAME | 2, VM);
        end_of(&mut cpu, BAD_FRAME | 0x1F, VM);
        end_of(&mut cpu, BAD_FRAME | 0x80, VM);
        assert_eq!((cpu.served, cpu.nmis), (vec![0x20], 1));
    }

    #[test]
    fn a_machine_check_that_no_register_confirms_kills_who_ran() {
        for trapnum in [18, BAD_FRAME | 18, switcher::FAULT_ON_ENTRY | 18] {
            assert_eq!(end_of(&mut ScriptedCpu::default(), trapnum, 2), killed(ExitError::MachineCheck));
        }
    }

    #[test]
    #[should_panic = "the CPU reported a machine check"]
    fn a_machine_check_that_is_one_ends_the_machine() {
        let mut cpu = ScriptedCpu::default();
        cpu.machine_check = true;
        end_of(&mut cpu, BAD_FRAME | 18, VM);
    }
}
