/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Instructions, VM exits, world switches: what each cell took of them.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/strbuf.h"
#include "report/count.h"
#include "report/number.h"
#include "report/text/text.h"

#define COUNT_COLUMNS 50 /* of a row without platform, size and bar */
#define PARTS_SHOWN 8

static void put_item(const struct text *page, const struct report_figure *figure, double largest)
{
    char text[NUMBER_TEXT_MAX];
    text_put_cell(page, figure->cell);
    snprintf(text, sizeof(text), "%zu", figure->value.n);
    terminal_put_padded(&page->terminal, text, 6);
    terminal_put_padded(&page->terminal, number_format_value(&figure->value, text), 22);
    terminal_put_padded(&page->terminal, count_format_relative(&figure->relative, text), 22);
    if (figure->value.n && largest > 0)
        text_put_bar(page, figure->value.mean / largest, COUNT_COLUMNS);
    fputc('\n', page->terminal.out);
}

/* Is what this one lacks that of an earlier one of the platform too? */
static bool is_told(const struct report_count *count, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (count->items[i]->missing &&
            strcmp(count->items[i]->missing, count->items[at]->missing) == 0 &&
            strcmp(count->items[i]->cell->platform, count->items[at]->cell->platform) == 0)
            return true;
    return false;
}

static void put_missing(const struct text *page, const struct report_count *count)
{
    for (size_t i = 0; i < count->item_count; i++) {
        const struct report_figure *figure = count->items[i];
        if (figure->value.n || !figure->missing || is_told(count, i))
            continue;
        CLEANUP_FREE char *text = mem_printf("no %s on %s: %s", count->kind->title,
                                             figure->cell->platform, figure->missing);
        fprintf(page->terminal.out, "%s  ", terminal_paint(&page->terminal, TERMINAL_DIM));
        terminal_put_wrapped(&page->terminal, text, 2, 4);
        fputs(terminal_paint(&page->terminal, TERMINAL_PLAIN), page->terminal.out);
    }
}

static void put_whole(const struct text *page, const struct report_count *count)
{
    double largest = 0;
    for (size_t i = 0; i < count->item_count; i++)
        if (count->items[i]->value.n)
            largest = fmax(largest, count->items[i]->value.mean);
    CLEANUP_FREE char *heading =
        mem_printf("%s%s", count->kind->title, count->whole_trial ? ", a trial" : "");
    text_put_heading(page, heading, "times the baseline's");
    for (size_t i = 0; i < count->item_count; i++)
        if (count->items[i]->value.n)
            put_item(page, count->items[i], largest);
    put_missing(page, count);
}

/* The largest parts of one kind in one cell, on a line. */
static void put_parts_of(const struct text *page, const struct report_count *counts, size_t count,
                         const struct store_cell *cell)
{
    CLEANUP_STRBUF struct strbuf buf;
    CLEANUP_FREE char *size = label_of_size(&page->variety, cell);
    strbuf_init(&buf);
    size_t shown = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < counts[i].item_count; j++) {
            const struct report_figure *figure = counts[i].items[j];
            char number[NUMBER_TEXT_MAX];
            if (figure->cell != cell || !(figure->value.n && figure->value.mean > 0) ||
                shown++ >= PARTS_SHOWN)
                continue;
            strbuf_addf(&buf, "%s %s %s", shown > 1 ? "," : "", counts[i].part,
                        number_format_count(figure->value.mean, number));
        }
    if (shown == 0)
        return;
    CLEANUP_FREE char *line =
        mem_printf("%s %s, %s:%s%s", cell->platform, size, counts[0].kind->title, buf.text,
                   shown > PARTS_SHOWN ? ", ..." : "");
    fputs("  ", page->terminal.out);
    terminal_put_wrapped(&page->terminal, line, 2, 4);
}

static void put_parts(const struct text *page, const struct report_count *counts, size_t count)
{
    for (size_t i = 0; i < page->report->campaign.cell_count; i++)
        put_parts_of(page, counts, count, &page->report->campaign.cells[i]);
}

/* For all campaigns together. */
void text_put_part_counts(const struct text *page, const struct report *part)
{
    for (size_t i = 0; i < part->count_count; i++) {
        const struct report_count *count = &part->counts[i];
        for (size_t j = 0; count_is_main(part, count) && j < count->item_count; j++) {
            const struct report_figure *figure = count->items[j];
            char text[NUMBER_TEXT_MAX];
            if (figure->value.n == 0)
                continue;
            CLEANUP_FREE char *what = mem_printf("%s %s", count->workload, count->kind->title);
            text_put_cell(page, figure->cell);
            snprintf(text, sizeof(text), "%" PRId64, part->campaign.id);
            terminal_put_padded(&page->terminal, text, 5);
            terminal_put_padded(&page->terminal, what, 22);
            fputc(' ', page->terminal.out);
            terminal_put_padded(&page->terminal, number_format_value(&figure->value, text), 18);
            fprintf(page->terminal.out, " %s\n", count_format_relative(&figure->relative, text));
        }
    }
}

static bool is_alike(const struct report_count *a, const struct report_count *b)
{
    return a->kind == b->kind && strcmp(a->workload, b->workload) == 0;
}

void text_put_counts(const struct text *page)
{
    const struct report *report = page->report;
    const char *workload = NULL;
    for (size_t i = 0; i < report->count_count;) {
        const struct report_count *count = &report->counts[i];
        size_t parts = 0, valued = 0;
        for (size_t j = i; j < report->count_count && is_alike(count, &report->counts[j]); j++) {
            valued += report->counts[j].valued;
            parts += report->counts[j].part != NULL;
        }
        size_t wholes = 0;
        while (i + wholes < report->count_count && is_alike(count, count + wholes) &&
               !count[wholes].part)
            wholes++;
        bool first = !workload || strcmp(workload, count->workload) != 0;
        if (first && (valued || report->emulated)) {
            text_put_title(page, count->workload, "counts of one machine");
            workload = count->workload;
        }
        for (size_t j = 0; (valued || report->emulated) && j < wholes; j++)
            put_whole(page, &count[j]);
        if (valued)
            put_parts(page, count + wholes, parts);
        i += wholes + parts;
    }
}
