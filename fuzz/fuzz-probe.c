/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What kernels of host and guest say: every parser of the probes takes any bytes, and what it gives
 * is within its bounds.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "probe/card.h"
#include "probe/disk_io.h"
#include "probe/event_name.h"
#include "probe/guest_counts.h"
#include "probe/pressure.h"
#include "probe/process.h"
#include "probe/tracepoint.h"
#include "probe/vbox_times.h"

static void check_name(const char *name, uint64_t value, void *context)
{
    (void)value;
    size_t *count = context;
    FUZZ_REQUIRE(strlen(name) > 0 && strlen(name) < 96);
    (*count)++;
}

static void count_device(const struct disk_io *io, void *context)
{
    (void)io;
    size_t *count = context;
    (*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_copy(bytes, length ? length : 1);
    struct process_stat stat;
    struct vbox_times times;
    uint64_t value;
    size_t count = 0, devices = 0;
    char tap[CARD_NAME_MAX];
    struct card card;
    FUZZ_REQUIRE(card_parse_tap(exact, length, tap) < 0 || strlen(tap) > 0);
    (void)card_parse(exact, length, "tap", &card);
    disk_io_parse(exact, length, count_device, &devices);
    FUZZ_REQUIRE(devices <= length / 4);
    guest_counts_parse(exact, length, check_name, &count);
    FUZZ_REQUIRE(count <= 16 * length + 8);
    (void)process_parse_stat(exact, length, &stat);
    (void)process_parse_field(exact, length, "read_bytes", &value);
    (void)pressure_parse_total(exact, length, "some", &value);
    CLEANUP_FREE char *group = pressure_parse_cgroup(exact, length);
    FUZZ_REQUIRE(!group || strlen(group) <= length);
    FUZZ_REQUIRE(event_name_parse_raw(exact, length, &value) < 0 || (length > 1 && length < 18));
    FUZZ_REQUIRE(vbox_times_parse(exact, length, &times) < 0 ||
                 (times.cpus > 0 && times.cpus <= length / 16));
    FUZZ_REQUIRE(tracepoint_parse_id(exact, length) < (1 << 21));
    FUZZ_REQUIRE(tracepoint_parse_field(exact, length, "isa", 4) < (1 << 21));
    return 0;
}
