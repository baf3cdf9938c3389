/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/vocabulary.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "machine/machine.h"
#include "workload/workload.h"

/* Platform words in the order in which they are listed. Plans may name them all; a build that has
 * no back-end for one says so when it is to be used. */
static const struct plan_kind platform_words[] = {
    {.name = "native", .help = "Plain Linux: the guest's root file system in a sandbox."},
    {.name = "qemu-tcg",
     .help = "QEMU's emulation, which needs no hardware support.",
     .estimate_ns = 6 * NS_PER_S},
    {.name = "kvm", .help = "QEMU with KVM.", .estimate_ns = 3 * NS_PER_S},
    {.name = "xen-pv", .help = "Xen, paravirtualized guests.", .estimate_ns = 10 * NS_PER_S},
    {.name = "xen-pvh", .help = "Xen, PVH guests.", .estimate_ns = 10 * NS_PER_S},
    {.name = "xen-hvm", .help = "Xen, fully virtualized guests.", .estimate_ns = 15 * NS_PER_S},
    {.name = "virtualbox", .help = "Oracle VirtualBox.", .estimate_ns = 15 * NS_PER_S},
    {.name = "fake", .help = "No machine at all: draws results, for trying plans out."},
};

static const struct plan_kind *find_kind(const struct plan_kind *const *kinds, const char *name)
{
    for (; *kinds; kinds++)
        if (!strcmp((*kinds)->name, name))
            return *kinds;
    return NULL;
}

static void add_kind(const struct plan_kind **kinds, const struct plan_kind *kind)
{
    size_t count = 0;
    while (kinds[count])
        count++;
    assert(count < VOCABULARY_MAX);
    if (!find_kind(kinds, kind->name))
        kinds[count] = kind;
}

static void add_platforms(struct vocabulary *vocabulary)
{
    const struct plan_kind *built[VOCABULARY_MAX + 1] = {0};
    for (const struct platform *const *at = platforms; *at; at++)
        add_kind(built, &(*at)->kind);
    for (size_t i = 0; i < COUNT_OF(platform_words); i++) {
        const struct plan_kind *kind = find_kind(built, platform_words[i].name);
        add_kind(vocabulary->platforms, kind ? kind : &platform_words[i]);
    }
    for (size_t i = 0; built[i]; i++)
        add_kind(vocabulary->platforms, built[i]);
}

void vocabulary_init(struct vocabulary *vocabulary)
{
    *vocabulary = (struct vocabulary){0};
    add_platforms(vocabulary);
    for (const struct workload *const *at = workloads; *at; at++)
        add_kind(vocabulary->workloads, &(*at)->kind);
    vocabulary->plan = (struct plan_vocabulary){vocabulary->platforms, vocabulary->workloads};
}
