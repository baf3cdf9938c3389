/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libvirt: QEMU machines, by pure emulation (qemu-tcg) or on the processor's virtualization (kvm).
 * Each boots the image's kernel directly from a copy-on-write overlay on the base disk, which is
 * never written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvirt/libvirt-qemu.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lab.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/namespace.h"
#include "base/process.h"
#include "machine/console.h"
#include "machine/domain.h"
#include "machine/kvm_exits.h"
#include "machine/kvm_stats.h"
#include "machine/kvm_probe.h"
#include "machine/libvirt_door.h"
#include "machine/list.h"
#include "machine/procfs.h"
#include "machine/qemu_log.h"
#include "machine/scratch.h"

#define DESTROY_NS (10 * NS_PER_S)
#define NOTE_NS (5 * NS_PER_S)
#define LOG_MAX ((size_t)16 << 20)

struct qemu_options {
    char *emulator;
    char *cpu;
    unsigned machine;
    unsigned disk_cache;
    unsigned disk_io;
    uint64_t tb_cache_bytes;
    bool huge_pages;
    uint64_t max_vms;
};

struct libvirt_site {
    struct site_options options;
    struct qemu_options qemu;
    const char *type;
    char *emulator; /* absolute */
    struct libvirt_door door;
};

struct libvirt_machine {
    struct libvirt_site *site;
    virDomainPtr domain;
    pid_t pid;
    uint64_t start_ticks;
    int slot;
    uint64_t block, cell; /* of its trial */
    unsigned index;       /* in its trial */
    char *name;
    char *directory;
    char *overlay;
    char *seed; /* NULL: none */
    char *console;
    off_t console_read; /* how far it was searched for a dying kernel */
    char *scratch_files[MACHINE_SCRATCH_COUNT];
    char scratch_paths[MACHINE_SCRATCH_COUNT][16]; /* in the guest */
    char address[NETWORK_TEXT_MAX];
    struct domain_disk disks[DOMAIN_DISKS_MAX];
    unsigned disk_count;
};

static const char *const machine_words[] = {"q35", "pc", NULL};
static const char *const cache_words[] = {"none", "writeback", NULL};
static const char *const io_words[] = {"native", "threads", NULL};

static void stop(void *object);
static void close_site(void *object);
DEFINE_CLEANUP(void *, stop);
DEFINE_CLEANUP(void *, close_site);

static int find_emulator(const struct qemu_options *qemu, char **out_path, struct error *err)
{
    static const char *const directories[] = {"/usr/bin", "/usr/local/bin", "/usr/libexec"};
    if (strchr(qemu->emulator, '/')) {
        if (access(qemu->emulator, X_OK) < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "find emulator '%s'",
                                   qemu->emulator);
        *out_path = mem_strdup(qemu->emulator);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directories[i], qemu->emulator);
        if (access(path, X_OK) < 0)
            continue;
        *out_path = TAKE_PTR(path);
        return 0;
    }
    return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                     "no program '%s': install the package qemu-system-x86", qemu->emulator);
}

static int probe_qemu(const struct plan_entry *entry, const char *uri, struct error *err)
{
    CLEANUP_FREE char *emulator = NULL;
    int rc = uri ? libvirt_door_probe_uri(uri, err) : libvirt_door_probe(err);
    if (rc >= 0)
        rc = find_emulator(entry->options, &emulator, err);
    if (rc >= 0 && !process_find_program("qemu-img"))
        rc = error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                       "no program 'qemu-img': install the package qemu-utils");
    return rc;
}

/* Who lacks both is told so at once. */
static int probe_kvm(const struct plan_entry *entry, const char *uri, struct error *err)
{
    struct error besides = {0};
    int rc = kvm_probe(err);
    if (rc >= 0)
        return probe_qemu(entry, uri, err);
    if (rc == -EINTR || probe_qemu(entry, uri, &besides) >= 0)
        return rc;
    CLEANUP_FREE char *first = mem_strdup(err->text);
    return error_set(err, ERROR_ENVIRONMENT, rc, "%s; besides, %s", first, besides.text);
}

