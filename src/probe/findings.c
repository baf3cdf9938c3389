/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/host.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Above these a measurement is disturbed: chosen so that an idle desktop passes. */
#define BUSY_SHARE 0.10
#define STEAL_SHARE 0.005
/* ... and above this what a guest sees of time has little to do with its work. */
#define STEAL_SHARE_BAD 0.10

void findings_add(struct findings *findings, const char *name, enum finding_level level,
                  const char *remedy, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = mem_vprintf(format, ap);
    va_end(ap);
    MEM_GROW(findings->items, findings->count, findings->capacity);
    findings->items[findings->count++] =
        (struct finding){.name = name, .level = level, .text = text, .remedy = mem_strdup(remedy)};
}

void findings_done(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].text);
        free(findings->items[i].remedy);
    }
    free(findings->items);
    *findings = (struct findings){0};
}

static bool is_missing(const char *value)
{
    return !value || !strncmp(value, "not available", strlen("not available"));
}

/* How one fact is judged when it has, or has not, the value that disturbs least. */
struct setting {
    const char *fact;
    const char *name;
    const char *best;
    const char *meaning; /* what it means when it is otherwise */
    const char *remedy;
};

static const struct setting settings[] = {
    {"host.cpu.governor", "governor", "performance", "the clock rate changes with the load",
     "cpupower frequency-set -g performance"},
    {"host.cpu.turbo", "turbo", "off", "the clock rate depends on temperature and on other cores",
     "echo 0 > /sys/devices/system/cpu/cpufreq/boost, or 1 > .../intel_pstate/no_turbo"},
    {"host.ksm", "KSM", "0", "the kernel merges guest pages in the background",
     "echo 2 > /sys/kernel/mm/ksm/run"},
    {"host.smt", "SMT", "off", "two vCPUs may share a core",
     "echo off > /sys/devices/system/cpu/smt/control, or place VMs with --placement-vms"},
};

static void judge_setting(const struct setting *setting, const char *value,
                          struct findings *findings)
{
    if (is_missing(value))
        findings_add(findings, setting->name, FINDING_NOTE, "read it on the host below, if any",
                     "%s", value ? value : "not available");
    else if (!strcmp(value, setting->best) || !strcmp(value, "notsupported") ||
             !strcmp(value, "notimplemented"))
        findings_add(findings, setting->name, FINDING_GOOD, NULL, "%s", value);
    else
        findings_add(findings, setting->name, FINDING_NOTE, setting->remedy, "%s: %s", value,
                     setting->meaning);
}

static void judge_thp(const struct host_facts *facts, struct findings *findings)
{
    const char *value = host_facts_find(facts, "host.thp");
    if (is_missing(value))
        findings_add(findings, "THP", FINDING_NOTE, "none: this kernel has no huge pages by itself",
                     "%s", value ? value : "not available");
    else if (!strcmp(value, "always"))
        findings_add(findings, "THP", FINDING_GOOD, NULL,
                     "always: guests get huge pages without asking");
    else
        findings_add(findings, "THP", FINDING_NOTE,
                     "echo always > /sys/kernel/mm/transparent_hugepage/enabled",
                     "%s: whether a guest gets huge pages differs between hypervisors", value);
}

static void judge_nested(const struct host_facts *facts, struct findings *findings)
{
    const char *value = host_facts_find(facts, "host.nested");
    if (value && !strncmp(value, "yes", 3))
        findings_add(findings, "nested", FINDING_NOTE,
                     "measure on bare metal, or read every result as relative to this host",
                     "this host is itself a virtual machine: what it loses is not seen");
    else
        findings_add(findings, "nested", FINDING_GOOD, NULL, "bare metal");
}

