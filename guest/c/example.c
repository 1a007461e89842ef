/* An example of a Guest in C: it prints, counts timer interrupts, repairs a page fault of its own, and
 * reads a disk. Put your own guest_main in its place.
 */
#include "kennel.h"

#define TICKS 5
#define TICK_NANOSECONDS 10000000 /* 10 ms */
#define NOWHERE 0xd0000000        /* an address where nothing is mapped */

static volatile uint32_t ticks;
static volatile uint32_t faults;
static uint8_t spare_page[LG_PAGE_SIZE] __attribute__((aligned(LG_PAGE_SIZE)));

static void tick(void)
{
    if (++ticks < TICKS)
        set_timer(TICK_NANOSECONDS);
}

static void count_ticks(void)
{
    on_interrupt(TIMER_LINE, tick);
    set_timer(TICK_NANOSECONDS);
    while (ticks < TICKS)
        halt();
    print("timer: %u interrupts\n", ticks);
}

/* Maps a page where there is none. The instruction that faulted then runs again. */
static int repair(struct trap_frame *frame, uint32_t address)
{
    if (address != NOWHERE)
        return 0;
    faults++;
    print("page fault: address 0x%x, error code %u\n", address, frame->error_code);
    map_page(address, phys(spare_page));
    return 1;
}

static void handle_a_fault(void)
{
    on_page_fault(repair);
    *(volatile uint32_t *)NOWHERE = 42;
    print("page fault: %u repaired, and the page holds %u\n", faults, *(volatile uint32_t *)NOWHERE);
}

static void read_the_disk(void)
{
    uint32_t sectors = disk_start();
    const uint8_t *bytes = sectors ? disk_read(sectors - 1) : NULL;

    if (!bytes)
        print("disk: %s\n", sectors ? "the last sector cannot be read" : "none");
    else
        print("disk: %u sectors, the last begins with 0x%x 0x%x\n", sectors, bytes[0], bytes[1]);
}

void guest_main(void)
{
    print("Hello from C, with %u MiB of memory.\n", memory_size() >> 20);
    print("My command line is \"%s\".\n", command_line());
    count_ticks();
    handle_a_fault();
    read_the_disk();
    power_off("the example is over");
}
