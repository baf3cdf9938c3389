/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for a terminal of 80 columns.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/escape.h"
#include "report/format.h"
#include "report/label.h"
#include "report/number.h"
#include "report/provenance.h"

#define COLUMNS 80
#define TABLE_COLUMNS 60 /* of a row without platform and size */
#define CONSOLE_LINES 5

struct page {
    const struct report *report;
    const struct report_style *style;
    FILE *out;
    struct label_variety variety;
    int name_columns;
    int size_columns;
};

static const char *const plain = "\x1b[0m";
static const char *const bold = "\x1b[1m";
static const char *const dim = "\x1b[2m";

static const char *paint(const struct page *page, const char *code)
{
    return page->style->colour ? code : "";
}

/* Blue and orange differ for every kind of colour blindness; the word is always there too. */
static const char *verdict_colour(const struct page *page, enum verdict verdict)
{
    static const char *const codes[] = {
        [VERDICT_UNDECIDED] = "\x1b[2m",
        [VERDICT_SLOWER] = "\x1b[33m",
        [VERDICT_FASTER] = "\x1b[36m",
        [VERDICT_SAME] = "\x1b[0m",
    };
    return paint(page, codes[verdict]);
}

static void put_text(const struct page *page, const char *text)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, page->style->unicode);
    fputs(buf.text, page->out);
}

/* Cuts to `columns` and fills up with spaces. */
static void put_padded(const struct page *page, const char *text, int columns)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, page->style->unicode);
    int have = (int)escape_columns(buf.text);
    if (have > columns) {
        size_t at = 0;
        for (int i = 0; i < columns - 1; i++)
            do
                at++;
            while (((unsigned char)buf.text[at] & 0xc0) == 0x80);
        strbuf_truncate(&buf, at);
        strbuf_adds(&buf, page->style->unicode ? "\u2026" : "~");
        have = columns;
    }
    fprintf(page->out, "%s%*s", buf.text, columns - have, "");
}

/* Breaks lines between words; those after the first begin with `indent` spaces. used: columns that
 * are taken on the first line. */
static void put_wrapped(const struct page *page, const char *text, int used, int indent)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_terminal(&buf, text, page->style->unicode);
    char *rest = NULL;
    bool first = true;
    for (char *word = strtok_r(buf.text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int columns = (int)escape_columns(word);
        if (!first && used + 1 + columns > COLUMNS) {
            fprintf(page->out, "\n%*s", indent, "");
            used = indent;
        } else if (!first) {
            fputc(' ', page->out);
            used++;
        }
        fputs(word, page->out);
        used += columns;
        first = false;
    }
    fputc('\n', page->out);
}

static void put_rule(const struct page *page)
{
    for (int i = 0; i < COLUMNS; i++)
        fputs(page->style->unicode ? "\u2500" : "-", page->out);
    fputc('\n', page->out);
}

/* share 0..1 of width columns, in eighths where the character set has them. */
static void put_bar(const struct page *page, double share, int width)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    if (!isfinite(share) || share < 0)
        return;
    int units = (int)lround(fmin(share, 1) * width * 8);
    if (!page->style->unicode)
        units = (units + 4) / 8 * 8;
    for (int i = 0; i < units / 8; i++)
        fputs(page->style->unicode ? "\u2588" : "#", page->out);
    fputs(eighths[units % 8], page->out);
}

static void measure_columns(struct page *page)
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
    int most = COLUMNS - TABLE_COLUMNS - page->size_columns;
    if (page->name_columns > most)
        page->name_columns = most > 8 ? most : 8;
}

static void put_fact(const struct page *page, const char *name, const char *before)
{
    const char *value = provenance_find(page->report, name);
    if (!value)
        return;
    fputs(before, page->out);
    put_padded(page, value, (int)escape_columns(value) < 36 ? (int)escape_columns(value) : 36);
}

