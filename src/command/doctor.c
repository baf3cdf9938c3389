/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax doctor: what this host can measure, what it cannot and why, and what disturbs measurements.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "command/list.h"
#include "image/image.h"
#include "lab/hypervisor.h"
#include "lab/stock.h"
#include "machine/machine.h"
#include "probe/counter_check.h"
#include "probe/host.h"

#define WATCH_NS NS_PER_S /* how long the load of the host, or of a guest, is watched */

struct doctor_options {
    bool json;
    bool guest;
    char *uri;
};

static const struct option options[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct doctor_options, json),
     .help = "Print JSON in place of text."},
    {.name = "guest",
     .type = OPTION_FLAG,
     .offset = offsetof(struct doctor_options, guest),
     .help = "Only whether the performance counters right here count, and right: for running "
             "inside a guest."},
    {.name = "uri",
     .type = OPTION_TEXT,
     .offset = offsetof(struct doctor_options, uri),
     .value_name = "URI",
     .help = "Libvirt connection to ask in place of the in-process driver."},
};

static const struct option_table table = {options, COUNT_OF(options),
                                          sizeof(struct doctor_options)};

/* Everything that is printed. */
struct checkup {
    struct findings platforms; /* FINDING_GOOD: can be measured; FINDING_NOTE: cannot, and why */
    struct findings parts;     /* image, network */
    struct findings disturbances;
    struct findings counters; /* only with --guest */
    struct host_facts facts;
};

static int check_platforms(const char *uri, struct findings *findings, struct error *err)
{
    for (const struct platform *const *at = platforms; *at; at++) {
        const struct plan_kind *kind = &(*at)->kind;
        struct plan_entry entry = {.name = (char *)kind->name,
                                   .kind = kind,
                                   .options = mem_zalloc(kind->options.struct_bytes)};
        option_table_init(&kind->options, entry.options);
        struct error why = {0};
        int rc = platform_probe(&entry, uri, &why);
        option_table_done(&kind->options, entry.options);
        free(entry.options);
        if (rc == -EINTR)
            return error_set(err, ERROR_FAILED, rc, "interrupted");
        if (rc < 0)
            findings_add(findings, kind->name, FINDING_NOTE, NULL, "%s", why.text);
        else
            findings_add(findings, kind->name, FINDING_GOOD, NULL, "%s", kind->help);
    }
    return 0;
}

static void check_image(struct findings *findings)
{
    struct image *image = NULL;
    struct error why = {0};
    if (image_find(&image, &why) < 0)
        findings_add(findings, "guest image", FINDING_BAD, "vtax image build", "%s", why.text);
    else if (!image)
        findings_add(findings, "guest image", FINDING_NOTE,
                     "vtax image build (the first run does it, too)", "not built yet");
    else
        findings_add(findings, "guest image", FINDING_GOOD, NULL, "%.12s, Linux %s", image->digest,
                     image->kernel_version);
    image_free(image);
}

static void check_network(struct findings *findings)
{
    struct network *network = NULL;
    struct error why = {0};
    if (network_open(&network, &why) < 0)
        findings_add(findings, "network", FINDING_BAD, "run as root, or mend that", "%s", why.text);
    else if (network_mode(network) == NETWORK_BRIDGE)
        findings_add(findings, "network", FINDING_GOOD, NULL,
                     "bridge, taps and veth pairs in a namespace of the campaign's own");
    else
        findings_add(findings, "network", FINDING_NOTE,
                     "run as root for a bridge with taps, which costs guests less",
                     "user-mode network with forwarded loopback ports");
    network_close(network);
}

/* "vtax lab run kvm|xen|virtualbox (builds one first)": all that there are. */
static char *make_lab_remedy(void)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_adds(&buf, "vtax lab run ");
    for (size_t i = 0; hypervisors[i]; i++)
        strbuf_addf(&buf, "%s%s", i ? "|" : "", hypervisors[i]->name);
    strbuf_adds(&buf, " (builds one first)");
    return strbuf_take(&buf);
}

