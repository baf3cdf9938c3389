/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax pmu verify: the counters of the emulated server, checked in it. Outside of it the command
 * boots one and runs itself there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/call.h"
#include "command/list.h"
#include "command/vocabulary.h"
#include "lab/lab.h"
#include "study/verify.h"

#define IN_LAB "VTAX_LAB"

struct verify_command {
    uint64_t times;
    struct option_texts checks;
    uint64_t vcpus;
    uint64_t server_cpus;
    unsigned hypervisor;
    unsigned counters;
    char *counters_options;
    char *qemu;
    uint64_t boot_timeout_ns;
};

/* Whose guests perf can use the counters in. */
static const char *const hypervisor_words[] = {"kvm", "xen", NULL};
static const char *const platforms[] = {"kvm", "xen-hvm"};

static const struct option rows[] = {
    {.name = "times",
     .type = OPTION_COUNT,
     .offset = offsetof(struct verify_command, times),
     .value_name = "N",
     .fallback = "5",
     .min = 1,
     .max = 100,
     .help = "How often each exact count is repeated."},
    {.name = "checks",
     .type = OPTION_TEXTS,
     .offset = offsetof(struct verify_command, checks),
     .value_name = "LIST",
     .words = verify_check_names,
     .help = "The groups of checks to make (default: all)."},
    {.name = "vcpus",
     .type = OPTION_COUNT,
     .offset = offsetof(struct verify_command, vcpus),
     .value_name = "N",
     .fallback = "1",
     .min = 1,
     .max = 4,
     .help = "Virtual CPUs of each guest."},
    {.name = "server-cpus",
     .type = OPTION_COUNT,
     .offset = offsetof(struct verify_command, server_cpus),
     .value_name = "N",
     .min = 1,
     .max = 16,
     .help = "CPUs of the emulated server (default: as many as this host has; Xen: 1)."},
    {.name = "hypervisor",
     .type = OPTION_WORD,
     .offset = offsetof(struct verify_command, hypervisor),
     .value_name = "NAME",
     .fallback = "kvm",
     .words = hypervisor_words,
     .help = "Of the server; with xen its HVM guests are checked, and no server."},
    {.name = "pmu",
     .type = OPTION_WORD,
     .offset = offsetof(struct verify_command, counters),
     .value_name = "DESIGN",
     .fallback = "hardware",
     .words = counters_names,
     .help = "The design to check, as for `vtax lab run`."},
    {.name = "pmu-options",
     .type = OPTION_TEXT,
     .offset = offsetof(struct verify_command, counters_options),
     .value_name = "KEY=VALUE,...",
     .help = "Settings of the counters, as for `vtax lab run`."},
    {.name = "qemu",
     .type = OPTION_TEXT,
     .offset = offsetof(struct verify_command, qemu),
     .value_name = "PROGRAM",
     .help = "The QEMU that emulates the server, in place of the lab's own."},
    {.name = "boot-timeout",
     .type = OPTION_DURATION,
     .offset = offsetof(struct verify_command, boot_timeout_ns),
     .value_name = "TIME",
     .fallback = "5min",
     .min = 1e9,
     .max = 86400e9,
     .help = "How long the emulated server may take until it begins."},
};
static const struct option_table table = {rows, COUNT_OF(rows), sizeof(struct verify_command)};

static int verify_here(const struct verify_command *want, struct error *err)
{
    struct vocabulary vocabulary;
    vocabulary_init(&vocabulary);
    const struct verify_options options = {.platform = platforms[want->hypervisor],
                                           .times = (unsigned)want->times,
                                           .vcpus = (unsigned)want->vcpus,
                                           .checks = want->checks,
                                           .vocabulary = &vocabulary.plan};
    unsigned missed = 0;
    int rc = verify_run(&options, stdout, &missed, err);
    if (rc < 0 || missed == 0)
        return rc;
    return error_set(err, ERROR_FAILED, -EIO, "verify the counters: %u checks missed", missed);
}

static int verify_in_lab(const struct verify_command *want, struct error *err)
{
    CLEANUP_FREE char *times = mem_printf("--times=%" PRIu64, want->times);
    CLEANUP_FREE char *vcpus = mem_printf("--vcpus=%" PRIu64, want->vcpus);
    CLEANUP_FREE char *checks = option_format(option_find(&table, "checks", 6), want);
    CLEANUP_FREE char *chosen = checks ? mem_printf("--checks=%s", checks) : NULL;
    CLEANUP_FREE char *hypervisor =
        mem_printf("--hypervisor=%s", hypervisor_words[want->hypervisor]);
    const char *const command[] = {"pmu", "verify", times, vcpus, hypervisor, chosen, NULL};
    struct progress progress;
    progress_init(&progress);
    const struct lab_options options = {.hypervisor =
                                            hypervisor_find(hypervisor_words[want->hypervisor]),
                                        .qemu = want->qemu,
                                        .cpus = (unsigned)want->server_cpus,
                                        .boot_timeout_ns = want->boot_timeout_ns,
                                        .counters = (enum counters)want->counters,
                                        .counters_options = want->counters_options,
                                        .progress = &progress};
    CLEANUP_FREE char *text = NULL;
    int status = 0;
    int rc = lab_run_command(&options, command, &text, &status, err);
    if (rc < 0)
        return rc;
    fputs(text, stdout);
    return status == 0
               ? 0
               : error_set(err, ERROR_FAILED, -EIO,
                           "verify the counters: exit code %d in the emulated server", status);
}

static int run_verify(const struct command_call *call, struct error *err)
{
    const struct verify_command *want = call->options[0];
    return getenv(IN_LAB) ? verify_here(want, err) : verify_in_lab(want, err);
}

const struct command command_pmu_verify = {
    .name = "pmu verify",
    .summary = "Check the counters that host and guests have in the lab",
    .help = "Boots the emulated server with its counters, KVM and two guests in it, and checks\n"
            "that each kernel sees exactly its own: known loops, samples, VMs that move between\n"
            "CPUs or are switched out, and that the sum over all is what the machine did. Prints\n"
            "a table; the exit code is 1 when a check missed.\n",
    .tables = {&table},
    .run = run_verify,
};