static int open_site(const struct site_options *options, const char *type, void **out_site,
                     struct error *err)
{
    if (options->uri && network_mode(options->network) == NETWORK_BRIDGE)
        return error_set(err, ERROR_USAGE, -ENOTSUP,
                         "libvirt at '%s' cannot see the campaign's bridge: it needs the user-mode "
                         "network",
                         options->uri);
    struct libvirt_site *site = mem_zalloc(sizeof(*site));
    CLEANUP(close_site_cleanup) void *guard = site;
    site->options = *options;
    site->qemu = *(const struct qemu_options *)options->entry->options;
    site->type = type;
    int rc = find_emulator(&site->qemu, &site->emulator, err);
    if (rc >= 0)
        rc = libvirt_door_open(options->uri, &site->door, err);
    if (rc >= 0)
        *out_site = TAKE_PTR(guard);
    return rc;
}

static int open_tcg(const struct site_options *options, void **out_site, struct error *err)
{
    return open_site(options, "qemu", out_site, err);
}

static int open_kvm(const struct site_options *options, void **out_site, struct error *err)
{
    return open_site(options, "kvm", out_site, err);
}

static void close_site(void *object)
{
    struct libvirt_site *site = object;
    libvirt_door_close(&site->door);
    free(site->emulator);
    free(site);
}

/* A user's own disk image learns its address and keys from a cloud-init seed. */
static int make_seed(struct libvirt_machine *machine, const char *mac, struct error *err)
{
    machine->seed = mem_printf("%s/seed.iso", machine->directory);
    int rc = image_make_seed(machine->site->options.image, mac, machine->name, machine->seed, err);
    machine->disks[machine->disk_count++] = (struct domain_disk){.path = machine->seed,
                                                                 .format = "raw",
                                                                 .cache = "writeback",
                                                                 .io = "threads",
                                                                 .read_only = true};
    return rc;
}

static int make_overlay(struct libvirt_machine *machine, struct error *err)
{
    const struct image *image = machine->site->options.image;
    machine->overlay = mem_printf("%s/overlay.qcow2", machine->directory);
    int rc = scratch_make_overlay(machine->overlay, image->disk, image->disk_format, err);
    if (rc < 0)
        return rc;
    /* Through the page cache: the base is the same for all, and writes are flushed when the guest
     * asks for it. */
    machine->disks[machine->disk_count++] = (struct domain_disk){
        .path = machine->overlay, .format = "qcow2", .cache = "writeback", .io = "threads"};
    return 0;
}

static int make_scratch(struct libvirt_machine *machine, const struct machine_options *options,
                        struct error *err)
{
    const struct qemu_options *qemu = &machine->site->qemu;
    for (unsigned i = 0; i < MACHINE_SCRATCH_COUNT && options->scratch_bytes; i++) {
        machine->scratch_files[i] = mem_printf("%s/scratch-%u", machine->directory, i);
        const char *source = i == 0 ? options->scratch_source : NULL;
        const char *path = machine->scratch_files[i];
        int rc = scratch_make(path, options->scratch_bytes, source, err);
        bool direct = strcmp(cache_words[qemu->disk_cache], "none") == 0;
        if (rc >= 0 && direct)
            rc = scratch_check_direct(path, err);
        if (rc < 0)
            return rc;
        snprintf(machine->scratch_paths[i], sizeof(machine->scratch_paths[i]), "/dev/%s",
                 domain_disk_name(machine->disk_count));
        machine->disks[machine->disk_count++] =
            (struct domain_disk){.path = path,
                                 .format = "raw",
                                 .cache = cache_words[qemu->disk_cache],
                                 .io = direct ? io_words[qemu->disk_io] : "threads"};
    }
    return 0;
}

static void keep_pid(pid_t pid, void *context)
{
    *(pid_t *)context = pid;
}

