/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/zoom.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "top/column.h"

#define GRID_WIDTH 19 /* "STL-H         12.3" */
#define BAR_MAX 60

/* Where the next line goes; lines outside of the screen are not drawn, but counted. */
struct pen {
    struct screen *screen;
    int row;
};

static void add_heading(struct pen *pen, const char *text)
{
    pen->row++;
    if (pen->row >= 1 && pen->row < pen->screen->rows)
        screen_put(pen->screen, pen->row, 0, SCREEN_TITLE, text);
    pen->row++;
}

static void add_lines(struct pen *pen, int indent, const char *text)
{
    const struct screen_lines lines = {
        .row = pen->row, .end = INT_MAX, .column = indent, .indent = indent, .style = SCREEN_DIM};
    pen->row = screen_put_lines(pen->screen, &lines, text);
}

static void add_values(struct pen *pen, const struct top_row *row)
{
    int per_line = pen->screen->columns / GRID_WIDTH;
    per_line = per_line > 0 ? per_line : 1;
    for (int i = 0; i < VALUE_COUNT; i++) {
        char text[COLUMN_TEXT_MAX];
        int column = i % per_line * GRID_WIDTH, at = pen->row + i / per_line;
        bool is_missing = row->values[i].missing;
        screen_put_cell(pen->screen, at, column, 8, false, SCREEN_DIM, value_kinds[i].title);
        screen_put_cell(pen->screen, at, column + 8, 8, true,
                        is_missing ? SCREEN_DIM : SCREEN_PLAIN,
                        column_format(&row->values[i], value_kinds[i].unit, text));
    }
    pen->row += (VALUE_COUNT + per_line - 1) / per_line;
}

/* A time that people can read: "850 ns", "1.2 ms". */
static void format_ns(double ns, char text[COLUMN_TEXT_MAX])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    size_t at = 0;
    for (; ns >= 999.5 && at + 1 < COUNT_OF(units); at++)
        ns /= 1000;
    snprintf(text, COLUMN_TEXT_MAX, ns < 9.95 && at ? "%.1f %s" : "%.0f %s", ns, units[at]);
}

static void add_reasons(struct pen *pen, const struct top_row *row)
{
    if (!row->vm)
        return;
    char heading[96];
    snprintf(heading, sizeof(heading),
             "EXIT REASON                  PER SECOND    CPU%%      MEAN%s%s",
             row->vm->exit_source ? "  counted by " : "",
             row->vm->exit_source ? row->vm->exit_source : "");
    add_heading(pen, heading);
    for (size_t i = 0; i < row->reason_count; i++) {
        const struct top_reason *reason = &row->reasons[i];
        char count[COLUMN_TEXT_MAX], time[COLUMN_TEXT_MAX] = "-", mean[COLUMN_TEXT_MAX] = "-";
        const struct rate per_s = {.value = reason->per_s};
        column_format(&per_s, VALUE_PER_S, count);
        if (!reason->time.missing) {
            snprintf(time, sizeof(time), "%.2f", reason->time.value * 1e-7);
            format_ns(reason->time.value / reason->per_s, mean);
        }
        screen_putf(pen->screen, pen->row++, 0, SCREEN_PLAIN, "%-28.28s %10s %7s %9s",
                    reason->reason->name, count, time, mean);
    }
    if (row->reason_count == 0)
        add_lines(pen, 0,
                  row->values[VALUE_EXITS].missing ? row->values[VALUE_EXITS].missing : "no exits");
}

static void add_bar(struct pen *pen, size_t bucket, uint64_t count, uint64_t most)
{
    char bound[COLUMN_TEXT_MAX], bar[BAR_MAX + 1];
    int room = pen->screen->columns - 30 < BAR_MAX ? pen->screen->columns - 30 : BAR_MAX;
    int length = room > 0 ? (int)((double)count / (double)most * room + 0.999) : 0;
    memset(bar, '#', (size_t)length);
    bar[length] = '\0';
    bool is_last = bucket + 1 == EXIT_BUCKETS;
    format_ns((double)(UINT64_C(1) << (is_last ? bucket - 1 : bucket)), bound);
    screen_putf(pen->screen, pen->row++, 0, SCREEN_PLAIN, "  %s %8s %10llu %s",
                is_last ? " from" : "below", bound, (unsigned long long)count, bar);
}

