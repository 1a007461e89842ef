/* Traps and interrupts: from the gate to a function, and the interrupt flag that is a word in memory.
 *
 * The CPU's own interrupt flag is always set while a Guest runs. What a Guest means by "interrupts
 * off" is bit 9 of lguest_data.irq_enabled, which it writes like any other memory. A call is needed
 * only after turning interrupts on, and only if the Host has noted that one waits.
 *
 * Source: docs/abi.md, "IDT gates from LOAD_IDT_ENTRY", "Virtual interrupts".
 *
 * Read next: memory.c
 */
#include "kennel.h"

/* What both sides read and write. The Host finds out which layout it is by the bytes of the ring,
 * which must be LG_RING_FREE, and by the timer, which must be blocked. */
volatile struct lguest_data lguest_data = {
    .blocked_interrupts = 1,
    .hcall_status = { [0 ... LG_RING_ENTRIES - 1] = LG_RING_FREE },
    .noirq_start = noirq_start,
    .noirq_end = noirq_end,
    .kernel_address = PAGE_OFFSET,
    .syscall_vec = LG_SYSCALL_VECTOR,
};

static interrupt_handler *interrupt_handlers[LG_IRQ_LINES];
static fault_handler *page_fault_handler;

/* Loads one interrupt gate. Its DPL says from which ring an instruction may use it; exceptions that come
 * by themselves do not ask. int3 of ring 1 needs at least 1, that of a program needs 3. A trap gate (type
 * 15) would let the CPU come here without the Host, and then nobody clears irq_enabled. */
static void load_gate(uint32_t vector)
{
    uint32_t stub = (uint32_t)trap_stubs + vector * 16;
    uint32_t low = KERNEL_CODE << 16 | (stub & 0xffff);
    uint32_t dpl = vector == BREAKPOINT || vector == OVERFLOW ? 3 : 0;
    uint32_t high = (stub & 0xffff0000) | 0x8e00 | dpl << 13;

    hypercall(LHCALL_LOAD_IDT_ENTRY, vector, low, high);
}

void traps_init(void)
{
    for (uint32_t vector = 0; vector < LG_FIRST_IRQ_VECTOR + LG_IRQ_LINES; vector++)
        load_gate(vector);
    lguest_data.blocked_interrupts = ~0u; /* until each line has a handler */
}

void interrupts_off(void)
{
    lguest_data.irq_enabled = 0;
}

void interrupts_on(void)
{
    lguest_data.irq_enabled = LG_IF;
    if (lguest_data.irq_pending) /* read after the store, or one that comes in between is missed */
        hypercall(LHCALL_SEND_INTERRUPTS, 0, 0, 0);
}

void on_interrupt(uint32_t line, interrupt_handler *handler)
{
    interrupt_handlers[line] = handler;
    lguest_data.blocked_interrupts &= ~(1u << line);
    hypercall(LHCALL_SEND_INTERRUPTS, 0, 0, 0); /* it may have been waiting */
}

void on_page_fault(fault_handler *handler)
{
    page_fault_handler = handler;
}

/* Sleeps until there has been an interrupt. Call it with interrupts off: the Host turns them on when
 * one comes, so none is missed between the last look and the sleep. They are off again on return. */
void halt(void)
{
    hypercall(LHCALL_HALT, 0, 0, 0);
    interrupts_off();
}

/* Asks for one interrupt on line 0 after so many nanoseconds, in place of any asked for before. */
void set_timer(uint32_t nanoseconds)
{
    hypercall(LHCALL_SET_CLOCKEVENT, nanoseconds, 0, 0);
}

/* Where every stub ends up. */
void trap(struct trap_frame *frame)
{
    if (frame->vector >= LG_FIRST_IRQ_VECTOR) {
        interrupt_handlers[frame->vector - LG_FIRST_IRQ_VECTOR]();
        return;
    }
    if (frame->vector == PAGE_FAULT && page_fault_handler && page_fault_handler(frame, lguest_data.cr2))
        return;
    print("exception %u at 0x%x, error code 0x%x, last page fault at 0x%x\n", frame->vector, frame->eip,
          frame->error_code, lguest_data.cr2);
    power_off("an exception that nobody handles");
}