/* A system's libvirt runs QEMU as a user who cannot enter the campaign's directory. */
static int explain_refusal(const struct libvirt_machine *machine, struct error *err)
{
    int rc = libvirt_fail(err, "start QEMU by libvirt");
    const char *uri = machine->site->options.uri;
    if (!uri || geteuid() != 0 || !strstr(err->text, "Permission denied"))
        return rc;
    return error_set(err, ERROR_ENVIRONMENT, -EACCES,
                     "start QEMU by libvirt '%s': its QEMU runs as a user who cannot enter '%s': "
                     "set user = \"root\" in /etc/libvirt/qemu.conf and restart it, or leave "
                     "--uri out",
                     uri, machine->overlay);
}

/* QEMU is entered into the namespace where its tap is; libvirt opens it in the calling thread. */
static int create(struct libvirt_machine *machine, const char *xml, struct error *err)
{
    CLEANUP_NAMESPACE int token = -1;
    int namespace_fd = network_namespace_fd(machine->site->options.network);
    if (namespace_fd > 0 && (token = namespace_enter(namespace_fd, err)) < 0)
        return token;
    struct libvirt_pin pin;
    libvirt_door_pin(&pin);
    machine->domain = virDomainCreateXML(machine->site->door.connection, xml, 0);
    libvirt_door_unpin(&pin);
    if (!machine->domain)
        return explain_refusal(machine, err);
    procfs_find_command("/proc", machine->overlay, keep_pid, &machine->pid);
    struct procfs_stat stat;
    if (machine->pid <= 0 || procfs_read_stat("/proc", machine->pid, &stat) < 0)
        return error_set(err, ERROR_FAILED, -ESRCH, "QEMU ended at once");
    machine->start_ticks = stat.start_ticks;
    return 0;
}

struct wires {
    char mac[NETWORK_TEXT_MAX];
    char tap[NETWORK_TEXT_MAX];
    char subnet[NETWORK_TEXT_MAX];
    char guest[NETWORK_TEXT_MAX];
    struct domain_forward forwards[8];
};

static int plug_in(struct libvirt_machine *machine, struct domain *domain, struct wires *wires,
                   struct error *err)
{
    struct network *network = machine->site->options.network;
    int slot = machine->slot = network_take_slot(network, err);
    if (slot < 0)
        return slot;
    domain->mac = network_format_mac(network, slot, wires->mac);
    network_format_address(network, slot, machine->address);
    if (network_mode(network) == NETWORK_BRIDGE) {
        domain->tap = wires->tap;
        return network_add_tap(network, slot, wires->tap, err);
    }
    domain->user_guest = network_format_inside(network, slot, wires->guest);
    memcpy(wires->subnet, wires->guest, sizeof(wires->subnet));
    *strrchr(wires->subnet, '.') = '\0';
    domain->user_subnet = wires->subnet;
    domain->user_host_address = machine->address;
    domain->forwards = wires->forwards;
    for (const uint16_t *port = network_forwarded_ports; *port; port++)
        wires->forwards[domain->forward_count++] =
            (struct domain_forward){.host = network_forward_port(network, *port), .machine = *port};
    return 0;
}

static int make_disks(struct libvirt_machine *machine, const struct machine_options *options,
                      const char *mac, struct error *err)
{
    int rc = make_overlay(machine, err);
    if (rc >= 0 && !machine->site->options.image->kernel)
        rc = make_seed(machine, mac, err);
    return rc < 0 ? rc : make_scratch(machine, options, err);
}

static int start_domain(struct libvirt_machine *machine, const struct machine_options *options,
                        struct error *err)
{
    const struct libvirt_site *site = machine->site;
    const struct image *image = site->options.image;
    struct wires wires;
    struct domain domain = {
        .type = site->type,
        .emulator = site->emulator,
        .machine = machine_words[site->qemu.machine],
        .cpu = site->qemu.cpu,
        .vcpus = options->vcpus,
        .memory_bytes = options->memory_bytes,
        .tb_cache_bytes = site->qemu.tb_cache_bytes,
        .huge_pages = site->qemu.huge_pages,
        .placement = site->options.placement,
        .kernel = image->kernel,
        .initrd = image->initrd,
        .command_line = IMAGE_COMMAND_LINE,
        .console = machine->console,
    };
    int rc = plug_in(machine, &domain, &wires, err);
    if (rc < 0)
        return rc;
    /* Never used before in this driver, which may still be busy with the last one in this slot. */
    domain.name = machine->name =
        mem_printf("v%d-%" PRIx64, machine->slot, clock_realtime_ns() / NS_PER_US);
    rc = make_disks(machine, options, wires.mac, err);
    if (rc < 0)
        return rc;
    memcpy(domain.disks, machine->disks, sizeof(domain.disks));
    domain.disk_count = machine->disk_count;
    CLEANUP_FREE char *xml = domain_format_xml(&domain);
    return create(machine, xml, err);
}

