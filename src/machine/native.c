/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * native: the host's own kernel. Each instance is a sandbox over the image's root file system,
 * pinned as a virtual machine would be (it has no emulator to place), in a network namespace of its
 * own on the same bridge, with its files on the file system where the guests' disks lie. Its memory
 * is not limited.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "machine/list.h"
#include "machine/sandbox.h"
#include "machine/scratch.h"

struct native_site {
    struct site_options options;
};

struct native_machine {
    const struct native_site *site;
    struct sandbox *sandbox;
    int slot;
    int namespace_fd;
    char *directory;
    char *scratch_files[MACHINE_SCRATCH_COUNT];
    char address[NETWORK_TEXT_MAX];
};

static void stop(void *object);
DEFINE_CLEANUP(void *, stop);

static int probe(const struct plan_entry *entry, const char *uri, struct error *err)
{
    (void)entry, (void)uri;
    return sandbox_probe(err);
}

static int check_nodes(const struct option_counts *nodes, struct error *err)
{
    for (size_t i = 0; i < nodes->count; i++) {
        CLEANUP_FREE char *path =
            mem_printf("/sys/devices/system/node/node%" PRIu64, nodes->items[i]);
        if (!file_exists(path))
            return error_set(err, ERROR_USAGE, -EINVAL,
                             "placement numa-node: no node %" PRIu64 " here (no '%s')",
                             nodes->items[i], path);
    }
    return 0;
}

static int open_site(const struct site_options *options, void **out_site, struct error *err)
{
    int rc = check_nodes(&options->placement->numa_nodes, err);
    if (rc < 0)
        return rc;
    struct native_site *site = mem_zalloc(sizeof(*site));
    site->options = *options;
    *out_site = site;
    return 0;
}

static void close_site(void *object)
{
    free(object);
}

static int plug_in(struct native_machine *machine, struct error *err)
{
    struct network *network = machine->site->options.network;
    int slot = machine->slot = network_take_slot(network, err);
    if (slot < 0)
        return slot;
    network_format_address(network, slot, machine->address);
    if (network_mode(network) == NETWORK_USER)
        return 0;
    machine->namespace_fd = network_add_instance(network, slot, err);
    return machine->namespace_fd < 0 ? machine->namespace_fd : 0;
}

static int make_disks(struct native_machine *machine, const struct machine_options *options,
                      struct error *err)
{
    CLEANUP_FREE char *work = mem_printf("%s/work", machine->directory);
    int rc = file_make_directories(work, 0755, err);
    for (unsigned i = 0; i < MACHINE_SCRATCH_COUNT && rc >= 0 && options->scratch_bytes; i++) {
        machine->scratch_files[i] = mem_printf("%s/scratch-%u", work, i);
        rc = scratch_make(machine->scratch_files[i], options->scratch_bytes,
                          i == 0 ? options->scratch_source : NULL, err);
    }
    return rc;
}

static int start_sandbox(struct native_machine *machine, struct error *err)
{
    const struct site_options *site = &machine->site->options;
    char name[16];
    snprintf(name, sizeof(name), "native-%d", machine->slot - NETWORK_SLOT_MIN);
    struct sandbox_options sandbox = {
        .name = name,
        .image = site->image,
        .directory = machine->directory,
        .cpus = &site->placement->vms,
        .memory_nodes = &site->placement->numa_nodes,
        .network_namespace_fd = machine->namespace_fd > 0 ? machine->namespace_fd : 0,
        .address = machine->address,
        .port = network_forward_port(site->network, 22),
    };
    return sandbox_start(&sandbox, &machine->sandbox, err);
}

static int start(void *object, const struct machine_options *options, void **out_machine,
                 struct error *err)
{
    const struct native_site *site = object;
    struct native_machine *machine = mem_zalloc(sizeof(*machine));
    CLEANUP(stop_cleanup) void *guard = machine;
    machine->site = site;
    machine->slot = -1;
    machine->namespace_fd = -1;
    machine->directory = mem_printf("%s/machine-%u", site->options.directory, options->index);
    int rc = make_disks(machine, options, err);
    if (rc >= 0)
        rc = plug_in(machine, err);
    if (rc >= 0)
        rc = start_sandbox(machine, err);
    if (rc >= 0)
        *out_machine = TAKE_PTR(guard);
    return rc;
}

static int alive(void *object, struct error *err)
{
    struct native_machine *machine = object;
    return sandbox_check_alive(machine->sandbox, err);
}

static int usage(void *object, struct machine_usage *out_usage, struct error *err)
{
    const struct native_machine *machine = object;
    static const char no_vcpu[] = "native: no vCPU";
    static const char no_emulator[] = "native: no emulator";
    struct machine_usage usage = {
        .vcpu_run_ns.missing = no_vcpu,
        .vcpu_wait_ns.missing = no_vcpu,
        .emulator_run_ns.missing = no_emulator,
        .emulator_wait_ns.missing = no_emulator,
        .exits.missing = no_vcpu,
    };
    int rc = sandbox_read_cpu(machine->sandbox, &usage.cpu_ns.value, err);
    if (rc >= 0)
        *out_usage = usage;
    return rc;
}

static char *console_tail(void *object)
{
    const struct native_machine *machine = object;
    return sandbox_console_tail(machine->sandbox);
}

static void endpoint(void *object, struct channel_options *out_options)
{
    const struct native_machine *machine = object;
    sandbox_endpoint(machine->sandbox, out_options);
}

static pid_t pid(void *object)
{
    const struct native_machine *machine = object;
    return sandbox_pid(machine->sandbox);
}

static const char *scratch_path(void *object, unsigned which)
{
    const struct native_machine *machine = object;
    static const char *const paths[] = {SANDBOX_WORK_DIRECTORY "/scratch-0",
                                        SANDBOX_WORK_DIRECTORY "/scratch-1"};
    return machine->scratch_files[which] ? paths[which] : NULL;
}

static const char *scratch_file(void *object, unsigned which)
{
    const struct native_machine *machine = object;
    return machine->scratch_files[which];
}

static void stop(void *object)
{
    struct native_machine *machine = object;
    sandbox_stop(machine->sandbox);
    network_release_slot(machine->site->options.network, machine->slot);
    fd_cleanup(&machine->namespace_fd);
    file_remove_tree(machine->directory, NULL);
    for (unsigned i = 0; i < MACHINE_SCRATCH_COUNT; i++)
        free(machine->scratch_files[i]);
    free(machine->directory);
    free(machine);
}

struct native_options {
    char nothing;
};

const struct platform platform_native = {
    .kind = {.name = "native",
             .help = "Plain Linux: the guest's own root file system in a sandbox on the host.",
             .options = {NULL, 0, sizeof(struct native_options)}},
    .probe = probe,
    .open = open_site,
    .start = start,
    .alive = alive,
    .usage = usage,
    .console_tail = console_tail,
    .endpoint = endpoint,
    .pid = pid,
    .scratch_path = scratch_path,
    .scratch_file = scratch_file,
    .stop = stop,
    .close = close_site,
};
