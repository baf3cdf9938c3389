/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax-count.so: counts the instructions, world switches and VM exits of an emulated machine, as
 * cheaply as QEMU can, for a program in it that asks (base/tally.h).
 *
 * One addition at the start of each translation block; calls only for exits and questions. A block
 * belongs to host or guest, kernel or user, for good: QEMU keeps blocks of different modes apart.
 * It also puts right where QEMU errs: it carries out a guest's reads of CR2 (cr2.c), and makes
 * virtual interrupts of those that a hypervisor injects (pmu/injection.h). What a guest has not had
 * of them at an exit is told in EXITINTINFO, or owed to it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tally.h"
#include "plugin/decode.h"
#include "plugin/open_exits.h"
#include "plugin/qemu-api.h"
#include "pmu/injection.h"
#include "pmu/svm.h"

enum { INSTRUCTION_BYTES = 15, CPUS_MAX = 256, LANDINGS_MAX = 64 };
enum { VMCB_EXIT_CODE = 0x70, VMCB_EXIT_INFO = 0x78 };

/* The first 16 in the order of their x86 numbers. */
enum tally_register { RAX, RCX, RSP = 4, RSI = 6, RDI, CS = 16, CR0, CR2, EFLAGS, REGISTERS };
static const char *const register_names[REGISTERS] = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",  "r9",
    "r10", "r11", "r12", "r13", "r14", "r15", "cs",  "cr0", "cr2", "eflags",
};

/* What the generated code touches; one for each CPU. */
struct slot {
    struct tally counts;
    uint64_t in_guest;
};

/* Touched by the thread of its CPU only. */
struct cpu {
    unsigned index;
    struct qemu_plugin_register *registers[REGISTERS];
    struct glib_bytes *bytes;   /* what registers and memory pass through */
    uint64_t vmcb;              /* of the guest that runs, or ran last */
    bool virtual_interrupt;     /* stands for an injection, */
    struct injection injection; /* which the hypervisor has in its place */
    struct injection_owed owed; /* to the guest that runs */
    uint64_t due;               /* of these, the one that runs as a virtual interrupt */
    bool is_after_exit;
    unsigned exit; /* the last one's index, and what the host had executed until then */
    uint64_t until_exit[TALLY_GUEST_KERNEL];
};

/* One instruction MOV r,CR2 of a guest; lives as long as QEMU. */
struct cr2_read {
    struct tallying *tallying;
    enum tally_register target;
    uint64_t next; /* the instruction behind it */
    size_t rest;   /* instructions of the block from there on */
};

/* The instruction behind a VMRUN, where exits continue. */
struct landing {
    const void *host;
    uint64_t address;
};

struct tallying {
    struct qemu_plugin_scoreboard *board;
    bool owes;
    unsigned cpu_count; /* published atomically */
    struct cpu cpus[CPUS_MAX];
    pthread_mutex_t lock;
    struct landing landings[LANDINGS_MAX];
    unsigned landing_count;       /* published atomically */
    struct open_exits open_exits; /* of threads that are on no CPU; with the lock */
};

QEMU_EXPORT extern int qemu_plugin_version;
QEMU_EXPORT int qemu_plugin_version = QEMU_API_VERSION;
QEMU_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                    char **argv);

/* With thread=multi each CPU translates in its own thread. */
static __thread struct cpu *translating;

static uint64_t read_register(struct cpu *cpu, enum tally_register name)
{
    uint64_t value = 0;
    g_byte_array_set_size(cpu->bytes, 0);
    if (!qemu_plugin_read_register(cpu->registers[name], cpu->bytes))
        return 0;
    size_t bytes = cpu->bytes->len < sizeof(value) ? cpu->bytes->len : sizeof(value);
    memcpy(&value, cpu->bytes->data, bytes);
    return value;
}

static bool is_user(struct cpu *cpu)
{
    enum { PROTECTED = 1, VIRTUAL_8086 = 1 << 17, LEVEL = 3 };
    if (!(read_register(cpu, CR0) & PROTECTED))
        return false;
    return (read_register(cpu, EFLAGS) & VIRTUAL_8086) || (read_register(cpu, CS) & LEVEL);
}

static void take_registers(struct cpu *cpu)
{
    struct glib_array *list = qemu_plugin_get_registers();
    const struct qemu_register_description *at = (const void *)list->data;
    for (unsigned i = 0; i < list->len; i++)
        for (unsigned j = 0; j < REGISTERS; j++)
            if (!cpu->registers[j] && strcmp(at[i].name, register_names[j]) == 0)
                cpu->registers[j] = at[i].handle;
    g_array_free(list, 1);
}

