/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "report/causes.h"
#include "report/compare.h"
#include "report/count.h"
#include "report/provenance.h"
#include "report/report.h"
#include "report/starts.h"
#include "stats/base64.h"

#define LENT(text) ((char *)(text))
#define FAIL                                                                                       \
    {                                                                                              \
        -1, -1                                                                                     \
    }

/* Seconds of each machine; the numbers in the tests below were computed apart from this program. */
struct row_of_world {
    size_t cell;
    double values[2];
};
static const struct row_of_world blocks[3][4] = {
    {{0, {2.0}}, {1, {4.0}}, {2, {4, 4}}, {3, {10, 8}}},
    {{0, {2.2}}, {1, {4.2}}, {2, {4, 5}}, {3, {8, 8}}},
    {{0, {1.8}}, {1, {3.9}}, {2, FAIL}, {3, {9, 9}}},
};

struct world {
    char *directory;
    char *path;
    struct error err;
    struct report *report;
    const char *starts; /* fact of the cells with tcg, in blocks after the first; NULL: none */
};

static struct store_cell cell_of(size_t index, const char *platform, unsigned vms)
{
    return (struct store_cell){
        .index = index,
        .platform = LENT(platform),
        .platform_kind = LENT(platform),
        .workload = LENT("bzip2"),
        .workload_kind = LENT("bzip2"),
        .parameters = LENT("level=9"),
        .vms = vms,
        .vcpus = 1,
        .memory_bytes = 512 << 20,
        .is_baseline = index % 2 == 0,
        .baseline_index = index / 2 * 2,
    };
}

static void add_trial(struct world *world, struct store *store, const struct store_cell *cell,
                      uint64_t block, const double *values)
{
    struct store_machine machines[2] = {
        {.index = 0, .boot_ns = 2000000000, .console_tail = LENT("\x1b[31mpanic </script>")},
        {.index = 1, .boot_ns = 4000000000}};
    struct store_sample samples[2] = {{0, "time", values[0]}, {1, "time", values[1]}};
    struct store_figure figures[] = {{0, "cpu_ns", 10. * (double)(block + 1), NULL},
                                     {-1, "exits", 0, "no tracepoints"}};
    struct store_fact facts[] = {{LENT("host.load"), LENT(block == 0 ? "0.25" : "0.75")},
                                 {LENT("host.mhz"), LENT("2600")},
                                 {LENT("machine.starts"), LENT(world->starts)}};
    bool restarted = world->starts && block > 0 && !cell->is_baseline;
    bool failed = values[0] < 0;
    struct store_trial trial = {
        .cell_id = cell->id,
        .block = block,
        .position = cell->index,
        .status = failed ? TRIAL_FAILED : TRIAL_OK,
        .cause = failed ? LENT("machine 0: =panic, \"here\"") : NULL,
        .start_ns = 1,
        .machines = machines,
        .machine_count = cell->vms,
        .samples = samples,
        .sample_count = failed ? 0 : cell->vms,
        .figures = figures,
        .figure_count = COUNT_OF(figures),
        .facts = facts,
        .fact_count = COUNT_OF(facts) - !restarted,
    };
    if (store_add_trial(store, &trial, &world->err) < 0)
        fail_msg("%s", world->err.text);
}

static void make_store(struct world *world, size_t block_count)
{
    struct store *store = NULL;
    struct store_cell cells[] = {cell_of(0, "native", 1), cell_of(1, "tcg", 1),
                                 cell_of(2, "native", 2), cell_of(3, "tcg", 2)};
    struct store_metric metrics[] = {{LENT("bzip2"), LENT("time"), LENT("s"), false, false, true}};
    struct store_fact facts[] = {{LENT("host.kernel"), LENT("6.1")}};
    struct store_campaign campaign = {
        .name = LENT("hand"),
        .plan_text = LENT("name: hand\n"),
        .plan_digest = LENT("d"),
        .seed = UINT64_MAX,
        .start_ns = 1,
        .cells = cells,
        .cell_count = COUNT_OF(cells),
        .metrics = metrics,
        .metric_count = COUNT_OF(metrics),
        .facts = facts,
        .fact_count = COUNT_OF(facts),
    };
    if (store_open(world->path, STORE_WRITE, &store, &world->err) < 0 ||
        store_add_campaign(store, &campaign, &world->err) < 0)
        fail_msg("%s", world->err.text);
    for (size_t block = 0; block < block_count; block++)
        for (size_t i = 0; i < COUNT_OF(blocks[0]); i++)
            add_trial(world, store, &cells[blocks[block][i].cell], block, blocks[block][i].values);
    store_close(store);
}

