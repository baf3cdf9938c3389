/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * event_name: a processor event by its name, as libpfm4 knows them for each processor
 * ("amd64_fam19h_zen3::RETIRED_TAKEN_BRANCH_INSTRUCTIONS", "INST_RETIRED",
 * "perf::CONTEXT-SWITCHES"), or raw as in perf(1) ("r1c2"). The only place that knows libpfm4,
 * which is opened at run time.
 */
#pragma once

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Sets type and config of attributes, and the other fields that the event needs. -EINVAL: no such
 * event here; -ENOTSUP: it takes libpfm4, which is not there. */
int event_name_encode(const char *name, struct perf_event_attr *attributes, struct error *err)
    __attribute__((warn_unused_result));

/* "r" and 1 to 16 hexadecimal digits. 0 or -EBADMSG. */
int event_name_parse_raw(const char *text, size_t length, uint64_t *out_config);
