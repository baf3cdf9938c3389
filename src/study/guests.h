/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * guests: virtual machines for studies of counters, booted as a campaign boots them, and the
 * guest-side runner in them and on the host itself.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "campaign/context.h"
#include "guest/channel.h"
#include "machine/machine.h"
#include "plan/plan.h"
#include "study/count_lines.h"

enum { GUESTS_MAX = 4 };

struct guests {
    struct plan *plan;
    struct context context;
    bool is_open;
    struct machine *machines[GUESTS_MAX];
    unsigned count;
};

struct guests_options {
    const char *platform;
    unsigned count;                           /* machines */
    unsigned vcpus;                           /* of each */
    const struct plan_vocabulary *vocabulary; /* must outlive them */
};

/* Boots machines. On failure guests_close() is still to be called. */
int guests_open(struct guests *guests, const struct guests_options *options, struct error *err)
    __attribute__((warn_unused_result));
void guests_close(struct guests *guests);

/* Puts the runner into the run's directory on this host; the path is the caller's to free. */
int guests_put_runner(struct guests *guests, char **out_path, struct error *err)
    __attribute__((warn_unused_result));

/* `vtax-guest count WORDS...` (NULL-terminated) at the same time in the machines of the set `which`
 * (bit i: machine i) and, with here, on this host. texts[i] (of machine i; texts[count]: this host)
 * are the caller's to free. between, when not NULL, is called once while they run. */
struct guests_run {
    const char *const *words;
    const char *const *command;      /* in the machines in place of the runner with its words */
    const char *const *here_command; /* on this host likewise */
    unsigned which;
    bool here;
    const char *const *beside_words; /* for the runner in the machines of the set beside_which */
    unsigned beside_which;
    void (*between)(void *context);
    void *context;
};
int guests_count(struct guests *guests, const struct guests_run *run, char *texts[GUESTS_MAX + 1],
                 struct error *err) __attribute__((warn_unused_result));

struct guests_texts {
    char *items[GUESTS_MAX + 1];
};
void guests_texts_done(struct guests_texts *texts);
