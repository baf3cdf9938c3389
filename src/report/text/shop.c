/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Workload `shop`: page times and why each run ended.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/number.h"
#include "report/shop.h"
#include "report/text/text.h"

#define RUNS_SHOWN 12

static void put_quantile(const struct text *page, const struct hdr *hdr, double q)
{
    char text[NUMBER_TEXT_MAX];
    terminal_put_padded(&page->terminal, number_format_plain(shop_quantile_s(hdr, q), text), 7);
}

static void put_share(const struct text *page, double share)
{
    char text[NUMBER_TEXT_MAX] = "-";
    if (isfinite(share))
        snprintf(text, sizeof(text), "%.2f %%", 100 * share);
    terminal_put_padded(&page->terminal, text, 10);
}

static void put_cell(const struct text *page, const struct report_shop *shop,
                     const struct shop_cell *cell)
{
    const struct hdr *raw = shop_find_times(cell, "raw");
    const struct hdr *planned = shop_find_times(cell, "planned");
    text_put_cell(page, cell->cell);
    fprintf(page->terminal.out, "%-6zu", cell->trials);
    put_quantile(page, raw, 0.5);
    put_quantile(page, raw, 0.99);
    put_quantile(page, planned, 0.5);
    put_quantile(page, planned, 0.99);
    put_share(page, planned ? shop_share_within(planned, shop->good_s) : NAN);
    put_share(page, planned ? shop_share_within(planned, shop->tolerable_s) : NAN);
    fputc('\n', page->terminal.out);
}

static void put_run(const struct text *page, const struct shop_run *run)
{
    char number[NUMBER_TEXT_MAX];
    CLEANUP_FREE char *size = label_of_size(&page->variety, run->cell);
    CLEANUP_FREE char *text = mem_printf(
        "%s %s, block %" PRIu64 ": %s sessions a machine, %s%s%s%s%s%s%s", run->cell->platform,
        size, run->trial->block, number_format_plain(run->sessions, number),
        run->verdict ? run->verdict : trial_status_names[run->trial->status],
        run->limit ? ", limited by " : "", run->limit ? run->limit : "", run->ended ? "; " : "",
        run->ended ? run->ended : "", run->beyond ? "; beyond: " : "",
        run->beyond ? run->beyond : "");
    terminal_put_wrapped(&page->terminal, text, 0, 4);
}

void text_put_shop(const struct text *page)
{
    const struct report_shop *shop = page->report->shop;
    if (!shop || shop->run_count == 0)
        return;
    CLEANUP_FREE char *shares = shop->good_s > 0 && shop->tolerable_s > 0
                                    ? mem_printf("<= %-6g <= %g s", shop->good_s, shop->tolerable_s)
                                    : mem_strdup("");
    text_put_title(page, "shop", "page times in s from the actual (raw) and the planned start");
    fputs(terminal_paint(&page->terminal, TERMINAL_DIM), page->terminal.out);
    terminal_put_padded(&page->terminal, "platform", page->name_columns + 1);
    terminal_put_padded(&page->terminal, label_of_size_heading(&page->variety),
                        page->size_columns + 1);
    fprintf(page->terminal.out, "n     p50 raw    p99 p50 pl.    p99 %s%s\n", shares,
            terminal_paint(&page->terminal, TERMINAL_PLAIN));
    for (size_t i = 0; i < shop->cell_count; i++)
        put_cell(page, shop, &shop->cells[i]);
    for (size_t i = 0; i < shop->run_count && i < RUNS_SHOWN; i++)
        put_run(page, &shop->runs[i]);
    if (shop->run_count > RUNS_SHOWN)
        fprintf(page->terminal.out, "... and %zu more: see --format html or json\n",
                shop->run_count - RUNS_SHOWN);
    if (shop->damage) {
        CLEANUP_FREE char *text =
            mem_printf("%zu attachments could not be read and are left out; the first: %s",
                       shop->damaged, shop->damage);
        terminal_put_wrapped(&page->terminal, text, 0, 4);
    }
}
