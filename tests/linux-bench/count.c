/* Counts executed instructions: a plugin for QEMU's TCG.
 *
 *     -plugin count.so,out=FILE[,pc=ADDRESS][,start=ADDRESS]
 *
 * Each time a mark is executed (bench.c says what that is) a line goes to FILE: the number of the
 * mark, the instructions executed until then, and how often the one at `pc` was. The one at `start`
 * is mark 0 when it is executed first.
 *
 *     2 1234567 89
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of QEMU's plugin interface, version 1; the header is not packaged everywhere. */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, ADD = 0 };

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);

static uint64_t executed, passed;
static uint32_t pc, start;
static FILE *out;

static void at_mark(unsigned cpu, void *number) {
    fprintf(out, "%u %llu %llu\n", (unsigned)(uintptr_t)number, (unsigned long long)executed,
            (unsigned long long)passed);
    fflush(out);
}

static void at_start(unsigned cpu, void *nothing) {
    static int has_started;
    if (!has_started++)
        at_mark(cpu, 0);
}

/* The number of a mark, 0 for any other instruction. */
static unsigned mark(const struct qemu_plugin_insn *instruction) {
    static const uint8_t nopl[] = {0x0f, 0x1f, 0x80}, sign[] = {0x47, 0x4c};
    const uint8_t *bytes = qemu_plugin_insn_data(instruction);
    int is_one = qemu_plugin_insn_size(instruction) == 7 && !memcmp(bytes, nopl, sizeof nopl) &&
                 !memcmp(bytes + 5, sign, sizeof sign);
    return is_one ? bytes[3] | bytes[4] << 8 : 0;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *block) {
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        unsigned number = mark(instruction);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD, &executed, 1);
        uint32_t at = qemu_plugin_insn_vaddr(instruction);
        if (pc && at == pc)
            qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD, &passed, 1);
        if (start && at == start)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_start, NO_REGISTERS, 0);
        if (number)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, at_mark, NO_REGISTERS,
                                                   (void *)(uintptr_t)number);
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count,
                                                               char **options) {
    for (int i = 0; i < count; i++) {
        if (!strncmp(options[i], "out=", 4))
            out = fopen(options[i] + 4, "w");
        if (!strncmp(options[i], "pc=", 3))
            pc = strtoul(options[i] + 3, 0, 16);
        if (!strncmp(options[i], "start=", 6))
            start = strtoul(options[i] + 6, 0, 16);
    }
    if (!out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
