/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/model.h"

#include <string.h>

/* clang-format off */
const struct value_kind value_kinds[VALUE_COUNT] = {
    [VALUE_CPU] = {"cpu", "CPU%", VALUE_CPUS, "CPU time of all threads, guest code included"},
    [VALUE_GUEST] = {"guest", "GUEST", VALUE_CPUS, "of that in guest mode"},
    [VALUE_HOST] = {"host", "HOST", VALUE_CPUS, "of that outside of guest mode"},
    [VALUE_WAIT] = {"wait", "WAIT", VALUE_CPUS, "threads ready to run that waited for a CPU"},
    [VALUE_STEAL_GUEST] = {"steal-guest", "STL-G", VALUE_SHARE,
        "steal as the guest sees it, of its vCPUs' time"},
    [VALUE_STEAL_HOST] = {"steal-host", "STL-H", VALUE_SHARE,
        "steal as the host knows it: vCPUs waited for a CPU, of their time"},
    [VALUE_EXITS] = {"exits", "EXITS/s", VALUE_PER_S, "world switches from guest to host"},
    [VALUE_EXIT_TIME] = {"exit-time", "EXIT%", VALUE_CPUS,
        "time out of guest mode after an exit, halted time included"},
    [VALUE_IPC_GUEST] = {"ipc-guest", "IPC-G", VALUE_RATIO, "instructions per cycle, guest mode"},
    [VALUE_IPC_HOST] = {"ipc-host", "IPC-H", VALUE_RATIO, "instructions per cycle, the rest"},
    [VALUE_READ] = {"read", "READ/s", VALUE_BYTES_PER_S, "from disks"},
    [VALUE_WRITE] = {"write", "WRITE/s", VALUE_BYTES_PER_S, "to disks"},
    [VALUE_RECEIVE] = {"receive", "RECV/s", VALUE_BYTES_PER_S, "received by the guest"},
    [VALUE_SEND] = {"send", "SEND/s", VALUE_BYTES_PER_S, "sent by the guest"},
    [VALUE_MIGRATIONS] = {"migrations", "MIGR/s", VALUE_PER_S,
        "moves of vCPUs from one CPU to another"},
    [VALUE_FAULTS] = {"faults", "FAULT/s", VALUE_PER_S, "page faults that needed a disk"},
};
/* clang-format on */

static const char just_found[] = "it was found just now";

const char *top_name(const struct top_row *row)
{
    return row->vm ? row->vm->name : TOP_HOST_NAME;
}

const char *top_kind(const struct top_row *row)
{
    return row->vm ? vm_kind_names[row->vm->kind] : "host";
}

static struct rate missing(const char *reason)
{
    return (struct rate){.missing = reason};
}

static struct rate scale(struct rate rate, double factor)
{
    rate.value *= factor;
    return rate;
}

/* left - right; what is below 0 is the resolution of the clocks. */
static struct rate subtract(struct rate left, struct rate right)
{
    if (left.missing || right.missing)
        return missing(left.missing ? left.missing : right.missing);
    return (struct rate){.value = left.value > right.value ? left.value - right.value : 0};
}

static struct rate divide(struct rate left, struct rate right)
{
    if (left.missing || right.missing)
        return missing(left.missing ? left.missing : right.missing);
    return right.value > 0 ? (struct rate){.value = left.value / right.value}
                           : missing("nothing was counted");
}

/* The time per second of n vCPUs as a share of theirs. */
static struct rate share_of_vcpus(struct rate time, unsigned vcpus)
{
    if (time.missing)
        return time;
    return vcpus ? scale(time, 1e-9 / vcpus) : missing("the number of vCPUs is not known");
}