/* Of all reasons together, in this interval. */
static void add_histogram(struct pen *pen, const struct top_row *row)
{
    uint64_t sums[EXIT_BUCKETS] = {0}, most = 0;
    size_t first = EXIT_BUCKETS, last = 0;
    for (size_t i = 0; i < row->reason_count; i++)
        for (size_t j = 0; j < EXIT_BUCKETS; j++)
            sums[j] += row->reasons[i].time.missing ? 0 : row->reasons[i].buckets[j];
    for (size_t j = 0; j < EXIT_BUCKETS; j++)
        if (sums[j]) {
            first = first < j ? first : j;
            last = j;
            most = sums[j] > most ? sums[j] : most;
        }
    if (!most)
        return;
    add_heading(pen, "EXITS BY HOW LONG THEY LASTED");
    for (size_t j = first; j <= last; j++)
        add_bar(pen, j, sums[j], most);
}

static void add_vcpus(struct pen *pen, const struct top_row *row)
{
    if (row->vcpu_count)
        add_heading(pen, "vCPU  ON CPU    CPU%   GUEST    WAIT  MIGR/s  THREAD");
    for (size_t i = 0; i < row->vcpu_count; i++) {
        const struct top_vcpu *vcpu = &row->vcpus[i];
        char run[COLUMN_TEXT_MAX], guest[COLUMN_TEXT_MAX], wait[COLUMN_TEXT_MAX],
            moves[COLUMN_TEXT_MAX], cpu[16] = "-";
        if (vcpu->vcpu->cpu >= 0)
            snprintf(cpu, sizeof(cpu), "%d", vcpu->vcpu->cpu);
        screen_putf(pen->screen, pen->row++, 0, SCREEN_PLAIN, "%4u %7s %7s %7s %7s %7s  %d",
                    vcpu->vcpu->number, cpu, column_format(&vcpu->run, VALUE_CPUS, run),
                    column_format(&vcpu->guest, VALUE_CPUS, guest),
                    column_format(&vcpu->wait, VALUE_CPUS, wait),
                    column_format(&vcpu->migrations, VALUE_PER_S, moves), (int)vcpu->vcpu->tid);
    }
}

static void add_tasks(struct pen *pen, const struct top_row *row)
{
    if (row->task_count)
        add_heading(pen, "THREAD            NAME                CPU%    WAIT");
    for (size_t i = 0; i < row->task_count; i++) {
        const struct top_task *task = &row->tasks[i];
        char run[COLUMN_TEXT_MAX], wait[COLUMN_TEXT_MAX];
        screen_putf(pen->screen, pen->row++, 0, SCREEN_PLAIN, "%-17d %-16s %7s %7s",
                    (int)task->task->tid, task->task->name,
                    column_format(&task->run, VALUE_CPUS, run),
                    column_format(&task->wait, VALUE_CPUS, wait));
    }
}

static void add_gaps(struct pen *pen, const struct top_row *row)
{
    bool any = false;
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        if (!row->values[i].missing)
            continue;
        if (!any)
            add_heading(pen, "WHAT CANNOT BE HAD");
        any = true;
        screen_put(pen->screen, pen->row, 0, SCREEN_DIM, value_kinds[i].title);
        add_lines(pen, 9, row->values[i].missing);
    }
}

static void add_notes(struct pen *pen, const struct snapshot *snapshot)
{
    if (snapshot->notes[0])
        add_heading(pen, "NOTES");
    for (size_t i = 0; i < SNAPSHOT_NOTES && snapshot->notes[i]; i++)
        add_lines(pen, 0, snapshot->notes[i]);
}

