/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/lab.h"
#include "base/log.h"
#include "base/mem.h"
#include "campaign/context.h"
#include "campaign/convert.h"
#include "campaign/outlook.h"
#include "campaign/preflight.h"
#include "campaign/stopping.h"
#include "campaign/trial.h"
#include "probe/host.h"

/* A campaign under way. */
struct progressing {
    const struct campaign_options *options;
    const struct plan *plan;
    struct plan_cell *cells;
    size_t cell_count;
    struct store *store;
    struct store_campaign record;
    struct context context;
    struct stopping *stopping;
    struct outlook outlook;
    struct campaign_summary *summary;
    bool *done; /* trials of the current block that an earlier run has stored */
    uint64_t start_ns;
    uint64_t boot_failures; /* in a row */
    uint64_t trials_made;   /* by this run */
};

static void count_trial(struct campaign_summary *summary, enum trial_status status)
{
    summary->ok += status == TRIAL_OK;
    summary->failed += status == TRIAL_FAILED;
    summary->invalid += status == TRIAL_INVALID;
}

static size_t find_cell(const struct store_campaign *record, int64_t cell_id)
{
    for (size_t i = 0; i < record->cell_count; i++)
        if (record->cells[i].id == cell_id)
            return i;
    return record->cell_count;
}

/* Takes over what earlier runs of this campaign have stored. */
static int replay(struct progressing *going, struct store_trial **out_trials, size_t *out_count,
                  struct error *err)
{
    int rc = store_read_trials(going->store, going->record.id, out_trials, out_count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < *out_count; i++) {
        const struct store_trial *trial = &(*out_trials)[i];
        count_trial(going->summary, trial->status);
        stopping_add(going->stopping, find_cell(&going->record, trial->cell_id), trial);
    }
    return 0;
}

static bool is_emulated(const struct store_campaign *campaign)
{
    return store_campaign_find_fact(campaign, LAB_FACT);
}

static int refuse_to_resume(const struct progressing *going, int64_t emulated, struct error *err)
{
    CLEANUP_FREE char *but =
        emulated ? mem_printf("; campaign %" PRId64 " comes from an emulated server, with which "
                              "this host's trials must not be mixed",
                              emulated)
                 : mem_strdup("");
    return error_set(err, ERROR_USAGE, -ENOENT,
                     "resume '%s': store '%s' has no unfinished campaign of this very plan%s; run "
                     "without --resume to begin one",
                     going->record.name, store_path(going->store), but);
}

/* Goes on with the newest incomplete campaign of the same plan. The lab's are none: the server that
 * they were measured on is gone, and what this host measures is not like theirs. */