static void fill_values(const struct vm *before, const struct vm *after, struct top_row *row)
{
    struct rate rates[FIGURE_COUNT];
    uint64_t elapsed_ns = after->time_ns > before->time_ns ? after->time_ns - before->time_ns : 0;
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        rates[i] = figure_rate(&before->figures[i], &after->figures[i], elapsed_ns);
    struct rate *values = row->values;
    values[VALUE_CPU] = scale(rates[FIGURE_CPU], 1e-9);
    values[VALUE_GUEST] = scale(rates[FIGURE_GUEST], 1e-9);
    values[VALUE_HOST] = subtract(values[VALUE_CPU], values[VALUE_GUEST]);
    values[VALUE_WAIT] = scale(rates[FIGURE_WAIT], 1e-9);
    values[VALUE_STEAL_GUEST] = share_of_vcpus(rates[FIGURE_STEAL], after->vcpu_count);
    values[VALUE_STEAL_HOST] = share_of_vcpus(rates[FIGURE_VCPU_WAIT], after->vcpu_count);
    values[VALUE_EXITS] = rates[FIGURE_EXITS];
    values[VALUE_EXIT_TIME] = scale(rates[FIGURE_EXIT_TIME], 1e-9);
    values[VALUE_IPC_GUEST] = divide(rates[FIGURE_GUEST_INSTRUCTIONS], rates[FIGURE_GUEST_CYCLES]);
    values[VALUE_IPC_HOST] = divide(rates[FIGURE_HOST_INSTRUCTIONS], rates[FIGURE_HOST_CYCLES]);
    values[VALUE_READ] = rates[FIGURE_READ];
    values[VALUE_WRITE] = rates[FIGURE_WRITE];
    values[VALUE_RECEIVE] = rates[FIGURE_RECEIVE];
    values[VALUE_SEND] = rates[FIGURE_SEND];
    values[VALUE_MIGRATIONS] = rates[FIGURE_MIGRATIONS];
    values[VALUE_FAULTS] = rates[FIGURE_FAULTS];
}

static const struct vm_reason *find_reason(const struct vm *vm, const char *name)
{
    for (size_t i = 0; i < vm->reason_count; i++)
        if (strcmp(vm->reasons[i].name, name) == 0)
            return &vm->reasons[i];
    return NULL;
}

static int compare_reasons(const void *left, const void *right)
{
    const struct top_reason *a = left, *b = right;
    if (!a->time.missing && !b->time.missing && a->time.value != b->time.value)
        return a->time.value > b->time.value ? -1 : 1;
    if (a->per_s != b->per_s)
        return a->per_s > b->per_s ? -1 : 1;
    return strcmp(a->reason->name, b->reason->name);
}

static void add_reason(const struct vm_reason *was, const struct vm_reason *is, uint64_t elapsed_ns,
                       struct top_row *row)
{
    static const struct vm_reason none = {0};
    const struct vm_reason *from = was ? was : &none;
    struct figure before = figure_of(from->count), after = figure_of(is->count);
    struct rate count = figure_rate(&before, &after, elapsed_ns);
    if (count.missing || count.value == 0)
        return;
    struct top_reason *reason = &row->reasons[row->reason_count++];
    *reason = (struct top_reason){.reason = is, .per_s = count.value};
    struct figure time_before = was ? was->time : figure_of(0);
    reason->time = figure_rate(&time_before, &is->time, elapsed_ns);
    for (size_t i = 0; i < EXIT_BUCKETS; i++)
        reason->buckets[i] =
            is->buckets[i] > from->buckets[i] ? is->buckets[i] - from->buckets[i] : 0;
}

/* Numbers that are estimates become parts of KVM's own, which is exact. Their times and histograms
 * stay: looking makes exits fewer in the time in which it looks, and the time in them is right. */
static void correct_exits(const struct vm *before, const struct vm *after, uint64_t elapsed_ns,
                          struct top_row *row)
{
    struct rate exact = figure_rate(&before->exits_by_kvm, &after->exits_by_kvm, elapsed_ns);
    double told = 0;
    for (size_t i = 0; i < row->reason_count; i++)
        told += row->reasons[i].per_s;
    if (exact.missing)
        return;
    row->values[VALUE_EXITS] = exact;
    for (size_t i = 0; i < row->reason_count; i++)
        row->reasons[i].per_s *= exact.value / told;
}

static void fill_reasons(const struct vm *before, const struct vm *after, struct top_row *row)
{
    uint64_t elapsed_ns = after->time_ns > before->time_ns ? after->time_ns - before->time_ns : 0;
    row->reasons = mem_array(after->reason_count ? after->reason_count : 1, sizeof(*row->reasons));
    for (size_t i = 0; i < after->reason_count; i++)
        add_reason(find_reason(before, after->reasons[i].name), &after->reasons[i], elapsed_ns,
                   row);
    correct_exits(before, after, elapsed_ns, row);
    qsort(row->reasons, row->reason_count, sizeof(row->reasons[0]), compare_reasons);
}