static void start_cpu(unsigned index, void *userdata)
{
    struct tallying *tallying = userdata;
    if (index >= CPUS_MAX)
        return;
    struct cpu *cpu = &tallying->cpus[index];
    *cpu = (struct cpu){.index = index, .bytes = g_byte_array_new()};
    take_registers(cpu);
    translating = cpu;
    pthread_mutex_lock(&tallying->lock);
    if (index >= tallying->cpu_count)
        __atomic_store_n(&tallying->cpu_count, index + 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&tallying->lock);
}

static bool is_landing(struct tallying *tallying, const struct landing *landing)
{
    unsigned count = __atomic_load_n(&tallying->landing_count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++)
        if (tallying->landings[i].host == landing->host &&
            tallying->landings[i].address == landing->address)
            return true;
    return false;
}

static void add_landing(struct tallying *tallying, const struct landing *landing)
{
    pthread_mutex_lock(&tallying->lock);
    unsigned count = tallying->landing_count;
    if (!is_landing(tallying, landing) && count < LANDINGS_MAX) {
        tallying->landings[count] = *landing;
        __atomic_store_n(&tallying->landing_count, count + 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&tallying->lock);
}

static bool read_physical(struct cpu *cpu, uint64_t address, void *to, size_t bytes)
{
    g_byte_array_set_size(cpu->bytes, 0);
    if (qemu_plugin_read_memory_hwaddr(address, cpu->bytes, bytes) != 0 || cpu->bytes->len != bytes)
        return false;
    memcpy(to, cpu->bytes->data, bytes);
    return true;
}

static void write_physical(struct cpu *cpu, uint64_t address, const void *from, size_t bytes)
{
    g_byte_array_set_size(cpu->bytes, bytes);
    memcpy(cpu->bytes->data, from, bytes);
    qemu_plugin_write_memory_hwaddr(address, cpu->bytes);
}

static bool read_field(struct cpu *cpu, uint64_t offset, uint64_t *out_value)
{
    return read_physical(cpu, cpu->vmcb + offset, out_value, sizeof(*out_value));
}

static void write_injection(struct cpu *cpu, const struct injection *injection)
{
    write_physical(cpu, cpu->vmcb + INJECTION_EVENT, &injection->event, sizeof(injection->event));
    write_physical(cpu, cpu->vmcb + INJECTION_CONTROL, &injection->control,
                   sizeof(injection->control));
    write_physical(cpu, cpu->vmcb + INJECTION_INTERCEPTS, &injection->intercepts,
                   sizeof(injection->intercepts));
}

static bool read_injection(struct cpu *cpu, struct injection *out)
{
    return read_field(cpu, INJECTION_EVENT, &out->event) &&
           read_field(cpu, INJECTION_CONTROL, &out->control) &&
           read_field(cpu, INJECTION_SHADOW, &out->shadow) &&
           read_field(cpu, INJECTION_EXIT_INTERRUPT, &out->exit_interrupt) &&
           read_field(cpu, INJECTION_FLAGS, &out->flags) &&
           read_physical(cpu, cpu->vmcb + INJECTION_INTERCEPTS, &out->intercepts,
                         sizeof(out->intercepts));
}

static void run_virtual(struct cpu *cpu, const struct injection *own,
                        const struct injection *instead)
{
    cpu->virtual_interrupt = true;
    cpu->injection = *own;
    write_injection(cpu, instead);
}

static void replace_injection(struct cpu *cpu)
{
    struct injection own;
    if (!read_injection(cpu, &own) || !injection_is_interrupt(own.event) || !injection_fits(&own))
        return;
    struct injection other = injection_replace(&own);
    run_virtual(cpu, &own, &other);
}

static void write_owed(struct cpu *cpu)
{
    write_physical(cpu, cpu->vmcb + INJECTION_OWED, &cpu->owed, sizeof(cpu->owed));
}

static void run_due(struct cpu *cpu)
{
    struct injection own;
    if (!read_injection(cpu, &own) ||
        !read_physical(cpu, cpu->vmcb + INJECTION_OWED, &cpu->owed, sizeof(cpu->owed)))
        return;
    if (injection_is_interrupt(own.event)) {
        injection_owe(&cpu->owed, own.event);
        write_owed(cpu);
    }
    cpu->due = injection_due(&cpu->owed);
    if (!cpu->due)
        return;
    struct injection other = injection_replace_by_due(&own, cpu->due);
    run_virtual(cpu, &own, &other);
}

/* Is it still owed? Then the hypervisor hears nothing of it. */
static void settle_due(struct cpu *cpu, bool pending)
{
    const uint64_t nothing = 0;
    uint64_t told;
    if (!pending) {
        injection_settle(&cpu->owed, cpu->due);
        write_owed(cpu);
    } else if (read_field(cpu, INJECTION_EXIT_INTERRUPT, &told) &&
               injection_is_of_due(told, cpu->due)) {
        write_physical(cpu, cpu->vmcb + INJECTION_EXIT_INTERRUPT, &nothing, sizeof(nothing));
    }
}

static void restore_injection(const struct tallying *tallying, struct cpu *cpu)
{
    uint64_t control = 0;
    if (!cpu->virtual_interrupt || !read_field(cpu, INJECTION_CONTROL, &control))
        return;
    cpu->virtual_interrupt = false;
    struct injection own = cpu->injection;
    bool pending = injection_is_pending(control);
    if (tallying->owes)
        settle_due(cpu, pending);
    else if (pending) /* where KVM and Xen look for what the guest has not had */
        write_physical(cpu, cpu->vmcb + INJECTION_EXIT_INTERRUPT, &own.event, sizeof(own.event));
    own.event = 0;
    own.control = injection_restore(&own, control);
    write_injection(cpu, &own);
}

/* What the host executed since the last exit belongs to it. */
static void end_exit(const struct tallying *tallying, struct cpu *cpu)
{
    struct slot *slot = qemu_plugin_scoreboard_find(tallying->board, cpu->index);
    for (unsigned i = 0; i < TALLY_GUEST_KERNEL && cpu->is_after_exit; i++)
        slot->counts.after_exits[cpu->exit][i] += slot->counts.instructions[i] - cpu->until_exit[i];
    cpu->is_after_exit = false;
}

/* RAX holds the VMCB's physical address at VMRUN, and #VMEXIT brings it back. */
static void note_run(unsigned index, void *userdata)
{
    struct tallying *tallying = userdata;
    struct cpu *cpu = &tallying->cpus[index];
    cpu->vmcb = read_register(cpu, RAX);
    cpu->virtual_interrupt = false;
    if (tallying->owes)
        run_due(cpu);
    else
        replace_injection(cpu);
    end_exit(tallying, cpu);
}

/* See cr2.c. What is left of the block begins a new one. */
static void read_cr2(unsigned index, void *userdata)
{
    const struct cr2_read *read = userdata;
    struct tallying *tallying = read->tallying;
    struct cpu *cpu = &tallying->cpus[index];
    uint32_t intercepts = 0;
    if (!read_physical(cpu, cpu->vmcb + SVM_INTERCEPT_CR, &intercepts, sizeof(intercepts)) ||
        svm_intercepts_cr2_read(intercepts))
        return;
    uint64_t value = read_register(cpu, CR2);
    g_byte_array_set_size(cpu->bytes, sizeof(value));
    memcpy(cpu->bytes->data, &value, sizeof(value));
    qemu_plugin_write_register(cpu->registers[read->target], cpu->bytes);
    struct slot *slot = qemu_plugin_scoreboard_find(tallying->board, index);
    slot->counts.instructions[TALLY_GUEST_KERNEL] -= read->rest;
    qemu_plugin_set_pc(read->next);
}

static void begin_exit(struct cpu *cpu, const struct slot *slot, unsigned exit)
{
    cpu->exit = exit;
    cpu->is_after_exit = true;
    memcpy(cpu->until_exit, slot->counts.instructions, sizeof(cpu->until_exit));
}

/* The host's kernel leaves a thread: what comes now is another's. */
static void leave_thread(unsigned index, void *userdata)
{
    struct tallying *tallying = userdata;
    struct cpu *cpu = &tallying->cpus[index];
    if (!cpu->is_after_exit)
        return;
    end_exit(tallying, cpu);
    uint64_t stack_pointer = read_register(cpu, RSP);
    pthread_mutex_lock(&tallying->lock);
    open_exits_put(&tallying->open_exits, stack_pointer, cpu->exit);
    pthread_mutex_unlock(&tallying->lock);
}

/* It is on the stack of the next one, which may have been in an exit, on any CPU. */
static void enter_thread(unsigned index, void *userdata)
{
    struct tallying *tallying = userdata;
    struct cpu *cpu = &tallying->cpus[index];
    const struct slot *slot = qemu_plugin_scoreboard_find(tallying->board, index);
    uint64_t stack_pointer = read_register(cpu, RSP);
    unsigned exit = 0;
    pthread_mutex_lock(&tallying->lock);
    bool is_open = open_exits_take(&tallying->open_exits, stack_pointer, &exit);
    pthread_mutex_unlock(&tallying->lock);
    if (is_open)
        begin_exit(cpu, slot, exit);
}

/* The exit's code, with what it is for. RCX is the guest's until the hypervisor puts it away. */
static uint64_t read_exit(struct cpu *cpu)
{
    uint64_t code, info;
    uint64_t vmcb = read_register(cpu, RAX);
    if (!read_physical(cpu, vmcb + VMCB_EXIT_CODE, &code, sizeof(code)))
        return UINT64_MAX;
    if (code == EXIT_AMD_MSR && exit_msr_is_of_apic((uint32_t)read_register(cpu, RCX)))
        return code | EXIT_FOR_APIC;
    if (code == EXIT_AMD_NESTED_FAULT &&
        read_physical(cpu, vmcb + VMCB_EXIT_INFO, &info, sizeof(info)) &&
        (info & EXIT_FAULT_RESERVED))
        return code | EXIT_FOR_DEVICE;
    return code;
}

static void note_exit(unsigned index, void *userdata)
{
    struct tallying *tallying = userdata;
    struct cpu *cpu = &tallying->cpus[index];
    struct slot *slot = qemu_plugin_scoreboard_find(tallying->board, index);
    if (!slot->in_guest)
        return;
    slot->in_guest = 0;
    unsigned exit = tally_exit_index(read_exit(cpu));
    restore_injection(tallying, cpu);
    begin_exit(cpu, slot, exit);
    slot->counts.exits[cpu->exit]++;
}

static void add_counts(struct tally *sum, const struct tally *counts)
{
    for (unsigned i = 0; i < TALLY_MODES; i++)
        sum->instructions[i] += __atomic_load_n(&counts->instructions[i], __ATOMIC_RELAXED);
    for (unsigned i = 0; i < TALLY_EXITS; i++) {
        sum->exits[i] += __atomic_load_n(&counts->exits[i], __ATOMIC_RELAXED);
        for (unsigned j = 0; j < TALLY_GUEST_KERNEL; j++)
            sum->after_exits[i][j] += __atomic_load_n(&counts->after_exits[i][j], __ATOMIC_RELAXED);
    }
    sum->entries += __atomic_load_n(&counts->entries, __ATOMIC_RELAXED);
}

static void answer(unsigned index, void *userdata)
{
    struct tallying *tallying = userdata;
    struct cpu *cpu = &tallying->cpus[index];
    struct tally sum = {.magic = TALLY_MAGIC};
    sum.cpus = __atomic_load_n(&tallying->cpu_count, __ATOMIC_ACQUIRE);
    uint64_t address = read_register(cpu, RDI), room = read_register(cpu, RSI);
    if (room < sizeof(sum))
        return;
    for (unsigned i = 0; i < sum.cpus; i++) {
        const struct slot *slot = qemu_plugin_scoreboard_find(tallying->board, i);
        add_counts(&sum, &slot->counts);
    }
    g_byte_array_set_size(cpu->bytes, sizeof(sum));
    memcpy(cpu->bytes->data, &sum, sizeof(sum));
    qemu_plugin_write_memory_vaddr(address, cpu->bytes);
}

static qemu_plugin_u64 field(const struct tallying *tallying, size_t offset)
{
    return (qemu_plugin_u64){.score = tallying->board, .offset = offset};
}

static void instrument_cr2_read(struct tallying *tallying, struct qemu_plugin_insn *insn,
                                enum tally_register target, size_t length, size_t rest)
{
    struct cr2_read *read = malloc(sizeof(*read));
    if (!read)
        return;
    *read = (struct cr2_read){.tallying = tallying,
                              .target = target,
                              .next = qemu_plugin_insn_vaddr(insn) + length,
                              .rest = rest};
    qemu_plugin_register_vcpu_insn_exec_cb(insn, read_cr2, QEMU_CB_RW_REGS_PC, read);
}

static void instrument_run(struct tallying *tallying, struct qemu_plugin_insn *insn, size_t length)
{
    const struct landing landing = {.host = (const uint8_t *)qemu_plugin_insn_haddr(insn) + length,
                                    .address = qemu_plugin_insn_vaddr(insn) + length};
    add_landing(tallying, &landing);
    qemu_plugin_register_vcpu_insn_exec_cb(insn, note_run, QEMU_CB_R_REGS, tallying);
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        insn, QEMU_INLINE_ADD, field(tallying, offsetof(struct slot, counts.entries)), 1);
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        insn, QEMU_INLINE_STORE, field(tallying, offsetof(struct slot, in_guest)), 1);
}

