/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * virtualbox: guests of VirtualBox 7. Settings and disks are written by hand, and VBoxHeadless is
 * the machine: a child process that is killed to power it off. VBoxManage is asked only for what
 * nothing else tells, the VM exits: a call takes seconds where the server is emulated.
 *
 * The BIOS boots a disk that we make. The card is VirtualBox's "HostInterface": it takes an open
 * tap, so that the guest is on the campaign's bridge as those of other hypervisors are. A host-only
 * adapter (vboxnet0) or a bridged one (vboxnetflt) see only the host's own network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lab.h"
#include "base/mem.h"
#include "base/process.h"
#include "image/boot_disk.h"
#include "machine/console.h"
#include "machine/list.h"
#include "machine/procfs.h"
#include "machine/scratch.h"
#include "machine/virtualbox_config.h"
#include "machine/virtualbox_tools.h"

#define COMMAND_LINE IMAGE_COMMAND_LINE_FOR("ttyS0", "/dev/nvme0-ns1")
#define NAME_MAX_BYTES 48
#define LOG_MAX ((size_t)64 << 10)

struct virtualbox_options {
    unsigned disk_cache;
    uint64_t max_vms;
};

struct virtualbox_site {
    struct site_options options;
    struct virtualbox_options own;
    char *program; /* VBoxHeadless */
    char *boot_disk;
    uint64_t start_ticks; /* of this process */
    uint64_t image_bytes;
};

struct virtualbox_machine {
    struct virtualbox_site *site;
    char name[NAME_MAX_BYTES];
    pid_t pid; /* VBoxHeadless; 0: not started, or ended */
    int exit_status;
    int slot;
    char *directory;
    char *settings;
    char *console;
    char *log;    /* the machine's */
    char *output; /* what VBoxHeadless prints */
    off_t console_read;
    off_t log_read;
    struct virtualbox_home home;
    struct virtualbox_config config;
    char *descriptors[VIRTUALBOX_DISKS_MAX];
    unsigned descriptor_count;
    char *overlay;
    char *scratch_files[MACHINE_SCRATCH_COUNT];
    char address[NETWORK_TEXT_MAX];
    char mac[NETWORK_TEXT_MAX];
};

static const char *const cache_words[] = {"none", "writeback", NULL};

static void stop(void *object);
static void close_site(void *object);
DEFINE_CLEANUP(void *, stop);
DEFINE_CLEANUP(void *, close_site);

static int probe(const struct plan_entry *entry, const char *uri, struct error *err)
{
    (void)entry, (void)uri;
    return virtualbox_probe(NULL, err);
}

static int check_options(const struct site_options *options, struct error *err)
{
    if (network_mode(options->network) != NETWORK_BRIDGE)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "guests of VirtualBox need the campaign's bridge, and there is none: %s",
                         network_user_reason(options->network));
    if (!options->image->kernel)
        return error_set(err, ERROR_USAGE, -ENOTSUP,
                         "a user's own disk image is not run by VirtualBox here: qemu-tcg, kvm and "
                         "xen-hvm do");
    return 0;
}

/* VirtualBox offers KVM's paravirtual spinlocks to guests with several vCPUs. On a processor that
 * does not tell where the next instruction is (no NRIPS: QEMU's emulated ones), it carries out the
 * guest's VMMCALL and stays at it: whoever wakes a waiting vCPU up does so for ever. */
static const char *command_line(void)
{
    return lab_is_here() ? COMMAND_LINE " nopvspin" : COMMAND_LINE;
}

static int make_boot_disk(struct virtualbox_site *site, struct error *err)
{
    const struct image *image = site->options.image;
    CLEANUP_FREE char *kernel =
        mem_printf("%s/boot/vmlinuz-%s", image->root ? image->root : "", image->kernel_version);
    site->boot_disk = mem_printf("%s/boot.raw", site->options.directory);
    const struct boot_disk_options options = {.kernel = kernel,
                                              .initrd = image->initrd,
                                              .command_line = command_line(),
                                              .path = site->boot_disk};
    return boot_disk_make(&options, err);
}

