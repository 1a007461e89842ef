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
    mov fs, [esp + {FS}]        # ring 0, below the registers: see switcher_elsewhere
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

# ---- The way out: ESP points at vector, error code, eip, cs, eflags, esp, ss.
#
# Nothing of this is believed before one thing is checked: that ESP is at the one place where
# all that leaves it. A CPU outside ring 0 and virtual-8086 mode pushes five words from ESP0 on,
# a sixth for the vectors that have an error code, and for those alone; so when the registers are
# pushed as well, ESP less REGS is the beginning of a page. Nine words from virtual-8086 mode, an
# error code too many or too few, three words from ring 0: each ends at another place.

    .balign 16
switcher_leave:
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
    lea ebp, [esp - {REGS}]     # this CPU's pages; addresses by EBP go through SS
    test ebp, {PAGE_OFFSET}
    jnz switcher_elsewhere
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

# ---- A frame elsewhere: eax to ss at ESP, as far as they go. Pushed in ring 0, by code of ours,
# it is no exit: something came between the Guest's IDT being loaded and left. An NMI is counted, a
# stray #DB forgotten. Anything else is the Guest's segments failing to load: the Host hears of it
# as a fault on entry, and finds the Guest's registers as they were to be loaded. Before the pops
# they lie there still; at the iretd they are in the CPU, and have just been pushed:
#
#   fault at iretd: eax ... es vector code eip cs eflags | eip cs eflags esp ss   (REGS + EIP: the bar)
#
# Pushed by anybody else it is nothing a CPU does that keeps to its manual. The Host gets it put
# where it belongs, for a person to read, and marked: it is not to be believed.

switcher_elsewhere:
    mov ebp, esp
    and ebp, {PAGE_MASK}
    mov ebx, [esp + {R_TRAPNUM}]
    xor edx, edx                # copy from EAX on, ...
    mov ecx, {LAST_WORD}        # ... down from SS
    test byte ptr [esp + {R_EFLAGS} + 2], {VM_IN_BYTE_2}
    jnz switcher_bad_frame
    cmp word ptr [esp + {R_CS}], {HOST_CS}
    jne switcher_bad_frame
    cmp ebx, {NMI}
    je 2f
    cmp ebx, {DEBUG}
    je 3f
    or ebx, {FAULT_ON_ENTRY}
    mov ecx, {ERRCODE_WORD}     # eip and what is above are the Guest's own
    lea eax, [esp + {R_ESP}]    # ESP as it was
    lea esi, [ebp + {REGS} + {R_EIP}]
    cmp eax, esi
    jae switcher_copy           # at the iretd
    mov edx, ecx                # at a segment: nothing but the error code
    jmp switcher_copy
switcher_bad_frame:
    or ebx, {BAD_FRAME}
switcher_copy:
    mov eax, [esp + ecx * 4]
    mov [ebp + {REGS} + ecx * 4], eax
    dec ecx
    cmp ecx, edx
    jge switcher_copy
    mov [ebp + {TRAPNUM}], ebx
    jmp switcher_become_host
2:
    inc dword ptr [ebp + {NMIS}]
3:
    pop eax
    pop ebx
    pop ecx
    pop edx
    pop esi
    pop edi
    pop ebp
    add esp, 24                 # the segments are loaded, or will be; vector, error code
    iretd

    .previous
