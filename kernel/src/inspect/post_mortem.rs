//! What a person reads when a Guest was killed.
//!
//! Registers as of its last exit, the bytes it was about to execute, the top
//! of its stack, and the trace, oldest event first, with how long before the
//! end each was. Each line goes out on its own, for the caller puts the
//! Guest's name in front.
//!
//! Next on the tour: [`crate::inspect::core_file`].

use core::fmt;

use abi::{GuestLinear, GuestMemory};

use crate::cpu::eflags::VM;
use crate::cpu::tsc::elapsed;
use crate::guest::Guest;
use crate::shadow::look::Space;

/// Bytes of code shown.
const CODE_LEN: usize = 16;
/// Bytes of the stack shown, ...
const STACK_LEN: usize = 128;
/// ... and how many of them in a line.
const LINE_LEN: usize = 32;

/// What a time-stamp counter says, and how fast it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tsc {
    /// How it stands.
    pub now: u64,
    /// Its frequency; 0 if that is not known.
    pub khz: u32,
}

/// Gives the lines of a killed Guest's post-mortem to `line`, one by one; it died `at` that time.
pub fn tell<M: GuestMemory>(guest: &Guest<M>, at: Tsc, mut line: impl FnMut(fmt::Arguments<'_>)) {
    let regs = guest.regs;
    line(format_args!(
        "eax {:08x}  ebx {:08x}  ecx {:08x}  edx {:08x}",
        regs.eax, regs.ebx, regs.ecx, regs.edx
    ));
    line(format_args!(
        "esi {:08x}  edi {:08x}  ebp {:08x}  esp {:08x}",
        regs.esi, regs.edi, regs.ebp, regs.esp
    ));
    let place = format_args!("eip {:08x}  eflags {:08x}", regs.eip, regs.eflags);
    match regs.eflags & VM {
        0 => line(format_args!("{place}  ring {}", regs.cs & 3)),
        _ => line(format_args!("{place}  virtual-8086 mode")),
    }
    let [cs, ss, ds, es, fs, gs] = [regs.cs, regs.ss, regs.ds, regs.es, regs.fs, regs.gs].map(|s| s & 0xFFFF);
    line(format_args!("cs {cs:04x}  ss {ss:04x}  ds {ds:04x}  es {es:04x}  fs {fs:04x}  gs {gs:04x}"));
    let space = guest.shadow.space();
    let mut code = [0; CODE_LEN];
    let len = space.read(&guest.memory, GuestLinear(regs.eip), &mut code);
    line(format_args!("code at eip: {}", Bytes(&code[..len])));
    tell_stack(guest, space, &mut line);
    line(format_args!("its last events, oldest first, and how long before the end:"));
    for event in guest.trace.events(at.now) {
        let before = Before { ticks: elapsed(event.tsc, at.now), khz: at.khz };
        line(format_args!("  {before} {}", event.event));
    }
}

/// Tells what lies on the stack, as far as it can be read.
fn tell_stack<M: GuestMemory>(guest: &Guest<M>, space: Space, line: &mut impl FnMut(fmt::Arguments<'_>)) {
    let mut stack = [0; STACK_LEN];
    let esp = guest.regs.esp;
    let len = space.read(&guest.memory, GuestLinear(esp), &mut stack);
    let (words, _) = stack[..len].as_chunks::<4>();
    if words.is_empty() {
        line(format_args!("stack at esp: not readable"));
    }
    for (number, words) in words.chunks(LINE_LEN / 4).enumerate() {
        let at = esp.wrapping_add((number * LINE_LEN) as u32);
        line(format_args!("stack {at:08x}: {}", Words(words)));
    }
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

struct Words<'a>(&'a [[u8; 4]]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{:08x} ", u32::from_le_bytes(*word)))
    }
}

/// How long before something it was, in microseconds, or in ticks of a counter nobody has measured.
pub struct Before {
    /// Ticks of the TSC.
    pub ticks: u64,
    /// Its frequency.
    pub khz: u32,
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ticks.saturating_mul(1_000_000).checked_div(self.khz.into()) {
            Some(nanos) => write!(f, "{:>9}.{:03} us", nanos / 1000, nanos % 1000),
            None => write!(f, "{:>13} ticks", self.ticks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ScriptedCpu, running_guest};
    use crate::trace::event::Event;
    use abi::GuestPhys;

    const AT: Tsc = Tsc { now: 5_000, khz: 1_000 };

    #[test]
    fn registers_code_stack_and_trace_are_told() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.regs.ecx = 0xCAFE_F00D;
        guest.regs.esp = 0x2000;
        guest.memory.write_from(GuestPhys(0x1000), &[0x0F, 0x0B]).unwrap();
        guest.memory.write_u32(GuestPhys(0x2024), 0xFEED_BEEF).unwrap();
        guest.trace.note_at(3_500, Event::Raise { line: 3 });
        guest.trace.note(Event::Inject { vector: 35, handler: 0x4000 });
        let mut told = String::new();
        tell(&guest, AT, |line| told += &format!("{line}\n"));
        assert!(told.contains("ecx cafef00d"));
        assert!(told.contains("code at eip: 0f 0b 00"));
        assert!(told.contains("stack 00002020: 00000000 feedbeef"), "{told}");
        assert!(told.trim_end().ends_with("     1500.000 us inject vector 35 to 0x00004000"), "{told}");
    }

    #[test]
    fn what_is_not_there_is_said_to_be_so() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        (guest.regs.eip, guest.regs.esp) = (0xFFC0_0000, 0xFFFF_FFFE);
        let mut told = String::new();
        tell(&guest, AT, |line| told += &format!("{line}\n"));
        assert!(told.contains("code at eip: not readable"));
        assert!(told.contains("stack at esp: not readable"));
    }

    #[test]
    fn a_stack_that_ends_is_shown_to_its_end() {
        let mut guest = running_guest(&mut ScriptedCpu::default());
        guest.regs.esp = 0x1_0000 - 8;
        let mut told = String::new();
        tell(&guest, AT, |line| told += &format!("{line}\n"));
        assert!(told.contains("stack 0000fff8: 00000000 00000000 \n"), "{told}");
    }
}
