/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * text: what the files that write for a terminal share.
 */
#pragma once

#include "report/label.h"
#include "report/report.h"
#include "report/terminal.h"

struct text {
    const struct report *report;
    struct terminal terminal;
    struct label_variety variety;
    int name_columns;
    int size_columns;
};

/* A rule, the title in bold, and the rest of the line. */
void text_put_title(const struct text *page, const char *title, const char *rest);
/* "platform VMs n VALUE", and MORE. */
void text_put_heading(const struct text *page, const char *value, const char *more);
/* The columns of platform and size. */
void text_put_cell(const struct text *page, const struct store_cell *cell);
/* A bar of what is left of the line after `used` columns besides platform and size; none where
 * there is no room. */
void text_put_bar(const struct text *page, double share, int used);

/* Sections. */
void text_put_counts(const struct text *page);
void text_put_shop(const struct text *page);
void text_put_designs(const struct text *page);
/* Rows "platform VMs campaign what number relative". */
void text_put_part_counts(const struct text *page, const struct report *part);