static int prepare_site(struct virtualbox_site *site, struct error *err)
{
    struct procfs_stat self;
    int rc = procfs_read_stat("/proc", getpid(), &self);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "read '/proc/self/stat'");
    site->start_ticks = self.start_ticks;
    struct stat st;
    if (stat(site->options.image->disk, &st) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'",
                               site->options.image->disk);
    site->image_bytes = (uint64_t)st.st_size;
    site->program = virtualbox_find_program("VBoxHeadless");
    if (!site->program)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "no program 'VBoxHeadless'");
    return make_boot_disk(site, err);
}

static int open_site(const struct site_options *options, void **out_site, struct error *err)
{
    int rc = check_options(options, err);
    if (rc < 0)
        return rc;
    struct virtualbox_site *site = mem_zalloc(sizeof(*site));
    CLEANUP(close_site_cleanup) void *guard = site;
    site->options = *options;
    site->own = *(const struct virtualbox_options *)options->entry->options;
    rc = prepare_site(site, err);
    if (rc >= 0)
        *out_site = TAKE_PTR(guard);
    return rc;
}

static void close_site(void *object)
{
    struct virtualbox_site *site = object;
    free(site->program);
    free(site->boot_disk);
    free(site);
}

static int write_text(const char *path, const char *text, struct error *err)
{
    return file_write_atomic(path, text, strlen(text), 0600, err);
}

/* Returns the descriptor's path, which stays the machine's; NULL on error. */
static const char *describe_disk(struct virtualbox_machine *machine, const char *path,
                                 uint64_t bytes, enum virtualbox_object object, struct error *err)
{
    char uuid[VIRTUALBOX_UUID_BYTES];
    virtualbox_format_uuid(machine->config.owner, machine->config.slot, object, uuid);
    CLEANUP_FREE char *text = virtualbox_format_raw_disk(path, bytes, uuid);
    char *descriptor = mem_printf("%s/disk-%u.vmdk", machine->directory, machine->descriptor_count);
    machine->descriptors[machine->descriptor_count++] = descriptor;
    return write_text(descriptor, text, err) < 0 ? NULL : descriptor;
}

static int make_overlay(struct virtualbox_machine *machine, struct error *err)
{
    size_t length;
    CLEANUP_FREE unsigned char *bytes =
        virtualbox_make_overlay(&machine->config, machine->site->image_bytes, &length);
    if (!bytes)
        return error_set(err, ERROR_ENVIRONMENT, -EFBIG, "disk '%s' has %" PRIu64 " bytes",
                         machine->site->options.image->disk, machine->site->image_bytes);
    machine->config.overlay = machine->overlay;
    return file_write_atomic(machine->overlay, bytes, length, 0600, err);
}

static int make_scratch(struct virtualbox_machine *machine, const struct machine_options *options,
                        unsigned which, struct error *err)
{
    char *path = mem_printf("%s/scratch-%u", machine->directory, which);
    machine->scratch_files[which] = path;
    int rc = scratch_make(path, options->scratch_bytes, which == 0 ? options->scratch_source : NULL,
                          err);
    if (rc >= 0 && !machine->config.cached)
        rc = scratch_check_direct(path, err);
    if (rc < 0)
        return rc;
    machine->config.scratch[which] =
        describe_disk(machine, path, options->scratch_bytes, VIRTUALBOX_SCRATCH + which, err);
    return machine->config.scratch[which] ? 0 : -EIO;
}

