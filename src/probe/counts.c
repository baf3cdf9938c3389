/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/counts.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

void counts_add(struct tally *sum, const struct tally *before, const struct tally *after)
{
    for (unsigned i = 0; i < TALLY_MODES; i++)
        sum->instructions[i] += after->instructions[i] - before->instructions[i];
    for (unsigned i = 0; i < TALLY_EXITS; i++) {
        sum->exits[i] += after->exits[i] - before->exits[i];
        for (unsigned j = 0; j < TALLY_GUEST_KERNEL; j++)
            sum->after_exits[i][j] += after->after_exits[i][j] - before->after_exits[i][j];
    }
    sum->entries += after->entries - before->entries;
}

static const char *const mode_names[TALLY_MODES] = {
    "instructions.host-kernel", "instructions.host-user", "instructions.guest-kernel",
    "instructions.guest-user"};

/* By exit code: the manual's names (AMD64 manual, volume 2, appendix C). */
static const struct {
    unsigned first, last;
    const char *name;
} reasons[] = {
    {0x00, 0x0f, "exits.cr-read"},
    {0x10, 0x1f, "exits.cr-write"},
    {0x20, 0x2f, "exits.dr-read"},
    {0x30, 0x3f, "exits.dr-write"},
    {0x4e, 0x4e, "exits.page-fault"},
    {0x40, 0x5f, "exits.exception"},
    {0x60, 0x60, "exits.intr"},
    {0x61, 0x61, "exits.nmi"},
    {0x62, 0x63, "exits.smi-init"},
    {0x64, 0x64, "exits.vintr"},
    {0x65, 0x65, "exits.cr0-write"},
    {0x66, 0x6d, "exits.descriptor-table"},
    {0x6e, 0x6e, "exits.rdtsc"},
    {0x6f, 0x6f, "exits.rdpmc"},
    {0x70, 0x71, "exits.pushf-popf"},
    {0x72, 0x72, "exits.cpuid"},
    {0x74, 0x74, "exits.iret"},
    {0x75, 0x75, "exits.swint"},
    {0x76, 0x76, "exits.invd"},
    {0x77, 0x77, "exits.pause"},
    {0x78, 0x78, "exits.hlt"},
    {0x79, 0x7a, "exits.invlpg"},
    {0x7b, 0x7b, "exits.ioio"},
    {0x7c, 0x7c, "exits.msr"},
    {0x7d, 0x7d, "exits.task-switch"},
    {0x7f, 0x7f, "exits.shutdown"},
    {0x80, 0x80, "exits.vmrun"},
    {0x81, 0x81, "exits.vmmcall"},
    {0x82, 0x86, "exits.svm"},
    {0x87, 0x87, "exits.rdtscp"},
    {0x89, 0x89, "exits.wbinvd"},
    {0x8a, 0x8c, "exits.monitor-mwait"},
    {0x8d, 0x8d, "exits.xsetbv"},
    {TALLY_EXITS_LOW, TALLY_EXITS_LOW, "exits.npf"},
    {TALLY_EXITS_LOW + 1, TALLY_EXITS_LOW + 2, "exits.avic"},
    {TALLY_EXITS_DEVICE, TALLY_EXITS_DEVICE, "exits.npf-mmio"},
    {TALLY_EXITS_APIC, TALLY_EXITS_APIC, "exits.msr-apic"},
    {0, TALLY_EXITS - 1, "exits.other"},
};

static unsigned find_reason(unsigned index)
{
    unsigned i = 0;
    while (index < reasons[i].first || index > reasons[i].last)
        i++;
    return i;
}

static unsigned add_exits(const struct tally *tally, struct counts_figure *figures)
{
    uint64_t sums[COUNT_OF(reasons)] = {0};
    uint64_t total = 0;
    unsigned count = 1;
    for (unsigned i = 0; i < TALLY_EXITS; i++) {
        sums[find_reason(i)] += tally->exits[i];
        total += tally->exits[i];
    }
    figures[0] = (struct counts_figure){"exits", (double)total};
    for (unsigned i = 0; i < COUNT_OF(reasons); i++)
        if (sums[i])
            figures[count++] = (struct counts_figure){reasons[i].name, (double)sums[i]};
    return count;
}

unsigned counts_figures(const struct tally *tally, struct counts_figure figures[COUNTS_FIGURES_MAX])
{
    uint64_t instructions = 0, exits = 0;
    unsigned count = 1;
    for (unsigned i = 0; i < TALLY_MODES; i++) {
        instructions += tally->instructions[i];
        figures[count++] = (struct counts_figure){mode_names[i], (double)tally->instructions[i]};
    }
    for (unsigned i = 0; i < TALLY_EXITS; i++)
        exits += tally->exits[i];
    figures[0] = (struct counts_figure){"instructions", (double)instructions};
    figures[count++] = (struct counts_figure){"world_switches", (double)(tally->entries + exits)};
    return count + add_exits(tally, figures + count);
}
