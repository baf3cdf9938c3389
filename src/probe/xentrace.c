/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/xentrace.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CPUS_MAX 4096
#define VCPUS_MAX 65536
#define SUMS_MAX 65536
#define EXTRA_MAX 7

/* Xen's public header trace.h, 4.17. */
enum {
    LOST_RECORDS = 0x0001f001,
    CPU_CHANGE = 0x0001f003,
    RUNSTATE_CHANGE = 0x00021001,
    CONTINUE_RUNNING = 0x00021002,
    VMENTRY = 0x00081001,
    VMEXIT = 0x00081002,
    RUNSTATE_MASK = 0x00000330, /* old state << 8, new state << 4 */
    LONG_FLAG = 0x100,          /* addresses have 64 bits */
    NESTED_FLAG = 0x400,
    RUNNING = 0,
};

/* A virtual CPU: 16 bits of its number, 16 of its domain's, as records have it. */
struct xentrace_vcpu {
    uint32_t id;
    bool in_exit;
    bool on_cpu;
    uint32_t reason;
    uint64_t since; /* it has been on a CPU, in this exit */
    uint64_t ticks; /* before */
};

struct xentrace_cpu {
    bool is_known;
    uint32_t vcpu;
};

struct record {
    uint32_t event;
    uint64_t ticks;
    uint32_t extra[EXTRA_MAX];
    unsigned extra_count;
};

static struct xentrace_cpu *cpu_at(struct xentrace *trace, uint32_t cpu)
{
    if (cpu >= CPUS_MAX)
        return NULL;
    if (cpu >= trace->cpu_count) {
        trace->cpus = mem_resize_array(trace->cpus, cpu + 1, sizeof(*trace->cpus));
        memset(trace->cpus + trace->cpu_count, 0,
               (cpu + 1 - trace->cpu_count) * sizeof(*trace->cpus));
        trace->cpu_count = cpu + 1;
    }
    return &trace->cpus[cpu];
}

/* NULL: there are too many. */
static struct xentrace_vcpu *vcpu_of(struct xentrace *trace, uint32_t id)
{
    for (size_t i = 0; i < trace->vcpu_count; i++)
        if (trace->vcpus[i].id == id)
            return &trace->vcpus[i];
    if (trace->vcpu_count == VCPUS_MAX)
        return NULL;
    MEM_GROW(trace->vcpus, trace->vcpu_count, trace->vcpu_capacity);
    trace->vcpus[trace->vcpu_count] = (struct xentrace_vcpu){.id = id};
    return &trace->vcpus[trace->vcpu_count++];
}

static void add_exit(struct xentrace *trace, const struct xentrace_vcpu *vcpu, uint64_t ticks)
{
    uint16_t domain = (uint16_t)(vcpu->id >> 16);
    size_t i = 0;
    while (i < trace->sum_count &&
           (trace->sums[i].domain != domain || trace->sums[i].reason != vcpu->reason))
        i++;
    if (i == SUMS_MAX) {
        trace->torn++;
        return;
    }
    if (i == trace->sum_count) {
        MEM_GROW(trace->sums, trace->sum_count, trace->sum_capacity);
        trace->sums[trace->sum_count++] =
            (struct xentrace_sum){.domain = domain, .reason = vcpu->reason};
    }
    trace->sums[i].count++;
    trace->sums[i].ticks += ticks;
}

/* The virtual CPU that runs where the record was made; NULL: nobody has said. */
static struct xentrace_vcpu *running_at(struct xentrace *trace)
{
    const struct xentrace_cpu *cpu = cpu_at(trace, trace->cpu);
    return cpu && cpu->is_known ? vcpu_of(trace, cpu->vcpu) : NULL;
}

static void take_exit(struct xentrace *trace, const struct record *record)
{
    struct xentrace_vcpu *vcpu = running_at(trace);
    if (!vcpu || record->extra_count == 0) {
        trace->torn++;
        return;
    }
    trace->torn += vcpu->in_exit;
    *vcpu = (struct xentrace_vcpu){.id = vcpu->id,
                                   .in_exit = true,
                                   .on_cpu = true,
                                   .reason = record->extra[0],
                                   .since = record->ticks};
}

