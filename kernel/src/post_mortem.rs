//! What a person reads when a Guest was killed.
//!
//! Registers as of its last exit, the bytes it was about to execute, and the
//! trace, oldest event first. Each line goes out on its own, for the caller
//! puts the Guest's name in front.
//!
//! Next on the tour: [`crate::sched`].

use core::fmt;

use abi::{GuestLinear, GuestMemory};

use crate::exit::PageFaultCode;
use crate::guest::Guest;

/// Bytes of code shown.
const CODE_LEN: usize = 16;

/// Gives the lines of a killed Guest's post-mortem to `line`, one by one.
pub fn tell<M: GuestMemory>(guest: &mut Guest<M>, mut line: impl FnMut(fmt::Arguments<'_>)) {
    let regs = guest.regs;
    line(format_args!(
        "eax {:08x}  ebx {:08x}  ecx {:08x}  edx {:08x}",
        regs.eax, regs.ebx, regs.ecx, regs.edx
    ));
    line(format_args!(
        "esi {:08x}  edi {:08x}  ebp {:08x}  esp {:08x}",
        regs.esi, regs.edi, regs.ebp, regs.esp
    ));
    line(format_args!("eip {:08x}  eflags {:08x}  ring {}", regs.eip, regs.eflags, regs.cs & 3));
    let [cs, ss, ds, es, fs, gs] = [regs.cs, regs.ss, regs.ds, regs.es, regs.fs, regs.gs].map(|s| s & 0xFFFF);
    line(format_args!("cs {cs:04x}  ss {ss:04x}  ds {ds:04x}  es {es:04x}  fs {fs:04x}  gs {gs:04x}"));
    let (code, len) = code_at(guest, regs.eip);
    line(format_args!("code at eip: {}", Bytes(&code[..len])));
    line(format_args!("its last events, oldest first:"));
    for (number, event) in guest.trace.events() {
        line(format_args!("  {number:>8} {event}"));
    }
}

/// The bytes at `eip`, as far as they can be read.
fn code_at<M: GuestMemory>(guest: &mut Guest<M>, eip: u32) -> ([u8; CODE_LEN], usize) {
    let mut code = [0; CODE_LEN];
    for (index, byte) in code.iter_mut().enumerate() {
        let at = GuestLinear(eip.wrapping_add(index as u32));
        let read = match guest.shadow.readable(&mut guest.memory, at, PageFaultCode(0)) {
            Ok(Some(at)) => guest.memory.read_u8(at),
            // What it is dead of already may well stand in the way here too.
            Ok(None) | Err(_) => return (code, index),
        };
        match read {
            Ok(value) => *byte = value,
            Err(_) => return (code, index),
        }
    }
    (code, CODE_LEN)
}

struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("not readable");
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x} "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::scripted::{ScriptedCpu, running_guest};
    use abi::GuestPhys;

    #[test]
    fn registers_code_and_trace_are_told() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.regs.ecx = 0xCAFE_F00D;
        guest.memory.write_from(GuestPhys(0x1000), &[0x0F, 0x0B]).unwrap();
        guest.trace.note(Event::Inject { vector: 14, handler: 0x4000 });
        let mut told = String::new();
        tell(&mut guest, |line| told += &format!("{line}\n"));
        assert!(told.contains("ecx cafef00d"));
        assert!(told.contains("code at eip: 0f 0b 00"));
        assert!(told.trim_end().ends_with("inject vector 14 to 0x00004000"));
    }

    #[test]
    fn code_that_is_not_there_is_said_to_be_so() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.regs.eip = 0xFFC0_0000;
        let mut told = String::new();
        tell(&mut guest, |line| told += &format!("{line}\n"));
        assert!(told.contains("code at eip: not readable"));
    }
}
