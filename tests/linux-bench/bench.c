/* What Linux programs cost: the init of an initrd that measures, prints, and ends.
 *
 * Each row does one thing a number of times, between two marks. A mark is a long no-op that
 * nothing else executes; count.c sees it and notes how many instructions were executed until
 * then. So the figures are those of the whole machine, and a clock is not needed.
 *
 *     bench NAME COUNT              a row, done COUNT times
 *     bench NAME skipped: WHY       a row this kernel has nothing for
 *
 * scripts/bench runs it natively and as a Guest, and sets the two side by side.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define READ_WRITE (PROT_READ | PROT_WRITE)

/* nopl with a displacement that is ours: "LG" and the number of the mark. */
#define MARK(number) asm volatile(".byte 0x0f, 0x1f, 0x80; .long 0x4c470000 + " #number ::: "memory")
#define INIT_HAS_STARTED MARK(1)
#define ROW_BEGINS MARK(2)
#define ROW_ENDS MARK(3)

static volatile unsigned sink;

static void tell(const char *row, unsigned count) {
    printf("bench %s %u\n", row, count);
}

static void skip(const char *row) {
    printf("bench %s skipped: %s\n", row, strerror(errno));
}

/* Nothing can be measured on a machine where this fails. */
static int sure(int result, const char *what) {
    if (result < 0) {
        perror(what);
        reboot(RB_POWER_OFF);
    }
    return result;
}

static char *map(size_t len) {
    char *at = mmap(0, len, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sure(at == MAP_FAILED ? -1 : 0, "mmap");
    return at;
}

/* System calls as old programs make them, whatever the C library has come to prefer. */
static long system_call(long number, long first, long second) {
    long result;
    asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory");
    return result;
}

/* ---- The CPU alone: a Guest has nothing to pay here. */

static void cpu_loop(void) {
    unsigned count = 20000000, x = 1;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++) {
        x = x * 1664525u + 1013904223u;
        asm volatile("" ::"r"(x));
    }
    sink = x;
    ROW_ENDS;
    tell("cpu_loop", count);
}

static void mem_stride64(void) {
    unsigned len = 4 << 20, rounds = 8, sum = 0;
    unsigned char *at = (unsigned char *)map(len);
    memset(at, 1, len);
    ROW_BEGINS;
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < len; i += 64)
            sum += at[i]++;
    sink = sum;
    ROW_ENDS;
    tell("mem_stride64", rounds * (len / 64));
    munmap(at, len);
}

/* ---- System calls and signals. */

static void getppid_int80(void) {
    unsigned count = 200000;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++)
        system_call(64, 0, 0);
    ROW_ENDS;
    tell("getppid_int80", count);
}

static void gettimeofday_int80(void) {
    unsigned count = 100000;
    struct timeval now;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++)
        system_call(78, (long)&now, 0);
    ROW_ENDS;
    tell("gettimeofday_int80", count);
}

static void on_signal(int number) {
    sink = number;
}

static void signal_self(void) {
    unsigned count = 20000;
    pid_t self = getpid();
    signal(SIGUSR1, on_signal);
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++)
        kill(self, SIGUSR1);
    ROW_ENDS;
    tell("signal_self", count);
}

/* ---- Memory: pages mapped, touched, and protected. */

static void mmap_touch_page(void) {
    unsigned pages = 4096, rounds = 2;
    ROW_BEGINS;
    for (unsigned round = 0; round < rounds; round++) {
        char *at = map(pages * PAGE);
        for (unsigned i = 0; i < pages; i++)
            at[i * PAGE] = 1;
        munmap(at, pages * PAGE);
    }
    ROW_ENDS;
    tell("mmap_touch_page", rounds * pages);
}

static void mmap_read_zeropage(void) {
    unsigned pages = 4096, rounds = 2, sum = 0;
    ROW_BEGINS;
    for (unsigned round = 0; round < rounds; round++) {
        char *at = map(pages * PAGE);
        for (unsigned i = 0; i < pages; i++)
            sum += at[i * PAGE];
        munmap(at, pages * PAGE);
    }
    sink = sum;
    ROW_ENDS;
    tell("mmap_read_zeropage", rounds * pages);
}

static void mprotect_pair_touch(void) {
    unsigned count = 5000;
    char *at = map(PAGE);
    *at = 1;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++) {
        mprotect(at, PAGE, PROT_READ);
        mprotect(at, PAGE, READ_WRITE);
        *at = 2;
    }
    ROW_ENDS;
    tell("mprotect_pair_touch", count);
    munmap(at, PAGE);
}

/* ---- Processes. */

/* Sends every byte back that it gets. */
static void echo(int from, int to) {
    char byte;
    while (read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1) {
    }
    _exit(0);
}

static void there_and_back(int to, int from, unsigned count) {
    char byte = 0;
    for (unsigned i = 0; i < count; i++)
        if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
            sure(-1, "pipe");
}

