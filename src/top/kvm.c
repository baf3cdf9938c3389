/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "machine/kvm_exits.h"
#include "probe/exit_reason.h"
#include "top/read.h"

_Static_assert(EXIT_BUCKETS == EXITS_BUCKETS + 1, "bucket i of the probe is i + 1 here");

const char *const kvm_source_names[] = {
    [KVM_AUTO] = "auto",      [KVM_BPF] = "bpf",         [KVM_TRACEFS] = "tracefs",
    [KVM_STATS] = "stats",    [KVM_DEBUGFS] = "debugfs", [KVM_NONE] = "none",
    [KVM_SOURCE_COUNT] = NULL};

static const char no_time[] = "KVM counts exits and does not time them: that takes BPF or tracefs";
static const char not_asked[] = "exits are not looked at (--exits)";

struct kvm_directory {
    pid_t pid;
    char name[32]; /* "4242-13" */
};

struct kvm {
    enum kvm_source wanted;
    struct exits_points points;        /* without a counter: it would make each exit longer */
    struct exits *exits;               /* NULL: not open */
    bool some_ended;                   /* since the last reading */
    bool was_tried;                    /* since the last reading without a machine of KVM */
    struct error no_exits;             /* why not */
    struct error no_stats;             /* why a machine's statistics could not be had */
    char *path;                        /* of debugfs' kvm */
    int path_error;                    /* of reading it: errno */
    struct kvm_directory *directories; /* by pid */
    size_t count, capacity;
    uint64_t looked_ns, looked_at_ns; /* at the last reading: for how long, and when that was */
    double looked_share;              /* ... of the time since the one before; 1: not known */
    char note[4200], lost[96], looked[96], missing[4096];
};

struct kvm *kvm_open(const char *sys, enum kvm_source wanted, const struct exits_points *points)
{
    struct kvm *kvm = mem_zalloc(sizeof(*kvm));
    kvm->wanted = wanted;
    kvm->points = *points;
    kvm->points.counter = NULL;
    kvm->points.source = wanted == KVM_BPF       ? EXITS_BPF
                         : wanted == KVM_TRACEFS ? EXITS_TRACEFS
                                                 : EXITS_ANY;
    kvm->path = mem_printf("%s/kernel/debug/kvm", sys);
    return kvm;
}

struct kvm *kvm_close(struct kvm *kvm)
{
    if (!kvm)
        return NULL;
    exits_close(kvm->exits);
    free(kvm->path);
    free(kvm->directories);
    free(kvm);
    return NULL;
}

static int compare_directories(const void *left, const void *right)
{
    const struct kvm_directory *a = left, *b = right;
    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

void kvm_look(struct kvm *kvm)
{
    kvm->count = 0;
    CLEANUP_DIRECTORY DIR *directory = read_open_directory(AT_FDCWD, "%s", kvm->path);
    kvm->path_error = directory ? 0 : errno;
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 0 || *end != '-' || strlen(entry->d_name) >= sizeof(kvm->directories->name))
            continue;
        MEM_GROW(kvm->directories, kvm->count, kvm->capacity);
        struct kvm_directory *item = &kvm->directories[kvm->count++];
        *item = (struct kvm_directory){.pid = (pid_t)pid};
        memcpy(item->name, entry->d_name, strlen(entry->d_name) + 1);
    }
    if (kvm->count)
        qsort(kvm->directories, kvm->count, sizeof(kvm->directories[0]), compare_directories);
}

/* The first directory of a process; a process may have several machines: they count as one. */
static const struct kvm_directory *find_directory(const struct kvm *kvm, pid_t pid)
{
    const struct kvm_directory wanted = {.pid = pid};
    const struct kvm_directory *found = kvm->count ? bsearch(&wanted, kvm->directories, kvm->count,
                                                             sizeof(wanted), compare_directories)
                                                   : NULL;
    while (found && found > kvm->directories && found[-1].pid == pid)
        found--;
    return found;
}

