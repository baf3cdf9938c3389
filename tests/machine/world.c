/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"

void world_lack(const char *what)
{
    const char *must = getenv("VTAX_MUST_WORK");
    if (must && strcmp(must, "1") == 0)
        fail_msg("lacking: %s", what);
    print_message("skipped: %s\n", what);
    skip();
}

void world_check(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%d: %s", rc, err->text);
}

/* VTAX_TEST_IMAGE names a directory with root/, key and host_key, to try a root file system that is
 * not in the cache. */
static struct image *find_image(void)
{
    struct error err = {0};
    struct image *image = NULL;
    const char *directory = getenv("VTAX_TEST_IMAGE");
    if (!directory) {
        world_check(image_find(&image, &err), &err);
        return image;
    }
    size_t length;
    image = mem_zalloc(sizeof(*image));
    image->directory = mem_strdup(directory);
    image->root = mem_printf("%s/root", directory);
    image->key = mem_printf("%s/key", directory);
    CLEANUP_FREE char *host_key = mem_printf("%s/host_key", directory);
    world_check(file_read(host_key, 4096, &image->host_key, &length, &err), &err);
    return image;
}

int world_set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err = {0};
    *state = world;
    interrupt_install();
    snprintf(world->directory, sizeof(world->directory), "/var/tmp/vtax-test-XXXXXX");
    if (!mkdtemp(world->directory))
        return -1;
    world->image = find_image();
    return network_open(&world->network, &err);
}

int world_tear_down(void **state)
{
    struct world *world = *state;
    platform_close(world->site);
    network_close(world->network);
    image_free(world->image);
    int rc = rmdir(world->directory); /* everything in it must be gone */
    if (world->entry.kind)
        option_table_done(&world->entry.kind->options, world->entry.options);
    free(world->entry.options);
    free(world);
    return rc;
}

void world_open_site(struct world *world, const char *name)
{
    struct error err = {0};
    if (!world->image)
        world_lack("no guest image: vtax image build");
    for (size_t i = 0; platforms[i]; i++)
        if (strcmp(platforms[i]->kind.name, name) == 0)
            world->entry.kind = &platforms[i]->kind;
    assert_non_null(world->entry.kind);
    world->entry.name = (char *)name;
    world->entry.options = mem_zalloc(world->entry.kind->options.struct_bytes);
    option_table_init(&world->entry.kind->options, world->entry.options);
    if (platform_probe(&world->entry, NULL, &err) < 0)
        world_lack(err.text);
    struct site_options options = {
        .entry = &world->entry,
        .placement = &world->placement,
        .image = world->image,
        .network = world->network,
        .directory = world->directory,
    };
    world_check(platform_open(&options, &world->site, &err), &err);
}

void world_start(struct world *world, unsigned count, uint64_t scratch_bytes,
                 struct machine **out_machines)
{
    struct error err = {0};
    for (unsigned i = 0; i < count; i++) {
        struct machine_options options = {.index = i,
                                          .count = count,
                                          .vcpus = 1,
                                          .memory_bytes = UINT64_C(256) << 20,
                                          .scratch_bytes = scratch_bytes};
        world_check(machine_start(world->site, &options, &out_machines[i], &err), &err);
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t boot_ns = 0;
        world_check(machine_wait_ready(out_machines[i], &boot_ns, &err), &err);
        assert_true(boot_ns > 0);
        print_message("machine %u ready after %.3f s\n", i, (double)boot_ns / 1e9);
    }
}
