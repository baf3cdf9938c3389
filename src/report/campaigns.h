/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * campaigns: what a store holds, for `vtax report --list`.
 */
#pragma once

#include "report/report.h"

/* Nothing is written where there is none. */
void campaigns_put_text(const struct store_campaign *campaigns, size_t count,
                        const struct report_style *style, FILE *stream);
void campaigns_put_json(const struct store_campaign *campaigns, size_t count, FILE *stream);