/* A callback comes before its instruction: the next one has the new stack. */
static void instrument_switch(struct tallying *tallying, struct qemu_plugin_tb *tb, size_t at)
{
    if (at + 1 >= qemu_plugin_tb_n_insns(tb))
        return;
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, at), leave_thread,
                                           QEMU_CB_R_REGS, tallying);
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, at + 1), enter_thread,
                                           QEMU_CB_R_REGS, tallying);
}

static void instrument(struct tallying *tallying, struct qemu_plugin_tb *tb, size_t at,
                       enum tally_mode mode)
{
    static const uint8_t question[] = {TALLY_INSTRUCTION};
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, at);
    uint8_t bytes[INSTRUCTION_BYTES];
    size_t length = qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
    if (length == sizeof(question) && memcmp(bytes, question, length) == 0) {
        qemu_plugin_register_vcpu_insn_exec_cb(insn, answer, QEMU_CB_R_REGS, tallying);
        return;
    }
    enum decode_kind kind = decode_instruction(bytes, length);
    if (kind == DECODE_VMRUN && mode < TALLY_GUEST_KERNEL)
        instrument_run(tallying, insn, length);
    else if (kind == DECODE_READ_CR2 && mode == TALLY_GUEST_KERNEL)
        instrument_cr2_read(tallying, insn, decode_cr2_target(bytes, length), length,
                            qemu_plugin_tb_n_insns(tb) - 1 - at);
    else if (mode == TALLY_HOST_KERNEL && decode_is_thread_switch(bytes, length))
        instrument_switch(tallying, tb, at);
}

