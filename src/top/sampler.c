/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "top/agent.h"
#include "top/counters.h"
#include "top/domains.h"
#include "top/kvm.h"
#include "top/process.h"
#include "top/read.h"

#define COMMAND_LINE_MAX ((size_t)256 << 10)
#define STAT_MAX ((size_t)1 << 20) /* a thousand CPUs and their interrupts */

struct sampler {
    int proc_fd;
    struct vm_process *processes; /* by pid */
    size_t count, capacity;
    struct kvm *kvm;
    struct networks *networks;
    struct counters *counters; /* NULL: not wanted */
    struct domains *domains;   /* NULL: no Xen */
    struct agents *agents;     /* NULL: guests are not asked */
    char *text;                /* STAT_MAX bytes */
};

DEFINE_CLEANUP(struct sampler *, sampler_close);

/* Each vCPU takes a few descriptors, and there may be thousands. Without the right to more it is as
 * it was. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
}

int sampler_open(const struct sampler_options *options, struct sampler **out_sampler,
                 struct error *err)
{
    const char *proc = options->proc ? options->proc : "/proc";
    CLEANUP(sampler_close_cleanup) struct sampler *sampler = mem_zalloc(sizeof(*sampler));
    sampler->proc_fd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sampler->proc_fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", proc);
    sampler->text = mem_alloc(STAT_MAX);
    sampler->kvm = kvm_open(options->sys ? options->sys : "/sys", options->exits,
                            options->points ? options->points : &exits_of_kvm);
    raise_file_limit();
    sampler->networks = networks_new();
    if (!options->no_counters)
        sampler->counters = counters_open(options->counted);
    if (!options->no_xen)
        sampler->domains = domains_open();
    if (options->ask_guests)
        sampler->agents = agents_open();
    *out_sampler = TAKE_PTR(sampler);
    return 0;
}

struct sampler *sampler_close(struct sampler *sampler)
{
    if (!sampler)
        return NULL;
    for (size_t i = 0; i < sampler->count; i++)
        vm_process_done(&sampler->processes[i]);
    free(sampler->processes);
    kvm_close(sampler->kvm);
    networks_free(sampler->networks);
    counters_close(sampler->counters);
    domains_close(sampler->domains);
    agents_close(sampler->agents);
    if (sampler->proc_fd >= 0)
        close(sampler->proc_fd);
    free(sampler->text);
    free(sampler);
    return NULL;
}

static void forget_process(struct sampler *sampler, struct vm_process *process)
{
    if (sampler->counters)
        counters_forget(sampler->counters, process);
    vm_process_done(process);
    kvm_forget_ended(sampler->kvm);
}

static int compare_processes(const void *left, const void *right)
{
    const struct vm_process *a = left, *b = right;
    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* Among the first `count`, which are in order. */
static struct vm_process *find_process(struct sampler *sampler, size_t count, pid_t pid)
{
    const struct vm_process wanted = {.pid = pid};
    struct vm_process *found =
        count ? bsearch(&wanted, sampler->processes, count, sizeof(wanted), compare_processes)
              : NULL;
    return found && !found->has_ended ? found : NULL;
}

/* The name of a program's file. One that was replaced while it runs has " (deleted)" behind it. A
 * foreign user's program cannot be read, but the first word of its command line can. */
static bool read_program(const struct sampler *sampler, pid_t pid, char *buffer, size_t size)
{
    char path[32];
    snprintf(path, sizeof(path), "%d/exe", pid);
    ssize_t length = readlinkat(sampler->proc_fd, path, buffer, size - 1);
    if (length < 0 && errno == EACCES)
        length = read_at(sampler->proc_fd, buffer, size, "%d/cmdline", pid);
    if (length <= 0)
        return false;
    buffer[length] = '\0';
    char *deleted = strstr(buffer, " (deleted)");
    if (deleted)
        *deleted = '\0';
    char *slash = strrchr(buffer, '/');
    if (slash)
        memmove(buffer, slash + 1, strlen(slash));
    return true;
}

static void add_process(struct sampler *sampler, pid_t pid, enum identity_program program)
{
    struct parse_stat stat;
    ssize_t length = read_at(sampler->proc_fd, sampler->text, STAT_MAX, "%d/stat", pid);
    if (length < 0 || parse_stat(sampler->text, (size_t)length, &stat) < 0)
        return;
    length = read_at(sampler->proc_fd, sampler->text, COMMAND_LINE_MAX, "%d/cmdline", pid);
    struct vm_process process = {.pid = pid, .start_ticks = stat.start_ticks, .is_there = true};
    if (length >= 0)
        identity_parse(program, sampler->text, (size_t)length, &process.identity);
    if (length < 0 || process.identity.is_empty) {
        vm_process_done(&process);
        return;
    }
    if (!process.identity.name && program == IDENTITY_OTHER)
        process.identity.name = mem_strdup(stat.name);
    MEM_GROW(sampler->processes, sampler->count, sampler->capacity);
    sampler->processes[sampler->count++] = process;
}

static void look_for_processes(struct sampler *sampler)
{
    size_t known_count = sampler->count;
    CLEANUP_DIRECTORY DIR *directory = read_open_directory(sampler->proc_fd, ".");
    for (long pid; directory && (pid = read_next_number(directory));) {
        char program[512];
        enum identity_program kind = IDENTITY_OTHER;
        struct vm_process *known = find_process(sampler, known_count, (pid_t)pid);
        if (known)
            known->is_there = true;
        else if ((read_program(sampler, (pid_t)pid, program, sizeof(program)) &&
                  identity_is_runner(program, &kind)) ||
                 kvm_has(sampler->kvm, (pid_t)pid))
            add_process(sampler, (pid_t)pid, kind);
    }
}

