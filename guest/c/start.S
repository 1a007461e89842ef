/* The first instructions of a Guest in C, and the way into and out of its traps.
 *
 * The Host jumps to entry_physical at ring 1, with paging that maps each address to itself, no stack,
 * no gates, and 0 in all registers. All names the linker knows are addresses above PAGE_OFFSET, so
 * until the jump each is used with PAGE_OFFSET taken off:
 *
 *   clear .bss -> LGUEST_INIT -> fill the first page table -> NEW_PGTABLE -> stack -> jump high
 *
 * Source: docs/abi.md, "Initial registers", "Address translation at start", and "Semantics" of
 * lguest_data, on irq_enabled.
 *
 * Read next: traps.c
 */
#include "kennel.h"

    .section .text.entry, "ax"
    .globl entry_physical
    .set entry_physical, entry - PAGE_OFFSET
entry:
    cld
    movl $bss_start - PAGE_OFFSET, %edi
    movl $bss_end - PAGE_OFFSET, %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    xorl %eax, %eax
    rep stosl

    movl $LHCALL_LGUEST_INIT, %eax          /* the first call of all */
    movl $lguest_data - PAGE_OFFSET, %ebx
    int $LG_HYPERCALL_VECTOR

    /* One table for the first 4 MiB, in two places: where we are, and where we want to be. */
    movl $first_table - PAGE_OFFSET, %edi
    movl $PAGE_KERNEL, %eax
    movl $1024, %ecx
1:  stosl
    addl $LG_PAGE_SIZE, %eax
    loop 1b
    movl $directory - PAGE_OFFSET, %ebx
    movl $first_table - PAGE_OFFSET + PAGE_KERNEL, %eax
    movl %eax, (%ebx)
    movl %eax, (PAGE_OFFSET >> 22) * 4(%ebx)
    movl $LHCALL_NEW_PGTABLE, %eax
    int $LG_HYPERCALL_VECTOR

    movl $stack_top, %esp
    movl $high, %eax
    jmp *%eax
high:
    xorl %ebp, %ebp
    call traps_init                         /* first, so that a mistake in the rest is reported */
    call memory_init
    call guest_main
    pushl $goodbye
    call power_off                          /* does not return */

    .section .rodata
goodbye:
    .asciz "guest_main has returned"

    .bss
    .balign 16
    .skip 16384
stack_top:

/* One stub for each vector from 0 to 63, 16 bytes apart. The CPU, or the Host in its place, has pushed
 * eflags, cs and eip, and for some vectors an error code. Each stub pushes 0 where there is none, and
 * then its vector, so that all frames are alike: struct trap_frame in kennel.h.
 */
    .text
    .globl trap_stubs
    .balign 16
trap_stubs:
    .set vector, 0
    .rept 64
    .balign 16
    .if (vector > 31) || !((0x00027d00 >> vector) & 1)     /* all but 8, 10 to 14 and 17 */
    pushl $0
    .endif
    pushl $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

trap_common:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    movl $KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    cld
    pushl %esp
    call trap
    addl $4, %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp                           /* vector and error code */

/* An iret at ring 1 does not change the interrupt flag. So this stores the flags that iret will load
 * into the word that stands for it. Between that store and the iret the Host must not deliver an
 * interrupt, or frames could pile up on the stack: it knows the two addresses from lguest_data.
 */
    .globl noirq_start, noirq_end
    pushl 8(%esp)
noirq_start:
    popl %ss:lguest_data + LG_IRQ_ENABLED
    iret
noirq_end:

    .section .note.GNU-stack, "", @progbits
