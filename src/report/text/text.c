/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for a terminal of 80 columns.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/escape.h"
#include "report/figure.h"
#include "report/format.h"
#include "report/count.h"
#include "report/number.h"
#include "report/provenance.h"
#include "report/starts.h"
#include "report/terminal.h"
#include "report/text/text.h"

#define TABLE_COLUMNS 60 /* of a row without platform and size */
#define CONSOLE_LINES 5

static void measure_columns(struct text *page)
{
    const struct store_campaign *campaign = &page->report->campaign;
    page->name_columns = (int)strlen("platform");
    page->size_columns = (int)strlen(label_of_size_heading(&page->variety));
    for (size_t i = 0; i < campaign->cell_count; i++) {
        CLEANUP_FREE char *size = label_of_size(&page->variety, &campaign->cells[i]);
        int columns = (int)escape_columns(campaign->cells[i].platform);
        if (columns > page->name_columns)
            page->name_columns = columns;
        if ((int)strlen(size) > page->size_columns)
            page->size_columns = (int)strlen(size);
    }
    int most = TERMINAL_COLUMNS - TABLE_COLUMNS - page->size_columns;
    if (page->name_columns > most)
        page->name_columns = most > 8 ? most : 8;
}

static void put_fact(const struct text *page, const char *name, const char *before)
{
    const char *value = provenance_find(page->report, name);
    if (!value)
        return;
    fputs(before, page->terminal.out);
    terminal_put_padded(&page->terminal, value,
                        (int)escape_columns(value) < 36 ? (int)escape_columns(value) : 36);
}

static void put_heading(const struct text *page)
{
    const struct report *report = page->report;
    const struct store_campaign *campaign = &report->campaign;
    CLEANUP_FREE char *end = label_of_end(campaign);
    CLEANUP_FREE char *text = mem_printf(
        "campaign %" PRId64 " '%s': %" PRIu64 " block%s, %zu trials, seed %" PRIu64 ", %s",
        campaign->id, campaign->name, report->blocks, report->blocks == 1 ? "" : "s",
        report->trial_count, campaign->seed, end);
    fputs(terminal_paint(&page->terminal, TERMINAL_BOLD), page->terminal.out);
    terminal_put_wrapped(&page->terminal, text, 0, 4);
    fprintf(page->terminal.out, "%s%s", terminal_paint(&page->terminal, TERMINAL_PLAIN),
            terminal_paint(&page->terminal, TERMINAL_DIM));
    put_fact(page, "host.cpu.model", "");
    put_fact(page, "host.kernel", page->terminal.style->unicode ? " \u00b7 " : " - ");
    fprintf(page->terminal.out, "%s%s", report->same_count ? "\n" : "",
            terminal_paint(&page->terminal, TERMINAL_PLAIN));
    CLEANUP_FREE char *caution = report_caution(report);
    if (caution)
        terminal_put_wrapped(&page->terminal, caution, 0, 4);
    CLEANUP_FREE char *how =
        mem_printf("[lo, hi]: %.3g %% interval%s. Normalised: 1 is the baseline, higher is better.",
                   report->level * 100, report->adaptive ? " (adaptive)" : "");
    terminal_put_wrapped(&page->terminal, how, 0, 4);
}

void text_put_cell(const struct text *page, const struct store_cell *cell)
{
    CLEANUP_FREE char *size = label_of_size(&page->variety, cell);
    terminal_put_padded(&page->terminal, cell->platform, page->name_columns);
    fputc(' ', page->terminal.out);
    terminal_put_padded(&page->terminal, size, page->size_columns);
    fputc(' ', page->terminal.out);
}

static void put_counts(const struct text *page, const struct report_row *row)
{
    char text[32];
    if (row->counts[TRIAL_OK] == row->point_count)
        snprintf(text, sizeof(text), "%zu", row->point_count);
    else
        snprintf(text, sizeof(text), "%zu/%zu", row->counts[TRIAL_OK], row->point_count);
    terminal_put_padded(&page->terminal, text, 5);
    fputc(' ', page->terminal.out);
}

/* The ratio as it is shown and as long as its bar is: 1 for the baseline; NaN: none. */
static double ratio_of(const struct report_row *row)
{
    if (row->baseline == row)
        return row->value.n ? 1 : NAN;
    if (row->normalised.ratio.state == INTERVAL_OK)
        return row->normalised.ratio.estimate;
    return row->normalised.pairs == 1 ? row->normalised.points[0].value : NAN;
}

