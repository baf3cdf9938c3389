/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax lab run, shell: the emulated server.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/words.h"
#include "cli/call.h"
#include "command/list.h"
#include "command/load_plan.h"
#include "command/vocabulary.h"
#include "lab/lab.h"
#include "machine/machine.h"
#include "report/report.h"

#define DEFAULT_PLAN "quick"
#define ARGUMENTS_MAX 8
#define LABS_MAX 8

struct server_options {
    char *qemu;
    char *mirror;
    uint64_t cpus;
    uint64_t memory_bytes;
    uint64_t boot_timeout_ns;
    uint64_t silence_timeout_ns;
    unsigned counters;
    char *counters_options;
};

static const struct option server_rows[] = {
    {.name = "qemu",
     .type = OPTION_TEXT,
     .offset = offsetof(struct server_options, qemu),
     .value_name = "PROGRAM",
     .help = "The QEMU that emulates the server, in place of the lab's own."},
    {.name = "server-cpus",
     .type = OPTION_COUNT,
     .offset = offsetof(struct server_options, cpus),
     .value_name = "N",
     .min = 1,
     .max = 16,
     .help =
         "CPUs of the emulated server (default: as many as this host has; with Xen, VirtualBox or "
         "qemu-tcg: 1)."},
    {.name = "server-memory",
     .type = OPTION_SIZE,
     .offset = offsetof(struct server_options, memory_bytes),
     .value_name = "SIZE",
     .min = 1 << 30,
     .max = 1.0 * (UINT64_C(1) << 40),
     .help = "Memory of the emulated server (default: 4GiB; VirtualBox: 3GiB)."},
    {.name = "boot-timeout",
     .type = OPTION_DURATION,
     .offset = offsetof(struct server_options, boot_timeout_ns),
     .value_name = "TIME",
     .fallback = "5min",
     .min = 1e9,
     .max = 86400e9,
     .help = "How long the emulated server may take until it begins to measure."},
    {.name = "silence-timeout",
     .type = OPTION_DURATION,
     .offset = offsetof(struct server_options, silence_timeout_ns),
     .value_name = "TIME",
     .min = 120e9,
     .max = 86400e9,
     .help = "How long it may give no sign of life while it measures, where there is one every "
             "minute (default: 15min)."},
    {.name = "pmu",
     .type = OPTION_WORD,
     .offset = offsetof(struct server_options, counters),
     .value_name = "DESIGN",
     .fallback = "off",
     .words = counters_names,
     .help = "Performance counters of the server's CPUs, and who shares them with guests: nobody "
             "(off, none), KVM (emulated, mediated), or the CPU (hardware)."},
    {.name = "pmu-options",
     .type = OPTION_TEXT,
     .offset = offsetof(struct server_options, counters_options),
     .value_name = "KEY=VALUE,...",
     .help = "Settings of these counters, as memory=on,predictor=on."},
    {.name = "mirror",
     .type = OPTION_TEXT,
     .offset = offsetof(struct server_options, mirror),
     .value_name = "URL",
     .help = "Debian mirror for images that are not built yet."},
};
static const struct option_table server_table = {server_rows, COUNT_OF(server_rows),
                                                 sizeof(struct server_options), "Emulated server"};

struct run_options {
    char *store;
};

static const struct option run_rows[] = {
    {.name = "store",
     .type = OPTION_TEXT,
     .offset = offsetof(struct run_options, store),
     .value_name = "FILE",
     .help = "Where results are kept (default: vtax.db below $XDG_DATA_HOME/vtax)."},
};
static const struct option_table run_table = {run_rows, COUNT_OF(run_rows),
                                              sizeof(struct run_options)};

/* What may follow "--": the part of `vtax run` that makes sense in a server that is new each time.
 */
struct inner_options {
    char *report;
    uint64_t give_up;
};

static const struct option inner_rows[] = {
    {.name = "report",
     .type = OPTION_TEXT,
     .offset = offsetof(struct inner_options, report),
     .value_name = "FILE",
     .help = "Write the report to FILE at the end."},
    {.name = "give-up",
     .type = OPTION_COUNT,
     .offset = offsetof(struct inner_options, give_up),
     .value_name = "N",
     .fallback = "3",
     .help = "End after N trials in a row whose machines did not boot; 0: never."},
};
static const struct option_table inner_table = {inner_rows, COUNT_OF(inner_rows),
                                                sizeof(struct inner_options)};