static void drop_ended(struct sampler *sampler)
{
    size_t kept = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        struct vm_process process = sampler->processes[i];
        if (process.is_there) {
            sampler->processes[kept++] = process;
            continue;
        }
        forget_process(sampler, &process);
    }
    sampler->count = kept;
    if (kept)
        qsort(sampler->processes, kept, sizeof(sampler->processes[0]), compare_processes);
}

static void name_vm(const struct vm_process *process, struct vm *vm)
{
    const struct identity *identity = &process->identity;
    vm->pid = process->pid;
    vm->identity = process->start_ticks;
    vm->name = identity->name   ? mem_strdup(identity->name)
               : identity->uuid ? mem_strdup(identity->uuid)
                                : mem_printf("process %d", process->pid);
    vm->uuid = mem_strdup(identity->uuid);
}

static void ask_guest(struct sampler *sampler, const struct vm_process *process, struct vm *vm)
{
    const struct identity *identity = &process->identity;
    vm->figures[FIGURE_STEAL] =
        !identity->agent_socket && !identity->has_agent
            ? figure_missing("only the guest knows it, and it has no guest agent to ask")
        : !identity->agent_socket
            ? figure_missing("only the guest knows it, and libvirt holds its agent")
        : !sampler->agents ? figure_missing("only the guest knows it: --ask-guests asks its agent")
                           : agents_read(sampler->agents, vm->pid, identity->agent_socket);
}

static void read_processes(struct sampler *sampler, struct snapshot *snapshot)
{
    if (sampler->counters)
        counters_begin(sampler->counters);
    for (size_t i = 0; i < sampler->count; i++) {
        struct vm_process *process = &sampler->processes[i];
        struct vm *vm = snapshot_add(snapshot);
        name_vm(process, vm);
        process->vm = snapshot->count - 1;
        if (vm_process_read(process, sampler->proc_fd, sampler->networks, vm) < 0) {
            process->has_ended = true; /* its number may be another's by now */
            kvm_forget_ended(sampler->kvm);
            snapshot_drop(snapshot);
            continue;
        }
        if (sampler->counters)
            counters_read(sampler->counters, process, vm);
        else
            for (size_t id = FIGURE_GUEST_INSTRUCTIONS; id <= FIGURE_HOST_CYCLES; id++)
                vm->figures[id] = figure_missing("counters are left alone (--no-counters)");
        ask_guest(sampler, process, vm);
        if (process->identity.xen_domain)
            vm->device_model_of = process->identity.xen_domain;
    }
    kvm_read(sampler->kvm, sampler->processes, sampler->count, snapshot);
    if (sampler->counters)
        counters_end(sampler->counters, snapshot);
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
    return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* pgpgin and pgpgout count KiB, to and from all block devices. */
static struct figure read_paging(const struct sampler *sampler, size_t length, const char *key)
{
    uint64_t kib;
    return parse_field(sampler->text, length, key, &kib) == 0
               ? figure_of(kib << 10)
               : figure_missing("'/proc/vmstat' does not tell");
}

static int read_host(struct sampler *sampler, struct host_sample *host, struct error *err)
{
    struct parse_host stat;
    uint64_t wait_ns;
    host->time_ns = clock_monotonic_ns();
    ssize_t length = read_at(sampler->proc_fd, sampler->text, STAT_MAX, "stat");
    if (length < 0 || parse_host(sampler->text, (size_t)length, &stat) < 0)
        return error_set(err, ERROR_ENVIRONMENT, length < 0 ? (int)length : -EBADMSG,
                         "read '/proc/stat': no CPU times");
    host->cpus = stat.cpus;
    host->busy = figure_of(ticks_to_ns(stat.busy));
    host->steal = figure_of(ticks_to_ns(stat.steal));
    length = read_at(sampler->proc_fd, sampler->text, STAT_MAX, "schedstat");
    host->wait = length > 0 && parse_host_wait(sampler->text, (size_t)length, &wait_ns) == 0
                     ? figure_of(wait_ns)
                     : figure_missing("the kernel has no '/proc/schedstat' (CONFIG_SCHEDSTATS)");
    length = read_at(sampler->proc_fd, sampler->text, STAT_MAX, "vmstat");
    host->read = read_paging(sampler, length > 0 ? (size_t)length : 0, "pgpgin");
    host->write = read_paging(sampler, length > 0 ? (size_t)length : 0, "pgpgout");
    return 0;
}

int sampler_read(struct sampler *sampler, struct snapshot *out_snapshot, struct error *err)
{
    CLEANUP_SNAPSHOT struct snapshot snapshot = {0};
    int rc = read_host(sampler, &snapshot.host, err);
    if (rc < 0)
        return error_prefix(err, "look at the host");
    for (size_t i = 0; i < sampler->count; i++)
        sampler->processes[i].is_there = false;
    kvm_look(sampler->kvm);
    networks_forget(sampler->networks);
    look_for_processes(sampler);
    drop_ended(sampler);
    if (sampler->agents)
        agents_exchange(sampler->agents);
    read_processes(sampler, &snapshot);
    if (sampler->domains)
        domains_read(sampler->domains, sampler->proc_fd, sampler->networks, &snapshot);
    *out_snapshot = snapshot;
    snapshot = (struct snapshot){0};
    return 0;
}
