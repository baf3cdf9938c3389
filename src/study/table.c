/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* What is shown of a row besides instructions. */
static const struct {
    enum pmu_event event;
    const char *title;
} columns[] = {
    {PMU_BRANCH_MISSES, "branch-miss"},
    {PMU_L1D_MISSES, "L1d-miss"},
    {PMU_LLC_MISSES, "LLC-miss"},
    {PMU_DTLB_MISSES, "dTLB-miss"},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static uint64_t both(const uint64_t events[2][PMU_EVENT_COUNT], unsigned event)
{
    return events[0][event] + events[1][event];
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static uint64_t count_exits(const struct ledger_row *row)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LEDGER_EXITS; i++)
        sum += row->exits[i].count;
    return sum;
}

/* Is there an event that costs more than its instruction? Else IPC is the same for everything. */
static bool has_penalties(const struct ledger_view *view)
{
    bool has = false;
    for (unsigned i = PMU_INSTRUCTIONS + 1; i < PMU_EVENT_COUNT; i++)
        has |= ledger_is_counted(view, i) && view->penalty[i];
    return has;
}

static void write_row(const struct ledger_view *view, const char *name,
                      const uint64_t events[2][PMU_EVENT_COUNT], uint64_t exits, FILE *out)
{
    uint64_t instructions = both(events, PMU_INSTRUCTIONS);
    uint64_t cycles = ledger_cycles(view, events[0]) + ledger_cycles(view, events[1]);
    fprintf(out, "%-10s  %15" PRIu64 "  %5.1f%%  %5.1f%%  %15" PRIu64, name, instructions,
            100 * ratio(events[0][PMU_INSTRUCTIONS], instructions),
            100 * ratio(events[1][PMU_INSTRUCTIONS], instructions), cycles);
    if (has_penalties(view))
        fprintf(out, "  %4.2f", ratio(instructions, cycles));
    else
        fprintf(out, "  %4s", "-");
    for (unsigned i = 0; i < COLUMNS; i++)
        if (ledger_is_counted(view, columns[i].event))
            fprintf(out, "  %11" PRIu64, both(events, columns[i].event));
        else
            fprintf(out, "  %11s", "-");
    fprintf(out, "  %10" PRIu64 "\n", exits);
}

/* The cycle model, as far as it was applied, and how the rest is counted. */
static void write_notes(const struct ledger_view *view, FILE *out)
{
    static const struct {
        enum pmu_event event;
        const char *text;
    } notes[] = {
        {PMU_BRANCH_MISSES, "for a mispredicted branch"},
        {PMU_L1D_MISSES, "for a miss of L1"},
        {PMU_LLC_MISSES, "of LLC"},
        {PMU_DTLB_MISSES, "of a TLB"},
    };
    const char *more = " more";
    bool branches = ledger_is_counted(view, PMU_BRANCH_MISSES);
    bool memory = ledger_is_counted(view, PMU_L1D_MISSES);
    fprintf(out, "* a model: %" PRIu64 " for an instruction", view->penalty[PMU_INSTRUCTIONS]);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (!ledger_is_counted(view, notes[i].event))
            continue;
        fprintf(out, ", %" PRIu64 "%s %s", view->penalty[notes[i].event], more, notes[i].text);
        more = "";
    }
    fputc('\n', out);
    if (!branches || !memory)
        fprintf(out, "- nobody counts it: --pmu-options %s%s%s does\n", memory ? "" : "memory=on",
                branches || memory ? "" : ",", branches ? "" : "predictor=on");
}

static void write_exits_head(FILE *out)
{
    fprintf(out, "\n%-10s  %-14s  %10s  %15s  %15s  %12s\n", "", "exit", "exits", "hypervisor", "",
            "instructions");
    fprintf(out, "%-10s  %-14s  %10s  %15s  %15s  %12s\n", "", "", "", "kernel", "user",
            "per exit");
}

static bool is_idle(const struct ledger_row *row)
{
    return !both(row->events, PMU_INSTRUCTIONS) && !row->runs;
}

static void write_exits(const struct ledger_view *view, unsigned vm, FILE *out)
{
    for (unsigned slot = 0; slot < LEDGER_EXITS; slot++) {
        const struct ledger_exit *exit = &view->rows[vm].exits[slot];
        char text[24];
        if (!exit->count)
            continue;
        fprintf(out, "vm %-7u  %-14s  %10" PRIu64 "  %15" PRIu64 "  %15" PRIu64 "  %12.0f\n", vm,
                ledger_exit_name(slot, text), exit->count, exit->instructions[0],
                exit->instructions[1],
                ratio(exit->instructions[0] + exit->instructions[1], exit->count));
    }
}

