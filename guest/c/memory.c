/* Memory: how much there is, the page tables, and the functions that compilers call.
 *
 * A Guest owns its page tables and writes them like any other memory. The CPU walks the Host's copy of
 * them, so a change is announced: first the entry is written, then SET_PTE or SET_PGD names it.
 *
 * Source: docs/abi.md, "What each call must do"; Intel SDM Vol. 3, "32-Bit Paging".
 *
 * Read next: console.c
 */
#include "kennel.h"

#define TABLES 8
#define ENTRIES 1024
#define FRAME 0xfffff000

typedef uint32_t page_table[ENTRIES] __attribute__((aligned(LG_PAGE_SIZE)));

page_table directory;
page_table first_table; /* the first 4 MiB, filled by start.S */
static page_table tables[TABLES];
static uint32_t used_tables;

/* Bytes of memory: the end of the first entry in the memory map, which begins at 0. */
uint32_t memory_size(void)
{
    return *(const uint32_t *)direct(LG_E820_MAP + 8);
}

const char *command_line(void)
{
    return direct(*(const uint32_t *)direct(LG_CMD_LINE_PTR));
}

/* The table for an address; a new one if there is none yet. */
static uint32_t *table_of(uint32_t linear)
{
    uint32_t *entry = &directory[linear >> 22];

    if (!(*entry & PAGE_PRESENT)) {
        if (used_tables == TABLES)
            power_off("no page table is left");
        *entry = phys(tables[used_tables++]) | PAGE_KERNEL;
        hypercall(LHCALL_SET_PGD, phys(directory), linear >> 22, 0);
    }
    return direct(*entry & FRAME);
}

/* Writes the entry of one page, and then announces it. */
static void set_entry(uint32_t linear, uint32_t entry)
{
    table_of(linear)[linear >> 12 & (ENTRIES - 1)] = entry;
    hypercall(LHCALL_SET_PTE, phys(directory), linear, entry);
}

/* Maps one page for the kernel to read and write. */
void map_page(uint32_t linear, uint32_t physical)
{
    set_entry(linear, physical | PAGE_KERNEL);
}

/* Takes it away again. */
void unmap_page(uint32_t linear)
{
    set_entry(linear, 0);
}

/* Takes the first 4 MiB at address 0 away, where the first instructions ran, and maps the devices. */
void memory_init(void)
{
    directory[0] = 0;
    hypercall(LHCALL_SET_PGD, phys(directory), 0, 0);
    for (uint32_t page = 0; page < LG_DEVICE_PAGES; page++)
        map_page(DEVICES + page * LG_PAGE_SIZE, memory_size() + page * LG_PAGE_SIZE);
}

/* Compilers put calls of these two where a structure is copied or cleared. */
void *memcpy(void *to, const void *from, size_t length)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    return start;
}

void *memset(void *to, int value, size_t length)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(value) : "memory");
    return start;
}
