/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * budget: where the time of one trial's CPUs went, from what probes saw and the host's scheduler
 * said. Pure. docs/explain.md has the definitions.
 *
 * Everything is a share of the CPU time that the machines could use: the length of the measured
 * part times the CPUs in use (the mean number that ran or waited, and at least one). So the shares
 * of running, waiting and idle add up to 1. What was not measured is NaN.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "probe/exit_reason.h"
#include "store/store.h"

struct budget {
    double wall_ns;    /* of one machine; 0: not known, and then nothing is */
    double width;      /* CPUs in use in each machine */
    double run;        /* on a CPU of the host; without halt polling */
    double wait;       /* runnable, without one */
    double idle;       /* neither */
    double wait_bound; /* wait, or where it is not known the most that it can have been */
    double exits[EXIT_CLASS_COUNT]; /* on a CPU in the host's kernel; [EXIT_IDLE]: halt polling */
    double device; /* exits in user space, on a CPU or asleep there, but for halts */
    double io;     /* other threads of the machine on a CPU: main loop, I/O */
    double user;   /* as the machine's own kernel accounts it */
    double kernel; /* of this too: system, interrupts */
    double steal;  /* what the guest knows of wait */
    double clock;  /* the machine's own clock, seconds per second of the host's */
    uint64_t exit_count;
};

/* is_whole: the machines were busy for the whole interval in which probes looked, of which the
 * length that the trial gives of itself is a part (a search). */
struct budget budget_of(const struct store_trial *trial, bool is_whole);

/* A reading or figure summed over the machines; NaN when a machine lacks it. */
double budget_sum(const struct store_trial *trial, const char *name);
/* Why there is no such reading; NULL: there is one, or nobody says. */
const char *budget_missing(const struct store_trial *trial, const char *name);
