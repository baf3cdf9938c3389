/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters: which performance counters the emulated server's CPUs have, and who shares them out
 * between the hypervisor and its guests. The CPUs' PMU is the QEMU plugin vtax-pmu.so (plugin/), in
 * all designs; they differ in what a world switch does to it and in how KVM is told to use it.
 */
#pragma once

#include "base/error.h"

#include "lab/hypervisor.h"

enum counters {
    COUNTERS_UNTOUCHED, /* no plugin: the machine runs faster */
    COUNTERS_NONE,      /* no PMU; the plugin counts for whoever looks from outside */
    COUNTERS_EMULATED,  /* a plain PMU; KVM emulates one for guests on perf events of the host */
    COUNTERS_MEDIATED,  /* a plain PMU; KVM (Linux 7.0 and later) switches its registers */
    COUNTERS_HARDWARE,  /* the extension: the CPU switches them */
    COUNTERS_COUNT
};

/* "off", "none", ...; NULL-terminated. */
extern const char *const counters_names[COUNTERS_COUNT + 1];

/* The image that the server boots for this design, and words for its kernel's command line (""). */
const struct hypervisor *counters_choose_image(enum counters design,
                                               const struct hypervisor *hypervisor);
const char *counters_kernel_words(enum counters design);

/* ERROR_USAGE when this hypervisor has no such design. */
int counters_check(enum counters design, const struct hypervisor *hypervisor, struct error *err)
    __attribute__((warn_unused_result));

/* Further settings of the plugin, "key=value,key=value"; NULL: none. ERROR_USAGE where it knows no
 * such setting, or the server has no counters. */
int counters_check_settings(enum counters design, const char *settings, struct error *err)
    __attribute__((warn_unused_result));

struct counters_plugin {
    enum counters design;
    const char *ledger;  /* where the plugin keeps its ledger (pmu/ledger.h) */
    const char *further; /* "key=value,key=value", which win over the design's; NULL: none */
};

/* What QEMU's -plugin is told, the caller's to free. */
int counters_make_plugin(const struct counters_plugin *want, char **out_text, struct error *err)
    __attribute__((warn_unused_result));
