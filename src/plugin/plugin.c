/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The door to QEMU: what it calls when it loads us, makes a vCPU, and ends.
 */
#include "plugin/plugin.h"

#include "plugin/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

/* QEMU reads this symbol before it calls anything. */
QEMU_EXPORT extern int qemu_plugin_version;
QEMU_EXPORT int qemu_plugin_version = QEMU_API_VERSION;

QEMU_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                    char **argv);

/* What option memory= switches. */
enum {
    MEMORY_EVENTS = 1u << PMU_LOADS | 1u << PMU_STORES | 1u << PMU_L1D_MISSES |
                    1u << PMU_LLC_REFERENCES | 1u << PMU_LLC_MISSES | 1u << PMU_L1I_REFERENCES |
                    1u << PMU_L1I_MISSES | 1u << PMU_DTLB_MISSES | 1u << PMU_ITLB_MISSES
};

static void note_unknown_event(void *context, uint64_t select)
{
    (void)context;
    fprintf(stderr,
            "vtax-pmu: event select 0x%" PRIx64
            ": counts nothing: not in the model, or switched off (memory=on, "
            "predictor=on)\n",
            select);
}

static void start_vcpu(unsigned index, void *userdata)
{
    struct plugin *plugin = userdata;
    if (index >= plugin->vcpu_count)
        return;
    struct vcpu *vcpu = &plugin->vcpus[index];
    pmu_cpu_init(&vcpu->cpu, &plugin->config, (enum pmu_switch)plugin->options.design);
    vcpu->guest_nmi_always = plugin->options.guest_lvt == OPTIONS_LVT_NMI;
    if (!vcpu_init(vcpu, index, qemu_plugin_scoreboard_find(plugin->board, index))) {
        fprintf(stderr, "vtax-pmu: vCPU %u lacks a register of x86-64: not instrumented\n", index);
        return;
    }
    if (plugin->options.memory || plugin->options.predictor)
        vcpu->memory = memory_new();
    vcpu->arena.lanes = plugin->lanes;
    plugin->lanes[index] = (struct plugin_lane){plugin, vcpu, vcpu->slot, vcpu->memory};
    vcpu->book = (struct book){.ledger = plugin->ledger, .cpu = &plugin->ledger->cpu[index]};
    if (plugin->sampler)
        sampler_add(plugin->sampler, vcpu);
    count_arm(vcpu);
    translate_set_vcpu(vcpu);
}

static void print_bucket(FILE *out, const char *name, const uint64_t events[PMU_EVENT_COUNT])
{
    fprintf(out, "\"%s\":{", name);
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", pmu_event_name(i), events[i]);
    fprintf(out, "}");
}

static void print_vcpu(FILE *out, const struct vcpu *vcpu)
{
    static const char *const names[PMU_BUCKET_COUNT] = {"host-kernel", "host-user", "guest-kernel",
                                                        "guest-user"};
    const struct vcpu_stats *s = &vcpu->stats;
    fprintf(out, "{\"vcpu\":%u", vcpu->index);
    for (unsigned b = 0; b < PMU_BUCKET_COUNT; b++) {
        fprintf(out, ",");
        print_bucket(out, names[b], vcpu_counts(vcpu)->events[b]);
    }
    const struct ledger_accesses *a = &s->accesses;
    fprintf(out, ",\"msr-reads\":%" PRIu64 ",\"msr-writes\":%" PRIu64 ",\"rdpmc\":%" PRIu64,
            a->msr_reads[0] + a->msr_reads[1], a->msr_writes[0] + a->msr_writes[1],
            a->counter_reads[0] + a->counter_reads[1]);
    fprintf(out, ",\"vmruns\":%" PRIu64 ",\"exits\":%" PRIu64 ",\"ticks\":%" PRIu64, s->runs,
            s->exits, s->ticks);
    fprintf(out,
            ",\"host-pmis\":%" PRIu64 ",\"guest-pmis\":%" PRIu64 ",\"injections\":%" PRIu64
            ",\"busy\":%" PRIu64 ",\"masked\":%" PRIu64 "}\n",
            a->interrupts[0], a->interrupts[1], s->injections, s->busy, s->masked);
}

