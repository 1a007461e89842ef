/* The one header of a Guest in C: the ABI's constants, its structures, and what the files beside this
 * one offer.
 *
 * Read next: start.S
 */
#ifndef KENNEL_H
#define KENNEL_H

/* Generated from abi/src by `cargo run -p kennel-tests --bin c_header`: do not edit. */

/* Bytes in a page. */
#define LG_PAGE_SIZE 4096

/* Hypercalls */

#define LG_HYPERCALL_VECTOR 0x1f /* The interrupt vector of a hypercall. */
/* The first vector of virtual interrupts: line n arrives at FIRST_IRQ_VECTOR + n. */
#define LG_FIRST_IRQ_VECTOR 0x20
#define LG_IRQ_LINES 32 /* Interrupt lines a Guest has. */
#define LG_SYSCALL_VECTOR 0x80 /* The vector of Linux's system call. */
#define LHCALL_FLUSH_ASYNC 0 /* Nothing; its side effect is that the ring of queued calls is emptied. */
#define LHCALL_LGUEST_INIT 1 /* First call of all: physical address of the lguest_data. */
#define LHCALL_SHUTDOWN 2 /* Physical address of the last words, SHUTDOWN_POWEROFF or SHUTDOWN_RESTART. */
#define LHCALL_LOAD_GDT 3 /* Physical address of a table of descriptors, how many (to 2.6.29). */
#define LHCALL_NEW_PGTABLE 4 /* Physical address of the top-level page table to switch to. */
#define LHCALL_FLUSH_TLB 5 /* 0: the user part of this address space; else everything. */
#define LHCALL_LOAD_IDT_ENTRY 6 /* Vector, low dword, high dword of a gate. */
#define LHCALL_SET_STACK 7 /* Selector, stack pointer and pages of the ring-1 stack. */
#define LHCALL_TS 8 /* The virtual CR0.TS: 0 or not 0. */
#define LHCALL_SET_CLOCKEVENT 9 /* Nanoseconds until one timer interrupt; 0 cancels. */
#define LHCALL_HALT 10 /* Sleep until an interrupt. */
#define LHCALL_SET_PMD 13 /* Physical address of a page middle directory, index (PAE only). */
#define LHCALL_SET_PTE 14 /* Top-level table, linear address, entry (and its high dword in PAE). */
#define LHCALL_SET_PGD 15 /* Top-level table, index of the entry that changed. */
#define LHCALL_LOAD_TLS 16 /* Physical address of three descriptors, CPU number (ignored). */
#define LHCALL_NOTIFY 17 /* Physical address that says which device is meant. */
#define LHCALL_LOAD_GDT_ENTRY 18 /* Index, low dword, high dword of a descriptor. */
#define LHCALL_SEND_INTERRUPTS 19 /* Nothing; the exit itself lets pending interrupts in. */
#define LG_SHUTDOWN_POWEROFF 1 /* LHCALL_SHUTDOWN: power off. */
#define LG_SHUTDOWN_RESTART 2 /* LHCALL_SHUTDOWN: start again. */

/* What Guest and Host share */

#define LG_IF 0x200 /* The one bit of EFLAGS, and of irq_enabled, that means "interrupts are welcome". */
#define LG_RING_ENTRIES 64 /* Entries of the ring of queued hypercalls. */
#define LG_RING_FREE 0xff /* Status byte of a ring entry that is free, or done. */
#define LG_RING_READY 0 /* Status byte of a ring entry that waits for the Host. */
/* Bytes at the top of the linear space a Guest must leave to the Switcher. */
#define LG_RESERVED_TOP 0x400000
#define LG_SWITCHER_BASE 0xffc00000 /* First linear address that belongs to the Switcher. */
#define LG_IRQ_ENABLED 0 /* Offset of irq_enabled in every layout. */
#define LG_BLOCKED_INTERRUPTS 4 /* Offset of blocked_interrupts in every layout. */
#define LG_CR2 8 /* Offset of cr2 in every layout. */
#define LG_TIME 12 /* Offset of time in every layout: seconds, then nanoseconds. */

/* struct lguest_data, as from 3.1 to 3.19: offsets of its further fields, and its size */

#define LG_IRQ_PENDING 20 /* IF while something waits for the virtual interrupt flag, else 0. */
#define LG_HCALL_STATUS 24 /* One status byte for each entry of hcalls. */
#define LG_HCALLS 88 /* The ring: number and four arguments. */
#define LG_RESERVE_MEM 1368 /* Bytes at the top of the linear space to keep clear of. */
#define LG_TSC_KHZ 1372 /* Frequency of the TSC, 0 if it should not be used. */
#define LG_NOIRQ_START 1376 /* Linear address where the Guest's iret stub must not be interrupted. */
#define LG_NOIRQ_END 1380 /* First linear address after that. */
#define LG_KERNEL_ADDRESS 1384 /* Where the kernel half of every address space begins. */
#define LG_SYSCALL_VEC 1388 /* Vector of system calls, SYSCALL_VECTOR. */
#define LG_LGUEST_DATA_SIZE 1392

