/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax pmu compare: the same works on each design of counters. Outside of the emulated server the
 * command boots one for each design and runs itself there; what it says there is kept in a file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/xdg.h"
#include "cli/call.h"
#include "command/list.h"
#include "command/vocabulary.h"
#include "lab/lab.h"
#include "study/contrast.h"
#include "study/works.h"

#define IN_LAB "VTAX_LAB"
#define FILE_BYTES_MAX ((size_t)64 << 20)

struct compare_command {
    struct option_texts designs, works;
    uint64_t vms;
    uint64_t times;
    char *from;
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
    {.name = "from",
     .type = OPTION_TEXT,
     .offset = offsetof(struct compare_command, from),
     .value_name = "FILE",
     .help = "Show what an earlier comparison kept, and measure nothing."},
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

/* What was measured before a work failed is worth keeping as well. */
static int measure_design(const struct compare_command *want, const char *design,
                          struct strbuf *kept, struct error *err)
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
    CLEANUP_FREE char *text = NULL;
    int status = 0;
    int rc = lab_run_command(&options, command, &text, &status, err);
    if (rc == 0)
        strbuf_adds(kept, text);
    if (rc == 0 && status != 0)
        rc = error_set(err, ERROR_FAILED, -EIO, "exit code %d in the emulated server", status);
    return rc < 0 ? error_prefix(err, "measure design '%s'", design) : 0;
}

static int keep(const struct strbuf *kept, struct error *err)
{
    CLEANUP_FREE char *directory = xdg_data_path("pmu");
    char name[32];
    time_t now = (time_t)(clock_realtime_ns() / NS_PER_S);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(name, sizeof(name), "%Y%m%d-%H%M%S", &tm);
    CLEANUP_FREE char *path = mem_printf("%s/compare-%s.txt", directory, name);
    int rc = file_make_directories(directory, 0755, err);
    if (rc == 0)
        rc = file_write_atomic(path, kept->text, kept->length, 0644, err);
    if (rc == 0)
        fprintf(stderr, "vtax: the measures are kept in '%s'\n", path);
    return rc;
}

/* What was measured is kept and shown, though a design failed. */
static int measure(const struct compare_command *want, struct strbuf *kept, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < want->designs.count; i++)
        rc = measure_design(want, want->designs.items[i], kept, err);
    struct error keeping = {0};
    int saved = kept->length ? keep(kept, &keeping) : 0;
    if (rc < 0 || saved == 0)
        return rc;
    *err = keeping;
    return saved;
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

static int show(const struct compare_command *want, const char *text, size_t length,
                struct error *err)
{
    CLEANUP(measures_done) struct measures measures = {0};
    CLEANUP(contrast_done) struct contrast contrast = {0};
    if (measures_parse(text, length, &measures) < 0)
        return error_set(err, ERROR_USAGE, -EBADMSG,
                         "read measures: line %zu is none of a comparison", measures.count + 1);
    contrast_make(&measures, &contrast);
    if (want->json)
        contrast_write_json(&contrast, stdout);
    else
        contrast_write_text(&contrast, stdout);
    return want->html ? write_page(want->html, &contrast, err) : 0;
}

static int run_compare(const struct command_call *call, struct error *err)
{
    const struct compare_command *want = call->options[0];
    if (getenv(IN_LAB))
        return compare_here(want, err);
    if (want->from) {
        CLEANUP_FREE char *text = NULL;
        size_t length = 0;
        int rc = file_read(want->from, FILE_BYTES_MAX, &text, &length, err);
        return rc == 0 ? show(want, text, length, err) : rc;
    }
    CLEANUP_STRBUF struct strbuf kept;
    strbuf_init(&kept);
    int rc = measure(want, &kept, err);
    struct error showing = {0};
    int shown = kept.length ? show(want, kept.text, kept.length, &showing) : 0;
    if (rc == 0 && shown < 0)
        *err = showing;
    return rc < 0 ? rc : shown;
}

const struct command command_pmu_compare = {
    .name = "pmu compare",
    .summary = "Compare the designs of counters on the same work",
    .help = "Boots an emulated server for each design, with KVM and guests in it, and does the\n"
            "same works there: nothing, bzip2, a loop of VM exits, a known loop alone, under the\n"
            "guest's perf stat and perf record, and under the server's perf as well. Shows what\n"
            "each design costs and how true its counts are. What was measured is kept in a file,\n"
            "which --from shows again.\n"
            "\n"
            "  vtax pmu compare --times 5 --html designs.html\n",
    .tables = {&table},
    .run = run_compare,
};