static void take_entry(struct xentrace *trace, const struct record *record)
{
    struct xentrace_vcpu *vcpu = running_at(trace);
    if (!vcpu || !vcpu->in_exit)
        return; /* it was left before the trace began */
    vcpu->in_exit = false;
    if (vcpu->on_cpu && record->ticks >= vcpu->since)
        add_exit(trace, vcpu, vcpu->ticks + record->ticks - vcpu->since);
    else
        trace->torn++;
}

static void take_runstate(struct xentrace *trace, const struct record *record)
{
    struct xentrace_cpu *cpu = cpu_at(trace, trace->cpu);
    struct xentrace_vcpu *vcpu = record->extra_count ? vcpu_of(trace, record->extra[0]) : NULL;
    if (!cpu || !vcpu)
        return;
    bool was_on = vcpu->on_cpu;
    bool runs =
        (record->event & ~RUNSTATE_MASK) == CONTINUE_RUNNING || (record->event >> 4 & 3) == RUNNING;
    if (runs)
        *cpu = (struct xentrace_cpu){true, vcpu->id};
    else if (cpu->is_known && cpu->vcpu == vcpu->id)
        cpu->is_known = false;
    if (!runs && was_on && record->ticks >= vcpu->since)
        vcpu->ticks += record->ticks - vcpu->since;
    if (runs && !was_on)
        vcpu->since = record->ticks;
    vcpu->on_cpu = runs;
}

/* What was under way on this CPU is not known any more. */
static void take_loss(struct xentrace *trace, const struct record *record)
{
    struct xentrace_vcpu *vcpu = running_at(trace);
    struct xentrace_cpu *cpu = cpu_at(trace, trace->cpu);
    trace->lost += record->extra_count ? record->extra[0] : 1;
    if (vcpu) {
        trace->torn += vcpu->in_exit;
        vcpu->in_exit = false;
    }
    if (cpu)
        cpu->is_known = false;
}

/* false: it tells neither of exits nor of who runs. */
static bool take_event(struct xentrace *trace, const struct record *record)
{
    uint32_t event = record->event;
    if ((event & ~RUNSTATE_MASK) == RUNSTATE_CHANGE || event == CONTINUE_RUNNING)
        take_runstate(trace, record);
    else if ((event & ~(LONG_FLAG | NESTED_FLAG)) == VMEXIT)
        take_exit(trace, record);
    else if ((event & ~(LONG_FLAG | NESTED_FLAG)) == VMENTRY)
        take_entry(trace, record);
    else
        return false;
    return true;
}

static void take_record(struct xentrace *trace, const struct record *record)
{
    uint32_t event = record->event;
    if (event == CPU_CHANGE && record->extra_count)
        trace->cpu = record->extra[0];
    else if (event == LOST_RECORDS)
        take_loss(trace, record);
    else
        trace->taken += take_event(trace, record);
}

size_t xentrace_feed(struct xentrace *trace, const void *buf, size_t length)
{
    const char *bytes = buf;
    size_t used = 0;
    uint32_t header;
    while (length - used >= sizeof(header)) {
        struct record record = {0};
        memcpy(&header, bytes + used, sizeof(header));
        bool has_ticks = header >> 31;
        record.event = header & 0x0fffffff;
        record.extra_count = header >> 28 & 7;
        size_t head = sizeof(header) + (has_ticks ? sizeof(record.ticks) : 0);
        size_t extra = record.extra_count * sizeof(record.extra[0]);
        if (length - used < head + extra)
            break;
        if (has_ticks)
            memcpy(&record.ticks, bytes + used + sizeof(header), sizeof(record.ticks));
        memcpy(record.extra, bytes + used + head, extra);
        take_record(trace, &record);
        used += head + extra;
    }
    return used;
}

void xentrace_done(struct xentrace *trace)
{
    free(trace->sums);
    free(trace->vcpus);
    free(trace->cpus);
    *trace = (struct xentrace){0};
}

double xentrace_parse_mhz(const char *text, size_t length)
{
    static const char key[] = "cpu_mhz";
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    for (const char *line = copy; line; line = strchr(line, '\n')) {
        double mhz;
        line += *line == '\n';
        if (strncmp(line, key, strlen(key)) == 0 &&
            sscanf(line + strlen(key), " : %15lf", &mhz) == 1 && mhz > 0 && mhz < 1e6)
            return mhz;
    }
    return NAN;
}
