/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/openmetrics.h"

#include <inttypes.h>
#include <string.h>

#include "report/escape.h"

/* Counters and gauges of a host: name without its ending, unit, what it is. */
struct family {
    const char *name;
    const char *type;
    const char *unit; /* "": none */
    const char *help;
};

static void add_family(const struct family *family, struct strbuf *out)
{
    strbuf_addf(out, "# TYPE %s %s\n", family->name, family->type);
    if (*family->unit)
        strbuf_addf(out, "# UNIT %s %s\n", family->name, family->unit);
    strbuf_addf(out, "# HELP %s %s.\n", family->name, family->help);
}

/* Valid UTF-8, with '\', '"' and line feed escaped as OpenMetrics has it. */
static void add_label(const char *name, const char *text, struct strbuf *out)
{
    CLEANUP_FREE char *valid = escape_utf8(text);
    strbuf_addf(out, "%s=\"", name);
    for (const char *at = valid; *at; at++)
        if (*at == '\n')
            strbuf_adds(out, "\\n");
        else if (*at == '\\' || *at == '"')
            strbuf_addf(out, "\\%c", *at);
        else
            strbuf_addc(out, *at);
    strbuf_addc(out, '"');
}

/* Names need not be unique; with the number of the process or domain the labels are. */
static void add_labels(const struct vm *vm, struct strbuf *out)
{
    add_label("vm", vm->name, out);
    strbuf_addf(out, ",kind=\"%s\",%s=\"%u\"", vm_kind_names[vm->kind], vm->pid ? "pid" : "domain",
                vm->pid ? (unsigned)vm->pid : vm->domain);
}