static int load(struct world *world, const struct report_options *options)
{
    struct store *store = NULL;
    if (store_open(world->path, STORE_READ, &store, &world->err) < 0)
        fail_msg("%s", world->err.text);
    int rc = report_load(store, NULL, options, &world->report, &world->err);
    if (rc < 0)
        store_close(store);
    return rc;
}

static void load_blocks(struct world *world, size_t block_count)
{
    make_store(world, block_count);
    if (load(world, &(struct report_options){0}) < 0)
        fail_msg("%s", world->err.text);
}

static int setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->directory = mem_strdup("/tmp/vtax-test-report-XXXXXX");
    if (!mkdtemp(world->directory))
        return -1;
    world->path = mem_printf("%s/s.db", world->directory);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    report_free(world->report);
    file_remove_tree(world->directory, NULL);
    free(world->directory);
    free(world->path);
    free(world);
    return 0;
}

/* Not inlined: GCC 12 takes the stream's hold on `text` for a dangling pointer. */
__attribute__((noinline)) static char *format(const struct report *report,
                                              enum report_format format, bool unicode)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    struct report_style style = {.unicode = unicode};
    report_write(report, format, &style, stream);
    fclose(stream);
    return text;
}

static void assert_interval(const struct interval *interval, double mean, double lo, double hi)
{
    assert_int_equal(interval->state, INTERVAL_OK);
    assert_near(interval->estimate, mean, 1e-9);
    assert_near(interval->lo, lo, 1e-9);
    assert_near(interval->hi, hi, 1e-9);
}

static void test_values_of_one_machine(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    const struct report_row *rows = world->report->rows;
    assert_int_equal(world->report->row_count, 4);
    assert_int_equal(world->report->blocks, 3);
    assert_interval(&rows[0].value.interval, 2, 1.5031724576560905, 2.4968275423439095);
    assert_interval(&rows[1].value.interval, 4.033333333333333, 3.653875029978359,
                    4.412791636688307);
    /* two machines: the mean of each trial is one value */
    assert_interval(&rows[3].value.interval, 8.666666666666666, 7.232449090101285,
                    10.100884243232047);
    assert_int_equal(rows[2].counts[TRIAL_OK], 2);
    assert_int_equal(rows[2].counts[TRIAL_FAILED], 1);
    assert_int_equal(rows[2].value.n, 2);
}

static void test_consolidated_and_normalised(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    const struct report_row *rows = world->report->rows;
    assert_interval(&rows[3].consolidated.interval, 0.2324074074074074, 0.19440306380610387,
                    0.27041175100871095);
    assert_interval(&rows[1].normalised.ratio, 0.494443984571066, 0.4217474961982923,
                    0.5796711446594296);
    assert_int_equal(rows[1].normalised.comparison.verdict, VERDICT_SLOWER);
    /* the baseline failed in block 2: two pairs are left, and the third trial is not paired */
    assert_int_equal(rows[3].normalised.pairs, 2);
    assert_int_equal(rows[3].normalised.unpaired_cell, 1);
    assert_interval(&rows[3].normalised.ratio, 0.5, 0.131088912633304, 1.9071025533587795);
    assert_int_equal(rows[3].normalised.comparison.verdict, VERDICT_UNDECIDED);
    assert_ptr_equal(rows[1].baseline, &rows[0]);
    assert_ptr_equal(rows[0].baseline, &rows[0]);
    CLEANUP_FREE char *unit = report_consolidated_unit(rows[0].metric);
    assert_string_equal(unit, "1/s");
}