static void add_identity(struct pen *pen, const struct top_row *row)
{
    const struct vm *vm = row->vm;
    int at = screen_put(pen->screen, pen->row, 0, SCREEN_TITLE, top_name(row));
    at = screen_putf(pen->screen, pen->row, at + 2, SCREEN_PLAIN, "%s", top_kind(row));
    if (vm && vm->pid)
        at = screen_putf(pen->screen, pen->row, at + 2, SCREEN_PLAIN, "process %d", (int)vm->pid);
    if (vm && vm->domain)
        at = screen_putf(pen->screen, pen->row, at + 2, SCREEN_PLAIN, "domain %u", vm->domain);
    if (vm && vm->uuid)
        screen_putf(pen->screen, pen->row, at + 2, SCREEN_DIM, "%s", vm->uuid);
    pen->row += 2;
}

struct machine {
    const struct top_row *row;
    const struct snapshot *snapshot;
};

static void add_machine(struct pen *pen, const void *context)
{
    const struct machine *machine = context;
    const struct top_row *row = machine->row;
    add_identity(pen, row);
    add_values(pen, row);
    add_reasons(pen, row);
    add_histogram(pen, row);
    add_vcpus(pen, row);
    add_tasks(pen, row);
    add_gaps(pen, row);
    add_notes(pen, machine->snapshot);
}

static void add_help(struct pen *pen, const void *context)
{
    static const char *const keys[][2] = {
        {"up, down, j, k", "choose a machine, or scroll"},
        {"left, right", "scroll the columns: the worst reasons are the last"},
        {"Enter", "zoom into it; Esc goes back"},
        {"/", "show only what has this in its name, kind or UUID"},
        {"<, >", "sort by the column before, after"},
        {"C W S X N", "sort by CPU, wait, steal as the host knows it, exits, name"},
        {"r", "reverse the order"},
        {"p, space", "pause: nothing is read until it is pressed again"},
        {"q, Ctrl-C", "quit"},
    };
    (void)context;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        screen_put(pen->screen, pen->row, 2, SCREEN_TITLE, keys[i][0]);
        screen_put(pen->screen, pen->row++, 18, SCREEN_PLAIN, keys[i][1]);
    }
    add_heading(pen, "COLUMNS");
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        screen_put(pen->screen, pen->row, 2, SCREEN_TITLE, value_kinds[i].title);
        screen_put(pen->screen, pen->row++, 12, SCREEN_PLAIN, value_kinds[i].help);
    }
    pen->row++;
    screen_put(pen->screen, pen->row++, 2, SCREEN_PLAIN,
               "CPU time in percent of one CPU; '-': it cannot be had, and the reason is said.");
}

/* Once beyond the screen to know its length, then where the user has scrolled to. */
static void draw_scrolled(struct ui *ui, struct screen *screen,
                          void (*add)(struct pen *pen, const void *context), const void *context)
{
    struct pen pen = {screen, screen->rows};
    int room = screen->rows - 2;
    add(&pen, context);
    int most = pen.row - screen->rows - room;
    most = most > 0 ? most : 0;
    ui->scroll = ui->scroll < most ? ui->scroll : most;
    ui->below = most - ui->scroll;
    pen.row = 1 - ui->scroll;
    add(&pen, context);
}

void zoom_draw(struct ui *ui, const struct top *top, const struct snapshot *snapshot,
               struct screen *screen)
{
    const struct machine machine = {ui_row(ui, top), snapshot};
    ui->below = 0;
    if (machine.row)
        draw_scrolled(ui, screen, add_machine, &machine);
    else
        screen_put(screen, 2, 2, SCREEN_BAD, "this machine is no longer there, or filtered out");
}

void zoom_draw_help(struct ui *ui, struct screen *screen)
{
    draw_scrolled(ui, screen, add_help, NULL);
}