static const struct vm_vcpu *find_vcpu(const struct vm *vm, const struct vm_vcpu *vcpu)
{
    for (size_t i = 0; i < vm->vcpu_rows; i++)
        if (vm->vcpus[i].number == vcpu->number && vm->vcpus[i].tid == vcpu->tid)
            return &vm->vcpus[i];
    return NULL;
}

static void fill_vcpus(const struct vm *before, const struct vm *after, struct top_row *row)
{
    uint64_t elapsed_ns = after->time_ns > before->time_ns ? after->time_ns - before->time_ns : 0;
    row->vcpus = mem_array(after->vcpu_rows ? after->vcpu_rows : 1, sizeof(*row->vcpus));
    for (size_t i = 0; i < after->vcpu_rows; i++) {
        const struct vm_vcpu *is = &after->vcpus[i], *was = find_vcpu(before, is);
        struct top_vcpu *vcpu = &row->vcpus[row->vcpu_count++];
        *vcpu = (struct top_vcpu){.vcpu = is};
        vcpu->run = vcpu->wait = vcpu->guest = vcpu->migrations = missing(just_found);
        if (!was)
            continue;
        vcpu->run = scale(figure_rate(&was->run, &is->run, elapsed_ns), 1e-9);
        vcpu->wait = scale(figure_rate(&was->wait, &is->wait, elapsed_ns), 1e-9);
        vcpu->guest = scale(figure_rate(&was->guest, &is->guest, elapsed_ns), 1e-9);
        vcpu->migrations = figure_rate(&was->migrations, &is->migrations, elapsed_ns);
    }
}

static const struct vm_task *find_task(const struct vm *vm, const struct vm_task *task)
{
    for (size_t i = 0; i < vm->task_count; i++)
        if (vm->tasks[i].tid == task->tid)
            return &vm->tasks[i];
    return NULL;
}

static int compare_tasks(const void *left, const void *right)
{
    const struct top_task *a = left, *b = right;
    if (!a->run.missing != !b->run.missing)
        return a->run.missing ? 1 : -1;
    if (a->run.value != b->run.value)
        return a->run.value > b->run.value ? -1 : 1;
    return a->task->tid < b->task->tid ? -1 : 1;
}

static void fill_tasks(const struct vm *before, const struct vm *after, struct top_row *row)
{
    uint64_t elapsed_ns = after->time_ns > before->time_ns ? after->time_ns - before->time_ns : 0;
    row->tasks = mem_array(after->task_count ? after->task_count : 1, sizeof(*row->tasks));
    for (size_t i = 0; i < after->task_count; i++) {
        const struct vm_task *is = &after->tasks[i], *was = find_task(before, is);
        struct top_task *task = &row->tasks[row->task_count++];
        *task = (struct top_task){is, missing(just_found), missing(just_found)};
        if (!was)
            continue;
        task->run = scale(figure_rate(&was->run, &is->run, elapsed_ns), 1e-9);
        task->wait = scale(figure_rate(&was->wait, &is->wait, elapsed_ns), 1e-9);
    }
    qsort(row->tasks, row->task_count, sizeof(row->tasks[0]), compare_tasks);
}

static void fill_row(const struct snapshot_index *before, const struct vm *vm, struct top_row *row)
{
    const struct vm *was = snapshot_index_find(before, vm);
    *row = (struct top_row){.vm = vm};
    if (!was) {
        for (size_t i = 0; i < VALUE_COUNT; i++)
            row->values[i] = missing(just_found);
        fill_vcpus(vm, vm, row);
        return;
    }
    fill_values(was, vm, row);
    fill_reasons(was, vm, row);
    fill_vcpus(was, vm, row);
    fill_tasks(was, vm, row);
}

static double sum_known(const struct top *top, enum value_id id)
{
    double sum = 0;
    for (size_t i = 1; i < top->count; i++)
        sum += top->rows[i].values[id].missing ? 0 : top->rows[i].values[id].value;
    return sum;
}