/* Hypervisors that this host cannot run can be measured in an emulated server. */
static void check_lab(struct findings *findings)
{
    CLEANUP_STRBUF struct strbuf built;
    struct stock *stocks;
    size_t count;
    struct error why = {0};
    CLEANUP_FREE char *remedy = make_lab_remedy();
    strbuf_init(&built);
    if (stock_list(&stocks, &count, &why) < 0) {
        findings_add(findings, "lab", FINDING_BAD, "mend that", "%s", why.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (stocks[i].current && hypervisor_find(stocks[i].name))
            strbuf_addf(&built, "%s%s", built.length ? ", " : "", stocks[i].name);
    stock_list_free(stocks, count);
    if (built.length)
        findings_add(findings, "lab", FINDING_GOOD, NULL, "emulated servers with %s (vtax lab run)",
                     built.text);
    else
        findings_add(findings, "lab", FINDING_NOTE, remedy, "no emulated server built yet");
}

/* One round is too short for the kernel's ticks, in which steal is told. The samples are of the
 * last. */
static int run_loop(struct counter_sample samples[COUNTER_EVENTS], struct host_loop *out_loop,
                    struct error *err)
{
    struct host_loop loop = {0};
    int rc = host_read_cpu("", &loop.before, err);
    uint64_t start_ns = clock_monotonic_ns(), away_ns = 0;
    do {
        away_ns += counter_check_run(samples);
        loop.wall_ns = clock_monotonic_ns() - start_ns;
    } while (loop.wall_ns < WATCH_NS);
    loop.cpu_ns = loop.wall_ns - away_ns;
    rc = rc < 0 ? rc : host_read_cpu("", &loop.after, err);
    *out_loop = loop;
    return rc;
}

static void check_counters(struct findings *findings)
{
    struct counter_sample samples[COUNTER_EVENTS];
    struct host_loop loop;
    struct error why = {0};
    char text[160];
    int rc = run_loop(samples, &loop, &why);
    for (size_t i = 0; i < COUNTER_EVENTS; i++) {
        enum counter_verdict verdict = counter_judge(&samples[i], text, sizeof(text));
        bool good = verdict == COUNTER_GOOD;
        bool note = verdict == COUNTER_ABSENT || verdict == COUNTER_MULTIPLEXED;
        findings_add(findings, samples[i].event,
                     good   ? FINDING_GOOD
                     : note ? FINDING_NOTE
                            : FINDING_BAD,
                     good   ? NULL
                     : note ? "ask for a virtual PMU (QEMU: -cpu host,pmu=on), or do without"
                            : "do not use this guest's counters; count from the host",
                     "%s", text);
    }
    if (rc < 0)
        findings_add(findings, "steal", FINDING_NOTE, "mount /proc", "%s", why.text);
    else
        host_judge_loop(&loop, findings);
}

static int check_disturbances(struct checkup *checkup, struct error *err)
{
    struct host_facts moment = {0};
    struct host_cpu before, after;
    int rc = host_read_cpu("", &before, err);
    if (rc < 0)
        return rc;
    if (clock_sleep_ns(WATCH_NS) < 0)
        return error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    rc = host_read_cpu("", &after, err);
    if (rc < 0)
        return rc;
    host_read_moment("", &moment);
    host_judge(&checkup->facts, &moment, &before, &after, &checkup->disturbances);
    host_facts_done(&moment);
    return 0;
}

static void print_section(const char *title, const struct findings *findings)
{
    static const char *const marks[] = {
        [FINDING_GOOD] = "yes ", [FINDING_NOTE] = "note", [FINDING_BAD] = "BAD "};
    printf("%s\n", title);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        printf("  %s  %-14s %s\n", marks[finding->level], finding->name, finding->text);
        if (finding->remedy && finding->level != FINDING_GOOD)
            printf("        %-14s -> %s\n", "", finding->remedy);
    }
    putchar('\n');
}

static void print_text(const struct checkup *checkup)
{
    if (checkup->counters.count) {
        print_section("Performance counters here", &checkup->counters);
        return;
    }
    print_section("What can be measured here", &checkup->platforms);
    print_section("What that needs", &checkup->parts);
    print_section("What disturbs measurements", &checkup->disturbances);
}

static json_t *findings_to_json(const struct findings *findings)
{
    static const char *const levels[] = {
        [FINDING_GOOD] = "good", [FINDING_NOTE] = "note", [FINDING_BAD] = "bad"};
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "name", finding->name,
                                              "level", levels[finding->level], "text",
                                              finding->text, "remedy", finding->remedy));
    }
    return list;
}

static void print_json(const struct checkup *checkup)
{
    json_t *facts = json_object();
    for (size_t i = 0; i < checkup->facts.count; i++)
        json_object_set_new(facts, checkup->facts.items[i].name,
                            json_string(checkup->facts.items[i].value));
    json_t *root = json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "format", "vtax-doctor", "version",
                             1, "platforms", findings_to_json(&checkup->platforms), "parts",
                             findings_to_json(&checkup->parts), "disturbances",
                             findings_to_json(&checkup->disturbances), "host", facts);
    if (checkup->counters.count)
        json_object_set_new(root, "counters", findings_to_json(&checkup->counters));
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int run(const struct command_call *call, struct error *err)
{
    const struct doctor_options *want = call->options[0];
    struct checkup checkup = {0};
    host_read_facts("", &checkup.facts);
    int rc = want->guest ? 0 : check_platforms(want->uri, &checkup.platforms, err);
    if (want->guest) {
        check_counters(&checkup.counters);
    } else if (rc >= 0) {
        check_image(&checkup.parts);
        check_network(&checkup.parts);
        check_lab(&checkup.parts);
        rc = check_disturbances(&checkup, err);
    }
    if (rc >= 0 && want->json)
        print_json(&checkup);
    else if (rc >= 0)
        print_text(&checkup);
    findings_done(&checkup.platforms);
    findings_done(&checkup.parts);
    findings_done(&checkup.disturbances);
    findings_done(&checkup.counters);
    host_facts_done(&checkup.facts);
    return rc < 0 ? rc : 0;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Say what this host can measure, what it cannot, and what disturbs it",
    .help =
        "Tries each platform, looks at what a campaign needs, and watches the host for a second.\n"
        "Everything that could be better comes with its remedy. Changes nothing.\n"
        "\n"
        "With --guest a loop of known length is run under the performance counters of the\n"
        "machine where this runs: one that stands still, counts wrong, is starved or shares\n"
        "the hardware is said so. The same check goes before counters are used in a trial. For a\n"
        "second it is watched what the loop's CPU went to otherwise: steal above 0.5 % of the\n"
        "CPU time that was asked for is a note, above 10 % bad.\n",
    .tables = {&table},
    .run = run,
};