bool kvm_has(const struct kvm *kvm, pid_t pid)
{
    return find_directory(kvm, pid);
}

/* Another of the same process; NULL: that was the last. */
static const struct kvm_directory *next_directory(const struct kvm *kvm,
                                                  const struct kvm_directory *at)
{
    const struct kvm_directory *next = at + 1;
    return next < kvm->directories + kvm->count && next->pid == at->pid ? next : NULL;
}

void kvm_take_sum(struct vm *vm, const struct exits_key *key, const struct exits_sum *sum)
{
    const char *known = exit_reason_name(key->isa, key->reason);
    char name[24];
    snprintf(name, sizeof(name), "0x%" PRIx32, key->reason);
    struct vm_reason *reason =
        vm_add_reason(vm, known ? known : name, strlen(known ? known : name));
    uint64_t time_ns = sum->kernel_ns + sum->user_ns + sum->off_ns;
    reason->count = sum->count;
    reason->time = figure_of(time_ns);
    for (size_t i = 0; i < EXITS_BUCKETS; i++)
        reason->buckets[i + 1] = sum->buckets[i];
    vm->figures[FIGURE_EXITS].value += sum->count;
    vm->figures[FIGURE_EXIT_TIME].value += time_ns;
}

static bool may_be_kvm(const struct vm *vm)
{
    return vm->kind == VM_KVM || vm->kind == VM_QEMU;
}

struct reading {
    struct vm_process *processes;
    size_t count;
    struct snapshot *snapshot;
};

static int compare_processes(const void *left, const void *right)
{
    const struct vm_process *a = left, *b = right;
    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* NULL: it is no machine's. */
static struct vm *find_vm(const struct reading *reading, pid_t pid)
{
    const struct vm_process wanted = {.pid = pid};
    const struct vm_process *process =
        bsearch(&wanted, reading->processes, reading->count, sizeof(wanted), compare_processes);
    if (!process || process->has_ended)
        return NULL;
    struct vm *vm = &reading->snapshot->vms[process->vm];
    return may_be_kvm(vm) ? vm : NULL;
}

static void take_sum(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    struct vm *vm = find_vm(context, (pid_t)key->process);
    if (vm)
        kvm_take_sum(vm, key, sum);
}

static bool is_machine(pid_t process, void *context)
{
    return find_vm(context, process);
}

static bool wants(const struct kvm *kvm, enum kvm_source source)
{
    return kvm->wanted == source || kvm->wanted == KVM_AUTO;
}

static bool wants_time(const struct kvm *kvm)
{
    return wants(kvm, KVM_BPF) || wants(kvm, KVM_TRACEFS);
}

static void try_exits(struct kvm *kvm)
{
    if (kvm->exits || kvm->was_tried || !wants_time(kvm))
        return;
    kvm->was_tried = true;
    (void)!exits_open(&kvm->points, &kvm->exits, &kvm->no_exits);
}

static void read_looked(struct kvm *kvm)
{
    uint64_t now_ns = clock_monotonic_ns(), looked_ns;
    kvm->looked_share = 1;
    if (!exits_looked_ns(kvm->exits, &looked_ns))
        return;
    if (kvm->looked_at_ns)
        kvm->looked_share =
            (double)(looked_ns - kvm->looked_ns) / (double)(now_ns - kvm->looked_at_ns);
    kvm->looked_ns = looked_ns;
    kvm->looked_at_ns = now_ns;
}

static bool are_estimated(const struct kvm *kvm)
{
    return kvm->looked_share < EXITS_LOOKED_BELOW;
}

/* All machines of its process. */
static void read_own_count(const struct kvm *kvm, struct vm *vm)
{
    uint64_t sum = 0, count;
    bool found = false;
    for (const struct kvm_directory *at = find_directory(kvm, vm->pid); at;
         at = next_directory(kvm, at))
        if (kvm_exits_count(kvm->path, at->name, &count)) {
            sum += count;
            found = true;
        }
    if (found)
        vm->exits_by_kvm = figure_of(sum);
}

static void read_exits(struct kvm *kvm, struct reading *reading)
{
    read_looked(kvm);
    for (size_t i = 0; i < reading->count; i++) {
        struct vm *vm = &reading->snapshot->vms[reading->processes[i].vm];
        if (reading->processes[i].has_ended || !may_be_kvm(vm))
            continue;
        vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] = figure_of(0);
        vm->exit_source = exits_source_name(kvm->exits);
        if (are_estimated(kvm))
            read_own_count(kvm, vm);
    }
    exits_each(kvm->exits, 0, take_sum, reading);
    for (size_t i = 0; i < reading->count; i++) {
        struct vm *vm = &reading->snapshot->vms[reading->processes[i].vm];
        if (!reading->processes[i].has_ended && vm->kind == VM_QEMU && vm->reason_count == 0)
            vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] =
                figure_missing("it has not left guest mode yet: perhaps it is no machine of KVM");
    }
}

