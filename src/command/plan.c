/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax plan list, show, check: looks at plans without measuring anything.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "cli/layout.h"
#include "command/list.h"
#include "command/load_plan.h"
#include "command/vocabulary.h"
#include "plan/plan.h"

/* A plan with what follows from it. */
struct view {
    const struct plan *plan;
    char *yaml;
    char digest[DIGEST_TEXT_BYTES];
    struct plan_cell *cells;
    size_t cell_count;
    uint64_t estimate_ns;
};

static void view_init(struct view *view, const struct plan *plan)
{
    view->plan = plan;
    view->yaml = plan_format(plan);
    digest_bytes(view->yaml, strlen(view->yaml), view->digest);
    view->cell_count = plan_expand(plan, &view->cells);
    view->estimate_ns = plan_estimate(plan);
}

static void view_done(struct view *view)
{
    free(view->yaml);
    free(view->cells);
}

/* Text. */

static const char *format_estimate(uint64_t ns, char text[UNITS_TEXT_MAX])
{
    if (ns == 0)
        snprintf(text, UNITS_TEXT_MAX, "no time");
    else
        units_format_elapsed(ns, text);
    return text;
}

static bool has_until(const struct plan *plan)
{
    return plan->until.ci > 0 || plan->until.max_blocks || plan->until.budget_ns;
}

static char *describe_length(const struct plan *plan)
{
    if (!has_until(plan))
        return mem_printf("%" PRIu64, plan->blocks);
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    char text[UNITS_TEXT_MAX];
    if (plan->until.ci > 0)
        strbuf_addf(&out, "until the 95 %% intervals are within %.3g %%", 100 * plan->until.ci);
    if (plan->until.max_blocks)
        strbuf_addf(&out, "%sat most %" PRIu64, out.length ? ", " : "", plan->until.max_blocks);
    if (plan->until.budget_ns)
        strbuf_addf(&out, "%sno longer than %s", out.length ? ", " : "",
                    units_format_duration(plan->until.budget_ns, text));
    return strbuf_take(&out);
}

static void print_field(const char *name, const char *text)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    layout_add_row(&out, name, text, 14);
    fputs(out.text, stdout);
}

/* The settings that are not the defaults, "key=value ...". */
static void add_changed_settings(struct strbuf *out, const struct plan_entry *entry)
{
    const struct option_table *table = &entry->kind->options;
    CLEANUP_FREE void *defaults = mem_zalloc(table->struct_bytes);
    option_table_init(table, defaults);
    for (size_t i = 0; i < table->count; i++) {
        CLEANUP_FREE char *text = option_format(&table->options[i], entry->options);
        CLEANUP_FREE char *fallback = option_format(&table->options[i], defaults);
        if (text && (!fallback || strcmp(text, fallback)))
            strbuf_addf(out, "%s%s=%s", out->length ? " " : "", table->options[i].name, text);
    }
    option_table_done(table, defaults);
}

static void print_entry(const char *name, const struct plan_entry *entry)
{
    bool is_renamed = strcmp(entry->name, entry->kind->name) != 0;
    CLEANUP_STRBUF struct strbuf settings;
    strbuf_init(&settings);
    if (is_renamed)
        strbuf_adds(&settings, entry->kind->name);
    add_changed_settings(&settings, entry);
    CLEANUP_FREE char *text = settings.length ? mem_printf("%s (%s)", entry->name, settings.text)
                                              : mem_strdup(entry->name);
    print_field(name, text);
}

static void print_entries(const char *name, const struct plan_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_entry(i ? "" : name, &entries[i]);
}

static void print_key(const struct plan *plan, const char *key)
{
    const struct option *option = option_find(&plan_option_table, key, strlen(key));
    CLEANUP_FREE char *text = option_format(option, plan);
    if (text)
        print_field(key, text);
}