static void translate(struct qemu_plugin_tb *tb, void *userdata)
{
    struct tallying *tallying = userdata;
    struct cpu *cpu = translating;
    size_t count = qemu_plugin_tb_n_insns(tb);
    if (!cpu || count == 0)
        return;
    const struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
    const struct landing at = {qemu_plugin_insn_haddr(first), qemu_plugin_insn_vaddr(first)};
    /* The landing is translated before the exit that leads to it has been noted. */
    bool landed = is_landing(tallying, &at);
    const struct slot *slot = qemu_plugin_scoreboard_find(tallying->board, cpu->index);
    bool guest = slot->in_guest && !landed;
    enum tally_mode mode = (guest ? TALLY_GUEST_KERNEL : TALLY_HOST_KERNEL) + is_user(cpu);
    if (landed)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, note_exit, QEMU_CB_R_REGS, tallying);
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
        tb, QEMU_INLINE_ADD,
        field(tallying, offsetof(struct slot, counts.instructions) + mode * sizeof(uint64_t)),
        count);
    for (size_t i = 0; i < count; i++)
        instrument(tallying, tb, i, mode);
}

/* "check=on": can this QEMU load it? Ends QEMU with exit code 0. "undelivered=owe": what a guest
 * has not had of the hypervisor's interrupts is owed to it; else the hypervisor is told. */