static int start(void *object, const struct machine_options *options, void **out_machine,
                 struct error *err)
{
    struct libvirt_site *site = object;
    struct libvirt_machine *machine = mem_zalloc(sizeof(*machine));
    CLEANUP(stop_cleanup) void *guard = machine;
    machine->site = site;
    machine->slot = -1;
    machine->block = options->block;
    machine->cell = options->cell;
    machine->index = options->index;
    machine->directory = mem_printf("%s/machine-%u", site->options.directory, options->index);
    machine->console = mem_printf("%s/console", machine->directory);
    int rc = file_make_directories(machine->directory, 0700, err);
    if (rc >= 0)
        rc = start_domain(machine, options, err);
    if (rc >= 0)
        *out_machine = TAKE_PTR(guard);
    return rc;
}

/* The log that libvirt keeps of QEMU, the caller's to free; NULL: a libvirt of the system keeps it,
 * where it pleases. */
static char *find_log(const struct libvirt_machine *machine)
{
    const char *root = machine->site->door.root;
    return root ? mem_printf("%s/log/qemu/%s.log", root, machine->name) : NULL;
}

/* The end of the log: QEMU's last words, and the reason, which libvirt notes a moment after the
 * end. The caller's to free; NULL: there is none. */
static char *read_log(const struct libvirt_machine *machine)
{
    CLEANUP_FREE char *path = find_log(machine);
    if (!path)
        return NULL;
    uint64_t deadline_ns = clock_monotonic_ns() + NOTE_NS;
    for (;;) {
        CLEANUP_FREE char *log = console_read_tail(path);
        if ((log && qemu_log_has_reason(log)) || clock_monotonic_ns() > deadline_ns)
            return TAKE_PTR(log);
        clock_sleep_ns(20 * NS_PER_MS);
    }
}

static int explain_end(struct libvirt_machine *machine, struct error *err)
{
    CLEANUP_FREE char *log = read_log(machine);
    CLEANUP_FREE char *said = qemu_log_explain(log ? log : "", getpid());
    CLEANUP_FREE char *console = console_read_last_line(machine->console);
    return error_set(err, ERROR_FAILED, -EPIPE, "QEMU (process %d) has ended: %s; %s%s%s",
                     (int)machine->pid, said,
                     console ? "last on its console: '" : "nothing was on its console",
                     console ? console : "", console ? "'" : "");
}

/* Why a guest that we never stop stands still. NULL: on its way to the end, of which QEMU tells
 * more. What has no word of its own in libvirt, KVM's errors among it, is unknown there. */
static const char *describe_pause(int reason)
{
    switch ((virDomainPausedReason)reason) {
    case VIR_DOMAIN_PAUSED_SHUTTING_DOWN:
        return NULL;
    case VIR_DOMAIN_PAUSED_IOERROR:
        return "by an I/O error on the host: disk full?";
    case VIR_DOMAIN_PAUSED_USER:
        return "by a user of libvirt";
    case VIR_DOMAIN_PAUSED_CRASHED:
        return "since its kernel said that it crashed";
    case VIR_DOMAIN_PAUSED_WATCHDOG:
        return "by its watchdog";
    default:
        return "by an internal error, or through its monitor";
    }
}