/* What is left of the whole host's when the machines' is taken away. */
static void fill_host(const struct host_sample *before, const struct host_sample *after,
                      const struct top *top, struct top_row *row)
{
    *row = (struct top_row){0};
    struct rate *values = row->values;
    uint64_t elapsed_ns = after->time_ns > before->time_ns ? after->time_ns - before->time_ns : 0;
    for (size_t i = 0; i < VALUE_COUNT; i++)
        values[i] = missing("it is told of machines only");
    struct rate busy = scale(figure_rate(&before->busy, &after->busy, elapsed_ns), 1e-9);
    struct rate steal = figure_rate(&before->steal, &after->steal, elapsed_ns);
    struct rate wait = scale(figure_rate(&before->wait, &after->wait, elapsed_ns), 1e-9);
    struct rate machines[] = {{.value = sum_known(top, VALUE_CPU)},
                              {.value = sum_known(top, VALUE_WAIT)},
                              {.value = sum_known(top, VALUE_READ)},
                              {.value = sum_known(top, VALUE_WRITE)}};
    values[VALUE_CPU] = values[VALUE_HOST] = subtract(busy, machines[0]);
    values[VALUE_GUEST] = missing("the host's own processes run no guest code");
    values[VALUE_WAIT] = subtract(wait, machines[1]);
    values[VALUE_STEAL_GUEST] = share_of_vcpus(steal, after->cpus);
    values[VALUE_STEAL_HOST] = missing("only a hypervisor below this host would know it");
    values[VALUE_READ] =
        subtract(figure_rate(&before->read, &after->read, elapsed_ns), machines[2]);
    values[VALUE_WRITE] =
        subtract(figure_rate(&before->write, &after->write, elapsed_ns), machines[3]);
}

static bool contains(const char *text, const char *part)
{
    return text && strcasestr(text, part);
}

static bool is_wanted(const struct vm *vm, const char *filter)
{
    return !filter || !*filter || contains(vm->name, filter) || contains(vm->uuid, filter) ||
           contains(vm_kind_names[vm->kind], filter);
}

static void row_done(struct top_row *row)
{
    free(row->reasons);
    free(row->vcpus);
    free(row->tasks);
}

static int compare_names(const struct top_row *a, const struct top_row *b)
{
    int order = strcmp(top_name(a), top_name(b));
    if (order == 0 && a->vm->pid != b->vm->pid)
        order = a->vm->pid < b->vm->pid ? -1 : 1;
    return order;
}

/* Large values first, those that are missing last; names from A to Z. */
static int compare_rows(const void *left, const void *right, void *context)
{
    const struct top_row *a = left, *b = right;
    const struct top_options *options = context;
    if (options->sort == SORT_NAME)
        return options->reverse ? -compare_names(a, b) : compare_names(a, b);
    const struct rate *x = &a->values[options->sort], *y = &b->values[options->sort];
    if (!x->missing != !y->missing)
        return x->missing ? 1 : -1;
    if (x->missing || x->value == y->value)
        return compare_names(a, b);
    int order = x->value > y->value ? -1 : 1;
    return options->reverse ? -order : order;
}

void top_compare(const struct snapshot *before, const struct snapshot *after,
                 const struct top_options *options, struct top *out_top)
{
    struct top top = {.rows = mem_array(after->count + 1, sizeof(*top.rows)),
                      .count = 1,
                      .cpus = after->host.cpus,
                      .machines = after->count};
    if (after->host.time_ns > before->host.time_ns)
        top.elapsed_ns = after->host.time_ns - before->host.time_ns;
    CLEANUP_SNAPSHOT_INDEX struct snapshot_index index;
    snapshot_index_init(&index, before);
    for (size_t i = 0; i < after->count; i++)
        fill_row(&index, &after->vms[i], &top.rows[top.count++]);
    fill_host(&before->host, &after->host, &top, &top.rows[0]); /* before any is filtered out */
    size_t kept = 1;
    for (size_t i = 1; i < top.count; i++)
        if (is_wanted(top.rows[i].vm, options->filter))
            top.rows[kept++] = top.rows[i];
        else
            row_done(&top.rows[i]);
    top.count = kept;
    qsort_r(top.rows + 1, top.count - 1, sizeof(top.rows[0]), compare_rows, (void *)options);
    *out_top = top;
}

void top_done(struct top *top)
{
    for (size_t i = 0; i < top->count; i++)
        row_done(&top->rows[i]);
    free(top->rows);
    *top = (struct top){0};
}
