/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/ledger.h"

#include <stdio.h>
#include <string.h>

enum {
    SLOT_NESTED = 0xC0, /* exit codes 400h .. 403h */
    SLOT_INVALID = 0xC4,
    SLOT_INVALID_PMC = 0xC5,
    SLOT_OTHER = LEDGER_EXITS - 1,
    CODE_NESTED = 0x400,
    CODE_NESTED_LAST = 0x403,
};
#define CODE_INVALID UINT64_C(0xffffffffffffffff)
#define CODE_INVALID_PMC UINT64_C(0xfffffffffffffffc)

static const struct {
    uint8_t slot;
    const char *name;
} exit_names[] = {
    {0x00, "CR0 read"},
    {0x02, "CR2 read"},
    {0x03, "CR3 read"},
    {0x04, "CR4 read"},
    {0x08, "CR8 read"},
    {0x10, "CR0 write"},
    {0x13, "CR3 write"},
    {0x14, "CR4 write"},
    {0x18, "CR8 write"},
    {0x27, "DR7 read"},
    {0x37, "DR7 write"},
    {0x41, "#DB"},
    {0x43, "#BP"},
    {0x46, "#UD"},
    {0x47, "#NM"},
    {0x4d, "#GP"},
    {0x4e, "#PF"},
    {0x51, "#AC"},
    {0x52, "#MC"},
    {0x60, "interrupt"},
    {0x61, "NMI"},
    {0x62, "SMI"},
    {0x63, "INIT"},
    {0x64, "VINTR"},
    {0x65, "CR0 sel"},
    {0x6e, "RDTSC"},
    {0x6f, "RDPMC"},
    {0x72, "CPUID"},
    {0x74, "IRET"},
    {0x75, "INT n"},
    {0x76, "INVD"},
    {0x77, "PAUSE"},
    {0x78, "HLT"},
    {0x79, "INVLPG"},
    {0x7b, "I/O"},
    {0x7c, "MSR"},
    {0x7d, "task"},
    {0x7f, "shutdown"},
    {0x80, "VMRUN"},
    {0x81, "VMMCALL"},
    {0x87, "RDTSCP"},
    {0x88, "ICEBP"},
    {0x89, "WBINVD"},
    {0x8a, "MONITOR"},
    {0x8b, "MWAIT"},
    {0x8d, "XSETBV"},
    {0x8e, "RDPRU"},
    {0xc0, "nested fault"},
    {0xc1, "AVIC IPI"},
    {0xc2, "AVIC"},
    {SLOT_INVALID, "invalid"},
    {SLOT_INVALID_PMC, "invalid PMC"},
    {SLOT_OTHER, "other"},
};

unsigned ledger_exit_slot(uint64_t exit_code)
{
    if (exit_code < SLOT_NESTED)
        return (unsigned)exit_code;
    if (exit_code >= CODE_NESTED && exit_code <= CODE_NESTED_LAST)
        return SLOT_NESTED + (unsigned)(exit_code - CODE_NESTED);
    if (exit_code == CODE_INVALID)
        return SLOT_INVALID;
    return exit_code == CODE_INVALID_PMC ? SLOT_INVALID_PMC : SLOT_OTHER;
}

const char *ledger_exit_name(unsigned slot, char out_text[24])
{
    for (size_t i = 0; i < sizeof(exit_names) / sizeof(exit_names[0]); i++)
        if (exit_names[i].slot == slot)
            return exit_names[i].name;
    snprintf(out_text, 24, "exit %03Xh", slot);
    return out_text;
}

/* Everything in these structs is a 64-bit number. */
static void add_words(void *to, const void *from, size_t bytes)
{
    uint64_t *sum = to;
    const uint64_t *words = from;
    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        sum[i] += words[i];
}

static void read_words(void *to, const void *from, size_t bytes)
{
    uint64_t *copy = to;
    const uint64_t *words = from;
    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        copy[i] = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
}

/* One CPU's entries, as they were at one moment. */
static bool read_cpu(const struct ledger_cpu *cpu, uint64_t vms, struct ledger_cpu *out_copy)
{
    enum { TRIES = 1000000 };
    size_t bytes = offsetof(struct ledger_cpu, rows) + vms * sizeof(cpu->rows[0]);
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = __atomic_load_n(&cpu->sequence, __ATOMIC_ACQUIRE);
        if (before & 1)
            continue;
        read_words(out_copy, cpu, bytes);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&cpu->sequence, __ATOMIC_RELAXED) == before)
            return true;
    }
    return false;
}

static bool add_cpus(const struct ledger *ledger, uint64_t cpus, struct ledger_view *view)
{
    static __thread struct ledger_cpu copy; /* too large for a stack */
    for (uint64_t i = 0; i < cpus; i++) {
        if (!read_cpu(&ledger->cpu[i], view->vms, &copy))
            return false;
        add_words(view->machine, copy.machine, sizeof(copy.machine));
        add_words(&view->accesses, &copy.accesses, sizeof(copy.accesses));
        add_words(view->rows, copy.rows, view->vms * sizeof(copy.rows[0]));
    }
    return true;
}