static void test_boots_figures_and_provenance(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    const struct report *report = world->report;
    assert_int_equal(report->boot_count, 4);
    assert_near(report->boots[0].value.mean, 2, 1e-12);
    assert_near(report->boots[3].value.mean, 3, 1e-12);
    assert_near(report->boots[3].longest, 4, 1e-12);
    assert_int_equal(report->boots[3].value.n, 3);
    assert_int_equal(report->figure_count, 8);
    assert_string_equal(report->figures[1].name, "cpu_ns");
    assert_near(report->figures[1].value.mean, 20, 1e-12);
    assert_string_equal(report->figures[0].missing, "no tracepoints");
    assert_int_equal(report->figures[0].missing_count, 3);
    assert_int_equal(report->figures[0].value.n, 0);
    assert_string_equal(provenance_find(report, "host.kernel"), "6.1");
    assert_string_equal(provenance_find(report, "host.mhz"), "2600");
    assert_null(provenance_find(report, "host.load"));
    assert_int_equal(report->variation_count, 1);
    assert_int_equal(report->variations[0].distinct, 2);
    assert_near(report->variations[0].max, 0.75, 0);
}

static void test_counts_and_their_parts(void **state)
{
    struct world *world = *state;
    const char *part = "";
    const struct count_kind *exits = count_find_kind("exits", &part);
    assert_string_equal(exits->title, "VM exits");
    assert_null(part);
    assert_ptr_equal(count_find_kind("exits.hlt", &part), exits);
    assert_string_equal(part, "hlt");
    assert_ptr_equal(count_find_kind("io_exits", &part), exits);
    assert_string_equal(part, "io_exits");
    static const char *const others[] = {"", "cpu_ns", "exits_ns", "exits.", "_exits", "exitsio"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_null(count_find_kind(others[i], &part));

    load_blocks(world, 3); /* "exits" is there, and nowhere to be had */
    const struct report *report = world->report;
    assert_false(report->emulated);
    assert_int_equal(report->count_count, 1);
    assert_ptr_equal(report->counts[0].kind, exits);
    assert_int_equal(report->counts[0].item_count, 4);
    assert_int_equal(report->counts[0].valued, 0);
    assert_null(count_sentence(report, &report->counts[0], report->counts[0].items[0]));
    assert_int_equal(report->counts[0].items[0]->relative.pairs, 0);
}

static void test_sentences(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    static const char *const expected[] = {
        "1 native instance: the baseline of bzip2 (time)",
        "1 tcg VM reaches 49 % [42, 58] of native in bzip2 (time, n=3)",
        "2 native instances: the baseline of bzip2 (time)",
        "2 tcg VMs reach 50 % [13, 191] of native in bzip2: undecided (time, n=2)",
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        CLEANUP_FREE char *got = report_sentence(world->report, &world->report->rows[i]);
        assert_string_equal(got, expected[i]);
    }
}

static void test_starts_that_were_not_the_first(void **state)
{
    struct world *world = *state;
    world->starts = "machine 0: 2; machine 1: 9";
    load_blocks(world, 3);
    static const char cells[] = "bzip2 on tcg, 1 VM x 1 vCPU, 512MiB: 18 extra starts in 2 of 3 "
                                "trials; bzip2 on tcg, 2 VMs x 1 vCPU, 512MiB: 18 extra starts in "
                                "2 of 3 trials";
    CLEANUP_FREE char *told = starts_describe(world->report);
    assert_string_equal(told, cells);
    CLEANUP_FREE char *text = format(world->report, REPORT_TEXT, false);
    assert_non_null(
        strstr(text, "\nmachines that were not there at the first try: bzip2 on tcg, "));
    CLEANUP_FREE char *html = format(world->report, REPORT_HTML, false);
    const char *at = strstr(html, "Failed and suspect trials</h2>");
    at = at ? strstr(at, cells) : NULL;
    assert_non_null(at);
}

static void test_first_starts_are_not_told(void **state)
{
    struct world *world = *state;
    world->starts = "machine 0: 1"; /* nor would one that is */
    load_blocks(world, 3);
    assert_null(starts_describe(world->report));
    CLEANUP_FREE char *text = format(world->report, REPORT_TEXT, false);
    assert_null(strstr(text, "first try"));
    CLEANUP_FREE char *html = format(world->report, REPORT_HTML, false);
    assert_null(strstr(html, "first try"));
}

static void test_one_block_has_values_without_interval(void **state)
{
    struct world *world = *state;
    load_blocks(world, 1);
    const struct report_row *row = &world->report->rows[1];
    assert_int_equal(row->value.interval.state, INTERVAL_TOO_FEW);
    assert_near(row->value.mean, 4, 0);
    CLEANUP_FREE char *sentence = report_sentence(world->report, row);
    assert_string_equal(sentence, "1 tcg VM: 50 % of native in bzip2 in the one block measured, "
                                  "which gives no interval (time)");
    CLEANUP_FREE char *text = format(world->report, REPORT_TEXT, false);
    assert_non_null(strstr(text, "4.00 (n=1)"));
    CLEANUP_FREE char *json = format(world->report, REPORT_JSON, false);
    json_t *root = json_loads(json, 0, NULL);
    json_t *normalised =
        json_object_get(json_array_get(json_object_get(root, "cells"), 1), "normalised");
    assert_true(json_is_null(json_object_get(normalised, "ci95")));
    assert_near(json_number_value(json_object_get(normalised, "mean")), 0.5, 1e-12);
    assert_string_equal(json_string_value(json_object_get(normalised, "verdict")), "undecided");
    json_decref(root);
}

/* Block 3 has a machine that cannot give the metric: alone, and as one of two. */
static void add_lacking_trials(struct world *world)
{
    struct store *store = NULL;
    struct store_campaign campaign;
    if (store_open(world->path, STORE_WRITE, &store, &world->err) < 0 ||
        store_read_campaign(store, NULL, &campaign, &world->err) < 0)
        fail_msg("%s", world->err.text);
    for (size_t i = 1; i <= 3; i += 2) {
        struct store_machine machines[2] = {{.index = 0}, {.index = 1}};
        struct store_sample sample = {0, "time", 1000};
        struct store_figure figure = {campaign.cells[i].vms == 1 ? 0 : 1, "time", 0,
                                      "needs 2 CPUs"};
        struct store_trial trial = {
            .cell_id = campaign.cells[i].id,
            .block = 3,
            .position = i,
            .start_ns = 1,
            .machines = machines,
            .machine_count = campaign.cells[i].vms,
            .samples = &sample,
            .sample_count = campaign.cells[i].vms - 1,
            .figures = &figure,
            .figure_count = 1,
        };
        if (store_add_trial(store, &trial, &world->err) < 0)
            fail_msg("%s", world->err.text);
    }
    store_campaign_done(&campaign);
    store_close(store);
}

/* What a machine cannot give is neither 0 nor a failure, and the rest of its trial is not taken
 * for the whole. */
static void test_metric_that_a_machine_lacks(void **state)
{
    struct world *world = *state;
    make_store(world, 3);
    add_lacking_trials(world);
    assert_int_equal(load(world, &(struct report_options){0}), 0);
    for (size_t i = 1; i <= 3; i += 2) {
        const struct report_row *row = &world->report->rows[i];
        assert_int_equal(row->counts[TRIAL_OK], 4);
        assert_int_equal(row->value.n, 3);
        assert_int_equal(row->consolidated.n, 3);
        assert_true(isnan(row->points[3].value) && isnan(row->points[3].performance));
        assert_int_equal(row->normalised.pairs, i == 1 ? 3 : 2);
    }
    CLEANUP_FREE char *text = format(world->report, REPORT_TEXT, false);
    assert_non_null(strstr(text, "tcg 1: not available in some trials: needs 2 CPUs"));
    assert_non_null(strstr(text, "tcg 2: not available in some trials: needs 2 CPUs"));
    CLEANUP_FREE char *html = format(world->report, REPORT_HTML, false);
    assert_non_null(strstr(html, "not available in 1: needs 2 CPUs"));
}

static void test_no_trial_at_all(void **state)
{
    struct world *world = *state;
    load_blocks(world, 0);
    assert_int_equal(world->report->row_count, 4);
    assert_int_equal(world->report->rows[1].value.n, 0);
    for (int i = 0; i < REPORT_FORMAT_COUNT; i++) {
        CLEANUP_FREE char *text = format(world->report, (enum report_format)i, true);
        assert_true(strlen(text) > 0);
        assert_null(strstr(text, " nan"));
        assert_null(strstr(text, "-nan"));
        assert_null(strstr(text, "[nan"));
    }
}

static void test_text_fits_and_is_harmless(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    CLEANUP_FREE char *text = format(world->report, REPORT_TEXT, false);
    char *rest = NULL;
    size_t lines = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strlen(line) > 80)
            fail_msg("too long: %s", line);
        for (const char *at = line; *at; at++)
            assert_in_range(*at, 0x20, 0x7e);
        lines++;
    }
    assert_true(lines > 20);
}

