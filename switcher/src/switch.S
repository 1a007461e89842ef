# The switch between Host and Guest. One page of reading; 256 stubs, one way in,
# one way out.
#
# At any instruction below, an NMI finds a valid stack: ESP moves to the stack
# page before the Guest's IDT is loaded and leaves it after the Host's is.

    .section .switcher.text, "ax", @progbits

# ---- Stubs: one for each vector of the Guest's IDT, at TEXT + vector * STUB.
# The CPU has pushed ss esp eflags cs eip, and an error code for some vectors;
# each stub makes that "error code, vector" for all.

    .balign {STUB}
    .globl switcher_stubs
switcher_stubs:
    .set vector, 0
    .rept 256
    .balign {STUB}
    .if (vector > 31) || !(({HAS_ERROR} >> vector) & 1)
    push 0
    .endif
    push vector
    jmp switcher_leave
    .set vector, vector + 1
    .endr

# ---- The way in: ECX = this CPU's pages, EDX = the Guest's page directory.
#
#   Host stack: [return address] ebp ebx esi edi  <- host_esp

    .balign 16
    .globl switcher_enter
switcher_enter:
    push ebp
    push ebx
    push esi
    push edi
    mov [ecx + {HOST_ESP}], esp
    lea esp, [ecx + {REGS}]
    lidt [ecx + {GUEST_IDTR}]
    lgdt [ecx + {GUEST_GDTR}]
    mov cr3, edx                # from here on the Host is out of reach
    mov gs, [esp + {GS}]        # a segment the Guest may not have faults here, in
    mov fs, [esp + {FS}]        # ring 0, below the registers: see switcher_inside
    mov ds, [esp + {DS}]
    mov es, [esp + {ES}]
    pop eax
    pop ebx
    pop ecx
    pop edx
    pop esi
    pop edi
    pop ebp
    add esp, 24                 # gs, fs, ds, es, trapnum, errcode
    iretd

# ---- The way in and out for a Guest with breakpoints: [esp + 4] = DR7. Host and Guest have
# different things at one address, so its breakpoints are on only while nothing but the
# Switcher's own addresses is touched in ring 0; that includes the stack.

    .balign 16
    .globl switcher_enter_watched
switcher_enter_watched:
    mov eax, esp
    lea esp, [ecx + {WATCHED_STACK_END}]
    push eax
    mov eax, [eax + 4]
    mov dr7, eax
    call switcher_enter
    xor eax, eax
    mov dr7, eax
    pop esp
    ret 4

# ---- The way out: ESP points at vector, error code, eip, cs, eflags (, esp, ss).

    .balign 16
switcher_leave:
    test byte ptr [esp + 12], 3 # ring of the interrupted code
    jz switcher_inside
    .att_syntax
    pushl %es                   # newer CPUs leave the upper halves as they were
    pushl %ds
    pushl %fs
    pushl %gs
    .intel_syntax noprefix
    push ebp
    push edi
    push esi
    push edx
    push ecx
    push ebx
    push eax
    mov ebp, esp
    and ebp, {PAGE_MASK}        # this CPU's pages; addresses by EBP go through SS
switcher_become_host:
    mov eax, [ebp + {HOST_CR3}]
    mov cr3, eax
    lgdt [ebp + {HOST_GDTR}]
    lidt [ebp + {HOST_IDTR}]
    mov esp, [ebp + {HOST_ESP}]
    mov eax, {HOST_DS}
    mov ds, eax
    mov es, eax
    cld
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret

# ---- Something came while the CPU was already in ring 0, between the Guest's
# IDT being loaded and left. An NMI is counted, a stray #DB forgotten. Anything
# else is the Guest's segments failing to load: the Host hears of it as a fault
# on entry, and finds the Guest's registers as they were to be loaded: a fault of
# a segment leaves them alone, and what one of the iretd overwrites is loaded.
#
#   fault at iretd: gs | fs ds es trapnum errcode | eip cs eflags esp ss
#                        ^ vector, error code, and eip, cs, eflags of the iretd

switcher_inside:
    cmp dword ptr [esp], {NMI}
    je 2f
    cmp dword ptr [esp], {DEBUG}
    je 3f
    pop eax
    pop edx
    or eax, {FAULT_ON_ENTRY}
    mov ebp, esp
    and ebp, {PAGE_MASK}
    lea ecx, [ebp + {REGS}]
    cmp esp, ecx
    jb 1f
    mov [ebp + {REGS} + {FS}], fs
    mov [ebp + {REGS} + {DS}], ds
    mov [ebp + {REGS} + {ES}], es
1:
    mov [ebp + {TRAPNUM}], eax
    mov [ebp + {ERRCODE}], edx
    jmp switcher_become_host
2:
    push ebp
    mov ebp, esp
    and ebp, {PAGE_MASK}
    inc dword ptr [ebp + {NMIS}]
    pop ebp
3:
    add esp, 8
    iretd

    .previous