static void take_usage(const struct machine_usage *usage, enum kvm_source source, struct vm *vm)
{
    vm->exit_source = kvm_source_names[source];
    vm->figures[FIGURE_EXITS] =
        usage->exits.missing ? figure_missing(usage->exits.missing) : figure_of(usage->exits.value);
    vm->figures[FIGURE_EXIT_TIME] = figure_missing(no_time);
    for (size_t i = 0; i < usage->exit_part_count && !usage->exits.missing; i++) {
        const char *name = usage->exit_parts[i].name;
        name += strncmp(name, "exits.", 6) == 0 ? 6 : 0;
        struct vm_reason *reason = vm_add_reason(vm, name, strlen(name));
        reason->count = usage->exit_parts[i].value;
        reason->time = figure_missing(no_time);
    }
}

/* vCPUs may be added while a machine runs. */
static bool read_stats(struct kvm *kvm, struct vm_process *process, struct vm *vm)
{
    struct machine_usage usage = {0};
    if (process->kvm_stats && process->kvm_stats_vcpus != vm->vcpu_rows)
        process->kvm_stats = kvm_stats_close(process->kvm_stats);
    if (!process->kvm_stats &&
        kvm_stats_open(process->pid, &process->kvm_stats, &kvm->no_stats) < 0)
        return false;
    process->kvm_stats_vcpus = vm->vcpu_rows;
    kvm_stats_read(process->kvm_stats, &usage);
    take_usage(&usage, KVM_STATS, vm);
    return true;
}

static bool read_debugfs(struct kvm *kvm, struct vm *vm)
{
    struct machine_usage usage = {0};
    bool found = false;
    for (const struct kvm_directory *at = find_directory(kvm, vm->pid); at;
         at = next_directory(kvm, at))
        found |= kvm_exits_add(kvm->path, at->name, &usage);
    if (found)
        take_usage(&usage, KVM_DEBUGFS, vm);
    return found;
}

void kvm_forget_ended(struct kvm *kvm)
{
    kvm->some_ended = true;
}

static const char *explain_debugfs(const struct kvm *kvm)
{
    return kvm->path_error == 0 ? "KVM counts nothing for this process"
           : kvm->path_error == EACCES || kvm->path_error == EPERM
               ? "only root may read KVM's counts (debugfs)"
               : "KVM's counts are not there: mount -t debugfs debugfs /sys/kernel/debug";
}

