/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_record.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "probe/tracepoint.h"

int exits_places_add(struct exits_places *places, enum exits_event_kind kind, const char *event,
                     const struct exits_points *points, const char *text, size_t length,
                     struct error *err)
{
    const struct {
        enum exits_event_kind kind;
        const char *field;
        int *out_at;
    } fields[] = {
        {kind, "common_pid", &places->thread_at},
        {EXITS_LEAVE, points->reason, &places->reason_at},
        {EXITS_LEAVE, points->isa, &places->isa_at},
        {EXITS_LEAVE, points->info, &places->info_at},
        {EXITS_MSR, "ecx", &places->msr_at},
        {EXITS_SWITCH, "prev_pid", &places->previous_at},
        {EXITS_SWITCH, "next_pid", &places->next_at},
    };
    places->ids[kind] = tracepoint_parse_id(text, length);
    if (kind == EXITS_LEAVE)
        places->info_at = -1;
    places->id_at = tracepoint_parse_field(text, length, "common_type", 2);
    if (places->ids[kind] < 0 || places->id_at < 0)
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "tracepoint '%s' has no number", event);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].kind != kind || !fields[i].field)
            continue;
        int at = tracepoint_find_field(text, length, event, fields[i].field, err);
        if (at < 0)
            return at;
        *fields[i].out_at = at;
    }
    return 0;
}

/* False: the record is too short. */
static bool get(const struct trace_record *record, int at, void *out_value, size_t bytes)
{
    if (record->length < (size_t)at + bytes)
        return false;
    memcpy(out_value, record->bytes + at, bytes);
    return true;
}

static bool get_words(const struct trace_record *record, int first_at, uint32_t *out_first,
                      int second_at, uint32_t *out_second)
{
    return get(record, first_at, out_first, sizeof(*out_first)) &&
           get(record, second_at, out_second, sizeof(*out_second));
}

static bool get_exit(const struct exits_places *places, const struct trace_record *record,
                     struct exits_event *event)
{
    if (!get_words(record, places->reason_at, &event->reason, places->isa_at, &event->isa))
        return false;
    return places->info_at < 0 || get(record, places->info_at, &event->info, sizeof(event->info));
}

int exits_record_parse(const struct exits_places *places, const struct trace_record *record,
                       struct exits_event *out_event)
{
    uint16_t id;
    uint32_t kind = 0;
    if (!get(record, places->id_at, &id, sizeof(id)))
        return -EBADMSG;
    while (kind < EXITS_RECORDS && places->ids[kind] != id)
        kind++;
    if (kind == EXITS_RECORDS)
        return 0;
    struct exits_event event = {.time_ns = record->time_ns, .kind = kind};
    bool is_whole = get(record, places->thread_at, &event.thread, sizeof(event.thread));
    if (kind == EXITS_LEAVE)
        is_whole = is_whole && get_exit(places, record, &event);
    if (kind == EXITS_MSR)
        is_whole = is_whole && get(record, places->msr_at, &event.msr, sizeof(event.msr));
    if (kind == EXITS_SWITCH)
        is_whole = is_whole && get_words(record, places->previous_at, &event.thread,
                                         places->next_at, &event.next);
    if (!is_whole)
        return -EBADMSG;
    *out_event = event;
    return 1;
}