/* One line of JSON for each vCPU. */
static void print_report(void *userdata)
{
    struct plugin *plugin = userdata;
    CLEANUP_STREAM FILE *file = plugin->options.report ? fopen(plugin->options.report, "we") : NULL;
    if (plugin->options.report && !file)
        fprintf(stderr, "vtax-pmu: write report '%s': %m\n", plugin->options.report);
    for (unsigned i = 0; i < plugin->vcpu_count; i++)
        if (plugin->vcpus[i].present) {
            book_publish(&plugin->vcpus[i]);
            print_vcpu(file ? file : stderr, &plugin->vcpus[i]);
        }
    if (plugin->sampler)
        sampler_close(plugin->sampler, plugin->vcpus, plugin->vcpu_count);
}

static int check_machine(const qemu_info_t *info, struct error *err)
{
    if (info->version.min > QEMU_API_VERSION || info->version.cur < QEMU_API_VERSION)
        return error_set(err, ERROR_ENVIRONMENT, -1,
                         "this QEMU has plugin API %d to %d, not %d: take QEMU 11.1",
                         info->version.min, info->version.cur, QEMU_API_VERSION);
    if (!info->system_emulation || strcmp(info->target_name, "x86_64"))
        return error_set(err, ERROR_USAGE, -1,
                         "'%s' is not a whole x86-64 machine: use qemu-system-x86_64",
                         info->target_name);
    return 0;
}

static void set_config(struct plugin *plugin)
{
    plugin->config = (struct pmu_config){
        .none = plugin->options.pmu == OPTIONS_PMU_NONE,
        .core_extension = plugin->options.pmu >= OPTIONS_PMU_CORE,
        .perfmon_v2 = plugin->options.pmu == OPTIONS_PMU_V2,
        .retired = plugin->options.pmu == OPTIONS_PMU_V2,
        .uncounted = (plugin->options.memory ? 0 : MEMORY_EVENTS) |
                     (plugin->options.predictor ? 0 : 1u << PMU_BRANCH_MISSES),
        .clear_reserved = plugin->options.reserved,
        .cycles = pmu_cycle_fallback,
        .unknown_event = note_unknown_event,
        .unknown = &plugin->unknown,
    };
}

static int set_up(struct plugin *plugin, const qemu_info_t *info, int argc, char **argv,
                  struct error *err)
{
    int r = check_machine(info, err);
    if (r < 0)
        return r;
    r = options_parse(&plugin->options, argc, argv, err);
    if (r < 0)
        return r;
    set_config(plugin);
    pthread_mutex_init(&plugin->lock, NULL);
    plugin->vcpu_count = (unsigned)info->system.max_vcpus;
    plugin->vcpus = mem_array(plugin->vcpu_count, sizeof(*plugin->vcpus));
    plugin->lanes = mem_array(plugin->vcpu_count, sizeof(*plugin->lanes));
    for (unsigned i = 0; i < PMU_BUCKET_COUNT; i++)
        plugin->ports[i] = (struct plugin_port){plugin->lanes, i};
    int sampling = plugin->options.sample
                       ? sampler_open(plugin->options.sample_file, plugin->options.sample,
                                      plugin->vcpu_count, &plugin->sampler, err)
                       : 0;
    return sampling < 0 ? sampling : book_open(plugin, err);
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    struct error err = {0};
    struct plugin *plugin = mem_zalloc(sizeof(*plugin)); /* lives as long as QEMU */
    if (set_up(plugin, info, argc, argv, &err) < 0) {
        fprintf(stderr, "vtax-pmu: %s\n", err.text);
        return -1;
    }
    plugin->board = qemu_plugin_scoreboard_new(sizeof(struct slot));
    qemu_plugin_register_vcpu_init_cb(id, start_vcpu, plugin);
    qemu_plugin_register_vcpu_idle_cb(id, count_idle, plugin);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate_block, plugin);
    qemu_plugin_register_vcpu_discon_cb(id, QEMU_DISCON_INTERRUPT | QEMU_DISCON_EXCEPTION,
                                        count_discontinuity, plugin);
    qemu_plugin_register_atexit_cb(id, print_report, plugin);
    return 0;
}