/* All sources that were tried, each with what it lacks. */
static const char *explain_missing(struct kvm *kvm)
{
    if (kvm->wanted == KVM_NONE)
        return not_asked;
    const char *const parts[] = {wants_time(kvm) ? kvm->no_exits.text : "",
                                 wants(kvm, KVM_STATS) ? kvm->no_stats.text : "",
                                 wants(kvm, KVM_DEBUGFS) ? explain_debugfs(kvm) : ""};
    size_t used = 0;
    kvm->missing[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (*parts[i] && used < sizeof(kvm->missing))
            used += (size_t)snprintf(kvm->missing + used, sizeof(kvm->missing) - used, "%s%s",
                                     used ? "; " : "", parts[i]);
    return kvm->missing;
}

static void read_counts(struct kvm *kvm, struct vm_process *process, struct vm *vm)
{
    if (wants(kvm, KVM_STATS) && read_stats(kvm, process, vm))
        return;
    if (wants(kvm, KVM_DEBUGFS) && read_debugfs(kvm, vm))
        return;
    vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] =
        figure_missing(explain_missing(kvm));
}

static void explain_others(struct vm *vm)
{
    const char *why = vm->kind == VM_TCG ? "QEMU emulates: there is no guest mode to leave"
                                         : "VirtualBox tells its exits only to its debugger";
    vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] = figure_missing(why);
}

static void say_lost(struct kvm *kvm, struct snapshot *snapshot)
{
    uint64_t lost = exits_lost(kvm->exits);
    if (!lost)
        return;
    snprintf(kvm->lost, sizeof(kvm->lost), "%" PRIu64 " %s", lost, exits_lost_means(kvm->exits));
    snapshot_add_note(snapshot, kvm->lost);
}

/* Where there are so many that they are looked at for a part of the time. */
static void say_looked(struct kvm *kvm, struct snapshot *snapshot)
{
    if (!are_estimated(kvm))
        return;
    snprintf(kvm->looked, sizeof(kvm->looked),
             "exits by reason are estimated: there are many, and %.0f %% of the time was looked at",
             100 * kvm->looked_share);
    snapshot_add_note(snapshot, kvm->looked);
}

/* any_counted: of some machine KVM's own counts were read */
static void say_source(struct kvm *kvm, bool any_counted, struct snapshot *snapshot)
{
    const char *why = kvm->exits ? exits_without_bpf(kvm->exits) : NULL;
    if (kvm->exits) {
        say_lost(kvm, snapshot);
        say_looked(kvm, snapshot);
    }
    if (why) {
        snprintf(kvm->note, sizeof(kvm->note),
                 "exits are read from tracefs, which costs more than BPF: %s", why);
        snapshot_add_note(snapshot, kvm->note);
    }
    if (kvm->exits || kvm->wanted != KVM_AUTO)
        return;
    if (any_counted)
        snprintf(kvm->note, sizeof(kvm->note),
                 "exits are as KVM itself counts them, without time: %s", kvm->no_exits.text);
    else
        snprintf(kvm->note, sizeof(kvm->note), "exits are not counted: %s", explain_missing(kvm));
    snapshot_add_note(snapshot, kvm->note);
}

void kvm_read(struct kvm *kvm, struct vm_process *processes, size_t count,
              struct snapshot *snapshot)
{
    struct reading reading = {processes, count, snapshot};
    bool any = false, any_counted = false;
    for (size_t i = 0; i < count; i++)
        any |= !processes[i].has_ended && snapshot->vms[processes[i].vm].kind == VM_KVM;
    if (any)
        try_exits(kvm);
    else
        kvm->was_tried = false; /* with the next machine its module may be there */
    if (kvm->exits && kvm->some_ended)
        exits_keep(kvm->exits, is_machine, &reading);
    if (kvm->exits)
        read_exits(kvm, &reading);
    kvm->some_ended = false;
    for (size_t i = 0; i < count; i++) {
        struct vm *vm = &snapshot->vms[processes[i].vm];
        if (processes[i].has_ended)
            continue;
        if (!may_be_kvm(vm))
            explain_others(vm);
        else if (!kvm->exits)
            read_counts(kvm, &processes[i], vm);
        any_counted |= vm->exit_source != NULL;
    }
    if (any)
        say_source(kvm, any_counted, snapshot);
}
