/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen: guests of Xen, made by its program xl: paravirtualized (xen-pv), with the processor's
 * virtualization and no emulated hardware (xen-pvh), with a BIOS and emulated hardware that gives
 * way to paravirtualized disk and network once the kernel runs (xen-hvm). PV and PVH boot the
 * image's kernel directly. HVM cannot in reasonable time: QEMU would hand the kernel to the BIOS by
 * one port access for each byte; it gets a disk that boots.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lab.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/boot_disk.h"
#include "machine/console.h"
#include "machine/list.h"
#include "machine/procfs.h"
#include "machine/scratch.h"
#include "machine/xen_config.h"
#include "machine/xen_tools.h"

#define STARTS_MAX 3
#define LAB_STARTS_MAX 8

struct xen_options {
    unsigned disk_cache;
    uint64_t max_vms;
};

struct xen_site {
    struct site_options options;
    struct xen_options xen;
    const char *type; /* "pv", "pvh", "hvm" */
    struct xen_tools *tools;
    char *vif_script;
    char *boot_disk;      /* NULL: direct kernel boot, or the image's own disk boots */
    char *command_line;   /* the kernel's */
    uint64_t start_ticks; /* of this process */
};

struct xen_machine {
    struct xen_site *site;
    char *name;
    bool is_made;
    unsigned id; /* while it is made */
    int slot;
    char *directory;
    char *console;
    int terminal; /* of the console */
    off_t console_read;
    pid_t emulator; /* of its disks, and of its hardware when it is HVM; 0: not found */
    char *scratch_files[MACHINE_SCRATCH_COUNT];
    char scratch_paths[MACHINE_SCRATCH_COUNT][16]; /* in the guest */
    char address[NETWORK_TEXT_MAX];
    char *disk_paths[XEN_DISKS_MAX];
    struct xen_disk disks[XEN_DISKS_MAX];
    unsigned disk_count;
};

static const char *const cache_words[] = {"none", "writeback", NULL};

static void stop(void *object);
static void close_site(void *object);
DEFINE_CLEANUP(void *, stop);
DEFINE_CLEANUP(void *, close_site);

static const char *find_type(const struct plan_entry *entry)
{
    return entry->kind->name + strlen("xen-");
}

static int probe(const struct plan_entry *entry, const char *uri, struct error *err)
{
    (void)uri;
    const char *type = find_type(entry);
    int rc = xen_tools_probe(NULL, err);
    if (rc >= 0)
        rc = xen_tools_probe_type(NULL, type, err);
    return rc;
}

/* Xen's own script would put the guest's card on a bridge of the host's; ours only says that the
 * card may be used: we take it from there. */
static int write_vif_script(struct xen_site *site, struct error *err)
{
    static const char text[] = "#!/bin/sh\n"
                               "[ \"$1\" = online ] || exit 0\n"
                               "exec xenstore-write \"$XENBUS_PATH/hotplug-status\" connected\n";
    site->vif_script = mem_printf("%s/vif", site->options.directory);
    return file_write_atomic(site->vif_script, text, strlen(text), 0700, err);
}

/* The disk that boots is the first, and the image's the second. */
static int make_boot_disk(struct xen_site *site, struct error *err)
{
    const struct image *image = site->options.image;
    CLEANUP_FREE char *kernel =
        mem_printf("%s/boot/vmlinuz-%s", image->root ? image->root : "", image->kernel_version);
    site->boot_disk = mem_printf("%s/boot.raw", site->options.directory);
    const struct boot_disk_options options = {.kernel = kernel,
                                              .initrd = image->initrd,
                                              .command_line = site->command_line,
                                              .path = site->boot_disk};
    return boot_disk_make(&options, err);
}

static int check_options(const struct site_options *options, const char *type, struct error *err)
{
    if (network_mode(options->network) != NETWORK_BRIDGE)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "guests of Xen need the campaign's bridge, and there is none: %s",
                         network_user_reason(options->network));
    if (!options->image->kernel && strcmp(type, "hvm") != 0)
        return error_set(err, ERROR_USAGE, -ENOTSUP,
                         "a user's own disk image boots by itself, which only xen-hvm does");
    return 0;
}