bool ledger_copy(const struct ledger *ledger, struct ledger_view *out_view)
{
    uint64_t cpus = __atomic_load_n(&ledger->cpus, __ATOMIC_ACQUIRE);
    uint64_t vms = __atomic_load_n(&ledger->vms, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&ledger->magic, __ATOMIC_ACQUIRE) != LEDGER_MAGIC || cpus > LEDGER_CPUS ||
        vms < 1 || vms > LEDGER_VMS)
        return false;
    memset(out_view, 0, sizeof(*out_view));
    out_view->vms = vms;
    read_words(out_view->penalty, ledger->penalty, sizeof(ledger->penalty));
    out_view->uncounted = ledger->uncounted;
    read_words(out_view->vm, ledger->vm, sizeof(ledger->vm));
    return add_cpus(ledger, cpus, out_view);
}

bool ledger_is_counted(const struct ledger_view *view, enum pmu_event event)
{
    return !(view->uncounted >> event & 1);
}

uint64_t ledger_cycles(const struct ledger_view *view, const uint64_t events[PMU_EVENT_COUNT])
{
    uint64_t cycles = 0;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        cycles += events[i] * view->penalty[i];
    return cycles;
}

bool ledger_is_msr(uint32_t msr)
{
    return msr >= LEDGER_MSR && msr < LEDGER_MSR + (LEDGER_VMS << 12);
}

static bool is_within(unsigned item, unsigned first, unsigned count)
{
    return item >= first && item < first + count;
}

/* Items that only the hypervisor's number has. */
static bool read_machine(const struct ledger_view *view, unsigned item, uint64_t *out_value)
{
    const uint64_t *accesses = (const uint64_t *)&view->accesses;
    if (item == LEDGER_ITEM_MAGIC)
        *out_value = LEDGER_MAGIC;
    else if (item == LEDGER_ITEM_VMS)
        *out_value = view->vms;
    else if (item == LEDGER_ITEM_UNCOUNTED)
        *out_value = view->uncounted;
    else if (is_within(item, LEDGER_ITEM_MACHINE_KERNEL, PMU_EVENT_COUNT))
        *out_value = view->machine[0][item - LEDGER_ITEM_MACHINE_KERNEL];
    else if (is_within(item, LEDGER_ITEM_MACHINE_USER, PMU_EVENT_COUNT))
        *out_value = view->machine[1][item - LEDGER_ITEM_MACHINE_USER];
    else if (is_within(item, LEDGER_ITEM_PENALTY, PMU_EVENT_COUNT))
        *out_value = view->penalty[item - LEDGER_ITEM_PENALTY];
    else if (is_within(item, LEDGER_ITEM_ACCESS, sizeof(view->accesses) / 8))
        *out_value = accesses[item - LEDGER_ITEM_ACCESS];
    else
        return false;
    return true;
}

static bool read_row(const struct ledger_row *row, unsigned item, uint64_t *out_value)
{
    if (item == LEDGER_ITEM_RUNS)
        *out_value = row->runs;
    else if (is_within(item, LEDGER_ITEM_KERNEL, PMU_EVENT_COUNT))
        *out_value = row->events[0][item - LEDGER_ITEM_KERNEL];
    else if (is_within(item, LEDGER_ITEM_USER, PMU_EVENT_COUNT))
        *out_value = row->events[1][item - LEDGER_ITEM_USER];
    else if (is_within(item, LEDGER_ITEM_EXIT_COUNT, LEDGER_EXITS))
        *out_value = row->exits[item - LEDGER_ITEM_EXIT_COUNT].count;
    else if (is_within(item, LEDGER_ITEM_EXIT_KERNEL, LEDGER_EXITS))
        *out_value = row->exits[item - LEDGER_ITEM_EXIT_KERNEL].instructions[0];
    else if (is_within(item, LEDGER_ITEM_EXIT_USER, LEDGER_EXITS))
        *out_value = row->exits[item - LEDGER_ITEM_EXIT_USER].instructions[1];
    else
        return false;
    return true;
}

bool ledger_read_msr(const struct ledger_view *view, uint32_t msr, uint64_t *out_value)
{
    unsigned vm = (msr - LEDGER_MSR) >> 12, item = msr & 0xfff;
    if (!ledger_is_msr(msr) || vm >= view->vms)
        return false;
    if (vm == 0 && read_machine(view, item, out_value))
        return true;
    if (vm && item <= LEDGER_ITEM_VMS) {
        *out_value = item == LEDGER_ITEM_MAGIC ? view->vm[vm].nested_cr3 : view->vm[vm].vcpus;
        return true;
    }
    return read_row(&view->rows[vm], item, out_value);
}