static void test_json_as_documented(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    CLEANUP_FREE char *text = format(world->report, REPORT_JSON, false);
    json_t *root = json_loads(text, 0, NULL);
    const char *name, *seed, *platform, *better, *verdict;
    int id, complete, vms, ok, failed, invalid;
    double mean, lo, hi;
    assert_int_equal(
        json_unpack(root,
                    "{s:{s:i, s:s, s:s, s:b}, s:[{}, {s:s, s:i, s:s, s:{s:i, s:i, s:i},"
                    " s:{s:F, s:[F, F], s:s}}]}",
                    "campaign", "id", &id, "name", &name, "seed", &seed, "complete", &complete,
                    "cells", "platform", &platform, "vms", &vms, "better", &better, "trials", "ok",
                    &ok, "failed", &failed, "invalid", &invalid, "normalised", "mean", &mean,
                    "ci95", &lo, &hi, "verdict", &verdict),
        0);
    assert_string_equal(json_string_value(json_object_get(root, "format")), "vtax-report");
    assert_string_equal(seed, "18446744073709551615"); /* does not fit an integer of JSON readers */
    assert_string_equal(platform, "tcg");
    assert_string_equal(better, "lower");
    assert_string_equal(verdict, "slower");
    assert_true(id == 1 && !complete && vms == 1 && ok == 3 && failed == 0 && invalid == 0);
    assert_near(mean, 0.494443984571066, 1e-9);
    assert_near(hi - lo, 0.5796711446594296 - 0.4217474961982923, 1e-9);
    assert_int_equal(json_array_size(json_object_get(root, "problems")), 1);
    json_decref(root);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* The console and the cause of the failed trial try to break out. */
static void test_html_is_closed_to_what_is_in_it(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    CLEANUP_FREE char *text = format(world->report, REPORT_HTML, true);
    assert_non_null(strstr(text, "[31mpanic &lt;/script&gt;"));
    assert_null(strstr(text, "\x1b"));
    assert_non_null(strstr(text, "=panic, &quot;here&quot;"));
    /* the data of the charts, the two specifications that they have, and the one script that the
     * policy admits */
    assert_int_equal(count_of(text, "<script"), count_of(text, "</script>"));
    assert_int_equal(count_of(text, "<script type=\"application/json\""), 3);
    assert_int_equal(count_of(text, "<script>"), 1);
    assert_null(strstr(text, "<link"));
    const char *begin = strstr(text, "<script>") + strlen("<script>");
    char digits[DIGEST_TEXT_BYTES];
    digest_bytes(begin, (size_t)(strstr(begin, "</script>") - begin), digits);
    const char *policy = strstr(text, "script-src 'sha256-");
    assert_non_null(policy);
    unsigned char bytes[33];
    assert_int_equal(base64_decode(policy + strlen("script-src 'sha256-"), 44, bytes), 32);
    for (size_t i = 0; i < 32; i++) {
        char pair[3];
        snprintf(pair, sizeof(pair), "%02x", bytes[i]);
        assert_memory_equal(pair, digits + 2 * i, 2);
    }
}

static void test_html_has_charts_with_tables(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    CLEANUP_FREE char *text = format(world->report, REPORT_HTML, true);
    assert_int_equal(count_of(text, "class=\"chart\" id="), 4);
    assert_non_null(strstr(text, "1 tcg VM reaches 49 % [42, 58] of native in bzip2"));
    assert_non_null(strstr(text, "0.494 [0.422, 0.580]"));
    const char *data = strstr(text, "id=\"chart-data\">") + strlen("id=\"chart-data\">");
    json_t *root = json_loadb(data, (size_t)(strstr(data, "</script>") - data), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(root, "charts")), 4);
    json_decref(root);
}

