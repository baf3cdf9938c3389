/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/guest_counts.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "probe/probe_list.h"

#define TICK_NS (NS_PER_S / 100) /* USER_HZ is 100 in every x86 Linux */
#define SECTOR_BYTES 512
#define READ_TIMEOUT_NS (60 * NS_PER_S)
#define NAME_MAX_BYTES 96

struct sink {
    void (*found)(const char *name, uint64_t value, void *context);
    void *context;
    uint64_t run_ns; /* /proc/schedstat, over all CPUs */
    uint64_t wait_ns;
    uint64_t device_interrupts;
    bool has_schedstat, has_interrupts; /* there was a line of it */
    char disk[32];                      /* whose partitions come next */
};

static void give(const struct sink *sink, uint64_t value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void give(const struct sink *sink, uint64_t value, const char *format, ...)
{
    char name[NAME_MAX_BYTES];
    va_list ap;
    va_start(ap, format);
    vsnprintf(name, sizeof(name), format, ap);
    va_end(ap);
    sink->found(name, value, sink->context);
}

/* Up to `max` numbers; returns how many there were. */
static size_t parse_numbers(const char *text, uint64_t *out_numbers, size_t max)
{
    size_t count = 0;
    for (char *end; count < max; text = end) {
        uint64_t number = strtoull(text, &end, 10);
        if (end == text)
            break;
        out_numbers[count++] = number;
    }
    return count;
}

static void parse_stat(struct sink *sink, const char *line)
{
    static const char *const states[] = {"user",   "nice", "system",  "idle",
                                         "iowait", "irq",  "softirq", "steal"};
    static const char *const counts[] = {"intr", "ctxt", "processes", "softirq"};
    uint64_t numbers[COUNT_OF(states)];
    if (strncmp(line, "cpu ", 4) == 0 &&
        parse_numbers(line + 4, numbers, COUNT_OF(states)) == COUNT_OF(states))
        for (size_t i = 0; i < COUNT_OF(states); i++)
            give(sink, numbers[i] * TICK_NS, "cpu_%s_ns", states[i]);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        size_t length = strlen(counts[i]);
        if (strncmp(line, counts[i], length) == 0 && line[length] == ' ' &&
            parse_numbers(line + length, numbers, 1) == 1)
            give(sink, numbers[0], "%s", counts[i]);
    }
}

/* " LOC:  123  456   Local timer interrupts": by name; numbered ones are devices. */
static void parse_interrupts(struct sink *sink, const char *line)
{
    uint64_t number, sum = 0;
    char name[16];
    int at = 0;
    bool has_any = false;
    if (sscanf(line, " %15[A-Za-z0-9]:%n", name, &at) != 1 || at == 0)
        return;
    for (line += at; parse_numbers(line, &number, 1) == 1; has_any = true) {
        sum += number;
        line += strspn(line, " ");
        line += strcspn(line, " ");
    }
    sink->has_interrupts |= has_any;
    if (isdigit((unsigned char)name[0]))
        sink->device_interrupts += sum;
    else if (has_any)
        give(sink, sum, "irq_%s", name);
}

/* "cpu0 0 0 0 0 0 0 RUN_NS WAIT_NS SLICES" */
static void parse_schedstat(struct sink *sink, const char *line)
{
    uint64_t numbers[9];
    unsigned cpu;
    int at = 0;
    if (sscanf(line, "cpu%u%n", &cpu, &at) != 1 ||
        parse_numbers(line + at, numbers, COUNT_OF(numbers)) != COUNT_OF(numbers))
        return;
    sink->has_schedstat = true;
    sink->run_ns += numbers[6];
    sink->wait_ns += numbers[7];
}

static void parse_vmstat(struct sink *sink, const char *line)
{
    static const char *const keys[] = {
        "pgfault", "pgmajfault", "thp_fault_alloc", "nr_tlb_remote_flush", "pswpin", "pswpout"};
    char name[48];
    uint64_t value;
    if (sscanf(line, "%47s %" SCNu64, name, &value) != 2)
        return;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (strcmp(name, keys[i]) == 0)
            give(sink, value, "%s", name);
}

/* The kernel has them in the order of disks, each before its partitions: "sda1", "nvme0n1p1". */
static bool is_partition(const char *name, const char *disk)
{
    size_t length = strlen(disk);
    if (length == 0 || strncmp(name, disk, length) != 0)
        return false;
    const char *number = name + length;
    if (isdigit((unsigned char)disk[length - 1]) && *number++ != 'p')
        return false;
    return *number && number[strspn(number, "0123456789")] == '\0';
}

