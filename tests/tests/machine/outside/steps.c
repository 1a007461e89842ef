/* Some steps of the list in docs/guests.md, "Port a small kernel", each with what shows that it is
 * right. It takes the place of guest/c/example.c.
 */
#include "kennel.h"

#define PLACE 0xd0000000
#define MILLISECOND 1000000

static volatile uint32_t ticks, faults, last_fault;
static uint8_t spare_page[LG_PAGE_SIZE] __attribute__((aligned(LG_PAGE_SIZE)));

static void tick(void)
{
    ticks++;
}

static void the_interrupt_flag(void)
{
    on_interrupt(TIMER_LINE, tick);
    set_timer(MILLISECOND);
    while (!lguest_data.irq_pending)
        barrier();
    print("flag off: %u interrupts, and one waits\n", ticks);
    interrupts_on();
    print("flag on: %u interrupts\n", ticks);
    interrupts_off();
}

static int repair(struct trap_frame *frame, uint32_t address)
{
    (void)frame;
    faults++;
    last_fault = address;
    map_page(address & ~(LG_PAGE_SIZE - 1), phys(spare_page));
    return 1;
}

static void page_tables(void)
{
    volatile uint32_t *place = (uint32_t *)PLACE;
    volatile uint32_t *null = NULL;
    uint32_t read;

    on_page_fault(repair);
    map_page(PLACE, phys(spare_page));
    *place = 42;
    print("mapped: %u at 0x%x, %u faults\n", *place, PLACE, faults);
    unmap_page(PLACE);
    read = *place;
    print("taken away: %u faults, the last at 0x%x\n", faults, last_fault);
    print("mapped by the handler: %u\n", read);
    __asm__("" : "+r"(null)); /* or the compiler knows better than to read there */
    read = null[2];
    print("null pointer: %u faults, the last at 0x%x\n", faults, last_fault);
}

void guest_main(void)
{
    the_interrupt_flag();
    page_tables();
    __asm__ volatile("int3");
}
