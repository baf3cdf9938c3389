/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * exits_record: what a record of one of the watched tracepoints tells of exits. Where things lie in
 * it, the running kernel says in the `format` file of each (tracepoint.h). Pure.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "probe/exits_account.h"
#include "probe/trace_page.h"

/* EXITS_LEAVE to EXITS_MSR have a tracepoint each; that of EXITS_MSR may be absent. */
#define EXITS_RECORDS (EXITS_MSR + 1)

/* Byte offsets from the record's beginning. */
struct exits_places {
    int ids[EXITS_RECORDS]; /* numbers of the tracepoints; -1: absent */
    int id_at;              /* 2 bytes, in all of them */
    int thread_at;          /* 4 bytes, in all of them; the others are of their own tracepoints */
    int reason_at;
    int isa_at;
    int info_at; /* -1: absent */
    int msr_at;
    int previous_at;
    int next_at;
};

/* Takes the places of one tracepoint, named `event`, from the text of its format. */
int exits_places_add(struct exits_places *places, enum exits_event_kind kind, const char *event,
                     const struct exits_points *points, const char *text, size_t length,
                     struct error *err) __attribute__((warn_unused_result));

/* 1: it is an event; 0: of another tracepoint; -EBADMSG: it is too short. */
int exits_record_parse(const struct exits_places *places, const struct trace_record *record,
                       struct exits_event *out_event) __attribute__((warn_unused_result));