static void print_cells(const struct view *view)
{
    const struct plan *plan = view->plan;
    int workload_width = 8, platform_width = 8;
    for (size_t i = 0; i < plan->workload_count; i++)
        if ((int)strlen(plan->workloads[i].name) > workload_width)
            workload_width = (int)strlen(plan->workloads[i].name);
    for (size_t i = 0; i < plan->platform_count; i++)
        if ((int)strlen(plan->platforms[i].name) > platform_width)
            platform_width = (int)strlen(plan->platforms[i].name);
    printf("\n  %-*s  %-*s  %3s  %5s  %8s  %s\n", workload_width, "workload", platform_width,
           "platform", "VMs", "vCPUs", "memory", "about");
    for (size_t i = 0; i < view->cell_count; i++) {
        const struct plan_cell *cell = &view->cells[i];
        char memory[UNITS_TEXT_MAX], estimate[UNITS_TEXT_MAX];
        printf("  %-*s  %-*s  %3u  %5u  %8s  %s\n", workload_width,
               plan->workloads[cell->workload].name, platform_width,
               plan->platforms[cell->platform].name, cell->vms, cell->vcpus,
               units_format_size(cell->memory_bytes, memory),
               format_estimate(plan_estimate_cell(plan, cell), estimate));
    }
}

static void print_text(const struct view *view)
{
    static const char *const keys[] = {"vms",
                                       "vcpus",
                                       "memory",
                                       "seed",
                                       "placement-vms",
                                       "placement-load",
                                       "placement-emulator",
                                       "placement-numa-node",
                                       "image",
                                       "root"};
    const struct plan *plan = view->plan;
    char estimate[UNITS_TEXT_MAX];
    CLEANUP_FREE char *length = describe_length(plan);
    printf("Plan %s: %zu cell%s, %s about %s\n\n", plan->name, view->cell_count,
           view->cell_count == 1 ? "" : "s", has_until(plan) ? "at most" : "in all",
           format_estimate(view->estimate_ns, estimate));
    print_entries("platforms", plan->platforms, plan->platform_count);
    print_field("baseline", plan->platforms[plan->baseline].name);
    print_entries("workloads", plan->workloads, plan->workload_count);
    print_field("blocks", length);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        print_key(plan, keys[i]);
    print_field("digest", view->digest);
    print_cells(view);
}

/* JSON. */

static json_t *entry_to_json(const struct plan_entry *entry)
{
    json_t *settings = json_object();
    for (size_t i = 0; i < entry->kind->options.count; i++) {
        const struct option *option = &entry->kind->options.options[i];
        CLEANUP_FREE char *text = option_format(option, entry->options);
        if (text)
            json_object_set_new(settings, option->name, json_string(text));
    }
    return json_pack("{s:s, s:s, s:o}", "name", entry->name, "kind", entry->kind->name, "settings",
                     settings);
}

static json_t *entries_to_json(const struct plan_entry *entries, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, entry_to_json(&entries[i]));
    return list;
}

static json_t *cells_to_json(const struct view *view)
{
    const struct plan *plan = view->plan;
    json_t *list = json_array();
    for (size_t i = 0; i < view->cell_count; i++) {
        const struct plan_cell *cell = &view->cells[i];
        json_t *item = json_pack(
            "{s:s, s:s, s:i, s:i, s:I, s:I}", "workload", plan->workloads[cell->workload].name,
            "platform", plan->platforms[cell->platform].name, "vms", (int)cell->vms, "vcpus",
            (int)cell->vcpus, "memory_bytes", (json_int_t)cell->memory_bytes, "estimate_ns",
            (json_int_t)plan_estimate_cell(plan, cell));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *length_to_json(const struct plan *plan)
{
    json_t *length = json_object();
    if (!has_until(plan))
        json_object_set_new(length, "blocks", json_integer((json_int_t)plan->blocks));
    if (plan->until.ci > 0)
        json_object_set_new(length, "ci", json_real(plan->until.ci));
    if (plan->until.max_blocks)
        json_object_set_new(length, "max_blocks", json_integer((json_int_t)plan->until.max_blocks));
    if (plan->until.budget_ns)
        json_object_set_new(length, "budget_ns", json_integer((json_int_t)plan->until.budget_ns));
    return length;
}

static void print_json(const struct view *view)
{
    const struct plan *plan = view->plan;
    uint64_t estimate_ns = view->estimate_ns > INT64_MAX ? INT64_MAX : view->estimate_ns;
    json_t *root = json_pack(
        "{s:s, s:i, s:s, s:s, s:I, s:s, s:o, s:o, s:o, s:I, s:o, s:s}", "format", "vtax-plan",
        "version", 1, "name", plan->name, "digest", view->digest, "seed", (json_int_t)plan->seed,
        "baseline", plan->platforms[plan->baseline].name, "length", length_to_json(plan),
        "platforms", entries_to_json(plan->platforms, plan->platform_count), "workloads",
        entries_to_json(plan->workloads, plan->workload_count), "estimate_ns",
        (json_int_t)estimate_ns, "cells", cells_to_json(view), "yaml", view->yaml);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(root);
}

/* vtax plan show */

struct show_options {
    bool json;
    bool yaml;
};

static const struct option show_options[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct show_options, json),
     .help = "Print JSON instead of text."},
    {.name = "yaml",
     .type = OPTION_FLAG,
     .offset = offsetof(struct show_options, yaml),
     .help = "Print a plan file with every default written out."},
};

