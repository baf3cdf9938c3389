/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/home.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "lab/job.h"

#define STEP_NS (300 * NS_PER_S)
#define RESULTS "results.db"

DEFINE_CLEANUP(struct store *, store_close);

/* Results that are there are brought home though the user interrupts. */
static int run_tool(const char *directory, const char *const *argv, int *out_status,
                    struct error *err)
{
    struct process_output output;
    const struct process_options options = {.argv = argv,
                                            .directory = directory,
                                            .own_group = true,
                                            .dies_with_parent = true,
                                            .runs_through = true};
    int rc = process_run(&options, STEP_NS, 64 << 10, &output, err);
    if (rc < 0)
        return rc;
    free(output.text);
    *out_status = output.status;
    return 0;
}

/* A server that died left the file system as it was; one that powered off left it clean. */
static int mend_disk(const char *directory, struct error *err)
{
    const char *const argv[] = {"e2fsck", "-f", "-y", "job.raw", NULL};
    int status, rc = run_tool(directory, argv, &status, err);
    if (rc == 0 && status > 2) /* 1 and 2: faults were mended */
        return error_set(err, ERROR_FAILED, -EIO, "e2fsck could not mend '%s/job.raw'", directory);
    return rc;
}

static int ask_debugfs(const char *directory, const char *request, struct error *err)
{
    const char *const argv[] = {"debugfs", "-R", request, "job.raw", NULL};
    int status; /* it is 0 when there is no such file, too */
    return run_tool(directory, argv, &status, err);
}

/* The journal of a killed writer belongs to the store. */
static int fetch_store(const char *directory, struct error *err)
{
    int rc = mend_disk(directory, err);
    if (rc == 0)
        rc = ask_debugfs(directory, "dump " JOB_STORE " " RESULTS, err);
    if (rc == 0)
        rc = ask_debugfs(directory, "dump " JOB_STORE "-journal " RESULTS "-journal", err);
    CLEANUP_FREE char *journal = mem_printf("%s/" RESULTS "-journal", directory);
    struct stat st;
    if (rc == 0 && stat(journal, &st) == 0 && st.st_size == 0)
        unlink(journal);
    return rc;
}

static int count_trials(struct store *store, struct home_results *results, struct error *err)
{
    struct store_campaign campaign;
    int rc = store_read_campaign(store, NULL, &campaign, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < TRIAL_STATUS_COUNT; i++)
        results->trials += campaign.trial_counts[i];
    results->failed = results->trials - campaign.trial_counts[TRIAL_OK];
    store_campaign_done(&campaign);
    return 0;
}

int home_fetch_results(const struct home_options *options, struct home_results *out_results,
                       struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/" RESULTS, options->directory);
    CLEANUP(store_close_cleanup) struct store *from = NULL;
    CLEANUP(store_close_cleanup) struct store *to = NULL;
    struct stat st;
    int rc = fetch_store(options->directory, err);
    if (rc < 0)
        return rc;
    if (stat(path, &st) < 0 || st.st_size == 0)
        return 0;
    rc = store_open(path, STORE_READ, &from, err);
    if (rc == 0)
        rc = store_open(options->store, STORE_WRITE, &to, err);
    if (rc == 0)
        rc = count_trials(from, out_results, err);
    if (rc == 0)
        rc = store_import(to, from, NULL, options->facts, options->fact_count,
                          &out_results->campaign, err);
    return rc < 0 ? rc : 1;
}

void home_fetch_logs(const char *directory)
{
    ask_debugfs(directory, "rdump " JOB_LOGS " .", NULL);
}