static const struct command inner_command = {
    .name = "run",
    .operands = "[PLAN]",
    .summary = "What the emulated server measures",
    .tables = {&inner_table, &plan_option_table},
    .operand_max = 1,
};

/* The hypervisors that are named, one after the other. */
struct labs {
    const struct hypervisor *items[LABS_MAX];
    size_t count;
};

static int add_lab(struct labs *labs, const struct hypervisor *hypervisor, struct error *err)
{
    for (size_t i = 0; i < labs->count; i++)
        if (labs->items[i] == hypervisor)
            return error_set(err, ERROR_USAGE, -EINVAL, "hypervisor '%s' is named twice",
                             hypervisor->name);
    labs->items[labs->count++] = hypervisor;
    return 0;
}

/* "kvm", "kvm,xen", "all". */
static int parse_labs(const char *text, struct labs *out_labs, struct error *err)
{
    struct labs labs = {.count = 0};
    if (strcmp(text, "all") == 0)
        for (size_t i = 0; hypervisors[i]; i++)
            labs.items[labs.count++] = hypervisors[i];
    int rc = 0;
    for (const char *at = text; rc == 0 && at && strcmp(text, "all") != 0;) {
        size_t length = strcspn(at, ",");
        CLEANUP_FREE char *name = mem_strndup(at, length);
        const struct hypervisor *found = hypervisor_find(name);
        rc = found ? add_lab(&labs, found, err) : hypervisor_refuse(name, err);
        at = at[length] ? at + length + 1 : NULL;
    }
    *out_labs = labs;
    return rc;
}

static int find_hypervisor(const struct command_call *call, const struct hypervisor **out_found,
                           struct error *err)
{
    *out_found = hypervisor_find(call->arguments[0]);
    return *out_found ? 0 : hypervisor_refuse(call->arguments[0], err);
}

static int parse_inner(const struct command_call *call, struct call_line *out_line,
                       struct error *err)
{
    const struct command *const known[] = {&inner_command, NULL};
    size_t count = call->argument_count - 1;
    char **argv = mem_array(count + 3, sizeof(*argv));
    argv[0] = (char *)"vtax";
    argv[1] = (char *)"run";
    for (size_t i = 0; i < count; i++)
        argv[i + 2] = call->arguments[i + 1];
    int rc = call_parse(known, (int)count + 2, argv, out_line, err);
    free(argv);
    return rc < 0 ? error_prefix(err, "after '--'") : 0;
}

static bool is_given(const struct command_call *call, const char *name)
{
    for (size_t i = 0; i < call->given_count; i++)
        if (strcmp(call->given[i]->name, name) == 0)
            return true;
    return false;
}

static void add_word(struct strbuf *buf, const char *word)
{
    strbuf_addf(buf, "%s%s", buf->length ? "," : "", word);
}

/* Those of the plan that are native or among the wanted ones; NULL when none of these is. */
static char *pick_platforms(const struct plan *plan, const char *const *wanted)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    bool any = false;
    for (size_t i = 0; i < plan->platform_count; i++) {
        const struct plan_entry *entry = &plan->platforms[i];
        bool native = strcmp(entry->kind->name, "native") == 0;
        bool own = !native && words_contain(wanted, entry->kind->name);
        if (native || own)
            add_word(&buf, entry->name);
        any |= own;
    }
    return any ? strbuf_take(&buf) : NULL;
}

/* Without --platforms: those of the plan that the hypervisor offers; native and what it is for when
 * that leaves no virtual one, or, of a built-in plan, none that it is for. */
static char *choose_platforms(const struct plan *plan, const char *name,
                              const struct hypervisor *hypervisor)
{
    CLEANUP_FREE char *own = pick_platforms(plan, hypervisor->default_platforms);
    char *picked = NULL;
    if (own || !plan_find_builtin(name))
        picked = pick_platforms(plan, hypervisor->platforms);
    if (picked)
        return picked;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    for (const char *const *at = hypervisor->default_platforms; *at; at++)
        add_word(&buf, *at);
    return strbuf_take(&buf);
}