/* Linux lets idle time go back a little now and then (proc(5)), and steal when a guest moves. */
static uint64_t grown(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

/* Between the two of CPU times that the kernel tells. */
static bool has_passed(const struct host_cpu *before, const struct host_cpu *after,
                       const char *name, struct findings *findings)
{
    if (after->total > before->total)
        return true;
    findings_add(findings, name, FINDING_NOTE, "look at /proc/stat, which should grow",
                 "not available: the kernel counts no CPU time");
    return false;
}

static void judge_cpu_time(const struct host_cpu *before, const struct host_cpu *after,
                           struct findings *findings)
{
    double total = (double)grown(before->total, after->total);
    if (!has_passed(before, after, "load", findings))
        return;
    double busy = fmax(1 - (double)grown(before->idle, after->idle) / total, 0);
    double steal = (double)grown(before->steal, after->steal) / total;
    if (busy > BUSY_SHARE)
        findings_add(findings, "load", FINDING_BAD, "stop other work, or wait until it ends",
                     "other work uses %.0f %% of the CPUs", busy * 100);
    else
        findings_add(findings, "load", FINDING_GOOD, NULL, "%.1f %% of the CPUs are busy",
                     busy * 100);
    if (steal > STEAL_SHARE)
        findings_add(findings, "steal", FINDING_BAD,
                     "ask for a host of your own, or more blocks: intervals get wide",
                     "the hypervisor below takes %.1f %% of the CPU time away", steal * 100);
    else
        findings_add(findings, "steal", FINDING_GOOD, NULL, "%.1f %% of the CPU time", steal * 100);
}

static void judge_load(const struct host_facts *moment, const struct host_facts *facts,
                       struct findings *findings)
{
    const char *load = host_facts_find(moment, "host.load");
    const char *count = host_facts_find(facts, "host.cpu.count");
    if (is_missing(load) || is_missing(count))
        return;
    double per_cpu = atof(load) / (atof(count) > 0 ? atof(count) : 1);
    if (per_cpu > 0.5)
        findings_add(findings, "load average", FINDING_NOTE, "wait a minute, then start",
                     "%s over the last minute on %s CPUs", load, count);
    else
        findings_add(findings, "load average", FINDING_GOOD, NULL, "%s on %s CPUs", load, count);
}

void host_judge(const struct host_facts *facts, const struct host_facts *moment,
                const struct host_cpu *before, const struct host_cpu *after,
                struct findings *findings)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        judge_setting(&settings[i], host_facts_find(facts, settings[i].fact), findings);
    judge_thp(facts, findings);
    judge_nested(facts, findings);
    judge_load(moment, facts, findings);
    judge_cpu_time(before, after, findings);
}

static void judge_loop_steal(const struct host_cpu *before, const struct host_cpu *after,
                             struct findings *findings)
{
    if (!has_passed(before, after, "steal", findings))
        return;
    uint64_t asked = grown(grown(before->idle, after->idle), grown(before->total, after->total));
    double share = asked ? (double)grown(before->steal, after->steal) / (double)asked : 0;
    if (share > STEAL_SHARE)
        findings_add(findings, "steal", share > STEAL_SHARE_BAD ? FINDING_BAD : FINDING_NOTE,
                     "wait until the host has a CPU for each virtual one, or ask for a host of "
                     "your own",
                     "the host took %.1f %% of the CPU time that was asked for here", share * 100);
    else
        findings_add(findings, "steal", FINDING_GOOD, NULL,
                     "%.1f %% of the CPU time, as far as the hypervisor tells", share * 100);
}

void host_judge_loop(const struct host_loop *loop, struct findings *findings)
{
    uint64_t away_ns = loop->wall_ns > loop->cpu_ns ? loop->wall_ns - loop->cpu_ns : 0;
    double away = loop->wall_ns ? (double)away_ns / (double)loop->wall_ns : 0;
    if (away > BUSY_SHARE)
        findings_add(findings, "other tasks", FINDING_NOTE, "stop other work here, then try again",
                     "the check had no CPU for %.0f %% of its time: other tasks here, or steal",
                     away * 100);
    else
        findings_add(findings, "other tasks", FINDING_GOOD, NULL,
                     "the check had no CPU for %.1f %% of its time", away * 100);
    judge_loop_steal(&loop->before, &loop->after, findings);
}