static void put_heading(const struct page *page)
{
    const struct report *report = page->report;
    const struct store_campaign *campaign = &report->campaign;
    const char *end = campaign->complete ? "complete" : "not ended";
    CLEANUP_FREE char *early =
        campaign->end_ns && !campaign->complete
            ? mem_printf("ended early: %s", campaign->end_cause ? campaign->end_cause : "?")
            : NULL;
    CLEANUP_FREE char *text = mem_printf(
        "campaign %" PRId64 " '%s': %" PRIu64 " block%s, %zu trials, seed %" PRIu64 ", %s",
        campaign->id, campaign->name, report->blocks, report->blocks == 1 ? "" : "s",
        report->trial_count, campaign->seed, early ? early : end);
    fputs(paint(page, bold), page->out);
    put_wrapped(page, text, 0, 4);
    fprintf(page->out, "%s%s", paint(page, plain), paint(page, dim));
    put_fact(page, "host.cpu.model", "");
    put_fact(page, "host.kernel", page->style->unicode ? " \u00b7 " : " - ");
    fprintf(page->out, "%s%s", report->same_count ? "\n" : "", paint(page, plain));
    fprintf(page->out,
            "[lo, hi]: %.3g %% interval%s. Normalised: 1 is the baseline, higher is better.\n",
            report->level * 100, report->adaptive ? " (adaptive)" : "");
}

static void put_cell(const struct page *page, const struct store_cell *cell)
{
    CLEANUP_FREE char *size = label_of_size(&page->variety, cell);
    put_padded(page, cell->platform, page->name_columns);
    fputc(' ', page->out);
    put_padded(page, size, page->size_columns);
    fputc(' ', page->out);
}

static void put_counts(const struct page *page, const struct report_row *row)
{
    char text[32];
    if (row->counts[TRIAL_OK] == row->point_count)
        snprintf(text, sizeof(text), "%zu", row->point_count);
    else
        snprintf(text, sizeof(text), "%zu/%zu", row->counts[TRIAL_OK], row->point_count);
    put_padded(page, text, 5);
    fputc(' ', page->out);
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

static int bar_columns(const struct page *page)
{
    int left = COLUMNS - (page->name_columns + page->size_columns + TABLE_COLUMNS + 1);
    return left < 4 ? 0 : left;
}

static void put_row(const struct page *page, const struct report_row *row, double largest)
{
    char text[NUMBER_TEXT_MAX];
    put_cell(page, row->cell);
    put_counts(page, row);
    put_padded(page, number_format_value(&row->value, text), 20);
    fputc(' ', page->out);
    format_ratio(row, text);
    put_padded(page, text, 21);
    fputc(' ', page->out);
    bool judged = row->baseline && row->baseline != row && row->normalised.pairs > 0;
    enum verdict verdict = row->normalised.comparison.verdict;
    fputs(judged ? verdict_colour(page, verdict) : "", page->out);
    put_padded(page, judged ? comparison_verdict_text(verdict) : "", 9);
    if (bar_columns(page) > 0) {
        fputc(' ', page->out);
        put_bar(page, ratio_of(row) / largest, bar_columns(page));
    }
    fprintf(page->out, "%s\n", judged ? paint(page, plain) : "");
}

static void put_notes(const struct page *page, const struct report_row *row)
{
    const struct normalise_result *result = &row->normalised;
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
    fprintf(page->out, "%s  ", paint(page, dim));
    put_wrapped(page, buf.text, 2, 4);
    fputs(paint(page, plain), page->out);
}

static void put_table_heading(const struct page *page, const char *value, bool with_ratio)
{
    fputs(paint(page, dim), page->out);
    put_padded(page, "platform", page->name_columns + 1);
    put_padded(page, label_of_size_heading(&page->variety), page->size_columns + 1);
    put_padded(page, "n", 6);
    put_padded(page, value, 21);
    fprintf(page->out, "%s%s\n", with_ratio ? "normalised            verdict" : "",
            paint(page, plain));
}

static void put_consolidated(const struct page *page, const struct report_row *rows, size_t count)
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
    CLEANUP_FREE char *heading = mem_printf("all together, %s", unit);
    put_table_heading(page, heading, false);
    for (size_t i = 0; i < count; i++) {
        char text[NUMBER_TEXT_MAX];
        put_cell(page, rows[i].cell);
        put_counts(page, &rows[i]);
        put_padded(page, number_format_value(&rows[i].consolidated, text), 20);
        fputc(' ', page->out);
        if (rows[i].consolidated.n && largest > 0)
            put_bar(page, rows[i].consolidated.mean / largest, 21);
        fputc('\n', page->out);
    }
}