static const struct option_table show_table = {show_options, COUNT_OF(show_options),
                                               sizeof(struct show_options)};

static int run_show(const struct command_call *call, struct error *err)
{
    const struct show_options *want = call->options[0];
    struct vocabulary vocabulary;
    vocabulary_init(&vocabulary);
    CLEANUP_PLAN struct plan *plan = NULL;
    int rc = load_plan(call, call->arguments[0], &vocabulary.plan, &plan, err);
    if (rc < 0)
        return rc;
    CLEANUP(view_done) struct view view = {0};
    view_init(&view, plan);
    if (want->json)
        print_json(&view);
    else if (want->yaml)
        fputs(view.yaml, stdout);
    else
        print_text(&view);
    return 0;
}

const struct command command_plan_show = {
    .name = "plan show",
    .operands = "PLAN",
    .summary = "Show what a plan measures and about how long it takes",
    .help = "PLAN is a built-in plan (see 'vtax plan list'), a file, or - for standard\n"
            "input. The options are those of 'vtax run', so that a campaign can be tried\n"
            "out first:\n"
            "\n"
            "  vtax plan show quick --vms 1..4 --set bzip2.input=16MiB\n"
            "\n"
            "A plan of your own starts from one that is there:\n"
            "\n"
            "  vtax plan show quick --yaml >mine.yaml\n"
            "\n"
            "Times are rough: estimates of this program, not measurements of this host.\n",
    .tables = {&show_table, &plan_option_table},
    .operand_min = 1,
    .operand_max = 1,
    .run = run_show,
};

/* vtax plan list */

/* The comment that a built-in plan starts with, on one line. */
static char *read_comment(const char *text)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    while (text[0] == '#') {
        size_t length = strcspn(text, "\n");
        strbuf_addf(&out, "%s%.*s", out.length ? " " : "", (int)length - 2, text + 2);
        text += length + 1;
    }
    return strbuf_take(&out);
}

static int run_list(const struct command_call *call, struct error *err)
{
    (void)call, (void)err;
    for (const char *const *name = plan_builtin_names; *name; name++) {
        CLEANUP_FREE char *comment = read_comment(plan_find_builtin(*name));
        print_field(*name, comment);
    }
    return 0;
}

const struct command command_plan_list = {
    .name = "plan list",
    .summary = "List the built-in plans",
    .run = run_list,
};

/* vtax plan check */

static int run_check(const struct command_call *call, struct error *err)
{
    struct vocabulary vocabulary;
    vocabulary_init(&vocabulary);
    for (size_t i = 0; i < call->argument_count; i++) {
        CLEANUP_PLAN struct plan *plan = NULL;
        int rc = load_plan(call, call->arguments[i], &vocabulary.plan, &plan, err);
        if (rc < 0)
            return rc;
        if (log_get_level() > LOG_QUIET)
            printf("%s: good\n", call->arguments[i]);
    }
    return 0;
}

const struct command command_plan_check = {
    .name = "plan check",
    .operands = "PLAN...",
    .summary = "Check plan files",
    .help = "Ends with 2 at the first mistake and says the file and the line. Whether this\n"
            "host offers what a plan names is for 'vtax doctor' to say.\n",
    .operand_min = 1,
    .operand_max = 1000,
    .run = run_check,
};