static int make_disks(struct virtualbox_machine *machine, const struct machine_options *options,
                      struct error *err)
{
    const struct virtualbox_site *site = machine->site;
    struct virtualbox_config *config = &machine->config;
    struct stat st;
    if (stat(site->boot_disk, &st) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'", site->boot_disk);
    config->boot =
        describe_disk(machine, site->boot_disk, (uint64_t)st.st_size, VIRTUALBOX_BOOT, err);
    if (!config->boot)
        return -EIO;
    config->base =
        describe_disk(machine, site->options.image->disk, site->image_bytes, VIRTUALBOX_BASE, err);
    if (!config->base)
        return -EIO;
    int rc = make_overlay(machine, err);
    for (unsigned i = 0; rc >= 0 && i < MACHINE_SCRATCH_COUNT && options->scratch_bytes; i++)
        rc = make_scratch(machine, options, i, err);
    return rc;
}

static int write_settings(const struct virtualbox_machine *machine, struct error *err)
{
    CLEANUP_FREE char *settings = virtualbox_format_machine(&machine->config);
    CLEANUP_FREE char *registry = virtualbox_format_registry(&machine->config, machine->settings);
    CLEANUP_FREE char *path = mem_printf("%s/VirtualBox.xml", machine->home.directory);
    int rc = write_text(machine->settings, settings, err);
    return rc < 0 ? rc : write_text(path, registry, err);
}

/* Its standard input is the tap. */
static int run(struct virtualbox_machine *machine, struct error *err)
{
    const struct virtualbox_site *site = machine->site;
    const struct option_counts *placement = &site->options.placement->vms;
    const char *const argv[] = {site->program, "--startvm", machine->settings,
                                "--vrde",      "off",       NULL};
    int cpus[CPU_SETSIZE];
    size_t cpu_count = 0;
    for (; cpu_count < placement->count && cpu_count < COUNT_OF(cpus); cpu_count++)
        cpus[cpu_count] = (int)placement->items[cpu_count];
    CLEANUP_FD int tap = network_open_tap(site->options.network, machine->slot, err);
    if (tap < 0)
        return tap;
    CLEANUP_FD int output =
        open(machine->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (output < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", machine->output);
    const struct process_options options = {
        .argv = argv,
        .environment = (const char *const *)machine->home.environment,
        .directory = machine->directory,
        .stdin_fd = tap,
        .stdout_fd = output,
        .stderr_fd = output,
        .cpus = cpu_count ? cpus : NULL,
        .cpu_count = cpu_count,
        .own_group = true,
        .dies_with_parent = true,
    };
    pid_t pid = process_start(&options, err);
    if (pid < 0)
        return pid;
    machine->pid = pid;
    return 0;
}

static void describe_machine(struct virtualbox_machine *machine,
                             const struct machine_options *options)
{
    const struct virtualbox_site *site = machine->site;
    struct network *network = site->options.network;
    network_format_mac(network, machine->slot, machine->mac);
    network_format_address(network, machine->slot, machine->address);
    snprintf(machine->name, sizeof(machine->name), "vtax-%d-%" PRIu64 "-%d", (int)getpid(),
             site->start_ticks, machine->slot);
    machine->config = (struct virtualbox_config){
        .name = machine->name,
        .vcpus = options->vcpus,
        .memory_bytes = options->memory_bytes,
        .mac = machine->mac,
        .console = machine->console,
        .cached = strcmp(cache_words[site->own.disk_cache], "none") != 0,
        .emulated_server = lab_is_here(),
        .owner = (unsigned)getpid(),
        .slot = (unsigned)machine->slot,
    };
}

static int start_machine(struct virtualbox_machine *machine, const struct machine_options *options,
                         struct error *err)
{
    int slot = machine->slot = network_take_slot(machine->site->options.network, err);
    if (slot < 0)
        return slot;
    describe_machine(machine, options);
    int rc = virtualbox_home_init(&machine->home, machine->directory, machine->name, err);
    if (rc >= 0)
        rc = make_disks(machine, options, err);
    if (rc >= 0)
        rc = write_settings(machine, err);
    return rc < 0 ? rc : run(machine, err);
}

static int start(void *object, const struct machine_options *options, void **out_machine,
                 struct error *err)
{
    struct virtualbox_site *site = object;
    struct virtualbox_machine *machine = mem_zalloc(sizeof(*machine));
    CLEANUP(stop_cleanup) void *guard = machine;
    machine->site = site;
    machine->slot = -1;
    machine->directory = mem_printf("%s/machine-%u", site->options.directory, options->index);
    machine->settings = mem_printf("%s/machine.vbox", machine->directory);
    machine->console = mem_printf("%s/console", machine->directory);
    machine->log = mem_printf("%s/Logs/VBox.log", machine->directory);
    machine->output = mem_printf("%s/output", machine->directory);
    machine->overlay = mem_printf("%s/overlay.vdi", machine->directory);
    int rc = file_make_directories(machine->directory, 0700, err);
    if (rc >= 0)
        rc = start_machine(machine, options, err);
    if (rc >= 0)
        *out_machine = TAKE_PTR(guard);
    return rc;
}

static int explain_end(const struct virtualbox_machine *machine, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *console = console_read_last_line(machine->console);
    if (file_read(machine->output, LOG_MAX, &text, NULL, NULL) < 0)
        text = mem_strdup("");
    size_t length;
    const char *complaint = virtualbox_find_complaint(text, &length);
    char how[32];
    if (machine->exit_status > 255)
        snprintf(how, sizeof(how), "signal %d", machine->exit_status - 256);
    else
        snprintf(how, sizeof(how), "exit code %d", machine->exit_status);
    return error_set(err, ERROR_FAILED, -EPIPE,
                     "VirtualBox's machine '%s' ended with %s: %.*s; last on its console: '%s'",
                     machine->name, how, (int)length, complaint, console ? console : "");
}

/* A kernel that panics resets its machine, which would boot again. */
static int alive(void *object, struct error *err)
{
    struct virtualbox_machine *machine = object;
    CLEANUP_FREE char *line = NULL;
    int rc = console_check(machine->console, &machine->console_read, err);
    if (rc < 0)
        return rc;
    if (console_look(machine->log, &machine->log_read, virtualbox_find_end, &line) > 0)
        return error_set(err, ERROR_FAILED, -EPIPE, "VirtualBox's machine '%s': %s", machine->name,
                         line);
    int status = machine->pid > 0 ? process_wait(machine->pid, 1) : machine->exit_status;
    if (status < 0)
        return 0; /* it runs; an interrupt is for others to notice */
    machine->exit_status = status;
    machine->pid = 0;
    return explain_end(machine, err);
}

/* VBoxSVC, which only kept the settings, is no part of it. */
static int usage(void *object, struct machine_usage *out_usage, struct error *err)
{
    static const char no_schedstat[] = "the host kernel keeps no scheduler statistics";
    const struct virtualbox_machine *machine = object;
    struct machine_usage usage = {.exits.missing = "VirtualBox was not asked"};
    struct procfs_threads threads = {0};
    if (machine->pid <= 0)
        return error_set(err, ERROR_FAILED, -EPIPE, "it runs no more");
    int rc = procfs_read_threads("/proc", machine->pid, &threads, err);
    if (rc < 0 && rc != -ENOTSUP)
        return rc;
    const char *missing = rc < 0 ? no_schedstat : NULL;
    usage.vcpu_run_ns = (struct machine_figure){threads.vcpu_run_ns, missing};
    usage.vcpu_wait_ns = (struct machine_figure){threads.vcpu_wait_ns, missing};
    usage.emulator_run_ns = (struct machine_figure){threads.other_run_ns, missing};
    usage.emulator_wait_ns = (struct machine_figure){threads.other_wait_ns, missing};
    rc = procfs_read_tree_cpu("/proc", machine->pid, &usage.cpu_ns.value, err);
    if (rc >= 0)
        *out_usage = usage;
    return rc;
}

static void count_exits(void *object, struct machine_figure *out_exits)
{
    const struct virtualbox_machine *machine = object;
    const char *const words[] = {"debugvm", machine->settings, "info", "exithistory", NULL};
    CLEANUP_FREE char *text = NULL;
    *out_exits = (struct machine_figure){.missing = "VBoxManage did not answer"};
    if (machine->pid <= 0 || virtualbox_call(&machine->home, words, &text, NULL) < 0)
        return;
    out_exits->missing = virtualbox_parse_exits(text, strlen(text), &out_exits->value) < 0
                             ? "this VirtualBox keeps no history of them"
                             : NULL;
}

/* "TM/CPU/0/cNsExecuting" and its like; others are in VirtualBox's debug builds only. */
static int ask_statistics(void *object, char **out_text, struct error *err)
{
    const struct virtualbox_machine *machine = object;
    const char *const words[] = {"debugvm", machine->settings, "statistics", "--pattern=/TM/CPU/*",
                                 NULL};
    if (machine->pid <= 0)
        return error_set(err, ERROR_FAILED, -EPIPE, "it runs no more");
    return virtualbox_call(&machine->home, words, out_text, err);
}

static char *console_tail(void *object)
{
    const struct virtualbox_machine *machine = object;
    return console_read_tail(machine->console);
}

static void endpoint(void *object, struct channel_options *out_options)
{
    const struct virtualbox_machine *machine = object;
    machine_fill_endpoint(&machine->site->options, machine->address, out_options);
}

static pid_t pid(void *object)
{
    const struct virtualbox_machine *machine = object;
    return machine->pid;
}

static const char *scratch_path(void *object, unsigned which)
{
    static const char *const paths[MACHINE_SCRATCH_COUNT] = {"/dev/nvme0-ns2", "/dev/nvme0-ns3"};
    const struct virtualbox_machine *machine = object;
    return machine->scratch_files[which] ? paths[which] : NULL;
}

static const char *scratch_file(void *object, unsigned which)
{
    const struct virtualbox_machine *machine = object;
    return machine->scratch_files[which];
}

/* The lab's init names a directory on the same disk, which is kept when the run fails. */
static void keep_log(const struct virtualbox_machine *machine)
{
    const char *directory = lab_logs();
    if (!directory)
        return;
    CLEANUP_FREE char *path = mem_printf("%s/%s.log", directory, machine->name);
    if (rename(machine->log, path) < 0)
        return; /* it has written none */
}

static void stop(void *object)
{
    struct virtualbox_machine *machine = object;
    if (machine->pid > 0)
        process_stop(machine->pid, 0);
    keep_log(machine);
    virtualbox_home_done(&machine->home);
    network_release_slot(machine->site->options.network, machine->slot);
    file_remove_tree(machine->directory, NULL);
    for (unsigned i = 0; i < machine->descriptor_count; i++)
        free(machine->descriptors[i]);
    for (unsigned i = 0; i < MACHINE_SCRATCH_COUNT; i++)
        free(machine->scratch_files[i]);
    free(machine->overlay);
    free(machine->output);
    free(machine->log);
    free(machine->console);
    free(machine->settings);
    free(machine->directory);
    free(machine);
}

static const struct option virtualbox_rows[] = {
    {.name = "disk-cache",
     .type = OPTION_WORD,
     .offset = offsetof(struct virtualbox_options, disk_cache),
     .value_name = "MODE",
     .fallback = "none",
     .words = cache_words,
     .help = "Host page cache for the scratch disks: none is O_DIRECT."},
    MACHINE_MAX_VMS(struct virtualbox_options),
};

const struct platform platform_virtualbox = {
    .kind = {.name = "virtualbox",
             .help = "Oracle VirtualBox 7, guests with a BIOS, NVMe disks and a virtio card.",
             .options = {virtualbox_rows, COUNT_OF(virtualbox_rows),
                         sizeof(struct virtualbox_options)},
             .estimate_ns = 15 * NS_PER_S},
    .is_virtual = true,
    .has_bios = true,
    .no_emulator_placement = "its vCPUs and its emulator are threads of one process, which is "
                             "pinned as a whole, by vms",
    .no_memory_placement = "VirtualBox has no setting for where a guest's memory comes from",
    .probe = probe,
    .open = open_site,
    .start = start,
    .alive = alive,
    .usage = usage,
    .count_exits = count_exits,
    .ask_monitor = ask_statistics,
    .console_tail = console_tail,
    .endpoint = endpoint,
    .pid = pid,
    .scratch_path = scratch_path,
    .scratch_file = scratch_file,
    .stop = stop,
    .close = close_site,
};