static void add_ns(uint64_t ns, struct strbuf *out)
{
    strbuf_addf(out, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void add_value(const struct figure *figure, enum figure_unit unit, struct strbuf *out)
{
    if (unit == FIGURE_UNIT_NS)
        add_ns(figure->value, out);
    else
        strbuf_addf(out, "%" PRIu64, figure->value);
    strbuf_addc(out, '\n');
}

static void add_host_value(const struct family *family, const struct figure *figure,
                           enum figure_unit unit, struct strbuf *out)
{
    if (figure->missing)
        return;
    add_family(family, out);
    strbuf_addf(out, "%s_total ", family->name);
    add_value(figure, unit, out);
}

static void add_host(const struct host_sample *host, struct strbuf *out)
{
    const struct {
        struct family family;
        const struct figure *figure;
        enum figure_unit unit;
    } rows[] = {
        {{"vtax_host_busy_seconds", "counter", "seconds",
          "CPU time of the whole host that was used, machines and guest code included"},
         &host->busy,
         FIGURE_UNIT_NS},
        {{"vtax_host_steal_seconds", "counter", "seconds",
          "CPU time that a hypervisor below this host gave to others"},
         &host->steal,
         FIGURE_UNIT_NS},
        {{"vtax_host_wait_seconds", "counter", "seconds",
          "Time for which threads of the host were runnable and waited for a CPU"},
         &host->wait,
         FIGURE_UNIT_NS},
        {{"vtax_host_disk_read_bytes", "counter", "bytes", "Bytes read from all block devices"},
         &host->read,
         FIGURE_UNIT_BYTES},
        {{"vtax_host_disk_written_bytes", "counter", "bytes", "Bytes written to all block devices"},
         &host->write,
         FIGURE_UNIT_BYTES},
    };
    static const struct family cpus = {"vtax_host_cpus", "gauge", "", "CPUs of the host"};
    add_family(&cpus, out);
    strbuf_addf(out, "vtax_host_cpus %u\n", host->cpus);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add_host_value(&rows[i].family, rows[i].figure, rows[i].unit, out);
}

static void add_vcpus(const struct snapshot *snapshot, struct strbuf *out)
{
    static const struct family machines = {"vtax_vms", "gauge", "", "Virtual machines found"};
    static const struct family vcpus = {"vtax_vm_vcpus", "gauge", "",
                                        "Virtual CPUs of the machine"};
    add_family(&machines, out);
    strbuf_addf(out, "vtax_vms %zu\n", snapshot->count);
    add_family(&vcpus, out);
    for (size_t i = 0; i < snapshot->count; i++) {
        if (!snapshot->vms[i].vcpu_count)
            continue;
        strbuf_adds(out, "vtax_vm_vcpus{");
        add_labels(&snapshot->vms[i], out);
        strbuf_addf(out, "} %u\n", snapshot->vms[i].vcpu_count);
    }
}

static void add_figure(const struct snapshot *snapshot, size_t id, struct strbuf *out)
{
    static const char *const units[] = {
        [FIGURE_UNIT_NS] = "seconds", [FIGURE_UNIT_BYTES] = "bytes", [FIGURE_UNIT_NONE] = ""};
    const struct figure_kind *kind = &figure_kinds[id];
    CLEANUP_FREE char *name = mem_printf("vtax_vm_%s", kind->metric);
    const struct family family = {name, "counter", units[kind->unit], kind->help};
    add_family(&family, out);
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct figure *figure = &snapshot->vms[i].figures[id];
        if (figure->missing)
            continue;
        strbuf_addf(out, "%s_total{", name);
        add_labels(&snapshot->vms[i], out);
        strbuf_adds(out, "} ");
        add_value(figure, kind->unit, out);
    }
}

static void add_missing(const struct snapshot *snapshot, struct strbuf *out)
{
    static const struct family family = {"vtax_vm_missing", "gauge", "",
                                         "Figures that cannot be had, with the reason: always 1"};
    add_family(&family, out);
    for (size_t i = 0; i < snapshot->count; i++)
        for (size_t id = 0; id < FIGURE_COUNT; id++) {
            const char *reason = snapshot->vms[i].figures[id].missing;
            if (!reason)
                continue;
            strbuf_adds(out, "vtax_vm_missing{");
            add_labels(&snapshot->vms[i], out);
            strbuf_addf(out, ",figure=\"%s\",", figure_kinds[id].name);
            add_label("reason", reason, out);
            strbuf_adds(out, "} 1\n");
        }
}

static void add_reason_labels(const struct vm *vm, const struct vm_reason *reason,
                              struct strbuf *out)
{
    add_labels(vm, out);
    strbuf_addc(out, ',');
    add_label("reason", reason->name, out);
}

static void add_reason_counts(const struct snapshot *snapshot, struct strbuf *out)
{
    static const struct family family = {"vtax_vm_reason_exits", "counter", "",
                                         "World switches from guest to host by reason"};
    add_family(&family, out);
    for (size_t i = 0; i < snapshot->count; i++)
        for (size_t j = 0; j < snapshot->vms[i].reason_count; j++) {
            const struct vm_reason *reason = &snapshot->vms[i].reasons[j];
            strbuf_adds(out, "vtax_vm_reason_exits_total{");
            add_reason_labels(&snapshot->vms[i], reason, out);
            strbuf_addf(out, "} %" PRIu64 "\n", reason->count);
        }
}

/* Cumulative, as histograms are there: how many took up to `le` seconds. Bounds with the same value
 * as the one before are kept: a series that comes and goes is worse than one that is long. */
static void add_histogram(const struct vm *vm, const struct vm_reason *reason, struct strbuf *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i + 1 < EXIT_BUCKETS; i++) {
        sum += reason->buckets[i];
        strbuf_adds(out, "vtax_vm_exit_duration_seconds_bucket{");
        add_reason_labels(vm, reason, out);
        strbuf_adds(out, ",le=\"");
        add_ns(UINT64_C(1) << i, out);
        strbuf_addf(out, "\"} %" PRIu64 "\n", sum);
    }
    sum += reason->buckets[EXIT_BUCKETS - 1];
    strbuf_adds(out, "vtax_vm_exit_duration_seconds_bucket{");
    add_reason_labels(vm, reason, out);
    strbuf_addf(out, ",le=\"+Inf\"} %" PRIu64 "\n", sum);
    strbuf_adds(out, "vtax_vm_exit_duration_seconds_count{");
    add_reason_labels(vm, reason, out);
    strbuf_addf(out, "} %" PRIu64 "\n", sum);
    strbuf_adds(out, "vtax_vm_exit_duration_seconds_sum{");
    add_reason_labels(vm, reason, out);
    strbuf_adds(out, "} ");
    add_ns(reason->time.value, out);
    strbuf_addc(out, '\n');
}

static void add_histograms(const struct snapshot *snapshot, struct strbuf *out)
{
    static const struct family family = {
        "vtax_vm_exit_duration_seconds", "histogram", "seconds",
        "How long vCPUs were out of guest mode after an exit, by reason"};
    add_family(&family, out);
    for (size_t i = 0; i < snapshot->count; i++)
        for (size_t j = 0; j < snapshot->vms[i].reason_count; j++)
            if (!snapshot->vms[i].reasons[j].time.missing)
                add_histogram(&snapshot->vms[i], &snapshot->vms[i].reasons[j], out);
}

void openmetrics_add(const struct snapshot *snapshot, struct strbuf *out)
{
    add_host(&snapshot->host, out);
    add_vcpus(snapshot, out);
    for (size_t id = 0; id < FIGURE_COUNT; id++)
        add_figure(snapshot, id, out);
    add_reason_counts(snapshot, out);
    add_histograms(snapshot, out);
    add_missing(snapshot, out);
    strbuf_adds(out, "# EOF\n");
}