static void format_ratio(const struct report_row *row, char text[NUMBER_TEXT_MAX])
{
    char number[NUMBER_TEXT_MAX];
    if (row->baseline == row)
        snprintf(text, NUMBER_TEXT_MAX, "%s", row->value.n ? "1" : "-");
    else if (row->normalised.ratio.state == INTERVAL_OK)
        number_format_interval(&row->normalised.ratio, text);
    else if (row->normalised.pairs == 1)
        snprintf(text, NUMBER_TEXT_MAX, "%.60s (n=1)", number_format_plain(ratio_of(row), number));
    else
        snprintf(text, NUMBER_TEXT_MAX, "-");
}

void text_put_bar(const struct text *page, double share, int used)
{
    int left = TERMINAL_COLUMNS - (page->name_columns + page->size_columns + used);
    if (left >= 4)
        terminal_put_bar(&page->terminal, share, left);
}

static void put_row(const struct text *page, const struct report_row *row, double largest)
{
    char text[NUMBER_TEXT_MAX];
    text_put_cell(page, row->cell);
    put_counts(page, row);
    terminal_put_padded(&page->terminal, number_format_value(&row->value, text), 20);
    fputc(' ', page->terminal.out);
    format_ratio(row, text);
    terminal_put_padded(&page->terminal, text, 21);
    fputc(' ', page->terminal.out);
    bool judged = row->baseline && row->baseline != row && row->normalised.pairs > 0;
    enum verdict verdict = row->normalised.comparison.verdict;
    fputs(judged ? terminal_verdict_colour(&page->terminal, verdict) : "", page->terminal.out);
    terminal_put_padded(&page->terminal, judged ? comparison_verdict_text(verdict) : "", 9);
    fputc(' ', page->terminal.out);
    text_put_bar(page, ratio_of(row) / largest, TABLE_COLUMNS + 1);
    fprintf(page->terminal.out, "%s\n",
            judged ? terminal_paint(&page->terminal, TERMINAL_PLAIN) : "");
}

/* Why good trials lack the metric. */
static void put_missing(const struct text *page, const struct report_row *row)
{
    const struct report_figure *figure = figure_find_missing(page->report, row);
    if (!figure)
        return;
    CLEANUP_FREE char *size = label_of_size(&page->variety, row->cell);
    CLEANUP_FREE char *note = mem_printf("%s %s: not available%s: %s", row->cell->platform, size,
                                         row->value.n ? " in some trials" : "", figure->missing);
    fprintf(page->terminal.out, "%s  ", terminal_paint(&page->terminal, TERMINAL_DIM));
    terminal_put_wrapped(&page->terminal, note, 2, 4);
    fputs(terminal_paint(&page->terminal, TERMINAL_PLAIN), page->terminal.out);
}

static void put_notes(const struct text *page, const struct report_row *row)
{
    const struct normalise_result *result = &row->normalised;
    put_missing(page, row);
    if (row->outliers == 0 && !result->disagree && result->unpaired_cell == 0)
        return;
    CLEANUP_FREE char *size = label_of_size(&page->variety, row->cell);
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_addf(&buf, "%s %s:", row->cell->platform, size);
    if (row->outliers)
        strbuf_addf(&buf, " %zu outlier%s, kept;", row->outliers, row->outliers == 1 ? "" : "s");
    if (result->unpaired_cell)
        strbuf_addf(&buf, " %zu good trial%s in blocks where the baseline has none;",
                    result->unpaired_cell, result->unpaired_cell == 1 ? "" : "s");
    char text[NUMBER_TEXT_MAX];
    if (result->disagree)
        strbuf_addf(&buf, " the bootstrap check gives %s: %s;",
                    number_format_interval(&result->bca, text),
                    comparison_verdict_text(result->bca_verdict));
    strbuf_truncate(&buf, buf.length - 1);
    fprintf(page->terminal.out, "%s  ", terminal_paint(&page->terminal, TERMINAL_DIM));
    terminal_put_wrapped(&page->terminal, buf.text, 2, 4);
    fputs(terminal_paint(&page->terminal, TERMINAL_PLAIN), page->terminal.out);
}

