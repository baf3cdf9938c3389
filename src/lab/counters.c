/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option.h"
#include "base/strbuf.h"

#include "lab/counter.h"
#include "plugin/options.h"

struct design {
    const char *image;  /* of KVM's family; NULL: the hypervisor's own */
    const char *plugin; /* options */
    const char *kernel_words;
};

/* The emulated and the mediated vPMU, and their absence, are KVM's. */
static const struct design designs[COUNTERS_COUNT] = {
    [COUNTERS_UNTOUCHED] = {.plugin = "", .kernel_words = ""},
    [COUNTERS_NONE] = {.image = "kvm-perf",
                       .plugin = "switch=none,pmu=none",
                       .kernel_words = " kvm.enable_pmu=0"},
    [COUNTERS_EMULATED] = {.image = "kvm-perf",
                           .plugin = "switch=none,pmu=core",
                           .kernel_words = " kvm.enable_pmu=1"},
    [COUNTERS_MEDIATED] = {.image = "kvm-mediated",
                           .plugin = "switch=none,pmu=v2",
                           .kernel_words = " kvm_amd.enable_mediated_pmu=1"},
    [COUNTERS_HARDWARE] = {.image = "kvm-perf",
                           .plugin = "switch=transparent,pmu=core",
                           .kernel_words = " kvm.enable_pmu=1"},
};

const char *const counters_names[COUNTERS_COUNT + 1] = {
    "off", "none", "emulated", "mediated", "hardware", NULL,
};

static bool is_kvm(const struct hypervisor *hypervisor)
{
    return strcmp(hypervisor->family, "kvm") == 0;
}

const struct hypervisor *counters_choose_image(enum counters design,
                                               const struct hypervisor *hypervisor)
{
    const char *image = is_kvm(hypervisor) ? designs[design].image : NULL;
    return image ? hypervisor_find(image) : hypervisor;
}

const char *counters_kernel_words(enum counters design)
{
    return designs[design].kernel_words;
}

int counters_check(enum counters design, const struct hypervisor *hypervisor, struct error *err)
{
    bool needs_kvm = design == COUNTERS_EMULATED || design == COUNTERS_MEDIATED;
    if (is_kvm(hypervisor) || !needs_kvm)
        return 0;
    return error_set(err, ERROR_USAGE, -ENOTSUP,
                     "--pmu %s: that is a design of KVM's, and the lab runs %s (here: none, "
                     "hardware)",
                     counters_names[design], hypervisor->name);
}

struct settings {
    char **items;
    size_t count;
};

static void settings_done(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        free(settings->items[i]);
    free(settings->items);
}

/* A comma ends a value in QEMU's option lists; a doubled one is a comma. */
static void split(const char *text, struct settings *settings)
{
    size_t room = 0;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    for (const char *at = text;; at++) {
        bool doubled = at[0] == ',' && at[1] == ',';
        if (*at && (*at != ',' || doubled)) {
            strbuf_addc(&buf, *at);
            at += doubled;
            continue;
        }
        MEM_GROW(settings->items, settings->count, room);
        settings->items[settings->count++] = strbuf_take(&buf);
        if (!*at)
            return;
    }
}

int counters_check_settings(enum counters design, const char *text, struct error *err)
{
    CLEANUP(settings_done) struct settings settings = {0};
    struct options options;
    if (!text)
        return 0;
    if (design == COUNTERS_UNTOUCHED)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "--pmu-options '%s': without --pmu the server has no counters (--pmu "
                         "hardware)",
                         text);
    split(text, &settings);
    int rc = options_parse(&options, (int)settings.count, settings.items, err);
    option_table_done(&options_table, &options);
    return rc < 0 ? error_prefix(err, "--pmu-options '%s'", text) : 0;
}

/* See split(). */
static void add_value(struct strbuf *buf, const char *text)
{
    for (; *text; text++) {
        strbuf_addc(buf, *text);
        if (*text == ',')
            strbuf_addc(buf, ',');
    }
}

int counters_make_plugin(const struct counters_plugin *want, char **out_text, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    CLEANUP_STRBUF struct strbuf buf;
    int rc = counter_find(COUNTER_PMU_FILE, &path, err);
    if (rc < 0)
        return error_prefix(err, "give the server's CPUs counters");
    strbuf_init(&buf);
    strbuf_adds(&buf, "file=");
    add_value(&buf, path);
    strbuf_addf(&buf, ",%s,ledger=", designs[want->design].plugin);
    add_value(&buf, want->ledger);
    if (want->further)
        strbuf_addf(&buf, ",%s", want->further);
    *out_text = strbuf_take(&buf);
    return 0;
}
