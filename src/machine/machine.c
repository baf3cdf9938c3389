/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lab.h"
#include "base/log.h"
#include "base/mem.h"
#include "machine/list.h"
#include "machine/record.h"
#include "machine/xen_tools.h"

/* A guest is ready in 5 to 10 s alone and in 45 s with nine others under pure emulation; these
 * limits leave room for a loaded host. */
#define BOOT_NS (120 * NS_PER_S)
#define BOOT_FURTHER_NS (45 * NS_PER_S)
/* A user's own disk has a whole distribution to start, and cloud-init: 80 s under emulation. */
#define BOOT_OWN_DISK_FACTOR 5
#define STEP_NS (30 * NS_PER_S)
/* In an emulated server every one of them takes several times as long, and a BIOS, a kernel that is
 * decompressed and probed hardware still more. */
#define LAB_FACTOR 4
#define LAB_BIOS_FACTOR 3
#define LAB_STARTS_MAX 3

const struct platform *const platforms[] = {
    &platform_native,     &platform_qemu_tcg, &platform_kvm,
    &platform_xen_pv,     &platform_xen_pvh,  &platform_xen_hvm,
    &platform_virtualbox, &platform_fake,     NULL,
};

struct site {
    const struct platform *platform;
    void *back_end;
    char *directory; /* below the campaign's; NULL: none */
    struct network *network;
    bool own_disk; /* boots a user's disk, not the built-in image */
};

struct machine {
    struct site *site;
    void *back_end;
    struct channel *channel;
    struct machine_options options;
    char *address;
    uint64_t started_ns;
    bool has_begun;
    unsigned own_starts; /* where they are counted when the caller does not */
    unsigned restarts;   /* as it died before it was ready */
};

DEFINE_CLEANUP(struct site *, platform_close);
DEFINE_CLEANUP(struct machine *, machine_free);

const struct platform *platform_find(const struct plan_kind *kind)
{
    for (const struct platform *const *at = platforms; *at; at++)
        if (&(*at)->kind == kind)
            return *at;
    return NULL;
}

const struct plan_kind **platform_list_kinds(void)
{
    const struct plan_kind **kinds = mem_array(COUNT_OF(platforms), sizeof(*kinds));
    for (size_t i = 0; platforms[i]; i++)
        kinds[i] = &platforms[i]->kind;
    return kinds;
}

static int find(const struct plan_entry *entry, const struct platform **out_platform,
                struct error *err)
{
    *out_platform = platform_find(entry->kind);
    if (*out_platform)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                     "platform '%s' is not available: this build has no back-end for '%s'",
                     entry->name, entry->kind->name);
}

int platform_probe(const struct plan_entry *entry, const char *uri, struct error *err)
{
    const struct platform *platform;
    int rc = find(entry, &platform, err);
    if (rc >= 0)
        rc = platform->probe(entry, uri, err);
    return rc < 0 ? rc : 0;
}

/* A directory of the site's own, so that closing removes nothing else. */
static int make_directory(struct site *site, const char *parent, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/site-XXXXXX", parent);
    int rc = file_make_directories(parent, 0700, err);
    if (rc < 0)
        return rc;
    if (!mkdtemp(path))
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make a directory in '%s'", parent);
    site->directory = TAKE_PTR(path);
    return record_add(site->directory, err);
}

int platform_open(const struct site_options *options, struct site **out_site, struct error *err)
{
    CLEANUP(platform_close_cleanup) struct site *site = mem_zalloc(sizeof(*site));
    int rc = find(options->entry, &site->platform, err);
    if (rc < 0)
        return rc;
    struct site_options own = *options;
    if (!site->platform->is_fake) {
        rc = make_directory(site, options->directory, err);
        own.directory = site->directory;
        site->network = options->network;
        site->own_disk = !options->image->kernel;
    }
    if (rc >= 0)
        rc = site->platform->open(&own, &site->back_end, err);
    if (rc < 0)
        return error_prefix(err, "open platform '%s'", options->entry->name);
    *out_site = TAKE_PTR(site);
    return 0;
}

struct site *platform_close(struct site *site)
{
    if (!site)
        return NULL;
    if (site->back_end)
        site->platform->close(site->back_end);
    if (site->directory)
        record_remove(site->directory, NULL);
    free(site->directory);
    free(site);
    return NULL;
}

static int alive(void *context, struct error *err)
{
    return machine_check_alive(context, err);
}

static void fill_endpoint(struct machine *machine, struct channel_options *out_options)
{
    *out_options = (struct channel_options){0};
    machine->site->platform->endpoint(machine->back_end, out_options);
}

/* Makes the back-end's machine. */
static int start(struct machine *machine, struct error *err)
{
    const struct platform *platform = machine->site->platform;
    machine->started_ns = clock_monotonic_ns();
    machine->has_begun = !platform->begin;
    ++*machine->options.starts;
    int rc = platform->start(machine->site->back_end, &machine->options, &machine->back_end, err);
    if (rc < 0)
        return error_prefix(err, "start machine %u", machine->options.index);
    if (platform->endpoint) {
        struct channel_options endpoint;
        fill_endpoint(machine, &endpoint);
        free(machine->address);
        machine->address = mem_strdup(endpoint.address);
    }
    return 0;
}

