//! Programs for ring 3, a few instructions each.
//!
//! They are assembled into the image and copied into a page of their own to
//! run, so nothing in them may depend on where they are. Arguments arrive in
//! EBX, ECX and EDX; the outcome leaves in EBX with the EXIT call.
//!
//! Next on the tour: [`crate::time`].

use core::arch::naked_asm;

/// Ends the program with EBX: `EXIT` is 0.
macro_rules! exit {
    () => {
        "xor eax, eax; int 0x80"
    };
}

/// Declares programs: a name, what it does, its lines. In the image each is its length, then its code.
macro_rules! programs {
    ($($(#[$doc:meta])* $name:ident { $($line:expr),* $(,)? })*) => {$(
        $(#[$doc])*
        pub fn $name() -> &'static [u8] {
            #[unsafe(naked)]
            extern "C" fn program() -> ! {
                naked_asm!(".long 9f - 8f", "8:", $($line,)* "9:")
            }
            let start = program as *const u32;
            // SAFETY: the assembler put the length in front of that many bytes of code.
            unsafe { core::slice::from_raw_parts(start.add(1).cast(), start.read_unaligned() as usize) }
        }
    )*};
}

programs! {
    /// Exits with what it was given.
    exit_at_once { exit!() }

    /// Makes system call `EBX` with `ECX` in EBX, and exits with what EAX holds then.
    call_once { "mov eax, ebx", "mov ebx, ecx", "int 0x80", "mov ebx, eax", exit!() }

    /// Makes the NOTHING call `EBX` times.
    call_in_a_loop { "mov ecx, ebx", "2: mov eax, 1", "int 0x80", "dec ecx", "jnz 2b", exit!() }

    /// Goes round `EBX` times without a call, to be subtracted.
    loop_without_calls { "mov ecx, ebx", "2: mov eax, 1", "dec ecx", "jnz 2b", exit!() }

    /// Reads the dword at `EBX` and exits with it.
    read_at { "mov ebx, [ebx]", exit!() }

    /// Writes `ECX` at `EBX`.
    write_at { "mov [ebx], ecx", exit!() }

    /// Hits a breakpoint, then exits with 7.
    breakpoint { "int3", "mov ebx, 7", exit!() }

    /// Hits a breakpoint, then turns interrupts off, whatever its flags were made meanwhile.
    breakpoint_and_cli { "int3", "cli", exit!() }

    /// Hits a breakpoint, then reads a port, whatever its flags were made meanwhile.
    breakpoint_and_port { "int3", "in al, 0x80", exit!() }

    /// Makes the NOTHING call behind a load of SS, single-stepping; exits with 7.
    call_behind_mov_ss {
        "mov ecx, ss", "mov eax, 1", "pushfd", "or dword ptr [esp], 0x100", "popfd",
        "mov ss, ecx", "int 0x80", "nop", "mov ebx, 7", exit!()
    }

    /// Tries to enter the kernel the way of the Pentium II, with NT set.
    sysenter { "pushfd", "or dword ptr [esp], 0x4000", "popfd", "sysenter", exit!() }

    /// Tries to enter the kernel the way of the K6, with NT set.
    syscall { "pushfd", "or dword ptr [esp], 0x4000", "popfd", "syscall", exit!() }

    /// Reads a port through prefixes.
    port_with_prefixes { ".byte 0x2e, 0x66, 0xe5, 0x80", exit!() }

    /// Enters virtual-8086 mode with EBX for EFLAGS, at `ECX:EDX` there, the way ring 0 does.
    enter_virtual_8086 {
        "push 0; push 0; push 0; push 0; push 0; push 0", "push ebx", "push ecx", "push edx", "iretd", exit!()
    }

    /// Divides by zero.
    divide_by_zero { "xor ecx, ecx", "div ecx", exit!() }

    /// Makes a hypercall, which is the kernel's alone.
    hypercall { "int 0x1f", exit!() }

    /// Makes a hypercall the other way.
    vmcall { "vmcall", exit!() }

    /// Turns interrupts off, which is nobody's.
    cli { "cli", exit!() }

    /// Reads a port.
    port { "in al, 0x80", exit!() }

    /// Loads FS with the selector `EBX` and exits with the dword at `fs:[ECX]`.
    read_segment { "mov fs, ebx", "mov ebx, fs:[ecx]", exit!() }

    /// Waits until the dword at `EBX` is no longer `ECX`; counts rounds in EDX.
    wait_for_change { "2: inc edx", "cmp [ebx], ecx", "je 2b", "mov ebx, edx", exit!() }

    /// Pushes its flags with every bit it may set, and exits with what they became.
    flags { "pushfd", "or dword ptr [esp], 0x7000", "popfd", "pushfd", "pop ebx", exit!() }
}
