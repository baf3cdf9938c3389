/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/json.h"

#include <jansson.h>
#include <stdio.h>

#include "report/escape.h"

static json_t *json_of_text(const char *text)
{
    CLEANUP_FREE char *valid = escape_utf8(text);
    return valid ? json_string(valid) : json_null();
}

/* The name of a value with '_' for '-', as keys are elsewhere. */
static const char *key_of(size_t id, char key[32])
{
    snprintf(key, 32, "%s", value_kinds[id].name);
    for (char *at = key; *at; at++)
        if (*at == '-')
            *at = '_';
    return key;
}

static json_t *json_of_rate(const struct rate *rate)
{
    return rate->missing ? json_null() : json_real(rate->value);
}

static json_t *json_of_vcpu(const struct top_vcpu *vcpu)
{
    json_t *cpu = vcpu->vcpu->cpu < 0 ? json_null() : json_integer(vcpu->vcpu->cpu);
    return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "number", (int)vcpu->vcpu->number, "on_cpu",
                     cpu, "cpu", json_of_rate(&vcpu->run), "guest", json_of_rate(&vcpu->guest),
                     "wait", json_of_rate(&vcpu->wait), "migrations",
                     json_of_rate(&vcpu->migrations));
}

/* Pairs of an upper bound in ns and the exits below it and not below the one before. */
static json_t *json_of_buckets(const struct top_reason *reason)
{
    if (reason->time.missing)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < EXIT_BUCKETS; i++) {
        json_t *bound = i + 1 < EXIT_BUCKETS ? json_integer((json_int_t)1 << i) : json_null();
        if (reason->buckets[i])
            json_array_append_new(list, json_pack("[o, I]", bound, (json_int_t)reason->buckets[i]));
        else
            json_decref(bound);
    }
    return list;
}

static json_t *json_of_reason(const struct top_reason *reason)
{
    json_t *time = reason->time.missing ? json_null() : json_real(reason->time.value * 1e-9);
    return json_pack("{s:s, s:f, s:o, s:o}", "reason", reason->reason->name, "per_s", reason->per_s,
                     "time", time, "histogram_ns", json_of_buckets(reason));
}

static json_t *json_of_row(const struct top_row *row, unsigned cpus)
{
    unsigned vcpus = row->vm ? row->vm->vcpu_count : cpus;
    json_t *missing = json_object(), *reasons = json_array(), *list = json_array();
    json_t *object =
        json_pack("{s:o, s:s}", "name", json_of_text(top_name(row)), "kind", top_kind(row));
    if (row->vm && row->vm->pid)
        json_object_set_new(object, "pid", json_integer(row->vm->pid));
    if (row->vm && row->vm->domain)
        json_object_set_new(object, "domain", json_integer(row->vm->domain));
    if (row->vm && row->vm->uuid)
        json_object_set_new(object, "uuid", json_of_text(row->vm->uuid));
    json_object_set_new(object, "vcpus", vcpus ? json_integer(vcpus) : json_null());
    if (row->vm)
        json_object_set_new(object, "exits_by",
                            row->vm->exit_source ? json_string(row->vm->exit_source) : json_null());
    for (size_t id = 0; id < VALUE_COUNT; id++) {
        char key[32];
        json_object_set_new(object, key_of(id, key), json_of_rate(&row->values[id]));
        if (row->values[id].missing)
            json_object_set_new(missing, key, json_of_text(row->values[id].missing));
    }
    for (size_t i = 0; i < row->reason_count; i++)
        json_array_append_new(reasons, json_of_reason(&row->reasons[i]));
    for (size_t i = 0; i < row->vcpu_count; i++)
        json_array_append_new(list, json_of_vcpu(&row->vcpus[i]));
    json_object_set_new(object, "missing", missing);
    json_object_set_new(object, "reasons", reasons);
    json_object_set_new(object, "vcpu", list);
    return object;
}

char *json_format(const struct top *top, const struct snapshot *snapshot, uint64_t realtime_ns)
{
    json_t *rows = json_array(), *notes = json_array();
    for (size_t i = 1; i < top->count; i++)
        json_array_append_new(rows, json_of_row(&top->rows[i], top->cpus));
    for (size_t i = 0; i < SNAPSHOT_NOTES && snapshot->notes[i]; i++)
        json_array_append_new(notes, json_of_text(snapshot->notes[i]));
    json_t *root = json_pack(
        "{s:s, s:i, s:f, s:f, s:i, s:o, s:o, s:o}", "format", "vtax-top", "version", 1, "time",
        (double)realtime_ns / 1e9, "seconds", (double)top->elapsed_ns / 1e9, "cpus", (int)top->cpus,
        "host", json_of_row(&top->rows[0], top->cpus), "machines", rows, "notes", notes);
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    return text;
}
