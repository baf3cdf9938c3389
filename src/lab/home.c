/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/home.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "lab/job.h"

#define STEP_NS (300 * NS_PER_S)
#define DISK "job.raw"
#define RESULTS "results.db"

DEFINE_CLEANUP(struct store *, store_close);

/* Results that are there are brought home though the user interrupts. */
static int run_tool(const char *directory, const char *const *argv,
                    struct process_output *out_output, struct error *err)
{
    /* What debugfs says is read by us, and through no pager. */
    static const char *const environment[] = {"LC_ALL=C", "DEBUGFS_PAGER=__none__", NULL};
    const struct process_options options = {.argv = argv,
                                            .environment = environment,
                                            .directory = directory,
                                            .own_group = true,
                                            .dies_with_parent = true,
                                            .runs_through = true};
    return process_run(&options, STEP_NS, 64 << 10, out_output, err);
}

/* A server that died left the file system as it was; one that powered off left it clean. */
static int mend_disk(const char *directory, struct error *err)
{
    const char *const argv[] = {"e2fsck", "-f", "-y", DISK, NULL};
    struct process_output output;
    int rc = run_tool(directory, argv, &output, err);
    if (rc < 0)
        return rc;
    free(output.text);
    if (output.status > 2) /* 1 and 2: faults were mended */
        return error_set(err, ERROR_FAILED, -EIO, "e2fsck could not mend '%s/" DISK "'", directory);
    return 0;
}

/* It ends with 0 though the request failed: what came of it must be looked at. */
static int ask_debugfs(const char *directory, const char *request, char **out_text,
                       struct error *err)
{
    const char *const argv[] = {"debugfs", "-R", request, DISK, NULL};
    struct process_output output;
    int rc = run_tool(directory, argv, &output, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *text = output.text;
    if (output.status != 0)
        return error_set(err, ERROR_FAILED, -EIO, "debugfs could not read '%s/" DISK "': status %d",
                         directory, output.status);
    if (out_text)
        *out_text = TAKE_PTR(text);
    return 0;
}

/* 1: how long the file on the disk is; 0: it is not there. */
static int find_size(const char *directory, const char *file, uint64_t *out_bytes,
                     struct error *err)
{
    CLEANUP_FREE char *request = mem_printf("stat %s", file);
    CLEANUP_FREE char *text = NULL;
    int rc = ask_debugfs(directory, request, &text, err);
    if (rc < 0)
        return rc;
    const char *size = strstr(text, " Size: ");
    if (size && sscanf(size, " Size: %" SCNu64, out_bytes) == 1)
        return 1;
    if (strstr(text, "File not found"))
        return 0;
    return error_set(err, ERROR_FAILED, -EIO,
                     "look for '%s' in '%s/" DISK "': debugfs said: %.300s", file, directory, text);
}

/* Takes a file off the disk. 1: it is there and has something in it. */
static int fetch_file(const char *directory, const char *file, const char *to, struct error *err)
{
    uint64_t bytes = 0;
    struct stat st;
    CLEANUP_FREE char *request = mem_printf("dump %s %s", file, to);
    CLEANUP_FREE char *path = mem_printf("%s/%s", directory, to);
    int rc = find_size(directory, file, &bytes, err);
    if (rc <= 0 || bytes == 0)
        return rc < 0 ? rc : 0;
    rc = ask_debugfs(directory, request, NULL, err);
    if (rc == 0 && (stat(path, &st) < 0 || (uint64_t)st.st_size != bytes))
        rc = error_set(err, ERROR_ENVIRONMENT, -EIO,
                       "take '%s' out of '%s/" DISK "': not all of its %" PRIu64
                       " bytes could be written to '%s': is there room?",
                       file, directory, bytes, path);
    if (rc < 0)
        unlink(path);
    return rc < 0 ? rc : 1;
}

/* The journal of a killed writer belongs to the store. */
static int fetch_store(const char *directory, struct error *err)
{
    int rc = mend_disk(directory, err);
    int found = rc < 0 ? rc : fetch_file(directory, JOB_STORE, RESULTS, err);
    if (found > 0)
        rc = fetch_file(directory, JOB_STORE "-journal", RESULTS "-journal", err);
    return rc < 0 ? rc : found;
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
    int rc = fetch_store(options->directory, err);
    if (rc <= 0)
        return rc;
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
    ask_debugfs(directory, "rdump " JOB_LOGS " .", NULL, NULL);
}