static int prepare_site(struct xen_site *site, struct error *err)
{
    bool is_hvm = strcmp(site->type, "hvm") == 0;
    struct procfs_stat self;
    int rc = procfs_read_stat("/proc", getpid(), &self);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc, "read '/proc/self/stat'");
    site->start_ticks = self.start_ticks;
    site->command_line = mem_strdup(is_hvm ? IMAGE_COMMAND_LINE_FOR("hvc0", "/dev/xvdb")
                                           : IMAGE_COMMAND_LINE_FOR("hvc0", "/dev/xvda"));
    rc = xen_tools_open(&site->tools, err);
    if (rc >= 0)
        rc = write_vif_script(site, err);
    if (rc >= 0 && is_hvm && site->options.image->kernel)
        rc = make_boot_disk(site, err);
    return rc;
}

static int open_site(const struct site_options *options, void **out_site, struct error *err)
{
    const char *type = find_type(options->entry);
    int rc = check_options(options, type, err);
    if (rc < 0)
        return rc;
    struct xen_site *site = mem_zalloc(sizeof(*site));
    CLEANUP(close_site_cleanup) void *guard = site;
    site->options = *options;
    site->xen = *(const struct xen_options *)options->entry->options;
    site->type = type;
    rc = prepare_site(site, err);
    if (rc >= 0)
        *out_site = TAKE_PTR(guard);
    return rc;
}

static void close_site(void *object)
{
    struct xen_site *site = object;
    xen_tools_close(site->tools);
    free(site->vif_script);
    free(site->boot_disk);
    free(site->command_line);
    free(site);
}

/* Takes path over. */
static void add_disk(struct xen_machine *machine, char *path, const char *format, bool direct)
{
    machine->disk_paths[machine->disk_count] = path;
    machine->disks[machine->disk_count++] =
        (struct xen_disk){.path = path, .format = format, .direct = direct};
}

static int add_overlay(struct xen_machine *machine, const char *base, const char *format,
                       struct error *err)
{
    char *path = mem_printf("%s/overlay-%u.qcow2", machine->directory, machine->disk_count);
    add_disk(machine, path, "qcow2", false);
    return scratch_make_overlay(path, base, format, err);
}

/* A user's own disk image learns its address and keys from a cloud-init seed. */
static int add_seed(struct xen_machine *machine, const char *mac, struct error *err)
{
    char *path = mem_printf("%s/seed.iso", machine->directory);
    add_disk(machine, path, "raw", false);
    return image_make_seed(machine->site->options.image, mac, machine->name, path, err);
}