static void test_csv_has_every_sample(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    CLEANUP_FREE char *text = format(world->report, REPORT_CSV, false);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "\r\n")); at += 2)
        lines++;
    assert_int_equal(lines, 1 + 3 * 2 + 2 * 2 + 3 * 2 + 1);
    assert_non_null(strstr(text, "\r\n1,hand,5,1,0,ok,,native,native,bzip2,level=9,1,1,536870912,0,"
                                 "time,2.2000000000000002,s,no\r\n"));
    assert_non_null(strstr(text, ",failed,\"machine 0: =panic, \"\"here\"\"\",native,"));
    assert_non_null(strstr(text, ",536870912,,,,,no\r\n")); /* the failed one has no sample */
}

static void test_choice_of_metric(void **state)
{
    struct world *world = *state;
    make_store(world, 1);
    assert_int_equal(load(world, &(struct report_options){.metric = "tim"}), -ENOENT);
    assert_int_equal(world->err.kind, ERROR_USAGE);
    assert_non_null(strstr(world->err.text, "bzip2/time"));
    assert_int_equal(load(world, &(struct report_options){.metric = "bzip2/time"}), 0);
    assert_int_equal(world->report->row_count, 4);
}

static void test_saving_replaces_or_leaves(void **state)
{
    struct world *world = *state;
    load_blocks(world, 1);
    CLEANUP_FREE char *path = mem_printf("%s/out.json", world->directory);
    CLEANUP_FREE char *text = NULL;
    assert_int_equal(report_save(world->report, REPORT_JSON, path, &world->err), 0);
    assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
    assert_non_null(strstr(text, "vtax-report"));
    CLEANUP_FREE char *nowhere = mem_printf("%s/no/out.json", world->directory);
    assert_int_equal(report_save(world->report, REPORT_JSON, nowhere, &world->err), -ENOENT);
    assert_int_equal(report_save(world->report, REPORT_JSON, "/dev/full", &world->err), -ENOSPC);
}

