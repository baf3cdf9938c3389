/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/probe.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/words.h"
#include "probe/probe_list.h"

#define PROBES_MAX 16
#define PROBES_NONE "none"

/* The first is innermost: first at the end, last at the beginning. What its counts are compared
 * with is next to it, for the reading of the others costs instructions, too. */
const struct probe *const probes[] = {
    &probe_emulator,    &probe_exits,      &probe_exits_tracefs, &probe_xen,      &probe_counters,
    &probe_host,        &probe_process,    &probe_pressure,      &probe_kvm,      &probe_devices,
    &probe_translation, &probe_virtualbox, &probe_guest,         &probe_injected, NULL,
};

static struct probe_reading *add(struct probe_readings *readings, int machine)
{
    MEM_GROW(readings->items, readings->count, readings->capacity);
    struct probe_reading *reading = &readings->items[readings->count++];
    *reading = (struct probe_reading){.machine = machine};
    return reading;
}

void probe_readings_add(struct probe_readings *readings, int machine, uint64_t value,
                        const char *name, ...)
{
    struct probe_reading *reading = add(readings, machine);
    va_list ap;
    va_start(ap, name);
    reading->name = mem_vprintf(name, ap);
    va_end(ap);
    reading->value = value;
}

void probe_readings_miss(struct probe_readings *readings, int machine, const char *name,
                         const char *reason, ...)
{
    struct probe_reading *reading = add(readings, machine);
    va_list ap;
    va_start(ap, reason);
    reading->missing = mem_vprintf(reason, ap);
    va_end(ap);
    reading->name = mem_strdup(name);
}

const struct probe_reading *probe_readings_find(const struct probe_readings *readings, int machine,
                                                const char *name)
{
    for (size_t i = 0; i < readings->count; i++)
        if (readings->items[i].machine == machine && strcmp(readings->items[i].name, name) == 0)
            return &readings->items[i];
    return NULL;
}

void probe_readings_done(struct probe_readings *readings)
{
    for (size_t i = 0; i < readings->count; i++) {
        free(readings->items[i].name);
        free(readings->items[i].missing);
    }
    free(readings->items);
    *readings = (struct probe_readings){0};
}

/* What begins with the name of a missing reading was missing with it. NULL: it was not. */
static const struct probe_reading *find_missing(const struct probe_readings *readings,
                                                const struct probe_reading *of)
{
    for (size_t i = 0; i < readings->count; i++) {
        const struct probe_reading *reading = &readings->items[i];
        if (reading->missing && reading->machine == of->machine &&
            strncmp(of->name, reading->name, strlen(reading->name)) == 0)
            return reading;
    }
    return NULL;
}

void probe_readings_subtract(const struct probe_readings *later,
                             const struct probe_readings *earlier, struct probe_readings *out)
{
    for (size_t i = 0; i < later->count; i++) {
        const struct probe_reading *end = &later->items[i];
        const struct probe_reading *begin = probe_readings_find(earlier, end->machine, end->name);
        begin = begin ? begin : find_missing(earlier, end);
        uint64_t from = begin && !begin->missing ? begin->value : 0;
        if (end->missing || (begin && begin->missing))
            probe_readings_miss(out, end->machine, end->name, "%s",
                                end->missing ? end->missing : begin->missing);
        else if (end->value < from)
            probe_readings_miss(out, end->machine, end->name,
                                "it went back: the counter wrapped, or what it counted has ended");
        else
            probe_readings_add(out, end->machine, end->value - from, "%s", end->name);
    }
    for (size_t i = 0; i < earlier->count; i++) {
        const struct probe_reading *begin = &earlier->items[i];
        if (probe_readings_find(later, begin->machine, begin->name))
            continue;
        const struct probe_reading *end = find_missing(later, begin);
        probe_readings_miss(out, begin->machine, begin->name, "%s",
                            end ? end->missing : "it was there at first only");
    }
}

struct opened {
    void *state;
    bool is_open;
    char *why_not;
};

struct probing {
    struct probe_target *targets;
    size_t count;
    struct opened probes[PROBES_MAX];
    struct probe_readings begin;
    uint64_t begin_ns;
};

static bool is_named(const struct option_texts *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

int probe_check_names(const struct option_texts *names, struct error *err)
{
    const char *known[PROBES_MAX + 2] = {PROBES_NONE};
    for (size_t i = 0; probes[i]; i++)
        known[i + 1] = probes[i]->name;
    for (size_t i = 0; i < names->count; i++)
        if (!words_contain(known, names->items[i]))
            return words_set_unknown(err, "probe", names->items[i], known);
    if (names->count > 1 && is_named(names, PROBES_NONE))
        return error_set(err, ERROR_USAGE, -EINVAL, "probes: '%s' stands alone", PROBES_NONE);
    return 0;
}

static bool is_wanted(const struct option_texts *wanted, const struct probe *probe)
{
    if (!wanted || wanted->count == 0)
        return !probe->on_request;
    return is_named(wanted, probe->name);
}

struct probing *probing_open(const struct probe_target *targets, size_t count,
                             const struct option_texts *wanted)
{
    _Static_assert(COUNT_OF(probes) <= PROBES_MAX, "room for each probe");
    struct probing *probing = mem_zalloc(sizeof(*probing));
    probing->targets = mem_copy(targets, count * sizeof(*targets));
    probing->count = count;
    for (size_t i = 0; probes[i]; i++) {
        struct opened *opened = &probing->probes[i];
        struct error err = {0};
        if (!is_wanted(wanted, probes[i])) {
            opened->why_not = mem_printf(
                "%s", wanted && wanted->count ? "switched off by the plan's `probes`"
                                              : "looks only where the plan's `probes` name it");
            continue;
        }
        opened->is_open = probes[i]->open(targets, count, &opened->state, &err) >= 0;
        opened->why_not = opened->is_open ? NULL : mem_strdup(err.text);
    }
    return probing;
}

static void read_one(const struct probing *probing, size_t probe, struct probe_readings *out)
{
    for (size_t i = 0; probing->probes[probe].is_open && i < probing->count; i++)
        probes[probe]->read(probing->probes[probe].state, &probing->targets[i], out);
}

void probing_begin(struct probing *probing)
{
    probe_readings_done(&probing->begin);
    /* The other way round than at the end: what disturbs the machines by reading (`guest`) must not
     * be among what the others see. */
    for (size_t i = COUNT_OF(probes) - 1; i-- > 0;)
        read_one(probing, i, &probing->begin);
    probing->begin_ns = clock_monotonic_ns();
}

void probing_end(struct probing *probing, struct probe_readings *out)
{
    CLEANUP_PROBE_READINGS struct probe_readings end = {0};
    probe_readings_add(out, -1, clock_monotonic_ns() - probing->begin_ns, "interval_ns");
    for (size_t i = 0; probes[i]; i++)
        read_one(probing, i, &end);
    probe_readings_subtract(&end, &probing->begin, out);
    for (size_t i = 0; probes[i]; i++) {
        if (probing->probes[i].is_open)
            probe_readings_add(out, -1, probing->count, "%s", probes[i]->name);
        else
            probe_readings_miss(out, -1, probes[i]->name, "%s", probing->probes[i].why_not);
    }
}

struct probing *probing_close(struct probing *probing)
{
    if (!probing)
        return NULL;
    for (size_t i = 0; probes[i]; i++) {
        if (probing->probes[i].is_open && probes[i]->close)
            probes[i]->close(probing->probes[i].state);
        free(probing->probes[i].why_not);
    }
    probe_readings_done(&probing->begin);
    free(probing->targets);
    free(probing);
    return NULL;
}
