/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What `vtax explain` prints, and the same for programs.
 */
#include <math.h>
#include <string.h>

#include "report/causes-write.h"
#include "report/json.h"
#include "report/terminal.h"

#define NAME_COLUMNS 28
#define COST_COLUMNS 24

static void put_line(const struct terminal *terminal, const char *name,
                     const struct explained *cost, const char *evidence)
{
    char text[80];
    fputs("  ", terminal->out);
    terminal_put_padded(terminal, name, NAME_COLUMNS);
    terminal_put_padded(terminal, causes_format(cost, text, sizeof(text)), COST_COLUMNS);
    fputs(terminal_paint(terminal, TERMINAL_DIM), terminal->out);
    terminal_put_wrapped(terminal, evidence, 2 + NAME_COLUMNS + COST_COLUMNS,
                         2 + NAME_COLUMNS + COST_COLUMNS);
    fputs(terminal_paint(terminal, TERMINAL_PLAIN), terminal->out);
}

static void put_location(const struct terminal *terminal, const char *name,
                         const struct explained *share, const char *what)
{
    if (share->n > 0 && isfinite(share->mean) && share->mean != 0)
        put_line(terminal, name, share, what);
}

/* Exits more closely: they are in the causes above. */
static void put_reasons(const struct terminal *terminal, const struct explanation *explanation)
{
    for (size_t i = 0; i < explanation->reason_count; i++) {
        const struct reason_cost *reason = &explanation->reasons[i];
        CLEANUP_FREE char *name = mem_printf("  exits: %s", reason->name);
        CLEANUP_FREE char *evidence = causes_reason_evidence(reason);
        put_line(terminal, name, &reason->cost, evidence);
    }
}

static void put_explanation(const struct terminal *terminal, const struct report_explanation *item)
{
    const struct explanation *explanation = &item->explanation;
    CLEANUP_FREE char *sentence = causes_sentence(item);
    CLEANUP_FREE char *rest = causes_rest_evidence(explanation);
    fprintf(terminal->out, "%s%s (%s): ", terminal_paint(terminal, TERMINAL_BOLD),
            item->row->cell->workload, item->row->metric->name);
    terminal_put_wrapped(terminal, sentence, 20, 2);
    fputs(terminal_paint(terminal, TERMINAL_PLAIN), terminal->out);
    for (size_t i = 0; i < explanation->cause_count; i++)
        put_line(terminal, cause_names[explanation->causes[i].cause], &explanation->causes[i].cost,
                 explanation->causes[i].evidence);
    put_line(terminal, "unexplained", &explanation->unexplained, rest);
    put_reasons(terminal, explanation);
    put_location(terminal, "  of it in guest mode", &explanation->in_guest,
                 "CPU time outside of exits, more than natively; no cause");
    put_location(terminal, "  of it idle", &explanation->idle,
                 "nothing to run, more than natively; no cause");
    put_location(terminal, "halt polling", &explanation->polling,
                 "while the guest is idle: costs the host, not this work; not added");
    put_location(terminal, "steal seen by the guest", &explanation->steal,
                 "what its own kernel knows of the waiting; not added");
    put_location(terminal, "reads from the host's cache", &explanation->cached,
                 "of what the guest read, no disk of the host gave it; not added");
    put_location(terminal, "contention natively", &item->contention,
                 "as many native instances against one alone; not added");
    put_location(terminal, "contention, difference", &item->consolidated,
                 "both: these machines against one native instance alone; not added");
    fputc('\n', terminal->out);
}

void causes_put_text(const struct report *report, const struct report_style *style, FILE *stream)
{
    const struct terminal terminal = {stream, style};
    CLEANUP_FREE char *caution = report_caution(report);
    if (caution)
        terminal_put_wrapped(&terminal, caution, 0, 0);
    fputs("Costs are shares of what the baseline needs for the same, with intervals.\n\n", stream);
    for (size_t i = 0; i < report->explanation_count; i++)
        put_explanation(&terminal, &report->explanations[i]);
}

static json_t *json_of_explained(const struct explained *explained)
{
    return json_pack("{s:o, s:o, s:o}", "n", json_of_count(explained->n), "mean",
                     json_of_number(explained->mean), "ci95", json_of_bounds(&explained->interval));
}

static json_t *json_of_explanation(const struct report_explanation *item)
{
    const struct explanation *explanation = &item->explanation;
    json_t *causes = json_array(), *reasons = json_array();
    for (size_t i = 0; i < explanation->cause_count; i++) {
        json_t *cause = json_of_explained(&explanation->causes[i].cost);
        json_object_set_new(cause, "name", json_string(cause_names[explanation->causes[i].cause]));
        json_object_set_new(cause, "evidence", json_of_text(explanation->causes[i].evidence));
        json_array_append_new(causes, cause);
    }
    for (size_t i = 0; i < explanation->reason_count; i++) {
        json_t *reason = json_of_explained(&explanation->reasons[i].cost);
        json_object_set_new(reason, "name", json_of_text(explanation->reasons[i].name));
        json_object_set_new(reason, "exits", json_of_count(explanation->reasons[i].count));
        json_array_append_new(reasons, reason);
    }
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o}",
        "workload", json_of_text(item->row->cell->workload), "metric",
        json_of_text(item->row->metric->name), "measure", budget_measure_names[item->measure],
        "platform", json_of_text(item->row->cell->platform), "vms", (int)item->row->cell->vms,
        "vcpus", (int)item->row->cell->vcpus, "pairs", json_of_count(explanation->pairs), "gap",
        json_of_explained(&explanation->gap), "causes", causes, "exits", reasons, "named",
        json_of_number(explanation_named(explanation)), "unexplained",
        json_of_explained(&explanation->unexplained), "in_guest",
        json_of_explained(&explanation->in_guest), "idle", json_of_explained(&explanation->idle),
        "halt_polling", json_of_explained(&explanation->polling), "guest_steal",
        json_of_explained(&explanation->steal), "host_cached_reads",
        json_of_explained(&explanation->cached), "native_contention",
        json_of_explained(&item->contention), "consolidated",
        json_of_explained(&item->consolidated));
}

json_t *json_of_explanations(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->explanation_count; i++)
        json_array_append_new(array, json_of_explanation(&report->explanations[i]));
    return array;
}

void causes_put_json(const struct report *report, FILE *stream)
{
    CLEANUP_FREE char *caution = report_caution(report);
    CLEANUP_JSON json_t *root =
        json_pack("{s:s, s:i, s:o, s:s?, s:f, s:o}", "format", "vtax-explain", "version", 1,
                  "campaign", json_of_text(report->campaign.name), "caution", caution, "level",
                  report->level, "explanations", json_of_explanations(report));
    json_put(root, stream);
}
