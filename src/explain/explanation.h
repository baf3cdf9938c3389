/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * explanation: where the difference between a cell and its baseline went: causes with their
 * evidence, and an honest remainder. Pure. Formulas and assumptions: docs/explain.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "explain/budget.h"
#include "explain/explained.h"
#include "explain/reasons.h"
#include "store/store.h"

enum cause {
    CAUSE_WAIT,        /* no CPU of the host was free */
    CAUSE_INTERRUPT,   /* exits for interrupts */
    CAUSE_TRANSLATION, /* exits for page tables */
    CAUSE_DEVICE,      /* exits for devices, and their emulation */
    CAUSE_OTHER_EXITS,
    CAUSE_EXITS,      /* all of them, where reasons are not timed */
    CAUSE_EMULATION,  /* by QEMU's TCG: instructions are translated; in place of it, where known: */
    CAUSE_GENERATED,  /* ... the translated code takes longer than the code itself */
    CAUSE_TRANSLATOR, /* ... QEMU translates, and helps translated code */
    CAUSE_PACE,       /* instructions take more cycles in guest mode: caches, address translation */
    CAUSE_KERNEL,     /* the guest's own kernel does more than the native one */
    CAUSE_IO_PATH,    /* the CPU is idle while threads of the hypervisor move data */
    CAUSE_CLOCK,      /* the machine's clock is fast */
    /* Of instructions alone. */
    CAUSE_HALT,     /* exits for halts: going to sleep, waking up */
    CAUSE_KERNELS,  /* kernels of guest and host outside of exits */
    CAUSE_PROGRAMS, /* the guest's programs; of a whole server all, outside of exits */
    CAUSE_REST,     /* all others on the host */
    CAUSE_COUNT,
};
extern const char *const cause_names[CAUSE_COUNT];

/* One pair of trials of one block, as the measure has it: time for the same work, CPU time or
 * time of a page, or instructions for the same work. */
struct explanation_pair {
    const struct store_trial *cell;
    const struct store_trial *baseline;
    double slowdown; /* the cell's over that of the baseline; 1: the same */
};

struct explanation_options {
    const char *platform_kind; /* "kvm", "qemu-tcg", ... */
    enum budget_measure measure;
    double level; /* of the intervals; 0: 0.95 */
};

struct explained_cause {
    enum cause cause;
    struct explained cost;
    char evidence[200]; /* which probe and how many samples, or why there is none */
};

struct explanation {
    size_t pairs;
    struct explained gap;
    struct explained_cause causes[CAUSE_COUNT]; /* those that can be on this platform */
    size_t cause_count;
    struct explained unexplained;
    struct reason_cost reasons[REASONS_MAX]; /* of the causes that are exits */
    size_t reason_count;
    /* Where in it, as far as that was measured; not causes, and not added up. */
    struct explained in_guest; /* more CPU time outside of exits than natively */
    struct explained idle;     /* more time without anything to run */
    struct explained polling;  /* halt polling, which costs the host and not the work */
    struct explained steal;    /* what the guest itself knows of waiting */
    struct explained cached;   /* of what the guest read from its disks, no disk of the host gave */
};

struct explanation explanation_of(const struct explanation_pair *pairs, size_t count,
                                  const struct explanation_options *options);

/* Which share of the gap has a name; more than 1 where the causes claim more than there is. NaN
 * where the gap is not certain. */
double explanation_named(const struct explanation *explanation);