static int explain_pause(const struct libvirt_machine *machine, const char *why, struct error *err)
{
    CLEANUP_FREE char *path = find_log(machine);
    CLEANUP_FREE char *log = path ? console_read_tail(path) : NULL;
    CLEANUP_FREE char *said = log ? qemu_log_find_stop(log) : NULL;
    return error_set(err, ERROR_FAILED, -EIO, "QEMU (process %d) has stopped it %s%s%s",
                     (int)machine->pid, why, said ? "; it said: " : "", said ? said : "");
}

static int alive(void *object, struct error *err)
{
    struct libvirt_machine *machine = object;
    int rc = console_check(machine->console, &machine->console_read, err);
    if (rc < 0)
        return rc;
    if (!procfs_is_alive("/proc", machine->pid, machine->start_ticks))
        return explain_end(machine, err);
    int state, reason;
    if (virDomainGetState(machine->domain, &state, &reason, 0) < 0)
        return libvirt_fail(err, "ask libvirt for the state");
    const char *why = state == VIR_DOMAIN_PAUSED ? describe_pause(reason) : NULL;
    return why ? explain_pause(machine, why, err) : 0;
}

/* The same counts from where they can be read. */
static void read_exits(pid_t pid, struct machine_usage *usage)
{
    struct kvm_stats *stats = NULL;
    kvm_exits_read(KVM_EXITS_DIRECTORY, pid, usage);
    if (usage->exits.missing && kvm_stats_open(pid, &stats, NULL) >= 0)
        kvm_stats_read(stats, usage);
    kvm_stats_close(stats);
}

static int usage(void *object, struct machine_usage *out_usage, struct error *err)
{
    const struct libvirt_machine *machine = object;
    struct machine_usage usage = {.exits.missing = "emulation has no VM exits"};
    if (strcmp(machine->site->type, "kvm") == 0)
        read_exits(machine->pid, &usage);
    struct procfs_threads threads;
    int rc = procfs_read_threads("/proc", machine->pid, &threads, err);
    if (rc == -ENOTSUP) {
        static const char no_schedstat[] = "the host kernel keeps no scheduler statistics";
        usage.vcpu_run_ns.missing = usage.vcpu_wait_ns.missing = no_schedstat;
        usage.emulator_run_ns.missing = usage.emulator_wait_ns.missing = no_schedstat;
    } else if (rc < 0) {
        return rc;
    } else {
        usage.vcpu_run_ns.value = threads.vcpu_run_ns;
        usage.vcpu_wait_ns.value = threads.vcpu_wait_ns;
        usage.emulator_run_ns.value = threads.other_run_ns;
        usage.emulator_wait_ns.value = threads.other_wait_ns;
    }
    clockid_t clock; /* all threads, those that ended included */
    struct timespec time;
    int code = clock_getcpuclockid(machine->pid, &clock);
    if (code != 0 || clock_gettime(clock, &time) < 0)
        return error_set_errno(err, ERROR_FAILED, code ? -code : -errno,
                               "read the CPU clock of process %d", (int)machine->pid);
    usage.cpu_ns.value = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
    *out_usage = usage;
    return 0;
}

