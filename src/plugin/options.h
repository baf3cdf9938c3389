/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * options: key=value as QEMU passes them: -plugin vtax-pmu.so,switch=transparent,pmu=v2
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/option.h"

enum options_pmu { OPTIONS_PMU_NONE, OPTIONS_PMU_LEGACY, OPTIONS_PMU_CORE, OPTIONS_PMU_V2 };
enum options_lvt { OPTIONS_LVT_TRACK, OPTIONS_LVT_NMI };

struct options {
    unsigned design;    /* enum pmu_switch */
    unsigned pmu;       /* enum options_pmu */
    unsigned reserved;  /* 0 fault, 1 clear */
    unsigned guest_lvt; /* enum options_lvt */
    unsigned memory;    /* 0 off, 1 on */
    unsigned predictor; /* 0 off, 1 on */
    char *ledger;       /* path, NULL: memory of our own */
    char *report;       /* path, NULL: standard error */
    uint64_t sample;    /* instructions from one sample to the next, 0: none are taken */
    char *sample_file;  /* path, with sample */
};

extern const struct option_table options_table;

/* argv are the plugin's arguments; an unknown or contradictory one is refused. */
int options_parse(struct options *options, int argc, char *const *argv, struct error *err)
    __attribute__((warn_unused_result));