/* What is in memory, or on other disks. */
static bool is_of_its_own(const char *name)
{
    static const char *const others[] = {"loop", "ram", "zram", "dm-", "md"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

/* Whole disks with requests, so that each request counts once. */
static void parse_diskstats(struct sink *sink, const char *line)
{
    char name[32];
    uint64_t reads, read_sectors, read_ms, writes, write_sectors, write_ms;
    if (sscanf(line,
               " %*u %*u %31s %" SCNu64 " %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64
               " %" SCNu64,
               name, &reads, &read_sectors, &read_ms, &writes, &write_sectors, &write_ms) != 7 ||
        !is_of_its_own(name) || is_partition(name, sink->disk))
        return;
    snprintf(sink->disk, sizeof(sink->disk), "%s", name);
    if (reads + writes == 0)
        return;
    give(sink, reads, "disk_%s_reads", name);
    give(sink, read_sectors * SECTOR_BYTES, "disk_%s_read_bytes", name);
    give(sink, read_ms * NS_PER_MS, "disk_%s_read_ns", name);
    give(sink, writes, "disk_%s_writes", name);
    give(sink, write_sectors * SECTOR_BYTES, "disk_%s_write_bytes", name);
    give(sink, write_ms * NS_PER_MS, "disk_%s_write_ns", name);
}

static void parse_net(struct sink *sink, const char *line)
{
    uint64_t numbers[16];
    char name[32];
    int at = 0;
    if (sscanf(line, " %31[^: ]:%n", name, &at) != 1 || at == 0 ||
        parse_numbers(line + at, numbers, COUNT_OF(numbers)) != COUNT_OF(numbers))
        return;
    give(sink, numbers[0], "net_%s_received_bytes", name);
    give(sink, numbers[1], "net_%s_received", name);
    give(sink, numbers[8], "net_%s_sent_bytes", name);
    give(sink, numbers[9], "net_%s_sent", name);
}

typedef void parse_line(struct sink *sink, const char *line);
static const struct guest_file {
    const char *path;
    parse_line *parse;
    const char *name; /* that is missing when it cannot be read: the beginning of its counts' */
} guest_files[] = {
    {"/proc/stat", parse_stat, "guest:cpu"},
    {"/proc/interrupts", parse_interrupts, "guest:irq"},
    {"/proc/schedstat", parse_schedstat, "guest:sched"},
    {"/proc/vmstat", parse_vmstat, "guest:pg"},
    {"/proc/diskstats", parse_diskstats, "guest:disk"},
    {"/proc/net/dev", parse_net, "guest:net"},
};

/* NULL: the line is not the head of a file that is known. */
static parse_line *parser_of(const char *line)
{
    char path[64];
    if (sscanf(line, "==> %63s <==", path) != 1)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(guest_files); i++)
        if (strcmp(guest_files[i].path, path) == 0)
            return guest_files[i].parse;
    return NULL;
}

void guest_counts_parse(const char *text, size_t length,
                        void (*found)(const char *name, uint64_t value, void *context),
                        void *context)
{
    struct sink sink = {.found = found, .context = context};
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    parse_line *parse = NULL;
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (strncmp(line, "==> ", 4) == 0)
            parse = parser_of(line);
        else if (parse)
            parse(&sink, line);
    }
    if (sink.has_schedstat) {
        give(&sink, sink.run_ns, "sched_run_ns");
        give(&sink, sink.wait_ns, "sched_wait_ns");
    }
    if (sink.has_interrupts)
        give(&sink, sink.device_interrupts, "irq_devices");
}

static int open_guest(const struct probe_target *targets, size_t count, void **out_state,
                      struct error *err)
{
    (void)out_state;
    for (size_t i = 0; i < count; i++)
        if (targets[i].is_virtual && targets[i].channel)
            return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                     "no machine here has a kernel of its own to ask");
}

struct finding {
    int machine;
    struct probe_readings *out;
};

static void add_count(const char *name, uint64_t value, void *context)
{
    const struct finding *finding = context;
    probe_readings_add(finding->out, finding->machine, value, "guest:%s", name);
}

static bool is_there(const struct guest_file *file, const char *text)
{
    CLEANUP_FREE char *head = mem_printf("==> %s <==\n", file->path);
    return strstr(text, head) != NULL;
}

/* Not every user may read each of them, and not every kernel has them. said: what the program
 * complained of. */
static void miss_file(const struct guest_file *file, const char *said, int machine,
                      struct probe_readings *out)
{
    const char *at = strstr(said, file->path);
    size_t length = at ? strcspn(at, "\n") : 0;
    if (at)
        probe_readings_miss(out, machine, file->name, "the guest does not tell: %.*s",
                            (int)(length < 160 ? length : 160), at);
    else
        probe_readings_miss(out, machine, file->name, "the guest does not tell: no %s", file->path);
}

static void say_counts(const struct channel_result *result, int machine, struct probe_readings *out)
{
    const char *said = result->error_text ? result->error_text : "";
    struct finding finding = {machine, out};
    size_t found = 0;
    for (size_t i = 0; i < COUNT_OF(guest_files); i++)
        found += is_there(&guest_files[i], result->text);
    if (found == 0) {
        probe_readings_miss(out, machine, "guest",
                            "the guest tells nothing: 'tail' ended with %d: %.*s", result->status,
                            (int)strcspn(said, "\n"), said);
        return;
    }
    guest_counts_parse(result->text, result->length, add_count, &finding);
    for (size_t i = 0; i < COUNT_OF(guest_files); i++)
        if (!is_there(&guest_files[i], result->text))
            miss_file(&guest_files[i], said, machine, out);
}

static void read_guest(void *state, const struct probe_target *target, struct probe_readings *out)
{
    (void)state;
    const char *argv[5 + COUNT_OF(guest_files)] = {"tail", "-v", "-n", "+1"};
    if (!target->is_virtual || !target->channel)
        return;
    for (size_t i = 0; i < COUNT_OF(guest_files); i++)
        argv[4 + i] = guest_files[i].path;
    struct channel_result result = {0};
    struct error err = {0};
    int machine = (int)target->index;
    if (channel_run(target->channel, argv, READ_TIMEOUT_NS, &result, &err) < 0) {
        probe_readings_miss(out, machine, "guest", "%s", err.text);
        return;
    }
    say_counts(&result, machine, out);
    channel_result_done(&result);
}

const struct probe probe_guest = {
    .name = "guest",
    .help = "What the guest's own kernel counts: CPU time with steal, interrupts, devices.",
    .open = open_guest,
    .read = read_guest,
};