static int ask_human_monitor(const struct libvirt_machine *machine, const char *question,
                             char **out_text, struct error *err)
{
    if (virDomainQemuMonitorCommand(machine->domain, question, out_text,
                                    VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
        return libvirt_fail(err, "ask QEMU's monitor");
    return 0;
}

/* "info jit" has been there in all versions; QMP's x-query-jit gives the same text. */
static int ask_translator(void *object, char **out_text, struct error *err)
{
    CLEANUP_FREE char *version = NULL;
    CLEANUP_FREE char *statistics = NULL;
    int rc = ask_human_monitor(object, "info version", &version, err);
    rc = rc < 0 ? rc : ask_human_monitor(object, "info jit", &statistics, err);
    if (rc >= 0)
        *out_text = mem_printf("%s\n%s", version, statistics);
    return rc;
}

/* -1 is libvirt's for what the hypervisor does not count. */
static int read_disk(void *object, unsigned index, struct machine_disk *out_disk, struct error *err)
{
    const struct libvirt_machine *machine = object;
    virDomainBlockStatsStruct stats;
    if (index >= machine->disk_count)
        return error_set(err, ERROR_FAILED, -ENOENT, "there is no disk %u", index);
    const char *name = domain_disk_name(index);
    if (virDomainBlockStats(machine->domain, name, &stats, sizeof(stats)) < 0)
        return libvirt_fail(err, "ask QEMU for what a disk moved");
    if (stats.rd_req < 0 || stats.rd_bytes < 0 || stats.wr_req < 0 || stats.wr_bytes < 0)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "QEMU does not count disk '%s'", name);
    *out_disk = (struct machine_disk){name, (uint64_t)stats.rd_req, (uint64_t)stats.rd_bytes,
                                      (uint64_t)stats.wr_req, (uint64_t)stats.wr_bytes};
    return 0;
}

static char *console_tail(void *object)
{
    const struct libvirt_machine *machine = object;
    return console_read_tail(machine->console);
}

static void endpoint(void *object, struct channel_options *out_options)
{
    const struct libvirt_machine *machine = object;
    machine_fill_endpoint(&machine->site->options, machine->address, out_options);
}

static pid_t pid(void *object)
{
    const struct libvirt_machine *machine = object;
    return machine->pid;
}

static const char *scratch_path(void *object, unsigned which)
{
    const struct libvirt_machine *machine = object;
    return machine->scratch_files[which] ? machine->scratch_paths[which] : NULL;
}

static const char *scratch_file(void *object, unsigned which)
{
    const struct libvirt_machine *machine = object;
    return machine->scratch_files[which];
}

/* QEMU takes its time to end in good order, for nothing: its disks are thrown away. So it is
 * killed. The driver in this process notices that by itself and tidies up behind us; to wait for it
 * would mean to wait until the host's init has reaped QEMU, which takes some of them 1.7 s. */
static void destroy(struct libvirt_machine *machine)
{
    bool is_ours = machine->site->door.root && machine->pid > 0;
    if (!is_ours)
        virDomainDestroyFlags(machine->domain, VIR_DOMAIN_DESTROY_DEFAULT);
    else if (procfs_is_alive("/proc", machine->pid, machine->start_ticks))
        kill(machine->pid, SIGKILL);
    uint64_t deadline_ns = clock_monotonic_ns() + DESTROY_NS;
    while (is_ours && procfs_is_alive("/proc", machine->pid, machine->start_ticks) &&
           clock_monotonic_ns() < deadline_ns)
        clock_sleep_ns(2 * NS_PER_MS);
    virDomainFree(machine->domain);
}

/* Into the lab's logs, which go home with a run that failed. libvirt's are in memory there, so that
 * it cannot just be moved. */
static void keep_log(const struct libvirt_machine *machine)
{
    const char *directory = lab_logs();
    CLEANUP_FREE char *from = machine->name && directory ? find_log(machine) : NULL;
    if (!from || !file_exists(from))
        return;
    CLEANUP_FREE char *to =
        mem_printf("%s/block%" PRIu64 "-cell%" PRIu64 "-machine%u-%s.log", directory,
                   machine->block, machine->cell, machine->index, machine->name);
    CLEANUP_FREE char *text = NULL;
    size_t length;
    struct error err = {0};
    int rc = file_read(from, LOG_MAX, &text, &length, &err);
    if (rc >= 0)
        rc = file_write_atomic(to, text, length, 0600, &err);
    if (rc < 0)
        log_warn("keep QEMU's log: %s", err.text);
}

static void stop(void *object)
{
    struct libvirt_machine *machine = object;
    if (machine->domain)
        destroy(machine);
    keep_log(machine);
    network_release_slot(machine->site->options.network, machine->slot);
    file_remove_tree(machine->directory, NULL);
    for (unsigned i = 0; i < MACHINE_SCRATCH_COUNT; i++)
        free(machine->scratch_files[i]);
    free(machine->name);
    free(machine->overlay);
    free(machine->seed);
    free(machine->console);
    free(machine->directory);
    free(machine);
}

/* Both kinds share these; `kvm` has one more. */
#define QEMU_OPTION(field) .offset = offsetof(struct qemu_options, field)
#define QEMU_OPTIONS(cpu_fallback)                                                                 \
    {.name = "emulator",                                                                           \
     .type = OPTION_TEXT,                                                                          \
     QEMU_OPTION(emulator),                                                                        \
     .value_name = "PROGRAM",                                                                      \
     .fallback = "qemu-system-x86_64",                                                             \
     .help = "The QEMU to run."},                                                                  \
        {.name = "cpu",                                                                            \
         .type = OPTION_TEXT,                                                                      \
         QEMU_OPTION(cpu),                                                                         \
         .value_name = "MODEL",                                                                    \
         .fallback = cpu_fallback,                                                                 \
         .help = "CPU that the guest sees: maximum, host-passthrough, or a model of QEMU's."},     \
        {.name = "machine",                                                                        \
         .type = OPTION_WORD,                                                                      \
         QEMU_OPTION(machine),                                                                     \
         .value_name = "TYPE",                                                                     \
         .fallback = "q35",                                                                        \
         .words = machine_words,                                                                   \
         .help = "Machine type."},                                                                 \
        {.name = "disk-cache",                                                                     \
         .type = OPTION_WORD,                                                                      \
         QEMU_OPTION(disk_cache),                                                                  \
         .value_name = "MODE",                                                                     \
         .fallback = "none",                                                                       \
         .words = cache_words,                                                                     \
         .help = "Host page cache for the scratch disks: none is O_DIRECT."},                      \
    {                                                                                              \
        .name = "disk-io", .type = OPTION_WORD, QEMU_OPTION(disk_io), .value_name = "MODE",        \
        .fallback = "native", .words = io_words,                                                   \
        .help = "How QEMU does the scratch disks' I/O: Linux AIO (native) or threads."             \
    }

static const struct option tcg_options[] = {
    QEMU_OPTIONS("maximum"),
    {.name = "tb-cache",
     .type = OPTION_SIZE,
     QEMU_OPTION(tb_cache_bytes),
     .value_name = "SIZE",
     .min = 1 << 20,
     .max = (double)(UINT64_C(1) << 40),
     .help = "Memory for translated code; without it QEMU's default, 1GiB."},
    MACHINE_MAX_VMS(struct qemu_options),
};

static const struct option kvm_options[] = {
    QEMU_OPTIONS("host-passthrough"),
    {.name = "hugepages",
     .type = OPTION_FLAG,
     QEMU_OPTION(huge_pages),
     .help = "Guest memory from the host's reserved huge pages."},
    MACHINE_MAX_VMS(struct qemu_options),
};

const struct platform platform_qemu_tcg = {
    .kind = {.name = "qemu-tcg",
             .help = "QEMU by pure emulation (TCG), driven by libvirt: runs anywhere.",
             .options = {tcg_options, COUNT_OF(tcg_options), sizeof(struct qemu_options)},
             .estimate_ns = 6 * NS_PER_S},
    .is_virtual = true,
    .probe = probe_qemu,
    .open = open_tcg,
    .start = start,
    .alive = alive,
    .usage = usage,
    .ask_monitor = ask_translator,
    .disk = read_disk,
    .console_tail = console_tail,
    .endpoint = endpoint,
    .pid = pid,
    .scratch_path = scratch_path,
    .scratch_file = scratch_file,
    .stop = stop,
    .close = close_site,
};

const struct platform platform_kvm = {
    .kind = {.name = "kvm",
             .help = "QEMU on the processor's virtualization (KVM), driven by libvirt.",
             .options = {kvm_options, COUNT_OF(kvm_options), sizeof(struct qemu_options)},
             .estimate_ns = 3 * NS_PER_S},
    .is_virtual = true,
    .probe = probe_kvm,
    .open = open_kvm,
    .start = start,
    .alive = alive,
    .usage = usage,
    .disk = read_disk,
    .console_tail = console_tail,
    .endpoint = endpoint,
    .pid = pid,
    .scratch_path = scratch_path,
    .scratch_file = scratch_file,
    .stop = stop,
    .close = close_site,
};
