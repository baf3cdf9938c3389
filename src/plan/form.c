/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/form.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define AT(field) offsetof(struct plan_form, field)
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1: what every reader of JSON holds exactly */

static const struct option options[FORM_KEY_COUNT] = {
    [FORM_NAME] = {"name", 0, OPTION_TEXT, AT(plan.name), "NAME",
                   .help = "Name of the campaign, for listings and reports."},
    [FORM_PLATFORMS] = {"platforms", 0, OPTION_TEXTS, AT(platforms), "LIST",
                        .help = "Platforms to measure, such as native,qemu-tcg."},
    [FORM_BASELINE] = {"baseline", 0, OPTION_TEXT, AT(baseline), "PLATFORM",
                       .help = "The platform that the others are compared with, by default the "
                               "native one."},
    [FORM_VMS] = {"vms", 0, OPTION_COUNTS, AT(plan.vms), "LIST", "1", .min = 1, .max = PLAN_VMS_MAX,
                  .help = "Numbers of machines side by side, such as 1,2,4 or 1..10."},
    [FORM_VCPUS] = {"vcpus", 0, OPTION_COUNTS, AT(plan.vcpus), "LIST", "1", .min = 1,
                    .max = PLAN_VCPUS_MAX, .help = "Numbers of vCPUs of each machine."},
    [FORM_MEMORY] = {"memory", 0, OPTION_SIZES, AT(plan.memory_bytes), "LIST", "512MiB",
                     .min = 64 << 20, .max = 0x1p44, .help = "Memory sizes of each machine."},
    [FORM_WORKLOADS] = {"workloads", 0, OPTION_TEXTS, AT(workloads), "LIST",
                        .help = "Workloads to run, such as bzip2,netperf,dd."},
    [FORM_BLOCKS] = {"blocks", 0, OPTION_COUNT, AT(plan.blocks), "N", "3", .min = 1, .max = 1000,
                     .help = "How often every combination is measured; replaces until."},
    [FORM_UNTIL_CI] = {"until-ci", 0, OPTION_SHARE, AT(plan.until.ci), "SHARE", .min = 0.0001,
                       .max = 1,
                       .help = "Measure until the 95 % intervals are narrower than this share to "
                               "each side, such as 2%."},
    [FORM_UNTIL_MAX_BLOCKS] = {"until-max-blocks", 0, OPTION_COUNT, AT(plan.until.max_blocks), "N",
                               .min = 1, .max = 1000,
                               .help = "Stop after this many blocks at the latest."},
    [FORM_UNTIL_BUDGET] = {"until-budget", 0, OPTION_DURATION, AT(plan.until.budget_ns), "DURATION",
                           .min = NS_PER_S, .max = 0x1p63,
                           .help = "Stop after this time at the latest, such as 30min."},
    [FORM_SEED] = {"seed", 0, OPTION_COUNT, AT(plan.seed), "N", "1", .max = EXACT_MAX,
                   .help = "Seed of the random order and of generated input."},
    [FORM_PLACEMENT_VMS] = {"placement-vms", 0, OPTION_CPUS, AT(plan.placement.vms), "CPUS",
                            .help = "Host CPUs that vCPUs run on, such as 0-3 (default: all)."},
    [FORM_PLACEMENT_LOAD] = {"placement-load", 0, OPTION_CPUS, AT(plan.placement.load), "CPUS",
                             .help = "Host CPUs of the load generators (default: all)."},
    [FORM_PLACEMENT_EMULATOR] = {"placement-emulator", 0, OPTION_CPUS, AT(plan.placement.emulator),
                                 "CPUS",
                                 .help = "Host CPUs of device emulation and I/O threads, with "
                                         "qemu-tcg and kvm (default: those of the vCPUs)."},
    [FORM_PLACEMENT_NUMA_NODE] = {"placement-numa-node", 0, OPTION_COUNTS,
                                  AT(plan.placement.numa_nodes), "LIST", .min = 0, .max = 1023,
                                  .help = "NUMA nodes that memory comes from, with native, "
                                          "qemu-tcg and kvm (default: any)."},
    [FORM_PROBES] = {"probes", 0, OPTION_TEXTS, AT(plan.probes), "LIST",
                     .help = "Probes that look during each trial, such as host,process,exits, or "
                             "none (default: all but xen)."},
    [FORM_EVENTS] = {"events", 0, OPTION_TEXTS, AT(plan.events), "LIST",
                     .help = "Processor events that the probe counters counts besides instructions "
                             "and cycles: names that libpfm4 knows, or raw as r1c2."},
    [FORM_IMAGE] = {"image", 0, OPTION_TEXT, AT(plan.image), "FILE",
                    .help = "A disk image of your own (qcow2 or raw, with cloud-init) instead of "
                            "the built-in guest image."},
    [FORM_ROOT] = {"root", 0, OPTION_TEXT, AT(plan.root), "DIR",
                   .help = "Root file system with the same programs as the image of your own, for "
                           "the platform native."},
    [FORM_SET] = {"set", 0, OPTION_TEXTS, AT(settings), "NAME.KEY=VALUE", .whole = true,
                  .help = "Change a setting of a platform or workload, such as bzip2.input=16MiB; "
                          "may be repeated."},
};

const struct option_table plan_option_table = {options, FORM_KEY_COUNT, sizeof(struct plan_form),
                                               "Options that change the plan"};

const char *const form_maps[] = {"until", "placement", NULL};

struct form_place form_place(enum form_key key)
{
    const char *name = options[key].name;
    for (size_t i = 0; form_maps[i]; i++) {
        size_t length = strlen(form_maps[i]);
        if (!strncmp(name, form_maps[i], length) && name[length] == '-')
            return (struct form_place){form_maps[i], name + length + 1};
    }
    return (struct form_place){NULL, name};
}