/* Boot parameters, at physical 0 */

#define LG_COMMAND_LINE_AT 0x1000 /* Where the command line is put, NUL-terminated. */
#define LG_COMMAND_LINE_MAX 2048 /* Longest command line, its NUL included. */
#define LG_E820_ENTRIES 0x1e8 /* u8: entries in the memory map, always 1. */
/* A bzImage's own header is copied to here, before the fields below are filled in, ... */
#define LG_SETUP_HEADER 0x1f1
#define LG_SETUP_HEADER_END 0x290 /* ... and ends here at the latest. */
#define LG_PROTOCOL_VERSION 0x206 /* u16: boot protocol version. */
/* u8: which loader, 0xFF for "none of those known"; set only with an initrd. */
#define LG_TYPE_OF_LOADER 0x210
#define LG_LOADFLAGS 0x211 /* u8: bit 6 asks the kernel to keep the segments it was given. */
#define LG_RAMDISK_IMAGE 0x218 /* u32: physical address of the initrd. */
#define LG_RAMDISK_SIZE 0x21c /* u32: bytes of the initrd, rounded up to a page. */
#define LG_CMD_LINE_PTR 0x228 /* u32: physical address of the command line. */
#define LG_KERNEL_ALIGNMENT 0x230 /* u32: alignment a relocatable kernel uses. */
#define LG_HARDWARE_SUBARCH 0x23c /* u32: which kind of machine, SUBARCH_LGUEST. */
#define LG_E820_MAP 0x2d0 /* The memory map's first entry: u64 start, u64 length, u32 kind. */
#define LG_PROTOCOL_2_07 0x207 /* Value of PROTOCOL_VERSION: the first that knows subarchitectures. */
#define LG_KEEP_SEGMENTS 0x40 /* Bit of LOADFLAGS. */
#define LG_SUBARCH_LGUEST 1 /* Value of HARDWARE_SUBARCH for this ABI. */
#define LG_E820_RAM 1 /* Kind of memory map entry: usable RAM. */
#define LG_DEFAULT_ALIGNMENT 0x1000000 /* Value of KERNEL_ALIGNMENT. */

/* The device page, right above memory, and virtqueues */

#define LG_DEVICE_PAGES 256 /* Pages above RAM for devices: the descriptor page and the rings. */
#define LG_HEADER_LEN 5 /* Bytes of a descriptor before its queues. */
#define LG_QUEUE_LEN 8 /* Bytes of a queue's entry in the descriptor. */
#define LG_STATUS 4 /* Offset of the status byte in a descriptor. */
#define LG_TYPE_END 0 /* Kind of device: ends the list. */
#define LG_TYPE_NET 1 /* Kind of device: network card. */
#define LG_TYPE_BLOCK 2 /* Kind of device: disk. */
#define LG_TYPE_CONSOLE 3 /* Kind of device: console; queue 0 is input, queue 1 output. */
#define LG_TYPE_RNG 4 /* Kind of device: entropy source. */
#define LG_STATUS_ACKNOWLEDGE 1 /* Status: the Guest has seen the device. */
#define LG_STATUS_DRIVER 2 /* Status: the Guest has a driver. */
#define LG_STATUS_DRIVER_OK 4 /* Status: the driver is ready. */
#define LG_STATUS_FAILED 0x80 /* Status: the Guest has given up on the device. */
#define LG_QUEUE_ENTRIES 256 /* Entries of each virtqueue. */
#define LG_RING_ALIGNMENT 4096 /* Alignment of the used ring. */
#define LG_DESC_NEXT 1 /* Descriptor flag: another follows. */
#define LG_DESC_WRITE 2 /* Descriptor flag: the device writes this buffer. */
#define LG_DESC_INDIRECT 4 /* Descriptor flag: the buffer is a table of descriptors. */
#define LG_AVAIL_NO_INTERRUPT 1 /* Available-ring flag: the driver wants no interrupt. */
#define LG_USED_NO_NOTIFY 1 /* Used-ring flag: the device wants no notification. */

/* The end of what is generated. */

/* Where the kernel's half of the address space begins, and where physical 0 appears in it. */
#define PAGE_OFFSET 0xc0000000
/* Where this Guest maps the device pages. */
#define DEVICES 0xf8400000

/* The segments a Guest starts with: flat, for ring 1. */
#define KERNEL_CODE 0x61
#define KERNEL_DATA 0x69

/* Flags of page-table entries. With ACCESSED and DIRTY set from the start, the Host need not set them. */
#define PAGE_PRESENT 0x01
#define PAGE_WRITE 0x02
#define PAGE_USER 0x04
#define PAGE_ACCESSED 0x20
#define PAGE_DIRTY 0x40
#define PAGE_KERNEL 0x63 /* all but USER */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

