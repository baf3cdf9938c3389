/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/vocabulary.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

struct bzip2_settings {
    uint64_t input_bytes;
    uint64_t level;
};

static const struct option bzip2_options[] = {
    {.name = "input",
     .type = OPTION_SIZE,
     .offset = offsetof(struct bzip2_settings, input_bytes),
     .value_name = "SIZE",
     .fallback = "64MiB",
     .min = 1 << 10,
     .max = 64.0 * (1 << 30),
     .help = "Size of the generated file that is compressed."},
    {.name = "level",
     .type = OPTION_COUNT,
     .offset = offsetof(struct bzip2_settings, level),
     .value_name = "N",
     .fallback = "9",
     .min = 1,
     .max = 9,
     .help = "Compression level of bzip2, which is its block size in 100 kB."},
};

static const struct plan_kind workload_kinds[] = {
    {.name = "bzip2",
     .help = "Compress a generated file with bzip2: processor.",
     .options = {bzip2_options, COUNT_OF(bzip2_options), sizeof(struct bzip2_settings)},
     .estimate_ns = 10 * NS_PER_S},
    {.name = "netperf",
     .help = "Stream to a netserver and exchange messages with it: network.",
     .estimate_ns = 22 * NS_PER_S},
    {.name = "dd", .help = "Copy disk to disk with O_DIRECT: disk.", .estimate_ns = 10 * NS_PER_S},
    {.name = "fake", .help = "Nothing, for trying plans out; on the platform fake."},
};

/* Every platform word there is; the ones without a back-end say so when they are probed. */
static const struct plan_kind platform_kinds[] = {
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

static void add_kind(const struct plan_kind **kinds, const struct plan_kind *kind)
{
    size_t count = 0;
    for (; kinds[count]; count++)
        if (!strcmp(kinds[count]->name, kind->name))
            return;
    assert(count < VOCABULARY_MAX);
    kinds[count] = kind;
}

void vocabulary_init(struct vocabulary *vocabulary)
{
    *vocabulary = (struct vocabulary){0};
    for (size_t i = 0; i < COUNT_OF(platform_kinds); i++)
        add_kind(vocabulary->platforms, &platform_kinds[i]);
    for (size_t i = 0; i < COUNT_OF(workload_kinds); i++)
        add_kind(vocabulary->workloads, &workload_kinds[i]);
    vocabulary->plan = (struct plan_vocabulary){vocabulary->platforms, vocabulary->workloads};
}