/* before: 2.0, 2.2, 1.8 s and after: 4.0, 4.2, 3.9 s, the native and the tcg cell of one campaign
 * set against each other; Welch's interval was computed apart from this program. */
static void test_comparison(void **state)
{
    struct world *world = *state;
    load_blocks(world, 3);
    struct report *before = world->report;
    world->report = NULL;
    assert_int_equal(load(world, &(struct report_options){0}), 0);
    struct report_row *rows = before->rows;
    struct store_cell same = *world->report->rows[1].cell, other = *rows[0].cell;
    other.vms = 9;
    rows[0].cell = &same; /* native's trials under the name of tcg */
    rows[1].cell = &other;
    CLEANUP_COMPARE struct compare compare;
    compare_init(&compare, before, world->report, 0.05);
    assert_int_equal(compare.row_count, 4 + 1);
    assert_true(compare.rows[0].worse);
    assert_interval(&compare.rows[0].change.ratio, 0.494443984571066, 0.3975733091708717,
                    0.6149176723869071);
    assert_null(compare.rows[1].b); /* only in A */
    assert_int_equal(compare.rows[2].change.comparison.verdict, VERDICT_UNDECIDED);
    assert_int_equal(compare.worse, 1);
    assert_int_equal(compare.difference_count, 0);
    assert_null(compare.rows[4].a);
    report_free(before);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* As many digits as the interval is narrow, and nothing is no less than nothing. */
static void test_costs_of_causes(void **state)
{
    (void)state;
    static const struct {
        struct explained explained;
        const char *text;
    } rows[] = {
        {{3, 0.5, {.lo = 0.44, .hi = 0.57}}, "+50 % [44, 57]"},
        {{3, -0.031, {.lo = -0.04, .hi = 0.02}}, "-3.1 % [-4.0, 2.0]"},
        {{3, -1e-9, {.lo = -2e-9, .hi = 1e-5}}, "+0.00 % [0.00, 0.00]"},
        {{1, -1e-4, {.state = INTERVAL_TOO_FEW}}, "+0.0 % (n=1)"},
        {{0, NAN, {.state = INTERVAL_TOO_FEW}}, "not measured"},
    };
    char text[64];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(causes_format(&rows[i].explained, text, sizeof(text)), rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs_of_causes),
        CASE(test_values_of_one_machine),
        CASE(test_consolidated_and_normalised),
        CASE(test_boots_figures_and_provenance),
        CASE(test_counts_and_their_parts),
        CASE(test_sentences),
        CASE(test_starts_that_were_not_the_first),
        CASE(test_first_starts_are_not_told),
        CASE(test_one_block_has_values_without_interval),
        CASE(test_metric_that_a_machine_lacks),
        CASE(test_no_trial_at_all),
        CASE(test_text_fits_and_is_harmless),
        CASE(test_json_as_documented),
        CASE(test_html_is_closed_to_what_is_in_it),
        CASE(test_html_has_charts_with_tables),
        CASE(test_csv_has_every_sample),
        CASE(test_choice_of_metric),
        CASE(test_saving_replaces_or_leaves),
        CASE(test_comparison),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
