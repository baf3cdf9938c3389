/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html/page.h"

#include <stdarg.h>
#include <string.h>

#include "base/units.h"
#include "report/escape.h"
#include "report/number.h"

#define TABLE_ROWS_OPEN 24 /* longer tables are folded */

void html_put(const struct html *page, const char *text)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    escape_html(&buf, text ? text : "");
    fputs(buf.text, page->out);
}

void html_putf(const struct html *page, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *text = mem_vprintf(format, ap);
    va_end(ap);
    html_put(page, text);
}

void html_raw(const struct html *page, const char *markup)
{
    fputs(markup, page->out);
}

void html_cell(const struct html *page, const char *tag, const char *text)
{
    fprintf(page->out, "<%s>", tag);
    html_put(page, text);
    fprintf(page->out, "</%.2s>", tag);
}

static bool is_emulated(const struct report *report)
{
    bool emulated = false;
    for (size_t i = 0; report_part(report, i); i++)
        emulated |= report_part(report, i)->emulated;
    return emulated;
}

/* A picture or a table is soon apart from the page: where its numbers are from goes with it. */
static void put_caption(const struct html *page, const char *caption)
{
    if (is_emulated(page->report))
        html_raw(page, "<b>Emulated server.</b> ");
    html_put(page, caption);
}

void html_begin_table(const struct html *page, const char *caption, size_t rows)
{
    bool folded = rows > TABLE_ROWS_OPEN;
    if (folded) {
        fputs("<details><summary>", page->out);
        html_putf(page, "Table: %s (%zu rows)", caption, rows);
        fputs("</summary>", page->out);
    }
    fputs("<div class=\"scroll\" tabindex=\"0\"><table><caption>", page->out);
    put_caption(page, caption);
    fputs("</caption>\n", page->out);
}

void html_end_table(const struct html *page, size_t rows)
{
    fputs("</tbody></table></div>", page->out);
    fputs(rows > TABLE_ROWS_OPEN ? "</details>\n" : "\n", page->out);
}

void html_put_size_heading(const struct html *page)
{
    html_raw(page, "<thead><tr><th>platform</th><th class=\"n\">VMs</th>");
    if (page->variety.vcpus)
        html_raw(page, "<th class=\"n\">vCPUs</th>");
    if (page->variety.memory)
        html_raw(page, "<th class=\"n\">memory</th>");
}

void html_put_size(const struct html *page, const struct store_cell *cell)
{
    char text[UNITS_TEXT_MAX];
    html_raw(page, "<tr>");
    html_cell(page, "th", cell->platform);
    fprintf(page->out, "<td class=\"n\">%u</td>", cell->vms);
    if (page->variety.vcpus)
        fprintf(page->out, "<td class=\"n\">%u</td>", cell->vcpus);
    if (page->variety.memory)
        fprintf(page->out, "<td class=\"n\">%s</td>", units_format_size(cell->memory_bytes, text));
}

void html_put_value(const struct html *page, const struct report_value *value)
{
    char text[NUMBER_TEXT_MAX];
    html_cell(page, "td class=\"n\"", number_format_value(value, text));
}

void html_put_chart(const struct html *page, size_t id, const char *caption)
{
    if (!id)
        return;
    html_raw(page, "<figure><figcaption>");
    put_caption(page, caption);
    fprintf(page->out, "</figcaption><div class=\"chart\" id=\"chart-%zu\"></div></figure>\n", id);
}
const char *html_verdict_word(const struct report_row *row)
{
    if (!row->baseline || row->normalised.pairs == 0)
        return "none";
    return comparison_verdict_text(row->normalised.comparison.verdict);
}