static void pipe_pingpong_rt(void) {
    unsigned count = 10000;
    int there[2], back[2];
    sure(pipe(there), "pipe");
    sure(pipe(back), "pipe");
    pid_t child = sure(fork(), "fork");
    if (child == 0) {
        close(there[1]);
        echo(there[0], back[1]);
    }
    there_and_back(there[1], back[0], 100);
    ROW_BEGINS;
    there_and_back(there[1], back[0], count);
    ROW_ENDS;
    tell("pipe_pingpong_rt", count);
    close(there[0]), close(there[1]), close(back[0]), close(back[1]);
    waitpid(child, 0, 0);
}

static void fork_exit_wait(void) {
    unsigned count = 500;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++) {
        pid_t child = sure(fork(), "fork");
        if (child == 0)
            _exit(0);
        waitpid(child, 0, 0);
    }
    ROW_ENDS;
    tell("fork_exit_wait", count);
}

static void become_true0(void) {
    char *arguments[] = {"true0", 0}, *environment[] = {0};
    execve("/true0", arguments, environment);
    _exit(9);
}

static void wait_for_true0(pid_t child) {
    int status;
    waitpid(child, &status, 0);
    sure(status == 0 ? 0 : -1, "exec");
}

static void fork_exec_wait(void) {
    unsigned count = 300;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++) {
        pid_t child = sure(fork(), "fork");
        if (child == 0)
            become_true0();
        wait_for_true0(child);
    }
    ROW_ENDS;
    tell("fork_exec_wait", count);
}

static void vfork_exec_wait(void) {
    unsigned count = 300;
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++) {
        pid_t child = vfork();
        if (child == 0)
            become_true0();
        wait_for_true0(sure(child, "vfork"));
    }
    ROW_ENDS;
    tell("vfork_exec_wait", count);
}

/* ---- A disk. The first 8 MiB are read, a part of what follows is written. */

static char buffer[65536] __attribute__((aligned(PAGE)));

static void blk_read_64k_buffered(void) {
    unsigned count = 0;
    int disk = open("/dev/vda", O_RDONLY);
    if (disk < 0) {
        skip("blk_read_64k_buffered");
        return;
    }
    ROW_BEGINS;
    while (count < 128 && read(disk, buffer, sizeof buffer) == sizeof buffer)
        count++;
    ROW_ENDS;
    tell("blk_read_64k_buffered", count);
    close(disk);
}

static void blk_read_4k_direct(void) {
    unsigned count = 200;
    int disk = open("/dev/vda", O_RDONLY | O_DIRECT);
    if (disk < 0) {
        skip("blk_read_4k_direct");
        return;
    }
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++)
        sure(pread(disk, buffer, PAGE, i * 37 % 2048 * PAGE), "pread");
    ROW_ENDS;
    tell("blk_read_4k_direct", count);
    close(disk);
}

static void blk_write_4k_direct(void) {
    unsigned count = 100;
    int disk = open("/dev/vda", O_WRONLY | O_DIRECT);
    if (disk < 0) {
        skip("blk_write_4k_direct");
        return;
    }
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++)
        sure(pwrite(disk, buffer, PAGE, (2048 + i) * PAGE), "pwrite");
    ROW_ENDS;
    tell("blk_write_4k_direct", count);
    close(disk);
}

/* ---- Time. */

static void nanosleep_2ms(void) {
    unsigned count = 20;
    struct timespec two_milliseconds = {0, 2000000};
    ROW_BEGINS;
    for (unsigned i = 0; i < count; i++)
        nanosleep(&two_milliseconds, 0);
    ROW_ENDS;
    tell("nanosleep_2ms", count);
}

/* Gives the disk its name in /dev, which only newer kernels do themselves. */
static void name_disk(void) {
    unsigned major, minor;
    FILE *numbers = fopen("/sys/block/vda/dev", "r");
    if (numbers && fscanf(numbers, "%u:%u", &major, &minor) == 2)
        mknod("/dev/vda", S_IFBLK | 0600, makedev(major, minor));
}

int main(void) {
    INIT_HAS_STARTED;
    setvbuf(stdout, 0, _IOLBF, 512);
    mkdir("/sys", 0755);
    mount("sysfs", "/sys", "sysfs", 0, 0);
    name_disk();
    sleep(2); /* what the kernel still had to do is done */
    cpu_loop();
    mem_stride64();
    getppid_int80();
    gettimeofday_int80();
    mmap_touch_page();
    mmap_read_zeropage();
    mprotect_pair_touch();
    signal_self();
    pipe_pingpong_rt();
    fork_exit_wait();
    fork_exec_wait();
    vfork_exec_wait();
    blk_read_64k_buffered();
    blk_read_4k_direct();
    blk_write_4k_direct();
    nanosleep_2ms();
    printf("bench end\n");
    sync();
    reboot(getenv("native") ? RB_AUTOBOOT : RB_POWER_OFF);
}
