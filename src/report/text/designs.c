/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Designs of performance counters side by side.
 */
#include "report/designs.h"
#include "report/text/text.h"

void text_put_designs(const struct text *page)
{
    const struct report_designs *designs = page->report->designs;
    if (!designs)
        return;
    text_put_title(page, "designs of counters", designs->title);
    contrast_write_text(&designs->contrast, page->terminal.out);
}