void text_put_title(const struct text *page, const char *title, const char *rest)
{
    terminal_put_rule(&page->terminal);
    fputs(terminal_paint(&page->terminal, TERMINAL_BOLD), page->terminal.out);
    terminal_put(&page->terminal, title);
    fprintf(page->terminal.out, "%s ", terminal_paint(&page->terminal, TERMINAL_PLAIN));
    terminal_put(&page->terminal, rest);
    fputs(page->report->emulated ? ", emulated server\n" : "\n", page->terminal.out);
}

void text_put_heading(const struct text *page, const char *value, const char *more)
{
    fputs(terminal_paint(&page->terminal, TERMINAL_DIM), page->terminal.out);
    terminal_put_padded(&page->terminal, "platform", page->name_columns + 1);
    terminal_put_padded(&page->terminal, label_of_size_heading(&page->variety),
                        page->size_columns + 1);
    terminal_put_padded(&page->terminal, "n", 6);
    terminal_put_padded(&page->terminal, value, 20);
    fputc(' ', page->terminal.out);
    fprintf(page->terminal.out, "%s%s\n", more, terminal_paint(&page->terminal, TERMINAL_PLAIN));
}

static void put_consolidated(const struct text *page, const struct report_row *rows, size_t count)
{
    unsigned vms = 0;
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        vms = rows[i].cell->vms > vms ? rows[i].cell->vms : vms;
        if (rows[i].consolidated.n)
            largest = fmax(largest, rows[i].consolidated.mean);
    }
    if (vms < 2)
        return;
    CLEANUP_FREE char *unit = report_consolidated_unit(rows[0].metric);
    CLEANUP_FREE char *heading =
        mem_printf(strlen(unit) > 6 ? "all, %s" : "all together, %s", unit);
    text_put_heading(page, heading, "");
    for (size_t i = 0; i < count; i++) {
        char text[NUMBER_TEXT_MAX];
        text_put_cell(page, rows[i].cell);
        put_counts(page, &rows[i]);
        terminal_put_padded(&page->terminal, number_format_value(&rows[i].consolidated, text), 20);
        fputc(' ', page->terminal.out);
        if (rows[i].consolidated.n && largest > 0)
            terminal_put_bar(&page->terminal, rows[i].consolidated.mean / largest, 21);
        fputc('\n', page->terminal.out);
    }
}

/* All rows of one metric. */
static void put_group(const struct text *page, const struct report_row *rows, size_t count)
{
    const struct store_metric *metric = rows[0].metric;
    double largest = 1;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, ratio_of(&rows[i]));
    CLEANUP_FREE char *rest = mem_printf("%s (%s is better)", metric->name,
                                         metric->higher_is_better ? "higher" : "lower");
    text_put_title(page, metric->workload, rest);
    CLEANUP_FREE char *heading =
        mem_printf(strlen(metric->unit) > 7 ? "each, %s" : "one machine, %s",
                   metric->unit[0] ? metric->unit : "no unit");
    text_put_heading(page, heading, "normalised            verdict");
    for (size_t i = 0; i < count; i++)
        put_row(page, &rows[i], largest);
    for (size_t i = 0; i < count; i++)
        put_notes(page, &rows[i]);
    put_consolidated(page, rows, count);
}

static void put_boots(const struct text *page)
{
    const struct report *report = page->report;
    bool any = false;
    for (size_t i = 0; i < report->boot_count; i++)
        any |= report->boots[i].value.n > 0;
    if (!any)
        return;
    text_put_title(page, "boot", "until the first command ran");
    text_put_heading(page, "one machine, s", "");
    for (size_t i = 0; i < report->boot_count; i++) {
        const struct report_boot *boot = &report->boots[i];
        char text[NUMBER_TEXT_MAX];
        text_put_cell(page, boot->cell);
        snprintf(text, sizeof(text), "%zu", boot->value.n);
        terminal_put_padded(&page->terminal, text, 6);
        terminal_put_padded(&page->terminal, number_format_value(&boot->value, text), 24);
        if (boot->value.n)
            fprintf(page->terminal.out, " longest %s s", number_format_plain(boot->longest, text));
        fputc('\n', page->terminal.out);
    }
}

