/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax pmu compare: the same works on each design of counters. Outside of the emulated server the
 * command boots one for each design and runs itself there; what it says there goes into the store.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/call.h"
#include "command/list.h"
#include "command/vocabulary.h"
#include "lab/lab.h"
#include "study/archive.h"
#include "study/contrast.h"
#include "study/works.h"

#define IN_LAB "VTAX_LAB"

struct compare_command {
    struct option_texts designs, works;
    uint64_t vms;
    uint64_t times;
    char *store;
    bool show;
    char *html;
    char *counters_options;
    char *qemu;
    uint64_t boot_timeout_ns;
    bool json;
};

static const struct option rows[] = {
    {.name = "designs",
     .type = OPTION_TEXTS,
     .offset = offsetof(struct compare_command, designs),
     .value_name = "LIST",
     .fallback = "none,emulated,mediated,hardware",
     .words = measure_designs,
     .help = "The designs to compare, each in a server of its own."},
    {.name = "works",
     .type = OPTION_TEXTS,
     .offset = offsetof(struct compare_command, works),
     .value_name = "LIST",
     .words = measure_works,
     .help = "The works to do (default: all); a slowdown needs `loop`, too."},
    {.name = "vms",
     .type = OPTION_COUNT,
     .offset = offsetof(struct compare_command, vms),
     .value_name = "N",
     .fallback = "2",
     .min = 1,
     .max = 2,
     .help = "Do each work in one VM, and up to N at once."},
    {.name = "times",
     .type = OPTION_COUNT,
     .offset = offsetof(struct compare_command, times),
     .value_name = "N",
     .fallback = "3",
     .min = 1,
     .max = 100,
     .help = "How often each work is repeated."},
    {.name = "store",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_command, store),
     .value_name = "FILE",
     .help = "Where the measures go (default: vtax/vtax.db below $XDG_DATA_HOME)."},
    {.name = "show",
     .type = OPTION_FLAG,
     .offset = offsetof(struct compare_command, show),
     .help = "Show the newest comparison of the store, and measure nothing."},
    {.name = "html",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_command, html),
     .value_name = "FILE",
     .help = "Write a page with a table and charts, too."},
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct compare_command, json),
     .help = "Print JSON in place of text."},
    {.name = "pmu-options",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_command, counters_options),
     .value_name = "KEY=VALUE,...",
     .help = "Settings of the counters, as for `vtax lab run`."},
    {.name = "qemu",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_command, qemu),
     .value_name = "PROGRAM",
     .help = "The QEMU that emulates the server, in place of the lab's own."},
    {.name = "boot-timeout",
     .type = OPTION_DURATION,
     .offset = offsetof(struct compare_command, boot_timeout_ns),
     .value_name = "TIME",
     .fallback = "5min",
     .min = 1e9,
     .max = 86400e9,
     .help = "How long an emulated server may take until it begins."},
};
static const struct option_table table = {rows, COUNT_OF(rows), sizeof(struct compare_command)};

static unsigned find_design(const char *name)
{
    unsigned design = 0;
    while (strcmp(measure_designs[design], name) != 0)
        design++;
    return design;
}

/* The words of enum counters, of which measure_designs has all but the first. */
static enum counters find_counters(const char *name)
{
    unsigned counters = 0;
    while (strcmp(counters_names[counters], name) != 0)
        counters++;
    return (enum counters)counters;
}

static bool is_chosen(const struct option_texts *chosen, const char *word)
{
    bool is = chosen->count == 0;
    for (size_t i = 0; i < chosen->count; i++)
        is |= strcmp(chosen->items[i], word) == 0;
    return is;
}

static int compare_here(const struct compare_command *want, struct error *err)
{
    struct vocabulary vocabulary;
    unsigned works = 0;
    vocabulary_init(&vocabulary);
    for (unsigned i = 0; i < WORK_COUNT; i++)
        works |= (unsigned)is_chosen(&want->works, measure_works[i]) << i;
    const struct works_options options = {.platform = "kvm",
                                          .design = find_design(want->designs.items[0]),
                                          .vms = (unsigned)want->vms,
                                          .times = (unsigned)want->times,
                                          .works = works,
                                          .vocabulary = &vocabulary.plan};
    return works_run(&options, stdout, err);
}

static int run_in_lab(const struct compare_command *want, const char *design, char **out_text,
                      int *out_status, struct error *err)
{
    CLEANUP_FREE char *designs = mem_printf("--designs=%s", design);
    CLEANUP_FREE char *vms = mem_printf("--vms=%" PRIu64, want->vms);
    CLEANUP_FREE char *times = mem_printf("--times=%" PRIu64, want->times);
    CLEANUP_FREE char *chosen = option_format(option_find(&table, "works", 5), want);
    CLEANUP_FREE char *works = chosen ? mem_printf("--works=%s", chosen) : NULL;
    const char *const command[] = {"pmu", "compare", designs, vms, times, works, NULL};
    struct progress progress;
    progress_init(&progress);
    const struct lab_options options = {.hypervisor = hypervisor_find("kvm"),
                                        .qemu = want->qemu,
                                        .boot_timeout_ns = want->boot_timeout_ns,
                                        .counters = find_counters(design),
                                        .counters_options = want->counters_options,
                                        .progress = &progress};
    return lab_run_command(&options, command, out_text, out_status, err);
}

