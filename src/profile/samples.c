/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/samples.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

_Static_assert(sizeof(struct profile_header) == 32 && sizeof(struct profile_sample) == 40 &&
                   sizeof(struct profile_caller) == 32 && sizeof(struct profile_vm) == 32 &&
                   sizeof(struct profile_total) == 56,
               "the file has no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

static int read_header(const void *bytes, size_t length, struct profile_header *out_header,
                       struct error *err)
{
    struct profile_header header = {0};
    if (length < sizeof(header) || memcmp(bytes, PROFILE_MAGIC, sizeof(header.magic)) != 0)
        return error_set(err, ERROR_USAGE, -EBADMSG, "it is no file of samples");
    memcpy(&header, bytes, sizeof(header));
    if (header.version != PROFILE_VERSION)
        return error_set(err, ERROR_USAGE, -EBADMSG,
                         "its format has version %" PRIu32 ", this vtax reads %d: take the vtax "
                         "that recorded it",
                         header.version, PROFILE_VERSION);
    if (header.bytes < sizeof(header) || header.bytes > length || header.bytes % 8 ||
        header.period == 0)
        return error_set(err, ERROR_USAGE, -EBADMSG, "its header is damaged");
    *out_header = header;
    return 0;
}

static int refuse(size_t at, struct error *err)
{
    return error_set(err, ERROR_USAGE, -EBADMSG, "the record at byte %zu is damaged", at);
}

static int add_sample(struct samples *samples, const uint8_t *bytes, size_t length)
{
    struct samples_item item = {0};
    if (length < sizeof(item.sample))
        return -EBADMSG;
    memcpy(&item.sample, bytes, sizeof(item.sample));
    size_t rest = length - sizeof(item.sample);
    item.caller_count = rest / sizeof(item.callers[0]);
    if (rest % sizeof(item.callers[0]) || item.caller_count > PROFILE_CALLERS_MAX ||
        item.sample.bucket > 3 || item.sample.stack >= PROFILE_STACK_COUNT)
        return -EBADMSG;
    memcpy(item.callers, bytes + sizeof(item.sample), rest);
    MEM_GROW(samples->items, samples->count, samples->capacity);
    samples->items[samples->count++] = item;
    return 0;
}

static int add_record(struct samples *samples, const uint8_t *bytes, size_t length)
{
    struct profile_record record;
    memcpy(&record, bytes, sizeof(record));
    switch (record.kind) {
    case PROFILE_RECORD_SAMPLE:
        return add_sample(samples, bytes, length);
    case PROFILE_RECORD_VM:
        if (length < sizeof(struct profile_vm))
            return -EBADMSG;
        MEM_GROW(samples->vms, samples->vm_count, samples->vm_capacity);
        memcpy(&samples->vms[samples->vm_count++], bytes, sizeof(struct profile_vm));
        return 0;
    case PROFILE_RECORD_TOTAL:
        if (length < sizeof(struct profile_total))
            return -EBADMSG;
        MEM_GROW(samples->totals, samples->total_count, samples->total_capacity);
        memcpy(&samples->totals[samples->total_count++], bytes, sizeof(struct profile_total));
        return 0;
    default:
        return 0;
    }
}

int samples_parse(const void *bytes, size_t length, struct samples *out_samples, struct error *err)
{
    CLEANUP_SAMPLES struct samples samples = {0};
    struct profile_header header = {0};
    struct profile_record record;
    int rc = read_header(bytes, length, &header, err);
    if (rc < 0)
        return rc;
    samples.period = header.period;
    samples.vcpus = header.vcpus;
    size_t at = header.bytes;
    while (length - at >= sizeof(record)) {
        memcpy(&record, (const uint8_t *)bytes + at, sizeof(record));
        if (record.bytes < sizeof(record) || record.bytes % 8 || record.bytes > PROFILE_RECORD_MAX)
            return refuse(at, err);
        if (record.bytes > length - at)
            break;
        if (add_record(&samples, (const uint8_t *)bytes + at, record.bytes) < 0)
            return refuse(at, err);
        at += record.bytes;
    }
    samples.is_cut = at < length || samples.total_count == 0;
    *out_samples = samples;
    samples = (struct samples){0};
    return 0;
}

void samples_done(struct samples *samples)
{
    free(samples->items);
    free(samples->vms);
    free(samples->totals);
    *samples = (struct samples){0};
}