/* The last lines of a console, without what is blank. */
static void put_console(const struct text *page, const struct store_machine *machine)
{
    CLEANUP_FREE char *text = mem_strdup(machine->console_tail);
    char *lines[CONSOLE_LINES] = {NULL};
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        if (count == CONSOLE_LINES)
            memmove(&lines[0], &lines[1], sizeof(lines) - sizeof(lines[0]));
        else
            count++;
        lines[count - 1] = line;
    }
    for (size_t i = 0; i < count; i++) {
        int used = fprintf(page->terminal.out, "    machine %u | ", machine->index);
        int columns = (int)escape_columns(lines[i]);
        terminal_put_padded(&page->terminal, lines[i],
                            columns > TERMINAL_COLUMNS - used ? TERMINAL_COLUMNS - used : columns);
        fputc('\n', page->terminal.out);
    }
}

static void put_problem(const struct text *page, const struct report *part,
                        const struct store_trial *trial)
{
    const struct store_cell *cell = label_find_cell(part, trial->cell_id);
    CLEANUP_FREE char *label = cell ? label_of_cell(cell) : mem_strdup("unknown cell");
    CLEANUP_FREE char *where = mem_printf("block %" PRIu64 ", %s", trial->block, label);
    terminal_put_wrapped(&page->terminal, where, 0, 2);
    int used = fprintf(page->terminal.out, "  %s: ", trial_status_names[trial->status]);
    terminal_put_wrapped(&page->terminal, trial->cause ? trial->cause : "no cause was given", used,
                         4);
    fputs(terminal_paint(&page->terminal, TERMINAL_DIM), page->terminal.out);
    for (size_t i = 0; i < trial->machine_count; i++)
        if (trial->machines[i].console_tail)
            put_console(page, &trial->machines[i]);
    fputs(terminal_paint(&page->terminal, TERMINAL_PLAIN), page->terminal.out);
}

static void put_problems_of(const struct text *page, const struct report *part)
{
    size_t problems = 0;
    for (size_t i = 0; i < part->trial_count; i++)
        problems += part->trials[i].status != TRIAL_OK;
    if (problems == 0)
        return;
    CLEANUP_FREE char *which =
        page->report->other_count ? mem_printf("campaign %" PRId64 ": ", part->campaign.id) : NULL;
    terminal_put_rule(&page->terminal);
    fprintf(page->terminal.out, "%s%s%zu of %zu trials failed or do not count%s\n",
            terminal_paint(&page->terminal, TERMINAL_BOLD), which ? which : "", problems,
            part->trial_count, terminal_paint(&page->terminal, TERMINAL_PLAIN));
    for (size_t i = 0; i < part->trial_count; i++)
        if (part->trials[i].status != TRIAL_OK)
            put_problem(page, part, &part->trials[i]);
}

static void put_problems(const struct text *page)
{
    for (size_t i = 0; report_part(page->report, i); i++)
        put_problems_of(page, report_part(page->report, i));
}

/* Of each campaign, only where there are any. */
static void put_starts(const struct text *page)
{
    bool any = false;
    for (size_t i = 0; report_part(page->report, i); i++) {
        const struct report *part = report_part(page->report, i);
        CLEANUP_FREE char *cells = starts_describe(part);
        if (!cells)
            continue;
        CLEANUP_FREE char *which = page->report->other_count
                                       ? mem_printf("campaign %" PRId64 ": ", part->campaign.id)
                                       : NULL;
        CLEANUP_FREE char *text = mem_printf("%smachines that were not there at the first try: %s",
                                             which ? which : "", cells);
        if (!any)
            terminal_put_rule(&page->terminal);
        any = true;
        terminal_put_wrapped(&page->terminal, text, 0, 4);
    }
}

static void put_count_sentences(const struct text *page)
{
    const struct report *report = page->report;
    for (size_t i = 0; i < report->count_count; i++)
        for (size_t j = 0; j < report->counts[i].item_count; j++) {
            CLEANUP_FREE char *sentence =
                count_sentence(report, &report->counts[i], report->counts[i].items[j]);
            if (sentence)
                terminal_put_wrapped(&page->terminal, sentence, 0, 4);
        }
}