/* The notes that Guest and Host share; the Host is given its address by the first call. */
struct lguest_data {
    uint32_t irq_enabled;        /* LG_IF: the interrupt flag, which iret and this Guest write */
    uint32_t blocked_interrupts; /* bit n keeps line n waiting */
    uint32_t cr2;                /* the address of the last page fault */
    uint32_t seconds;            /* since 1970 */
    uint32_t nanoseconds;
    uint32_t irq_pending; /* LG_IF while something waits for the flag */
    uint8_t hcall_status[LG_RING_ENTRIES];
    uint32_t hcalls[LG_RING_ENTRIES][5]; /* calls that wait: number and four arguments */
    uint32_t reserve_mem;                /* bytes at the top of the address space to keep clear of */
    uint32_t tsc_khz;                    /* frequency of the TSC, 0 if it is of no use */
    const void *noirq_start;             /* where this Guest must not be interrupted */
    const void *noirq_end;
    uint32_t kernel_address;
    uint32_t syscall_vec;
};

#define AT(field, offset) _Static_assert(offsetof(struct lguest_data, field) == (offset), "layout C")
AT(irq_enabled, LG_IRQ_ENABLED);
AT(blocked_interrupts, LG_BLOCKED_INTERRUPTS);
AT(cr2, LG_CR2);
AT(seconds, LG_TIME);
AT(irq_pending, LG_IRQ_PENDING);
AT(hcall_status, LG_HCALL_STATUS);
AT(hcalls, LG_HCALLS);
AT(reserve_mem, LG_RESERVE_MEM);
AT(tsc_khz, LG_TSC_KHZ);
AT(noirq_start, LG_NOIRQ_START);
AT(noirq_end, LG_NOIRQ_END);
AT(kernel_address, LG_KERNEL_ADDRESS);
AT(syscall_vec, LG_SYSCALL_VEC);
#undef AT
_Static_assert(sizeof(struct lguest_data) == LG_LGUEST_DATA_SIZE, "layout C");

/* A virtqueue of n entries: n descriptors, the available ring, and at a boundary the used ring. */
struct virtq_desc {
    uint64_t address; /* physical */
    uint32_t length;
    uint16_t flags; /* LG_DESC_* */
    uint16_t next;  /* the descriptor that follows, if there is LG_DESC_NEXT */
};

struct virtq_avail {
    uint16_t flags;
    uint16_t idx; /* how many chains have been offered */
    uint16_t ring[];
};

struct virtq_used {
    uint16_t flags;
    uint16_t idx; /* how many chains have been given back */
    struct {
        uint32_t id;
        uint32_t length; /* how much the device has written */
    } ring[];
};

#define AVAIL_OFFSET(n) ((n) * sizeof(struct virtq_desc))
#define USED_OFFSET(n) \
    ((AVAIL_OFFSET(n) + 4 + 2 * (n) + LG_RING_ALIGNMENT - 1) / LG_RING_ALIGNMENT * LG_RING_ALIGNMENT)

/* The physical address of a variable. */
static inline uint32_t phys(const volatile void *variable)
{
    return (uint32_t)variable - PAGE_OFFSET;
}

/* Where a physical address of the first 4 MiB can be reached. */
static inline void *direct(uint32_t physical)
{
    return (void *)(physical + PAGE_OFFSET);
}

/* Keeps the compiler from moving an access to memory across. */
static inline void barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Calls the Host. It changes no register; what a call does is in docs/abi.md. */
static inline void hypercall(uint32_t number, uint32_t a, uint32_t b, uint32_t c)
{
    __asm__ volatile("int %0"
                     :
                     : "i"(LG_HYPERCALL_VECTOR), "a"(number), "b"(a), "c"(b), "d"(c)
                     : "memory");
}

/* start.S */
extern const uint8_t trap_stubs[], noirq_start[], noirq_end[];

/* What start.S has pushed when it calls trap(), from low addresses to high ones. */
struct trap_frame {
    uint32_t gs, fs, es, ds;
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t vector, error_code, eip, cs, eflags;
};

/* traps.c */
#define BREAKPOINT 3
#define OVERFLOW 4
#define PAGE_FAULT 14
#define TIMER_LINE 0
typedef void interrupt_handler(void);
typedef int fault_handler(struct trap_frame *frame, uint32_t address); /* 0: not mine */
extern volatile struct lguest_data lguest_data;
void traps_init(void);
void trap(struct trap_frame *frame);
void interrupts_off(void);
void interrupts_on(void);
void on_interrupt(uint32_t line, interrupt_handler *handler);
void on_page_fault(fault_handler *handler);
void halt(void);
void set_timer(uint32_t nanoseconds);

/* memory.c */
extern uint32_t directory[], first_table[];
void memory_init(void);
void map_page(uint32_t linear, uint32_t physical);
void unmap_page(uint32_t linear);
uint32_t memory_size(void);
const char *command_line(void);
void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);

/* console.c */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void power_off(const char *words) __attribute__((noreturn));

/* block.c */
#define SECTOR 512
uint32_t disk_start(void);
const uint8_t *disk_read(uint32_t sector);

/* The example, or what you put in its place. */
void guest_main(void);

#endif /* __ASSEMBLER__ */
#endif /* KENNEL_H */