static int check_plan(const struct plan *plan, const struct hypervisor *hypervisor,
                      struct error *err)
{
    if (plan->image)
        return error_set(err, ERROR_USAGE, -ENOTSUP,
                         "the lab measures the built-in guest image only, not image '%s'",
                         plan->image);
    for (size_t i = 0; i < plan->platform_count; i++)
        if (!words_contain(hypervisor->platforms, plan->platforms[i].kind->name))
            return words_set_unknown(err, "platform for this lab", plan->platforms[i].kind->name,
                                     hypervisor->platforms);
    return 0;
}

struct lab_plan {
    char *text;
    unsigned cpus; /* that the server had better have, where nobody says; 0: as it usually has */
};

/* Two emulated CPUs stop each other whenever the emulation within writes code: with one, a trial of
 * qemu-tcg took two thirds of the time. */
static unsigned cpus_for(const struct plan *plan)
{
    for (size_t i = 0; i < plan->platform_count; i++)
        if (strcmp(plan->platforms[i].kind->name, "qemu-tcg") == 0)
            return 1;
    return 0;
}

static int make_plan(const struct command_call *inner, const struct labs *labs,
                     const struct hypervisor *hypervisor, struct lab_plan *out_plan,
                     struct error *err)
{
    const char *name = inner->argument_count ? inner->arguments[0] : DEFAULT_PLAN;
    struct vocabulary vocabulary;
    CLEANUP_PLAN struct plan *plan = NULL;
    vocabulary_init(&vocabulary);
    int rc = load_plan(inner, name, &vocabulary.plan, &plan, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *chosen = NULL;
    if (!is_given(inner, "platforms"))
        chosen = choose_platforms(plan, name, hypervisor);
    else if (labs->count > 1) /* each takes what it offers; alone it must offer all */
        chosen = pick_platforms(plan, hypervisor->platforms);
    if (chosen)
        rc = plan_override(plan, "platforms", chosen, &vocabulary.plan, err);
    if (rc == 0)
        rc = plan_check(plan, err);
    if (rc == 0)
        rc = check_plan(plan, hypervisor, err);
    if (rc == 0)
        *out_plan = (struct lab_plan){plan_format(plan), cpus_for(plan)};
    return rc;
}

static struct lab_options make_options(const struct hypervisor *hypervisor,
                                       const struct server_options *want, struct progress *progress)
{
    return (struct lab_options){
        .hypervisor = hypervisor,
        .qemu = want->qemu,
        .mirror = want->mirror,
        .cpus = (unsigned)want->cpus,
        .memory_bytes = want->memory_bytes,
        .boot_timeout_ns = want->boot_timeout_ns,
        .silence_timeout_ns = want->silence_timeout_ns,
        .counters = (enum counters)want->counters,
        .counters_options = want->counters_options,
        .progress = progress,
    };
}

DEFINE_CLEANUP(struct store *, store_close);

/* A store that cannot be written is found out before the measurement, not after. */
static int check_store(const char *path, struct error *err)
{
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    return store_open(path, STORE_WRITE, &store, err);
}

/* The format that FILE.html, FILE.json or FILE.csv asks for. */
static enum report_format choose_format(const char *file)
{
    const char *dot = strrchr(file, '.');
    for (int i = 0; dot && i < REPORT_FORMAT_COUNT; i++)
        if (strcmp(dot + 1, report_format_names[i]) == 0)
            return (enum report_format)i;
    return REPORT_TEXT;
}

static int load(const char *path, int64_t campaign, struct report **out_report, struct error *err)
{
    CLEANUP(store_close_cleanup) struct store *store = NULL;
    char selector[32];
    snprintf(selector, sizeof(selector), "%" PRId64, campaign);
    const struct report_options reading = {0};
    int rc = store_open(path, STORE_READ, &store, err);
    if (rc == 0)
        rc = report_load(store, selector, &reading, out_report, err);
    if (rc == 0)
        (void)TAKE_PTR(store); /* the report closes it */
    return rc;
}

/* All campaigns side by side, each relative to its own native. */
static int show(const char *store, const int64_t *campaigns, size_t count, const char *file,
                struct error *err)
{
    CLEANUP_REPORT struct report *report = NULL;
    int rc = load(store, campaigns[0], &report, err);
    for (size_t i = 1; rc == 0 && i < count; i++) {
        struct report *other;
        rc = load(store, campaigns[i], &other, err);
        if (rc == 0)
            report_add_other(report, other);
    }
    if (rc == 0)
        rc = report_save(report, REPORT_TEXT, NULL, err);
    return rc == 0 && file ? report_save(report, choose_format(file), file, err) : rc;
}

/* What `lab run` is to do. */
struct measuring {
    const struct command_call *call;
    const struct command_call *inner;
    const struct lab_recording *recording; /* NULL: none */
    struct labs labs;
    struct lab_plan plans[LABS_MAX];
};

static void measuring_done(struct measuring *measuring)
{
    for (size_t i = 0; i < LABS_MAX; i++)
        free(measuring->plans[i].text);
}

static int measure_one(const struct measuring *measuring, size_t at, int64_t *out_campaign,
                       struct error *err)
{
    const struct run_options *want = measuring->call->options[0];
    const struct inner_options *inside = measuring->inner->options[0];
    CLEANUP_FREE char *give_up = mem_printf("--give-up=%" PRIu64, inside->give_up);
    const char *const arguments[ARGUMENTS_MAX] = {give_up, NULL};
    const struct lab_job job = {
        .plan_text = measuring->plans[at].text, .arguments = arguments, .store = want->store};
    struct progress progress;
    progress_init(&progress);
    struct lab_options options =
        make_options(measuring->labs.items[at], measuring->call->options[1], &progress);
    options.recording = measuring->recording;
    options.cpus = options.cpus ?: measuring->plans[at].cpus;
    return lab_run(&options, &job, out_campaign, err);
}

/* A lab that fails is told, and the others are still measured: theirs may have taken an hour. What
 * it has measured until then is in the report. */
static int measure(const struct measuring *measuring, struct error *err)
{
    const struct run_options *want = measuring->call->options[0];
    const struct inner_options *inside = measuring->inner->options[0];
    const struct labs *labs = &measuring->labs;
    int64_t campaigns[LABS_MAX];
    size_t count = 0, failed = 0;
    struct error first = {0};
    for (size_t i = 0; i < labs->count; i++) {
        struct error cause = {0};
        int rc = measure_one(measuring, i, &campaigns[count], &cause);
        count += campaigns[count] != 0;
        failed += rc < 0;
        if (rc < 0 && (rc == -EINTR || labs->count == 1)) {
            *err = cause;
            return rc;
        }
        if (rc == 0)
            continue;
        error_prefix(&cause, "%s", labs->items[i]->name);
        log_error(&cause);
        if (first.code == 0)
            first = cause;
    }
    int rc = count ? show(want->store, campaigns, count, inside->report, err) : 0;
    if (rc == 0 && failed)
        rc = error_set(err, first.kind, first.code, "%zu of %zu labs failed, see above", failed,
                       labs->count);
    return rc;
}

static int run_recorded(const struct command_call *call, const struct lab_recording *recording,
                        struct error *err)
{
    const struct run_options *want = call->options[0];
    const struct server_options *server = call->options[1];
    CLEANUP(call_done) struct call_line inner = {0};
    CLEANUP(measuring_done)
    struct measuring measuring = {.call = call, .inner = &inner.call, .recording = recording};
    const struct labs *labs = &measuring.labs;
    int rc = parse_labs(call->arguments[0], &measuring.labs, err);
    if (rc == 0 && recording && labs->count > 1)
        rc = error_set(err, ERROR_USAGE, -EINVAL, "record one hypervisor at a time, not '%s'",
                       call->arguments[0]);
    if (rc == 0)
        rc =
            counters_check_settings((enum counters)server->counters, server->counters_options, err);
    if (rc == 0)
        rc = parse_inner(call, &inner, err);
    for (size_t i = 0; rc == 0 && i < labs->count; i++) {
        rc = make_plan(&inner.call, labs, labs->items[i], &measuring.plans[i], err);
        if (rc < 0 && labs->count > 1)
            error_prefix(err, "%s", labs->items[i]->name);
    }
    if (rc == 0)
        rc = check_store(want->store, err);
    return rc < 0 ? rc : measure(&measuring, err);
}

static int run(const struct command_call *call, struct error *err)
{
    return run_recorded(call, NULL, err);
}

const struct command command_lab_run = {
    .name = "lab run",
    .operands = "kvm|xen|virtualbox|all[,...] [-- [PLAN] [PLAN OPTIONS]]",
    .summary = "Measure a real hypervisor in an emulated server",
    .help =
        "QEMU emulates an AMD server with hardware virtualization, the server boots stock\n"
        "Debian with the hypervisor, this vtax measures in it, and the campaign comes home\n"
        "into the store. Works on any host; native then means the emulated server itself.\n"
        "Counts are real; seconds say nothing about real hardware, and every table says so.\n"
        "\n"
        "  vtax lab run kvm\n"
        "  vtax lab run xen -- lab-paper --blocks 1 --vms 1\n"
        "  vtax lab run all -- lab-paper --report paper.html\n"
        "\n"
        "Several hypervisors, with a comma between them, are measured one after the other, and\n"
        "the report puts them side by side, each relative to native on its own server.\n"
        "\n"
        "After '--' come a plan and the options that override its keys, as for `vtax run`,\n"
        "besides --give-up N and --report FILE. Without --platforms those of the plan are\n"
        "measured that the hypervisor offers; of a built-in plan that names none that it is for,\n"
        "as quick, native and those.\n",
    .tables = {&run_table, &server_table},
    .operand_min = 1,
    .operand_max = 64,
    .run = run,
};

struct record_options {
    uint64_t period;
    char *output;
};

static const struct option record_rows[] = {
    {.name = "period",
     .type = OPTION_COUNT,
     .offset = offsetof(struct record_options, period),
     .value_name = "N",
     .fallback = "100000",
     .min = 1000,
     .max = 1e12,
     .help = "Take a sample with each N-th instruction that a CPU of the server executes."},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(struct record_options, output),
     .value_name = "DIR",
     .fallback = "vtax.profile",
     .help = "Where the profile goes: a directory that is empty or not there yet."},
};
static const struct option_table record_table = {record_rows, COUNT_OF(record_rows),
                                                 sizeof(struct record_options)};