static void put_sentences(const struct text *page)
{
    const struct report *report = page->report;
    bool any = report->emulated;
    if (any) {
        terminal_put_rule(&page->terminal);
        put_count_sentences(page);
        fputs("By the clock of the emulated server:\n", page->terminal.out);
    }
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        if (!report_is_told(report, row))
            continue;
        if (!any)
            terminal_put_rule(&page->terminal);
        any = true;
        CLEANUP_FREE char *sentence = report_sentence(report, row);
        terminal_put_wrapped(&page->terminal, sentence, 0, 4);
    }
}

static void put_part_rows(const struct text *page, const struct report *part)
{
    for (size_t i = 0; i < part->row_count; i++) {
        const struct report_row *row = &part->rows[i];
        if (!row->metric->primary || row->baseline == row)
            continue;
        char text[NUMBER_TEXT_MAX];
        CLEANUP_FREE char *work = mem_printf("%s %s", row->cell->workload, row->metric->name);
        text_put_cell(page, row->cell);
        snprintf(text, sizeof(text), "%" PRId64, part->campaign.id);
        terminal_put_padded(&page->terminal, text, 5);
        terminal_put_padded(&page->terminal, work, 20);
        fputc(' ', page->terminal.out);
        format_ratio(row, text);
        terminal_put_padded(&page->terminal, text, 21);
        bool judged = row->baseline && row->normalised.pairs > 0;
        fprintf(page->terminal.out, " %s\n",
                judged ? comparison_verdict_text(row->normalised.comparison.verdict) : "");
    }
}

static void put_parts_heading(const struct text *page, const char *rest)
{
    fputs(terminal_paint(&page->terminal, TERMINAL_DIM), page->terminal.out);
    terminal_put_padded(&page->terminal, "platform", page->name_columns + 1);
    terminal_put_padded(&page->terminal, label_of_size_heading(&page->variety),
                        page->size_columns + 1);
    fprintf(page->terminal.out, "camp %s%s\n", rest,
            terminal_paint(&page->terminal, TERMINAL_PLAIN));
}

/* Several campaigns, each relative to its own baseline. */
static void put_parts(const struct text *page)
{
    bool counted = false;
    text_put_title(page, "side by side", "each campaign relative to its own baseline");
    for (size_t i = 0; report_part(page->report, i); i++) {
        const struct report *part = report_part(page->report, i);
        CLEANUP_FREE char *caution = report_caution(part);
        counted |= part->emulated && part->count_count > 0;
        CLEANUP_FREE char *end = label_of_end(&part->campaign);
        CLEANUP_FREE char *text =
            mem_printf("campaign %" PRId64 " '%s'%s%s%s%s", part->campaign.id, part->campaign.name,
                       part->campaign.complete ? "" : ", ", part->campaign.complete ? "" : end,
                       caution ? ": " : "", caution ? caution : "");
        terminal_put_wrapped(&page->terminal, text, 0, 4);
    }
    if (counted) {
        put_parts_heading(page, "count                  number             times baseline's");
        for (size_t i = 0; report_part(page->report, i); i++)
            text_put_part_counts(page, report_part(page->report, i));
    }
    put_parts_heading(page, "workload             normalised            verdict");
    for (size_t i = 0; report_part(page->report, i); i++)
        put_part_rows(page, report_part(page->report, i));
}

static void put_metrics(const struct text *page)
{
    const struct report *report = page->report;
    for (size_t i = 0; i < report->row_count;) {
        size_t count = 1;
        while (i + count < report->row_count &&
               report->rows[i + count].metric == report->rows[i].metric)
            count++;
        put_group(page, &report->rows[i], count);
        i += count;
    }
}

void format_text(const struct report *report, const struct report_style *style, FILE *stream)
{
    struct text page = {
        .report = report, .terminal = {stream, style}, .variety = label_variety_of(report)};
    measure_columns(&page);
    put_heading(&page);
    if (report->trial_count == 0)
        fputs("no trial has been stored yet\n", stream);
    if (report->other_count)
        put_parts(&page);
    if (report->emulated)
        text_put_counts(&page);
    if (report->trial_count)
        put_metrics(&page);
    text_put_shop(&page);
    if (!report->emulated)
        text_put_counts(&page);
    put_boots(&page);
    text_put_designs(&page);
    put_starts(&page);
    put_problems(&page);
    if (report->trial_count)
        put_sentences(&page);
}