int machine_begin(struct machine *machine, struct error *err)
{
    if (machine->has_begun)
        return 0;
    int rc = machine->site->platform->begin(machine->back_end, err);
    machine->has_begun = rc >= 0;
    return rc < 0 ? error_prefix(err, "start machine %u", machine->options.index) : 0;
}

int machine_start(struct site *site, const struct machine_options *options,
                  struct machine **out_machine, struct error *err)
{
    CLEANUP(machine_free_cleanup) struct machine *machine = mem_zalloc(sizeof(*machine));
    machine->site = site;
    machine->options = *options;
    if (!machine->options.starts)
        machine->options.starts = &machine->own_starts;
    int rc = start(machine, err);
    if (rc >= 0)
        *out_machine = TAKE_PTR(machine);
    return rc;
}

static uint64_t scale(uint64_t limit_ns)
{
    return lab_is_here() ? limit_ns * LAB_FACTOR : limit_ns;
}

/* The first command. A user's own image has no such directory. */
static int make_work_directory(struct machine *machine, struct error *err)
{
    static const char *const argv[] = {"mkdir", "-p", MACHINE_WORK_DIRECTORY, NULL};
    return channel_check(machine->channel, argv, scale(STEP_NS), NULL, err);
}

static int wait_ready(struct machine *machine, struct error *err)
{
    struct channel_options options;
    fill_endpoint(machine, &options);
    unsigned others = machine->options.count > 1 ? machine->options.count - 1 : 0;
    options.timeout_ns = scale(STEP_NS + others * NS_PER_S);
    uint64_t limit_ns = scale(BOOT_NS + others * BOOT_FURTHER_NS);
    if (machine->site->own_disk)
        limit_ns *= BOOT_OWN_DISK_FACTOR;
    if (machine->site->platform->has_bios && lab_is_here())
        limit_ns *= LAB_BIOS_FACTOR;
    options.deadline_ns = machine->started_ns + limit_ns;
    options.alive = alive;
    options.alive_context = machine;
    int rc = machine_begin(machine, err);
    if (rc >= 0)
        rc = channel_open(&options, &machine->channel, err);
    return rc < 0 ? rc : make_work_directory(machine, err);
}

/* An emulated server's guest may die early in its boot, in no repeatable place, or hang there: most
 * that did had run on QEMU's first CPU (lab/emulator.c), which none does any more. On a real host
 * that is a finding, and fails the trial. */
static bool may_restart(struct machine *machine, int rc)
{
    struct error cause = {0};
    if (rc == -EINTR || !lab_is_here() || !machine_is_there(machine) ||
        machine->restarts + 1 >= LAB_STARTS_MAX)
        return false;
    bool hangs = rc == -ETIMEDOUT && machine->restarts == 0; /* the wait was long: once */
    return hangs || machine_check_alive(machine, &cause) < 0;
}

/* What a start that failed printed, among the lab's logs: a trial keeps the last start's. */
static void keep_console(struct machine *machine)
{
    const char *directory = lab_logs();
    CLEANUP_FREE char *tail = directory ? machine_console_tail(machine) : NULL;
    if (!tail)
        return;
    const struct machine_options *options = &machine->options;
    CLEANUP_FREE char *path =
        mem_printf("%s/block%" PRIu64 "-cell%" PRIu64 "-machine%u-start%u.console", directory,
                   options->block, options->cell, options->index, machine->restarts);
    int rc = file_write_atomic(path, tail, strlen(tail), 0600, NULL);
    if (rc < 0)
        log_warn("keep console '%s': %s", path, strerror(-rc));
}

static int restart(struct machine *machine, struct error *err)
{
    log_warn("boot machine %u: %s; starting it again", machine->options.index, err->text);
    machine->restarts++;
    keep_console(machine);
    machine->channel = channel_close(machine->channel);
    machine->site->platform->stop(machine->back_end);
    machine->back_end = NULL;
    return start(machine, err);
}

int machine_wait_ready(struct machine *machine, uint64_t *out_boot_ns, struct error *err)
{
    uint64_t first_ns = machine->started_ns;
    if (!machine->channel && machine->site->platform->endpoint) {
        int rc = wait_ready(machine, err);
        while (rc < 0 && may_restart(machine, rc)) {
            rc = restart(machine, err);
            if (rc >= 0)
                rc = wait_ready(machine, err);
        }
        if (rc < 0)
            return error_prefix(err, "boot machine %u", machine->options.index);
    }
    *out_boot_ns = clock_monotonic_ns() - first_ns;
    return 0;
}

bool machine_is_there(const struct machine *machine)
{
    return machine->back_end;
}