static int add_scratch(struct xen_machine *machine, const struct machine_options *options,
                       struct error *err)
{
    bool direct = strcmp(cache_words[machine->site->xen.disk_cache], "none") == 0;
    for (unsigned i = 0; i < MACHINE_SCRATCH_COUNT && options->scratch_bytes; i++) {
        char *path = mem_printf("%s/scratch-%u", machine->directory, i);
        machine->scratch_files[i] = path;
        snprintf(machine->scratch_paths[i], sizeof(machine->scratch_paths[i]), "/dev/%s",
                 xen_config_disk_name(machine->disk_count));
        add_disk(machine, path, "raw", direct);
        int rc = scratch_make(path, options->scratch_bytes, i == 0 ? options->scratch_source : NULL,
                              err);
        if (rc >= 0 && direct)
            rc = scratch_check_direct(path, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int make_disks(struct xen_machine *machine, const struct machine_options *options,
                      const char *mac, struct error *err)
{
    const struct xen_site *site = machine->site;
    const struct image *image = site->options.image;
    int rc = site->boot_disk ? add_overlay(machine, site->boot_disk, "raw", err) : 0;
    if (rc >= 0)
        rc = add_overlay(machine, image->disk, image->disk_format, err);
    if (rc >= 0 && !image->kernel)
        rc = add_seed(machine, mac, err);
    return rc < 0 ? rc : add_scratch(machine, options, err);
}

static int write_config(const struct xen_machine *machine, const struct machine_options *options,
                        const char *mac, const char *path, struct error *err)
{
    const struct xen_site *site = machine->site;
    bool direct_boot = site->options.image->kernel && !site->boot_disk;
    struct xen_config config = {
        .name = machine->name,
        .type = site->type,
        .vcpus = options->vcpus,
        .memory_bytes = options->memory_bytes,
        .placement = site->options.placement,
        .kernel = direct_boot ? site->options.image->kernel : NULL,
        .initrd = site->options.image->initrd,
        .command_line = site->command_line,
        .disk_count = machine->disk_count,
        .mac = mac,
        .vif_script = site->vif_script,
    };
    memcpy(config.disks, machine->disks, sizeof(config.disks));
    CLEANUP_FREE char *text = xen_config_format(&config);
    return file_write_atomic(path, text, strlen(text), 0600, err);
}

static void keep_pid(pid_t pid, void *context)
{
    *(pid_t *)context = pid;
}

/* Without stopping at what it says: it is read now and then, and never written. */
static int open_terminal(struct xen_machine *machine, struct error *err)
{
    CLEANUP_FREE char *path = NULL;
    int rc = xen_tools_find_console(machine->site->tools, machine->id, &path, err);
    if (rc < 0)
        return rc;
    machine->terminal = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios settings;
    if (machine->terminal < 0 || tcgetattr(machine->terminal, &settings) < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "open console '%s'", path);
    cfmakeraw(&settings);
    if (tcsetattr(machine->terminal, TCSANOW, &settings) < 0)
        return error_set_errno(err, ERROR_FAILED, -errno, "set console '%s'", path);
    return 0;
}

/* libxl gives a guest's QEMU ten seconds for some answers, and no setting gives it more: in an
 * emulated server on a busy host that is too little now and then, with nothing else to do in it. */
static int make(struct xen_machine *machine, const char *config, unsigned *starts,
                struct error *err)
{
    const char *const words[] = {"create", "-q", "-p", "-e", config, NULL};
    unsigned most = lab_is_here() ? LAB_STARTS_MAX : STARTS_MAX;
    machine->is_made = true; /* also when it is made by half */
    for (unsigned tries = 1;; tries++) {
        int rc = xen_tools_call(words, NULL, err);
        if (rc >= 0 || !xen_tools_was_late(err->text) || tries == most)
            return rc;
        log_warn("Xen's guest '%s': %s; trying again", machine->name, err->text);
        int undone = xen_tools_destroy(machine->name, NULL);
        (void)undone; /* it may be gone already */
        ++*starts;
    }
}

/* It is made without running, so that its card is on the bridge when its kernel looks for it. */
static int create(struct xen_machine *machine, const char *config, unsigned *starts,
                  struct error *err)
{
    const struct xen_site *site = machine->site;
    int rc = make(machine, config, starts, err);
    struct xen_domain domain;
    if (rc >= 0)
        rc = xen_tools_find(site->tools, machine->name, &domain, err);
    if (rc < 0)
        return rc;
    machine->id = domain.id;
    procfs_find_command("/proc", machine->name, keep_pid, &machine->emulator);
    char device[NETWORK_TEXT_MAX];
    snprintf(device, sizeof(device), "vif%u.0", machine->id);
    rc = network_take_device(site->options.network, machine->slot, device, err);
    return rc < 0 ? rc : open_terminal(machine, err);
}

/* The guests of a trial begin together: a running one takes the time that libxl leaves for making
 * the next, see make(). */
static int begin(void *object, struct error *err)
{
    const struct xen_machine *machine = object;
    const char *const go[] = {"unpause", machine->name, NULL};
    return xen_tools_call(go, NULL, err);
}

static int start_domain(struct xen_machine *machine, const struct machine_options *options,
                        struct error *err)
{
    const struct xen_site *site = machine->site;
    struct network *network = site->options.network;
    char mac[NETWORK_TEXT_MAX];
    int slot = machine->slot = network_take_slot(network, err);
    if (slot < 0)
        return slot;
    network_format_mac(network, slot, mac);
    network_format_address(network, slot, machine->address);
    machine->name =
        mem_printf(XEN_NAME_PREFIX "%d-%" PRIu64 "-%d", (int)getpid(), site->start_ticks, slot);
    CLEANUP_FREE char *config = mem_printf("%s/xl.cfg", machine->directory);
    int rc = make_disks(machine, options, mac, err);
    if (rc >= 0)
        rc = write_config(machine, options, mac, config, err);
    return rc < 0 ? rc : create(machine, config, options->starts, err);
}

static int start(void *object, const struct machine_options *options, void **out_machine,
                 struct error *err)
{
    struct xen_site *site = object;
    struct xen_machine *machine = mem_zalloc(sizeof(*machine));
    CLEANUP(stop_cleanup) void *guard = machine;
    machine->site = site;
    machine->slot = -1;
    machine->terminal = -1;
    machine->directory = mem_printf("%s/machine-%u", site->options.directory, options->index);
    machine->console = mem_printf("%s/console", machine->directory);
    int rc = file_make_directories(machine->directory, 0700, err);
    if (rc >= 0)
        rc = start_domain(machine, options, err);
    if (rc >= 0)
        *out_machine = TAKE_PTR(guard);
    return rc;
}

/* Takes what the guest has printed since the last time. xenconsoled keeps 1 MiB for us. */
static void read_terminal(const struct xen_machine *machine)
{
    char chunk[4096];
    CLEANUP_FD int fd =
        open(machine->console, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    for (ssize_t got; (got = read(machine->terminal, chunk, sizeof(chunk))) > 0;)
        if (fd < 0 || fd_write_all(fd, chunk, (size_t)got) < 0)
            return;
}

static int explain_end(const struct xen_machine *machine, struct error *err)
{
    static const char *const list[] = {"list", "-v", NULL};
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *console = console_read_last_line(machine->console);
    if (xen_tools_call(list, &text, NULL) < 0)
        text = mem_strdup("");
    return error_set(err, ERROR_FAILED, -EPIPE,
                     "Xen's guest '%s' runs no more: %s; last on its console: '%s'", machine->name,
                     xen_tools_describe_end(text, machine->id), console ? console : "");
}

static int alive(void *object, struct error *err)
{
    struct xen_machine *machine = object;
    read_terminal(machine);
    int rc = console_check(machine->console, &machine->console_read, err);
    if (rc < 0)
        return rc;
    struct xen_domain domain;
    rc = xen_tools_read(machine->site->tools, machine->id, &domain, err);
    if (rc < 0)
        return rc;
    return domain.is_shut_down || domain.has_crashed ? explain_end(machine, err) : 0;
}

static int read_emulator(const struct xen_machine *machine, struct machine_usage *usage,
                         struct error *err)
{
    static const char no_process[] = "the QEMU behind the guest's disks was not found";
    static const char no_schedstat[] = "the host kernel keeps no scheduler statistics";
    struct procfs_threads threads = {0};
    int rc = machine->emulator > 0 ? procfs_read_threads("/proc", machine->emulator, &threads, err)
                                   : -ENOTSUP;
    if (rc < 0 && rc != -ENOTSUP)
        return rc;
    const char *missing = machine->emulator > 0 ? no_schedstat : no_process;
    usage->emulator_run_ns.missing = usage->emulator_wait_ns.missing = rc < 0 ? missing : NULL;
    usage->emulator_run_ns.value = threads.vcpu_run_ns + threads.other_run_ns;
    usage->emulator_wait_ns.value = threads.vcpu_wait_ns + threads.other_wait_ns;
    return 0;
}

static int usage(void *object, struct machine_usage *out_usage, struct error *err)
{
    const struct xen_machine *machine = object;
    struct machine_usage usage = {
        .vcpu_wait_ns.missing = "Xen's tools do not tell how long a vCPU waited for a CPU",
        .exits.missing = strcmp(machine->site->type, "pv") == 0
                             ? "a paravirtualized guest has no VM exits"
                             : "Xen as Debian builds it counts none",
    };
    struct xen_domain domain;
    int rc = xen_tools_read(machine->site->tools, machine->id, &domain, err);
    if (rc >= 0)
        rc = read_emulator(machine, &usage, err);
    if (rc < 0)
        return rc;
    usage.vcpu_run_ns.value = domain.cpu_ns;
    usage.cpu_ns.missing = usage.emulator_run_ns.missing;
    usage.cpu_ns.value = domain.cpu_ns + usage.emulator_run_ns.value;
    *out_usage = usage;
    return 0;
}

static char *console_tail(void *object)
{
    const struct xen_machine *machine = object;
    read_terminal(machine);
    return console_read_tail(machine->console);
}

static void endpoint(void *object, struct channel_options *out_options)
{
    const struct xen_machine *machine = object;
    machine_fill_endpoint(&machine->site->options, machine->address, out_options);
}

static pid_t pid(void *object)
{
    const struct xen_machine *machine = object;
    return machine->emulator;
}

static const char *scratch_path(void *object, unsigned which)
{
    const struct xen_machine *machine = object;
    return machine->scratch_files[which] ? machine->scratch_paths[which] : NULL;
}

static const char *scratch_file(void *object, unsigned which)
{
    const struct xen_machine *machine = object;
    return machine->scratch_files[which];
}

/* The guest's card goes with the guest, also out of the campaign's namespace. */
static void stop(void *object)
{
    struct xen_machine *machine = object;
    fd_cleanup(&machine->terminal);
    /* An error says that it was not made, or that somebody else has destroyed it. */
    int rc = machine->is_made ? xen_tools_destroy(machine->name, NULL) : 0;
    (void)rc;
    network_release_slot(machine->site->options.network, machine->slot);
    file_remove_tree(machine->directory, NULL);
    for (unsigned i = 0; i < machine->disk_count; i++)
        free(machine->disk_paths[i]);
    free(machine->name);
    free(machine->console);
    free(machine->directory);
    free(machine);
}

static int domain_of(void *object)
{
    const struct xen_machine *machine = object;
    return (int)machine->id;
}

/* Not none as elsewhere: Xen's disk back-end ties O_DIRECT to Linux AIO, which Debian builds its
 * QEMU for Xen without; the disks would never appear, and QEMU would try for ever. */
static const struct option xen_rows[] = {
    {.name = "disk-cache",
     .type = OPTION_WORD,
     .offset = offsetof(struct xen_options, disk_cache),
     .value_name = "MODE",
     .fallback = "writeback",
     .words = cache_words,
     .help = "Host page cache for the scratch disks: none is O_DIRECT, for which "
             "Xen's QEMU must be built with Linux AIO (Debian's is not)."},
    MACHINE_MAX_VMS(struct xen_options),
};

#define XEN(word, sentence)                                                                        \
    {                                                                                              \
        .kind = {.name = word,                                                                     \
                 .help = sentence,                                                                 \
                 .options = {xen_rows, COUNT_OF(xen_rows), sizeof(struct xen_options)},            \
                 .estimate_ns = 8 * NS_PER_S},                                                     \
        .is_virtual = true,                                                                        \
        .no_emulator_placement = "its QEMU runs on virtual CPUs of the control domain, not on "    \
                                 "CPUs of the host",                                               \
        .no_memory_placement = "Xen takes a guest's memory from the nodes of its CPUs: place "     \
                               "those, by vms",                                                    \
        .probe = probe, .open = open_site, .start = start, .begin = begin, .alive = alive,         \
        .usage = usage, .console_tail = console_tail, .endpoint = endpoint, .pid = pid,            \
        .domain = domain_of, .scratch_path = scratch_path, .scratch_file = scratch_file,           \
        .stop = stop, .close = close_site                                                          \
    }

const struct platform platform_xen_pv = XEN("xen-pv", "Xen, paravirtualized guests.");
const struct platform platform_xen_pvh =
    XEN("xen-pvh", "Xen, guests with hardware virtualization and no emulated hardware.");
const struct platform platform_xen_hvm =
    XEN("xen-hvm", "Xen, guests with a BIOS, and paravirtualized disk and network.");
