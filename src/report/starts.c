/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/starts.h"

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "report/label.h"

/* "machine 0: 2; machine 3: 9": the machines of a trial that took more than one, and how many. */
static unsigned count_extra(const char *fact)
{
    unsigned extra = 0;
    for (const char *at = fact; at; at = strchr(at, ';')) {
        at += *at == ';';
        unsigned machine, starts;
        if (sscanf(at, " machine %u: %u", &machine, &starts) == 2 && starts > 1)
            extra += starts - 1;
    }
    return extra;
}

static unsigned extra_of(const struct store_trial *trial)
{
    for (size_t i = 0; i < trial->fact_count; i++)
        if (strcmp(trial->facts[i].name, "machine.starts") == 0)
            return count_extra(trial->facts[i].value);
    return 0;
}

static void add_cell(struct strbuf *buf, const struct report *part, const struct store_cell *cell)
{
    size_t trials = 0, touched = 0;
    unsigned extra = 0;
    for (size_t i = 0; i < part->trial_count; i++) {
        if (part->trials[i].cell_id != cell->id)
            continue;
        unsigned own = extra_of(&part->trials[i]);
        trials++;
        touched += own > 0;
        extra += own;
    }
    if (extra == 0)
        return;
    CLEANUP_FREE char *label = label_of_cell(cell);
    strbuf_addf(buf, "%s%s: %u extra start%s in %zu of %zu trial%s", buf->length ? "; " : "", label,
                extra, extra == 1 ? "" : "s", touched, trials, trials == 1 ? "" : "s");
}

char *starts_describe(const struct report *part)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    for (size_t i = 0; i < part->campaign.cell_count; i++)
        add_cell(&buf, part, &part->campaign.cells[i]);
    return buf.length ? strbuf_take(&buf) : NULL;
}
