/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_account: the sums of exits.h from the events themselves, in order of time: what the BPF
 * programs of exits_bpf.c do in the kernel, for where they cannot be. Pure.
 *
 * Where events were lost nothing that spans the gap is counted: a thread that was in the middle of
 * an exit starts anew with its next one, and such exits are in exits_account_lost().
 */
#pragma once

#include "probe/exits.h"

enum exits_event_kind {
    EXITS_LEAVE,  /* `thread` leaves guest mode, for `reason` of `isa` */
    EXITS_USER,   /* it goes on in user space */
    EXITS_ENTER,  /* it is back in guest mode */
    EXITS_SWITCH, /* `thread` leaves the CPU to `next` */
    EXITS_END,    /* `thread` ends: its number may become another's */
    EXITS_MSR,    /* its exit is for the MSR `msr`; of quick ones told before the exit itself */
    EXITS_BLIND,  /* from here on a CPU's events were lost ... */
    EXITS_SEEING, /* ... to here. Gaps of several CPUs may overlap. */
};

struct exits_event {
    uint64_t time_ns;
    uint32_t kind;
    uint32_t thread;
    union {
        uint32_t next;
        uint32_t reason;
        uint32_t msr;
    };
    uint32_t isa;
    uint32_t info; /* exit_reason_of_fields() */
};

struct exits_account;

/* process_of() finds the process of a thread that is seen for the first time; 0: the thread has
 * ended meanwhile, and its exits are of process 0. */
struct exits_account *exits_account_new(pid_t (*process_of)(pid_t thread, void *context),
                                        void *context);
void exits_account_take(struct exits_account *account, const struct exits_event *event);
/* As exits_each(), exits_keep() and exits_lost(). */
void exits_account_each(const struct exits_account *account, pid_t process,
                        void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                                      void *context),
                        void *context);
void exits_account_keep(struct exits_account *account,
                        bool (*is_wanted)(pid_t process, void *context), void *context);
uint64_t exits_account_lost(const struct exits_account *account);
struct exits_account *exits_account_free(struct exits_account *account);
