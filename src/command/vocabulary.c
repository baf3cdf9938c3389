/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/vocabulary.h"

#include <assert.h>

#include "machine/machine.h"
#include "workload/workload.h"

static void add_kind(const struct plan_kind **kinds, const struct plan_kind *kind)
{
    size_t count = 0;
    while (kinds[count])
        count++;
    assert(count < VOCABULARY_MAX);
    kinds[count] = kind;
}

void vocabulary_init(struct vocabulary *vocabulary)
{
    *vocabulary = (struct vocabulary){0};
    for (const struct platform *const *at = platforms; *at; at++)
        add_kind(vocabulary->platforms, &(*at)->kind);
    for (const struct workload *const *at = workloads; *at; at++)
        add_kind(vocabulary->workloads, &(*at)->kind);
    vocabulary->plan = (struct plan_vocabulary){vocabulary->platforms, vocabulary->workloads};
}