struct plan_form *form_new(void)
{
    struct plan_form *form = mem_zalloc(sizeof(*form));
    option_table_init(&plan_option_table, form);
    form->plan.baseline = PLAN_NO_BASELINE;
    return form;
}

struct plan_form *form_of(struct plan *plan)
{
    return (struct plan_form *)plan;
}

void plan_remove_platform(struct plan *plan, size_t index)
{
    assert(index < plan->platform_count && index != plan->baseline);
    struct plan_entry *entry = &plan->platforms[index];
    entry_done(entry);
    plan->platform_count--;
    memmove(entry, entry + 1, (plan->platform_count - index) * sizeof(*entry));
    if (plan->baseline > index)
        plan->baseline--;
}

struct plan *plan_free(struct plan *plan)
{
    if (!plan)
        return NULL;
    entry_list_done(plan->platforms, plan->platform_count);
    entry_list_done(plan->workloads, plan->workload_count);
    free(form_of(plan)->file);
    option_table_done(&plan_option_table, plan);
    free(plan);
    return NULL;
}

void form_find_baseline(struct plan_form *form)
{
    struct plan *plan = &form->plan;
    const char *word = form->baseline ? form->baseline : "native";
    plan->baseline = PLAN_NO_BASELINE;
    for (size_t i = plan->platform_count; i-- > 0;)
        if (!form->baseline && !strcmp(plan->platforms[i].kind->name, word))
            plan->baseline = i;
    for (size_t i = 0; i < plan->platform_count; i++)
        if (!strcmp(plan->platforms[i].name, word))
            plan->baseline = i;
}

static bool has_key(const struct plan_entry *entry, const char *key)
{
    return entry && option_find(&entry->kind->options, key, strlen(key));
}

/* A setting changes the entry of its name that has its key. */
static int change_entry(struct plan_form *form, const char *name, const char *key,
                        const char *value, const struct plan_vocabulary *vocabulary,
                        struct error *err)
{
    const struct entry_list platforms = entry_list_platforms(&form->plan, vocabulary);
    const struct entry_list workloads = entry_list_workloads(&form->plan, vocabulary);
    struct plan_entry *platform = entry_find(&platforms, name);
    struct plan_entry *workload = entry_find(&workloads, name);
    if (!platform && !workload)
        return error_set(err, ERROR_USAGE, -EINVAL, "the plan has no platform or workload '%.64s'",
                         name);
    if (has_key(platform, key) && has_key(workload, key))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "a platform and a workload '%s' both have the key '%s': give one of them "
                         "another name",
                         name, key);
    if (workload && (has_key(workload, key) || !platform))
        return entry_set(&workloads, workload, key, value, err);
    return entry_set(&platforms, platform, key, value, err);
}

static int apply_setting(struct plan_form *form, const char *text,
                         const struct plan_vocabulary *vocabulary, struct error *err)
{
    const char *equals = strchr(text, '=');
    CLEANUP_FREE char *name = mem_strndup(text, equals ? (size_t)(equals - text) : 0);
    char *dot = strrchr(name, '.');
    if (!dot || dot == name || !dot[1])
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "set '%.80s' is not NAME.KEY=VALUE, such as bzip2.input=16MiB", text);
    *dot = '\0';
    int rc = change_entry(form, name, dot + 1, equals + 1, vocabulary, err);
    if (rc < 0)
        error_prefix(err, "set '%.80s'", text);
    return rc;
}

/* Reads the key's words into a scratch form, so that the real one changes as a whole or not at all.
 */
static int select_entries(struct plan_form *form, enum form_key key, const char *text,
                          const struct plan_vocabulary *vocabulary, struct error *err)
{
    struct plan_form scratch = {0};
    const struct option_texts *words =
        key == FORM_PLATFORMS ? &scratch.platforms : &scratch.workloads;
    const struct entry_list list = key == FORM_PLATFORMS
                                       ? entry_list_platforms(&form->plan, vocabulary)
                                       : entry_list_workloads(&form->plan, vocabulary);
    int rc = option_parse(&options[key], &scratch, text, err);
    if (rc == 0)
        rc = entry_select(&list, words, err);
    option_table_done(&plan_option_table, &scratch);
    form_find_baseline(form);
    return rc;
}

int form_set(struct plan_form *form, enum form_key key, const char *text,
             const struct plan_vocabulary *vocabulary, struct error *err)
{
    int rc;
    switch (key) {
    case FORM_PLATFORMS:
    case FORM_WORKLOADS:
        return select_entries(form, key, text, vocabulary, err);
    case FORM_SET:
        return apply_setting(form, text, vocabulary, err);
    case FORM_NAME:
        rc = entry_check_name(text, err);
        return rc < 0 ? rc : option_parse(&options[key], form, text, err);
    case FORM_BASELINE:
        rc = option_parse(&options[key], form, text, err);
        form_find_baseline(form);
        return rc;
    case FORM_BLOCKS:
        rc = option_parse(&options[key], form, text, err);
        if (rc == 0)
            form->plan.until = (struct plan_until){0};
        return rc;
    default:
        return option_parse(&options[key], form, text, err);
    }
}

int plan_override(struct plan *plan, const char *key, const char *text,
                  const struct plan_vocabulary *vocabulary, struct error *err)
{
    const struct option *option = option_find(&plan_option_table, key, strlen(key));
    if (!option)
        return error_set(err, ERROR_INTERNAL, -EINVAL, "override: no key '%s'", key);
    enum form_key which = (enum form_key)(option - options);
    int rc = form_set(form_of(plan), which, text, vocabulary, err);
    if (rc == 0)
        form_of(plan)->lines[which] = 0;
    return rc;
}