/* All rows of one metric. */
static void put_group(const struct page *page, const struct report_row *rows, size_t count)
{
    const struct store_metric *metric = rows[0].metric;
    double largest = 1;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, ratio_of(&rows[i]));
    put_rule(page);
    fputs(paint(page, bold), page->out);
    put_text(page, metric->workload);
    fprintf(page->out, "%s ", paint(page, plain));
    put_text(page, metric->name);
    fprintf(page->out, " (%s is better)\n", metric->higher_is_better ? "higher" : "lower");
    CLEANUP_FREE char *heading =
        mem_printf("one machine, %s", metric->unit[0] ? metric->unit : "no unit");
    put_table_heading(page, heading, true);
    for (size_t i = 0; i < count; i++)
        put_row(page, &rows[i], largest);
    for (size_t i = 0; i < count; i++)
        put_notes(page, &rows[i]);
    put_consolidated(page, rows, count);
}

static void put_boots(const struct page *page)
{
    const struct report *report = page->report;
    bool any = false;
    for (size_t i = 0; i < report->boot_count; i++)
        any |= report->boots[i].value.n > 0;
    if (!any)
        return;
    put_rule(page);
    fprintf(page->out, "%sboot%s until the first command ran\n", paint(page, bold),
            paint(page, plain));
    put_table_heading(page, "one machine, s", false);
    for (size_t i = 0; i < report->boot_count; i++) {
        const struct report_boot *boot = &report->boots[i];
        char text[NUMBER_TEXT_MAX];
        put_cell(page, boot->cell);
        snprintf(text, sizeof(text), "%zu", boot->value.n);
        put_padded(page, text, 6);
        put_padded(page, number_format_value(&boot->value, text), 24);
        if (boot->value.n)
            fprintf(page->out, " longest %s s", number_format_plain(boot->longest, text));
        fputc('\n', page->out);
    }
}

/* The last lines of a console, without what is blank. */
static void put_console(const struct page *page, const struct store_machine *machine)
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
        int used = fprintf(page->out, "    machine %u | ", machine->index);
        int columns = (int)escape_columns(lines[i]);
        put_padded(page, lines[i], columns > COLUMNS - used ? COLUMNS - used : columns);
        fputc('\n', page->out);
    }
}

static void put_problem(const struct page *page, const struct store_trial *trial)
{
    const struct store_cell *cell = label_find_cell(page->report, trial->cell_id);
    CLEANUP_FREE char *label = cell ? label_of_cell(cell) : mem_strdup("unknown cell");
    CLEANUP_FREE char *where = mem_printf("block %" PRIu64 ", %s", trial->block, label);
    put_wrapped(page, where, 0, 2);
    int used = fprintf(page->out, "  %s: ", trial_status_names[trial->status]);
    put_wrapped(page, trial->cause ? trial->cause : "no cause was given", used, 4);
    fputs(paint(page, dim), page->out);
    for (size_t i = 0; i < trial->machine_count; i++)
        if (trial->machines[i].console_tail)
            put_console(page, &trial->machines[i]);
    fputs(paint(page, plain), page->out);
}

static void put_problems(const struct page *page)
{
    const struct report *report = page->report;
    size_t problems = 0;
    for (size_t i = 0; i < report->trial_count; i++)
        problems += report->trials[i].status != TRIAL_OK;
    if (problems == 0)
        return;
    put_rule(page);
    fprintf(page->out, "%s%zu of %zu trials failed or do not count%s\n", paint(page, bold),
            problems, report->trial_count, paint(page, plain));
    for (size_t i = 0; i < report->trial_count; i++)
        if (report->trials[i].status != TRIAL_OK)
            put_problem(page, &report->trials[i]);
}

static void put_sentences(const struct page *page)
{
    const struct report *report = page->report;
    bool any = false;
    for (size_t i = 0; i < report->row_count; i++) {
        const struct report_row *row = &report->rows[i];
        if (!report_is_told(report, row))
            continue;
        if (!any)
            put_rule(page);
        any = true;
        CLEANUP_FREE char *sentence = report_sentence(report, row);
        put_wrapped(page, sentence, 0, 4);
    }
}

void format_text(const struct report *report, const struct report_style *style, FILE *stream)
{
    struct page page = {
        .report = report, .style = style, .out = stream, .variety = label_variety_of(report)};
    measure_columns(&page);
    put_heading(&page);
    if (report->trial_count == 0)
        fputs("no trial has been stored yet\n", stream);
    for (size_t i = 0; report->trial_count && i < report->row_count;) {
        size_t count = 1;
        while (i + count < report->row_count &&
               report->rows[i + count].metric == report->rows[i].metric)
            count++;
        put_group(&page, &report->rows[i], count);
        i += count;
    }
    put_boots(&page);
    put_problems(&page);
    if (report->trial_count)
        put_sentences(&page);
}