/* The comparison in the store begins with the first measures. */
struct keeping {
    struct store *store;
    int64_t id;
    struct measures *measures; /* all of them */
    bool failed;               /* a design could not be measured */
};

DEFINE_CLEANUP(struct store *, store_close);

static int keep(const struct compare_command *want, struct keeping *keeping, const char *text,
                struct error *err)
{
    CLEANUP(measures_done) struct measures measures = {0};
    if (measures_parse(text, strlen(text), &measures) < 0)
        return error_set(err, ERROR_INTERNAL, -EBADMSG,
                         "keep what was measured: line %zu is no measure", measures.count + 1);
    if (measures.count == 0)
        return 0;
    for (size_t i = 0; i < measures.count; i++)
        measures_add(keeping->measures, &measures.items[i]);
    const char *settings = want->counters_options ? want->counters_options : "";
    int rc = keeping->id == 0 ? archive_begin(keeping->store, settings, &keeping->id, err) : 0;
    return rc == 0 ? archive_add(keeping->store, keeping->id, &measures, err) : rc;
}

/* What was measured before a work failed is worth keeping as well. */
static int measure_design(const struct compare_command *want, const char *design,
                          struct keeping *keeping, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    int status = 0;
    int rc = run_in_lab(want, design, &text, &status, err);
    if (rc == 0)
        rc = keep(want, keeping, text, err);
    if (rc == 0 && status != 0)
        rc = error_set(err, ERROR_FAILED, -EIO, "exit code %d in the emulated server", status);
    return rc < 0 ? error_prefix(err, "measure design '%s'", design) : 0;
}

/* A design that failed does not keep the others from being measured; its error is the last word. */
static int measure(const struct compare_command *want, struct measures *measures, struct error *err)
{
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    int rc = store_open(want->store, STORE_WRITE, &store, err);
    struct keeping keeping = {.store = store, .measures = measures};
    for (size_t i = 0; rc == 0 && i < want->designs.count; i++) {
        struct error cause = {0};
        int measured = measure_design(want, want->designs.items[i], &keeping, &cause);
        bool goes_on = measured < 0 && measured != -EINTR && i + 1 < want->designs.count;
        if (goes_on)
            fprintf(stderr, "vtax: %s\n", cause.text);
        keeping.failed |= goes_on;
        rc = goes_on ? 0 : measured;
        if (rc < 0)
            *err = cause;
    }
    if (keeping.id)
        fprintf(stderr, "vtax: comparison %" PRId64 " is in the store '%s'\n", keeping.id,
                store_path(store));
    return rc == 0 && keeping.failed
               ? error_set(err, ERROR_FAILED, -EIO, "compare designs: some could not be measured")
               : rc;
}

static int write_page(const char *path, const struct contrast *contrast, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_set_errno(err, ERROR_INTERNAL, -errno, "write '%s'", path);
    contrast_write_html(contrast, out);
    fclose(out);
    return file_write_atomic(path, text, length, 0644, err);
}

static int show(const struct compare_command *want, const struct measures *measures,
                struct error *err)
{
    CLEANUP(contrast_done) struct contrast contrast = {0};
    contrast_make(measures, &contrast);
    if (want->json)
        contrast_write_json(&contrast, stdout);
    else
        contrast_write_text(&contrast, stdout);
    return want->html ? write_page(want->html, &contrast, err) : 0;
}

static int show_newest(const struct compare_command *want, struct error *err)
{
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    CLEANUP(archive_done) struct archive archive = {0};
    int rc = store_open(want->store, STORE_READ, &store, err);
    if (rc == 0)
        rc = archive_read(store, &archive, err);
    if (rc == 0)
        rc = error_set(err, ERROR_USAGE, -ENOENT,
                       "show a comparison: store '%s' has none (`vtax pmu compare` makes one)",
                       store_path(store));
    return rc < 0 ? rc : show(want, &archive.measures, err);
}

static int run_compare(const struct command_call *call, struct error *err)
{
    const struct compare_command *want = call->options[0];
    if (getenv(IN_LAB))
        return compare_here(want, err);
    if (want->show)
        return show_newest(want, err);
    CLEANUP(measures_done) struct measures measures = {0};
    int rc = counters_check_settings(COUNTERS_HARDWARE, want->counters_options, err);
    if (rc == 0)
        rc = measure(want, &measures, err);
    struct error showing = {0};
    int shown = measures.count ? show(want, &measures, &showing) : 0;
    if (rc == 0 && shown < 0)
        *err = showing;
    return rc < 0 ? rc : shown;
}

const struct command command_pmu_compare = {
    .name = "pmu compare",
    .summary = "Compare the designs of counters on the same work",
    .help =
        "Boots an emulated server for each design, with KVM and guests in it, and does the\n"
        "same works there: nothing, bzip2, a loop of VM exits, a known loop alone, under the\n"
        "guest's perf stat and perf record, and under the server's perf as well. Shows what\n"
        "each design costs and how true its counts are. What was measured goes into the store,\n"
        "and `vtax report` shows it.\n"
        "\n"
        "  vtax pmu compare --times 5 --html designs.html\n",
    .tables = {&table},
    .run = run_compare,
};