static int run_record(const struct command_call *call, struct error *err)
{
    const struct record_options *want = call->options[2];
    const struct lab_recording recording = {.directory = want->output, .period = want->period};
    int rc = run_recorded(call, &recording, err);
    if (rc == 0)
        fprintf(stderr, "vtax: the profile is in '%s': vtax report --profile %s\n", want->output,
                want->output);
    return rc;
}

const struct command command_record = {
    .name = "record",
    .operands = "kvm|xen|virtualbox [-- [PLAN] [PLAN OPTIONS]]",
    .summary = "Profile a lab run: the hypervisor, its guests and their programs at once",
    .help =
        "Does what `vtax lab run` does, and samples whatever the emulated server executes: its\n"
        "kernel, its programs, each guest's kernel and programs, with one sample in N\n"
        "instructions. No software in the server or in the guests is changed or can see it.\n"
        "\n"
        "  vtax record -o bzip2.profile kvm -- --workloads bzip2 --platforms native,kvm\n"
        "  vtax report --profile bzip2.profile --output flame.html\n"
        "\n"
        "The directory has everything that names the samples; it can be kept and copied.\n",
    .tables = {&run_table, &server_table, &record_table},
    .operand_min = 1,
    .operand_max = 64,
    .run = run_record,
};

static int run_shell(const struct command_call *call, struct error *err)
{
    const struct hypervisor *hypervisor;
    int rc = find_hypervisor(call, &hypervisor, err);
    if (rc < 0)
        return rc;
    struct progress progress;
    progress_init(&progress);
    const struct lab_options options = make_options(hypervisor, call->options[0], &progress);
    return lab_shell(&options, err);
}

const struct command command_lab_shell = {
    .name = "lab shell",
    .operands = "kvm|xen|virtualbox",
    .summary = "Boot the emulated server with a shell on this terminal",
    .help =
        "The same server as `vtax lab run` boots; vtax is /job/bin/vtax in it. 'exit' powers it\n"
        "off; Ctrl-A X ends it at once. Nothing that is done in it stays.\n",
    .tables = {&server_table},
    .operand_min = 1,
    .operand_max = 1,
    .run = run_shell,
};
