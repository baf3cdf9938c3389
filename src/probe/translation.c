/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * translation: of QEMU's emulation, for how long its virtual CPUs' threads executed code that it
 * had generated and for how long they were in QEMU's own, and how much was generated. Both happen
 * in the same thread, so it is sampled.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "machine/procfs.h"
#include "probe/clock_samples.h"
#include "probe/process.h"
#include "probe/probe_list.h"

#define TEXT_MAX ((size_t)4 << 20)
#define RANGES_MAX 64

struct emulated {
    struct clock_samples **threads; /* of its virtual CPUs */
    size_t count, capacity;
    struct jit_samples sums;
    struct jit_statistics first; /* when it was read first */
    bool was_read;
};

struct state {
    struct emulated *machines; /* one for each target */
    size_t count;
};

static void close_translation(void *object)
{
    struct state *state = object;
    for (size_t i = 0; i < state->count; i++) {
        for (size_t j = 0; j < state->machines[i].count; j++)
            clock_samples_close(state->machines[i].threads[j]);
        free(state->machines[i].threads);
    }
    free(state->machines);
    free(state);
}

static int open_machine(struct emulated *machine, pid_t pid, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("/proc/%d/task", pid);
    CLEANUP_DIRECTORY DIR *dir = opendir(path);
    for (pid_t tid; dir && (tid = procfs_next_number(dir));) {
        if (!thread_is_vcpu(pid, tid))
            continue;
        MEM_GROW(machine->threads, machine->count, machine->capacity);
        int rc = clock_samples_open(tid, &machine->threads[machine->count], err);
        if (rc < 0)
            return rc;
        machine->count++;
    }
    return machine->count ? 0
                          : error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                                      "no thread of its process is a virtual CPU by its name");
}

static int open_translation(const struct probe_target *targets, size_t count, void **out_state,
                            struct error *err)
{
    struct state *state = mem_zalloc(sizeof(*state));
    state->machines = mem_zalloc((count + 1) * sizeof(*state->machines));
    state->count = count;
    bool any = false;
    int rc = 0;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        any |= targets[i].is_emulated;
        if (targets[i].is_emulated)
            rc = open_machine(&state->machines[i], targets[i].pid, err);
    }
    if (!any)
        rc = error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here is emulated by QEMU");
    if (rc < 0)
        close_translation(state);
    else
        *out_state = state;
    return rc;
}

static void read_samples(struct emulated *machine, const struct probe_target *target,
                         struct probe_readings *out)
{
    static const char of_kernel[] = "translation:kernel_ns";
    int index = (int)target->index;
    CLEANUP_FREE char *path = mem_printf("/proc/%d/maps", target->pid);
    CLEANUP_FREE char *text = NULL;
    struct jit_range ranges[RANGES_MAX];
    size_t length, count = 0;
    if (file_read(path, TEXT_MAX, &text, &length, NULL) >= 0)
        count = jit_parse_maps(text, length, ranges, RANGES_MAX);
    if (count == 0 || count > RANGES_MAX) {
        probe_readings_miss(out, index, "translation:generated_ns",
                            "where its generated code is cannot be seen in /proc/PID/maps");
        return;
    }
    for (size_t i = 0; i < machine->count; i++)
        clock_samples_take(machine->threads[i], ranges, count, &machine->sums);
    const struct jit_samples *sums = &machine->sums;
    probe_readings_add(out, index, sums->generated * CLOCK_SAMPLES_NS, "translation:generated_ns");
    probe_readings_add(out, index, sums->qemu * CLOCK_SAMPLES_NS, "translation:qemu_ns");
    probe_readings_add(out, index, sums->lost, "translation:lost");
    if (clock_samples_see_kernel(machine->threads[0]))
        probe_readings_add(out, index, sums->kernel * CLOCK_SAMPLES_NS, "%s", of_kernel);
    else
        probe_readings_miss(out, index, of_kernel,
                            "only root may look into the kernel (kernel.perf_event_paranoid)");
}

/* Blocks and bytes are of what is there: a flush in between has dropped all. */
static void say_statistics(struct emulated *machine, const char *text, int index,
                           struct probe_readings *out)
{
    struct jit_statistics now;
    if (jit_parse_statistics(text, strlen(text), &now) < 0) {
        probe_readings_miss(out, index, "translation:blocks",
                            "this QEMU tells no statistics of its translator");
        return;
    }
    if (!machine->was_read)
        machine->first = now;
    machine->was_read = true;
    probe_readings_add(out, index, now.flushes, "translation:flushes");
    probe_readings_add(out, index, now.invalidations, "translation:invalidations");
    if (now.flushes != machine->first.flushes) {
        static const char dropped[] = "all translated code was dropped meanwhile, and its count";
        probe_readings_miss(out, index, "translation:blocks", dropped);
        probe_readings_miss(out, index, "translation:code_bytes", dropped);
        return;
    }
    probe_readings_add(out, index, now.blocks, "translation:blocks");
    probe_readings_add(out, index, now.code_bytes, "translation:code_bytes");
}

static void ask_monitor(struct emulated *machine, const struct probe_target *target,
                        struct probe_readings *out)
{
    int index = (int)target->index;
    CLEANUP_FREE char *text = NULL;
    struct error err = {0};
    char why[160];
    if (target->machine && machine_ask_monitor(target->machine, &text, &err) < 0)
        probe_readings_miss(out, index, "translation:blocks", "%s", err.text);
    else if (text)
        say_statistics(machine, text, index, out);
    const char *known = text ? text : "";
    probe_readings_miss(out, index, "translation:instructions", "%s",
                        jit_explain_uncounted(known, strlen(known), why, sizeof(why)));
}

static void read_translation(void *object, const struct probe_target *target,
                             struct probe_readings *out)
{
    struct state *state = object;
    struct emulated *machine = &state->machines[target->index];
    if (!target->is_emulated)
        return;
    read_samples(machine, target, out);
    ask_monitor(machine, target, out);
}

const struct probe probe_translation = {
    .name = "translation",
    .help = "Of QEMU's emulation: in generated code or in QEMU's own (sampled), blocks translated.",
    .open = open_translation,
    .read = read_translation,
    .close = close_translation,
};
