/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * budget: where the time of one trial's CPUs went, from what probes saw and the host's scheduler
 * said. Pure. docs/explain.md has the definitions.
 *
 * Everything is a share of a whole, which the measure says; of time it is the CPU time that the
 * machines could use: the length of the measured part times the CPUs in use (the mean number that
 * ran or waited, and at least one). So the shares of running, waiting and idle add up to 1. What
 * was not measured is NaN. Budgets of instructions are explain/instructions.h's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "probe/exit_reason.h"
#include "store/store.h"

/* What a budget divides. */
enum budget_measure {
    BUDGET_TIME,      /* the measured part */
    BUDGET_INTERVAL,  /* the whole interval in which probes looked, for machines that were busy for
                         all of it, as in a search */
    BUDGET_PAGE_CPU,  /* CPU time of the machines' threads for all pages, without halt polling */
    BUDGET_PAGE_TIME, /* the times of all pages together; idle: neither on a CPU nor waiting for
                         one, i.e. behind other pages, on the network, at the back end */
    BUDGET_INSTRUCTIONS, /* instructions of the machines, as the processor's counters have them */
    BUDGET_HOST,         /* ... and with them everything else that the host executed meanwhile */
    BUDGET_COUNTED,      /* ... of a whole emulated server, as its emulator has them */
    BUDGET_MEASURE_COUNT,
};
extern const char *const budget_measure_names[BUDGET_MEASURE_COUNT]; /* "page-cpu" */

struct budget {
    double wall_ns;    /* of one machine; 0: not known, and then nothing is */
    double width;      /* CPUs in use in each machine */
    double whole;      /* of all machines, in ns or instructions: what the shares are of */
    double run;        /* on a CPU of the host; without halt polling */
    double generated;  /* of run: in code that QEMU's emulation has generated */
    double wait;       /* runnable, without one */
    double idle;       /* neither */
    double wait_bound; /* wait, or where it is not known the most that it can have been */
    double exits[EXIT_CLASS_COUNT]; /* on a CPU in the host's kernel; [EXIT_IDLE]: halt polling */
    double outside; /* of run: in exits of all reasons, where reasons are not timed */
    double device;  /* exits in user space, on a CPU or asleep there, but for halts */
    double io;      /* other threads of the machine on a CPU: main loop, I/O */
    double user;    /* as the machine's own kernel accounts it; of instructions: outside of exits */
    double kernel;  /* of this too: system, interrupts */
    double rest;    /* of instructions: others on the host, its kernel's threads among them */
    double steal;   /* what the guest knows of wait */
    double ipc;     /* instructions for each cycle, of virtual CPUs in guest mode or natively */
    double clock;   /* the machine's own clock, seconds per second of the host's */
    uint64_t exit_count;
};

struct budget budget_of(const struct store_trial *trial, enum budget_measure measure);

/* The whole for a page, or for work of a fixed size, from what the workload counted; NaN: it
 * counted none, or the measure is of time alone. */
double budget_per_work(const struct store_trial *trial, enum budget_measure measure);

/* A reading or figure summed over the machines; NaN when a machine lacks it. */
double budget_sum(const struct store_trial *trial, const char *name);
/* A reading of all machines together; NaN: there is none. */
double budget_of_all(const struct store_trial *trial, const char *name);
/* For which part of the interval exits were looked at; NaN: nobody looked, or always. */
double budget_exits_looked(const struct store_trial *trial);
/* By what numbers of exits, and of instructions in them, are multiplied where exits were looked at
 * in windows, in which looking slows a machine down: KVM's own count over the sum of those that
 * were told. 1: all were looked at, or KVM's count is not known. Times are right as they are. */
double budget_exits_correction(const struct store_trial *trial);
/* Why there is no such reading; NULL: there is one, or nobody says. */
const char *budget_missing(const struct store_trial *trial, const char *name);
