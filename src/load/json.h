/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * json: pieces that the results of load runs have in common.
 */
#pragma once

#include "base/strbuf.h"
#include "load/failure.h"
#include "stats/hdr.h"

/* The inside of a JSON string. */
void json_add_escaped(struct strbuf *buf, const char *text);
/* "name":{"min":...,"mean":...,"p50":...,"p90":...,"p99":...,"p999":...,"max":...} */
void json_add_latency(struct strbuf *buf, const char *name, const struct hdr *hdr);
/* "errors":{"connect_refused":0,...} */
void json_add_failures(struct strbuf *buf, const struct load_failures *failures);