void table_write(const struct ledger_view *view, FILE *out)
{
    uint64_t exits = 0;
    fprintf(out, "%-10s  %15s  %6s  %6s  %15s  %4s", "", "instructions", "kernel", "user",
            "cycles*", "IPC*");
    for (unsigned i = 0; i < COLUMNS; i++)
        fprintf(out, "  %11s", columns[i].title);
    fprintf(out, "  %10s\n", "exits");
    write_row(view, "hypervisor", view->rows[0].events, 0, out);
    for (unsigned vm = 1; vm < view->vms; vm++) {
        char name[24];
        snprintf(name, sizeof(name), "vm %u", vm);
        exits += count_exits(&view->rows[vm]);
        if (!is_idle(&view->rows[vm]))
            write_row(view, name, view->rows[vm].events, count_exits(&view->rows[vm]), out);
    }
    write_row(view, "machine", view->machine, exits, out);
    write_notes(view, out);
    if (!exits)
        return;
    write_exits_head(out);
    for (unsigned vm = 1; vm < view->vms; vm++)
        write_exits(view, vm, out);
}

/* One number for each event; null where nobody counts it. */
static void write_numbers_json(const struct ledger_view *view,
                               const uint64_t numbers[PMU_EVENT_COUNT], FILE *out)
{
    fputc('{', out);
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++) {
        fprintf(out, "%s\"%s\":", i ? "," : "", pmu_event_name(i));
        if (ledger_is_counted(view, i))
            fprintf(out, "%" PRIu64, numbers[i]);
        else
            fputs("null", out);
    }
    fputc('}', out);
}

static void write_events_json(const struct ledger_view *view,
                              const uint64_t events[2][PMU_EVENT_COUNT], FILE *out)
{
    fputs("\"kernel\":", out);
    write_numbers_json(view, events[0], out);
    fputs(",\"user\":", out);
    write_numbers_json(view, events[1], out);
}

static void write_exits_json(const struct ledger_row *row, FILE *out)
{
    bool first = true;
    fprintf(out, ",\"runs\":%" PRIu64 ",\"exits\":[", row->runs);
    for (unsigned slot = 0; slot < LEDGER_EXITS; slot++) {
        char text[24];
        if (!row->exits[slot].count)
            continue;
        fprintf(out,
                "%s{\"reason\":\"%s\",\"count\":%" PRIu64 ",\"hypervisor_kernel\":%" PRIu64
                ",\"hypervisor_user\":%" PRIu64 "}",
                first ? "" : ",", ledger_exit_name(slot, text), row->exits[slot].count,
                row->exits[slot].instructions[0], row->exits[slot].instructions[1]);
        first = false;
    }
    fprintf(out, "]");
}

void table_write_json(const struct ledger_view *view, FILE *out)
{
    fprintf(out, "{\"hypervisor\":{");
    write_events_json(view, view->rows[0].events, out);
    fprintf(out, "},\"vms\":[");
    for (unsigned vm = 1; vm < view->vms; vm++) {
        fprintf(out, "%s{\"vm\":%u,\"vcpus\":%" PRIu64 ",", vm > 1 ? "," : "", vm,
                view->vm[vm].vcpus);
        write_events_json(view, view->rows[vm].events, out);
        write_exits_json(&view->rows[vm], out);
        fprintf(out, "}");
    }
    fprintf(out, "],\"machine\":{");
    write_events_json(view, view->machine, out);
    fputs("},\"penalties\":", out);
    write_numbers_json(view, view->penalty, out);
    const struct ledger_accesses *a = &view->accesses;
    fprintf(out,
            ",\"accesses\":{\"hypervisor\":{\"rdmsr\":%" PRIu64 ",\"wrmsr\":%" PRIu64
            ",\"rdpmc\":%" PRIu64 ",\"interrupts\":%" PRIu64 "},\"guests\":{\"rdmsr\":%" PRIu64
            ",\"wrmsr\":%" PRIu64 ",\"rdpmc\":%" PRIu64 ",\"interrupts\":%" PRIu64 "}}}\n",
            a->msr_reads[0], a->msr_writes[0], a->counter_reads[0], a->interrupts[0],
            a->msr_reads[1], a->msr_writes[1], a->counter_reads[1], a->interrupts[1]);
}
