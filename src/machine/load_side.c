/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/load_side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "machine/record.h"
#include "machine/sandbox.h"

#define READY_NS (30 * NS_PER_S)
#define LOOPBACK_SLOT 1

struct load_side {
    struct sandbox *sandbox;
    struct channel *channel;
    char *directory;
};

DEFINE_CLEANUP(struct load_side *, load_side_close);

static int make_directory(struct load_side *load, const char *parent, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/load-XXXXXX", parent);
    int rc = file_make_directories(parent, 0700, err);
    if (rc < 0)
        return rc;
    if (!mkdtemp(path))
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make a directory in '%s'", parent);
    load->directory = TAKE_PTR(path);
    return record_add(load->directory, err);
}

static int alive(void *context, struct error *err)
{
    struct load_side *load = context;
    return sandbox_check_alive(load->sandbox, err);
}

static int connect_channel(struct load_side *load, struct error *err)
{
    struct channel_options options = {
        .timeout_ns = READY_NS,
        .deadline_ns = clock_monotonic_ns() + READY_NS,
        .alive = alive,
        .alive_context = load,
    };
    sandbox_endpoint(load->sandbox, &options);
    return channel_open(&options, &load->channel, err);
}

int load_side_open(struct network *network, const struct image *image,
                   const struct plan_placement *placement, const char *directory,
                   struct load_side **out_load, struct error *err)
{
    CLEANUP(load_side_close_cleanup) struct load_side *load = mem_zalloc(sizeof(*load));
    char loopback[NETWORK_TEXT_MAX];
    bool is_bridge = network_mode(network) == NETWORK_BRIDGE;
    network_format_address(network, LOOPBACK_SLOT, loopback);
    int rc = make_directory(load, directory, err);
    struct sandbox_options options = {
        .name = "load",
        .image = image,
        .directory = load->directory,
        .cpus = &placement->load,
        .network_namespace_fd = network_namespace_fd(network),
        .address = is_bridge ? network_load_address(network) : loopback,
        .port = network_forward_port(network, 22),
    };
    if (rc >= 0)
        rc = sandbox_start(&options, &load->sandbox, err);
    if (rc >= 0)
        rc = connect_channel(load, err);
    if (rc < 0)
        return error_prefix(err, "start the load side");
    *out_load = TAKE_PTR(load);
    return 0;
}

struct channel *load_side_channel(struct load_side *load)
{
    return load->channel;
}

int load_side_read_cpu(struct load_side *load, uint64_t *out_cpu_ns, struct error *err)
{
    return sandbox_read_cpu(load->sandbox, out_cpu_ns, err);
}

struct load_side *load_side_close(struct load_side *load)
{
    if (!load)
        return NULL;
    channel_close(load->channel);
    sandbox_stop(load->sandbox);
    if (load->directory)
        record_remove(load->directory, NULL);
    free(load->directory);
    free(load);
    return NULL;
}