int machine_check_alive(struct machine *machine, struct error *err)
{
    const struct platform *platform = machine->site->platform;
    if (!machine_is_there(machine))
        return error_set(err, ERROR_FAILED, -ENOENT,
                         "machine %u died and could not be started again", machine->options.index);
    int rc = platform->alive ? platform->alive(machine->back_end, err) : 0;
    return rc < 0 ? error_prefix(err, "machine %u", machine->options.index) : 0;
}

struct channel *machine_channel(struct machine *machine)
{
    return machine->channel;
}

const char *machine_address(const struct machine *machine)
{
    return machine->address;
}

static bool shares_loopback(const struct machine *machine)
{
    const struct site *site = machine->site;
    return site->network && network_mode(site->network) == NETWORK_USER &&
           !site->platform->is_virtual;
}

uint16_t machine_port(const struct machine *machine, uint16_t port)
{
    if (!machine->site->network || shares_loopback(machine))
        return port;
    return network_forward_port(machine->site->network, port);
}

const char *machine_listen_address(const struct machine *machine)
{
    return shares_loopback(machine) ? machine->address : "0.0.0.0";
}

bool machine_is_virtual(const struct machine *machine)
{
    return machine->site->platform->is_virtual;
}

unsigned machine_vcpus(const struct machine *machine)
{
    return machine->options.vcpus;
}

const char *machine_load_address(const struct machine *machine)
{
    return shares_loopback(machine) ? "127.0.0.1" : network_load_address(machine->site->network);
}

pid_t machine_pid(const struct machine *machine)
{
    const struct platform *platform = machine->site->platform;
    return platform->pid ? platform->pid(machine->back_end) : 0;
}

int machine_domain(const struct machine *machine)
{
    const struct platform *platform = machine->site->platform;
    return platform->domain ? platform->domain(machine->back_end) : 0;
}

const char *machine_scratch_path(struct machine *machine, unsigned which)
{
    const struct platform *platform = machine->site->platform;
    bool is_there = which < MACHINE_SCRATCH_COUNT && platform->scratch_path;
    return is_there ? platform->scratch_path(machine->back_end, which) : NULL;
}

const char *machine_scratch_file(struct machine *machine, unsigned which)
{
    const struct platform *platform = machine->site->platform;
    bool is_there = which < MACHINE_SCRATCH_COUNT && platform->scratch_file;
    return is_there ? platform->scratch_file(machine->back_end, which) : NULL;
}

int machine_read_usage(struct machine *machine, struct machine_usage *out_usage, struct error *err)
{
    const struct platform *platform = machine->site->platform;
    int rc = platform->usage(machine->back_end, out_usage, err);
    return rc < 0 ? error_prefix(err, "read the usage of machine %u", machine->options.index) : 0;
}

void machine_count_exits(struct machine *machine, struct machine_figure *out_exits)
{
    const struct platform *platform = machine->site->platform;
    if (platform->count_exits)
        platform->count_exits(machine->back_end, out_exits);
}

int machine_ask_monitor(struct machine *machine, char **out_text, struct error *err)
{
    const struct platform *platform = machine->site->platform;
    if (!platform->ask_monitor)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "there is no monitor to ask");
    return platform->ask_monitor(machine->back_end, out_text, err);
}

int machine_read_disk(struct machine *machine, unsigned index, struct machine_disk *out_disk,
                      struct error *err)
{
    const struct platform *platform = machine->site->platform;
    if (!platform->disk)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "what its disks move is asked of no hypervisor but QEMU");
    return platform->disk(machine->back_end, index, out_disk, err);
}

void machine_fill_endpoint(const struct site_options *site, const char *address,
                           struct channel_options *out_options)
{
    out_options->address = address;
    out_options->port = network_forward_port(site->network, 22);
    out_options->key_path = site->image->key;
    out_options->host_key = site->image->host_key;
    out_options->network_namespace_fd = network_namespace_fd(site->network);
}

char *machine_console_tail(struct machine *machine)
{
    const struct platform *platform = machine->site->platform;
    bool can = platform->console_tail && machine_is_there(machine);
    return can ? platform->console_tail(machine->back_end) : NULL;
}

int machine_draw(struct machine *machine, uint64_t native_ns, struct machine_draw *out_draw,
                 struct error *err)
{
    const struct platform *platform = machine->site->platform;
    if (!platform->draw)
        return error_set(err, ERROR_INTERNAL, -ENOTSUP, "platform '%s' does not draw",
                         platform->kind.name);
    return platform->draw(machine->back_end, native_ns, out_draw, err);
}

bool machine_read_injected(struct machine *machine, size_t index, const char **out_name,
                           uint64_t *out_value)
{
    const struct platform *platform = machine->site->platform;
    return platform->injected && platform->injected(machine->back_end, index, out_name, out_value);
}

struct machine *machine_free(struct machine *machine)
{
    if (!machine)
        return NULL;
    channel_close(machine->channel);
    if (machine_is_there(machine))
        machine->site->platform->stop(machine->back_end);
    free(machine->address);
    free(machine);
    return NULL;
}

int machine_clean_leftovers(struct error *err)
{
    int rc = xen_tools_clean_dead(err);
    return rc < 0 ? rc : record_clean_dead(err);
}