static int find_unfinished(struct progressing *going, struct error *err)
{
    struct store_campaign fresh = going->record, *list = NULL;
    size_t count = 0;
    int64_t found = 0, emulated = 0;
    int rc = store_list_campaigns(going->store, &list, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (!list[i].complete && !strcmp(list[i].plan_digest, fresh.plan_digest))
            *(is_emulated(&list[i]) ? &emulated : &found) = list[i].id;
    store_free_campaigns(list, count);
    if (!found)
        return refuse_to_resume(going, emulated, err);
    char id[24];
    snprintf(id, sizeof(id), "%" PRId64, found);
    rc = store_read_campaign(going->store, id, &going->record, err);
    if (rc < 0)
        return rc;
    store_campaign_done(&fresh);
    return store_reopen_campaign(going->store, going->record.id, err);
}

static int begin_record(struct progressing *going, struct store_trial **out_trials,
                        size_t *out_count, struct error *err)
{
    convert_plan(going->plan, going->cells, going->cell_count, going->context.image,
                 &going->record);
    int rc = going->options->resume ? find_unfinished(going, err)
                                    : store_add_campaign(going->store, &going->record, err);
    if (rc < 0)
        return rc;
    going->summary->id = going->record.id;
    return going->options->resume ? replay(going, out_trials, out_count, err) : 0;
}

static void show_progress(struct progressing *going, const struct plan_cell *cell)
{
    CLEANUP_FREE char *what = plan_describe_cell(going->plan, cell);
    const struct outlook *outlook = &going->outlook;
    progress_show(&going->context.progress, outlook_share(outlook), outlook_left_ns(outlook),
                  "trial %zu of %zu: %s", outlook->done + 1, outlook->total, what);
}

static int store_trial(struct progressing *going, size_t cell, struct store_trial *trial,
                       struct error *err)
{
    trial->cell_id = going->record.cells[cell].id;
    int rc = store_add_trial(going->store, trial, err);
    if (rc < 0)
        return rc;
    count_trial(going->summary, trial->status);
    stopping_add(going->stopping, cell, trial);
    if (trial->status != TRIAL_OK) {
        progress_clear(&going->context.progress);
        CLEANUP_FREE char *what = plan_describe_cell(going->plan, &going->cells[cell]);
        log_warn("trial %s: %s: %s", trial->status == TRIAL_FAILED ? "failed" : "invalid", what,
                 trial->cause);
    }
    return 0;
}

/* In the lab the campaign gets its number when it comes home, and nothing goes on with it. */
static int give_up(const struct progressing *going, const struct store_trial *trial,
                   struct error *err)
{
    error_set(err, ERROR_FAILED, -ENOTRECOVERABLE,
              "%" PRIu64 " trials in a row did not boot, the last: %.600s; %s",
              going->boot_failures, trial->cause,
              lab_is_here() ? "mend that, then measure again"
                            : "mend that, then go on with --resume");
    return lab_is_here() ? -ENOTRECOVERABLE
                         : error_prefix(err, "campaign %" PRId64, going->record.id);
}

static int check_boots(struct progressing *going, const struct store_trial *trial,
                       struct error *err)
{
    going->boot_failures = trial_failed_to_boot(trial) ? going->boot_failures + 1 : 0;
    if (going->options->give_up == 0 || going->boot_failures < going->options->give_up)
        return 0;
    return give_up(going, trial, err);
}

static int run_one(struct progressing *going, size_t cell, uint64_t block, size_t position,
                   struct error *err)
{
    show_progress(going, &going->cells[cell]);
    struct trial_options options = {
        .cell = &going->cells[cell], .cell_index = cell, .block = block, .position = position};
    uint64_t start_ns = clock_monotonic_ns();
    struct store_trial trial;
    int rc = trial_run(&going->context, &options, &trial, err);
    if (rc < 0)
        return rc;
    outlook_add(&going->outlook, cell, clock_monotonic_ns() - start_ns);
    rc = store_trial(going, cell, &trial, err);
    if (rc >= 0)
        rc = check_boots(going, &trial, err);
    store_trial_done(&trial);
    going->trials_made++;
    return rc;
}

/* Never before a trial: a campaign that slow disks held up still measures something. */
static bool budget_is_spent(const struct progressing *going)
{
    uint64_t budget_ns = going->plan->until.budget_ns;
    return budget_ns > 0 && going->trials_made > 0 &&
           clock_monotonic_ns() - going->start_ns >= budget_ns;
}

static void mark_done(struct progressing *going, uint64_t block, const struct store_trial *trials,
                      size_t trial_count)
{
    memset(going->done, 0, going->cell_count * sizeof(*going->done));
    for (size_t i = 0; i < trial_count; i++) {
        size_t cell = find_cell(&going->record, trials[i].cell_id);
        if (trials[i].block == block && cell < going->cell_count)
            going->done[cell] = true;
    }
}

/* 1: the campaign is over, with summary->end_cause set; 0: go on. */
static int run_block(struct progressing *going, uint64_t block, const size_t *order,
                     struct error *err)
{
    for (size_t position = 0; position < going->cell_count; position++) {
        if (going->done[order[position]])
            continue;
        int rc = interrupt_check(err);
        if (rc >= 0 && budget_is_spent(going)) {
            snprintf(going->summary->end_cause, sizeof(going->summary->end_cause), "budget");
            return 1;
        }
        if (rc >= 0)
            rc = run_one(going, order[position], block, position, err);
        if (rc < 0)
            return rc;
    }
    const char *cause = stopping_check(going->stopping, block + 1);
    if (!cause)
        return 0;
    snprintf(going->summary->end_cause, sizeof(going->summary->end_cause), "%s", cause);
    return 1;
}

static int run_blocks(struct progressing *going, const struct store_trial *trials,
                      size_t trial_count, struct error *err)
{
    CLEANUP_FREE size_t *order = mem_array(going->cell_count, sizeof(*order));
    going->done = mem_array(going->cell_count, sizeof(*going->done));
    int rc = 0;
    for (uint64_t block = 0; rc == 0; block++) {
        plan_order_block(going->record.seed, block, going->cell_count, order);
        mark_done(going, block, trials, trial_count);
        rc = run_block(going, block, order, err);
    }
    free(going->done);
    return rc;
}

static int run_stored(struct progressing *going, struct error *err)
{
    struct store_trial *trials = NULL;
    size_t trial_count = 0;
    int rc = begin_record(going, &trials, &trial_count, err);
    if (rc >= 0) {
        outlook_init(&going->outlook, going->plan, going->cells, going->cell_count,
                     stopping_max_blocks(going->stopping), trial_count);
        rc = run_blocks(going, trials, trial_count, err);
        outlook_done(&going->outlook);
    }
    store_free_trials(trials, trial_count);
    if (going->summary->id == 0)
        return rc;
    struct error second = {0};
    going->summary->complete = rc >= 0;
    if (rc < 0)
        snprintf(going->summary->end_cause, sizeof(going->summary->end_cause), "%s",
                 rc == -EINTR ? "interrupted" : "error");
    int end_rc = store_end_campaign(going->store, going->record.id, going->summary->complete,
                                    going->summary->end_cause, rc < 0 ? &second : err);
    return rc < 0 ? rc : end_rc;
}

int campaign_run(const struct campaign_options *options, struct campaign_summary *out_summary,
                 struct error *err)
{
    *out_summary = (struct campaign_summary){0};
    struct preflight_host host = {.cpu_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
                                  .memory_bytes = host_memory_bytes(""),
                                  .emulated = lab_is_here()};
    int rc = preflight_check(options->plan, &host, err);
    if (rc >= 0)
        rc = preflight_probe(options->plan, options->uri, options->skip_missing, err);
    if (rc < 0)
        return rc;
    struct progressing going = {
        .options = options,
        .plan = options->plan,
        .summary = out_summary,
        .start_ns = clock_monotonic_ns(),
    };
    rc = store_open(options->store_path, STORE_WRITE, &going.store, err);
    if (rc < 0)
        return rc;
    rc = context_open(&going.context, going.plan, options->uri, err);
    if (rc >= 0) {
        going.context.kallsyms = options->kallsyms;
        going.cell_count = plan_expand(going.plan, &going.cells);
        going.stopping = stopping_new(going.plan, going.cells, going.cell_count);
        rc = run_stored(&going, err);
        stopping_free(going.stopping);
        store_campaign_done(&going.record);
        free(going.cells);
        context_close(&going.context);
    }
    store_close(going.store);
    return rc < 0 ? rc : 0;
}