static int take_option(struct tallying *tallying, const char *option)
{
    if (strcmp(option, "check=on") == 0)
        _exit(0);
    if (strcmp(option, "undelivered=owe") != 0) {
        fprintf(stderr, "vtax-count: unknown option '%s'\n", option);
        return -1;
    }
    tallying->owes = true;
    return 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    if (info->version.min > QEMU_API_VERSION || info->version.cur < QEMU_API_VERSION) {
        fprintf(stderr, "vtax-count: this QEMU has plugin API %d to %d, not %d\n",
                info->version.min, info->version.cur, QEMU_API_VERSION);
        return -1;
    }
    if (!info->system_emulation || strcmp(info->target_name, "x86_64") != 0) {
        fprintf(stderr, "vtax-count: '%s' is not a whole x86-64 machine\n", info->target_name);
        return -1;
    }
    struct tallying *tallying = calloc(1, sizeof(*tallying)); /* lives as long as QEMU */
    if (!tallying)
        return -1;
    for (int i = 0; i < argc; i++)
        if (take_option(tallying, argv[i]) < 0)
            return -1;
    pthread_mutex_init(&tallying->lock, NULL);
    tallying->board = qemu_plugin_scoreboard_new(sizeof(struct slot));
    qemu_plugin_register_vcpu_init_cb(id, start_cpu, tallying);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate, tallying);
    return 0;
}
