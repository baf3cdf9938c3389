/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/options.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "pmu/world.h"

static const char *const switches[] = {"none", "architectural", "transparent", NULL};
static const char *const pmus[] = {"none", "legacy", "core", "v2", NULL};
static const char *const reserved[] = {"fault", "clear", NULL};
static const char *const lvts[] = {"track", "nmi", NULL};

static const char *const on_off[] = {"off", "on", NULL};

static const struct option rows[] = {
    {"switch", 0, OPTION_WORD, offsetof(struct options, design), "DESIGN", "transparent", switches,
     0, 0, "What a world switch does to the counters."},
    {"pmu", 0, OPTION_WORD, offsetof(struct options, pmu), "KIND", "core", pmus, 0, 0,
     "Which PMU the processor has: no, four counters, six, or six with global registers."},
    {"reserved", 0, OPTION_WORD, offsetof(struct options, reserved), "WHAT", "fault", reserved, 0,
     0, "What a write of reserved bits does: a #GP, or nothing to those bits."},
    {"guest-lvt", 0, OPTION_WORD, offsetof(struct options, guest_lvt), "HOW", "track", lvts, 0, 0,
     "How a guest takes counter interrupts: as its local APIC says, or always as NMI."},
    {"memory", 0, OPTION_WORD, offsetof(struct options, memory), "on|off", "off", on_off, 0, 0,
     "Count loads, stores, cache misses and data TLB misses."},
    {"predictor", 0, OPTION_WORD, offsetof(struct options, predictor), "on|off", "off", on_off, 0,
     0, "Count branch misses."},
    {"ledger", 0, OPTION_TEXT, offsetof(struct options, ledger), "PATH", NULL, NULL, 0, 0,
     "A file to keep the ledger in: counts and exits of the hypervisor and of each VM."},
    {"report", 0, OPTION_TEXT, offsetof(struct options, report), "PATH", NULL, NULL, 0, 0,
     "Where the totals go when the machine ends; standard error when not given."},
    {"sample", 0, OPTION_COUNT, offsetof(struct options, sample), "PERIOD", "0", NULL, 0, 1e15,
     "Take a sample with each PERIOD-th instruction of a vCPU; 0: none."},
    {"sample-file", 0, OPTION_TEXT, offsetof(struct options, sample_file), "PATH", NULL, NULL, 0, 0,
     "Where samples go; needs sample."},
};

const struct option_table options_table = {rows, COUNT_OF(rows), sizeof(struct options)};

static int parse_one(struct options *options, const char *argument, struct error *err)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    const struct option *option = option_find(&options_table, argument, length);

    if (!option)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "unknown option '%.*s' (known: switch, pmu, reserved, guest-lvt, memory, "
                         "predictor, ledger, report, sample, sample-file)",
                         (int)length, argument);
    if (!equals)
        return error_set(err, ERROR_USAGE, -EINVAL, "option '%s' needs a value: %s=%s", argument,
                         argument, option->value_name);
    return option_parse(option, options, equals + 1, err);
}

/* What contradicts itself. */
static int check(const struct options *options, struct error *err)
{
    if (options->pmu == OPTIONS_PMU_NONE && options->design != PMU_SWITCH_NONE)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "pmu=none has no counters that switch=%s could switch: say switch=none",
                         switches[options->design]);
    if (options->design == PMU_SWITCH_ARCHITECTURAL && options->pmu != OPTIONS_PMU_V2)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "switch=architectural switches the global registers too, which pmu=%s "
                         "lacks: say pmu=v2",
                         pmus[options->pmu]);
    if (!options->sample != !options->sample_file)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "sample and sample-file go together: sample=PERIOD,sample-file=PATH");
    return 0;
}

int options_parse(struct options *options, int argc, char *const *argv, struct error *err)
{
    option_table_init(&options_table, options);
    for (int i = 0; i < argc; i++) {
        int r = parse_one(options, argv[i], err);
        if (r < 0)
            return r;
    }
    return check(options, err);
}
