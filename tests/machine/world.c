/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/process.h"

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

/* VTAX_TEST_IMAGE names a directory with the files of an image, to try one that is not in the
 * cache. */
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
    image->lock_fd = -1;
    image->directory = mem_strdup(directory);
    image->root = mem_printf("%s/root", directory);
    image->key = mem_printf("%s/key", directory);
    image->kernel = mem_printf("%s/kernel", directory);
    image->initrd = mem_printf("%s/initrd", directory);
    image->disk = mem_printf("%s/disk.raw", directory);
    image->disk_format = "raw";
    CLEANUP_FREE char *host_key = mem_printf("%s/host_key", directory);
    world_check(file_read(host_key, 4096, &image->host_key, &length, &err), &err);
    return image;
}

int world_set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error err = {0};
    world->subject = *state;
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

static void find_platform(const char *name, struct plan_entry *out_entry)
{
    for (size_t i = 0; platforms[i]; i++)
        if (strcmp(platforms[i]->kind.name, name) == 0)
            out_entry->kind = &platforms[i]->kind;
    assert_non_null(out_entry->kind);
    out_entry->name = (char *)out_entry->kind->name;
    out_entry->options = mem_zalloc(out_entry->kind->options.struct_bytes);
    option_table_init(&out_entry->kind->options, out_entry->options);
}

bool world_can_open(const char *platform)
{
    struct plan_entry entry = {0};
    struct error why = {0};
    find_platform(platform, &entry);
    int rc = platform_probe(&entry, NULL, &why);
    if (rc < 0)
        print_message("not tried: platform '%s': %s\n", platform, why.text);
    option_table_done(&entry.kind->options, entry.options);
    free(entry.options);
    return rc >= 0;
}

static int open_site(struct world *world, struct error *err)
{
    struct site_options options = {
        .entry = &world->entry,
        .placement = &world->placement,
        .image = world->image,
        .network = world->network,
        .directory = world->directory,
    };
    int rc = platform_probe(&world->entry, NULL, err);
    return rc < 0 ? rc : platform_open(&options, &world->site, err);
}

void world_open_site(struct world *world, const char *name)
{
    struct error err = {0};
    if (!world->image)
        world_lack("no guest image: vtax image build");
    find_platform(name, &world->entry);
    if (open_site(world, &err) < 0) {
        if (err.kind == ERROR_ENVIRONMENT)
            world_lack(err.text);
        fail_msg("%s", err.text);
    }
}

void world_switch_on(struct world *world, unsigned count, uint64_t scratch_bytes,
                     struct machine **out_machines)
{
    struct error err = {0};
    assert_true(count <= WORLD_MACHINES_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct machine_options options = {.index = i,
                                          .count = count,
                                          .vcpus = 1,
                                          .memory_bytes = UINT64_C(256) << 20,
                                          .scratch_bytes = scratch_bytes,
                                          .starts = &world->starts[i]};
        world_check(machine_start(world->site, &options, &out_machines[i], &err), &err);
    }
}

void world_start(struct world *world, unsigned count, uint64_t scratch_bytes,
                 struct machine **out_machines)
{
    struct error err = {0};
    world_switch_on(world, count, scratch_bytes, out_machines);
    for (unsigned i = 0; i < count; i++)
        world_check(machine_begin(out_machines[i], &err), &err);
    for (unsigned i = 0; i < count; i++) {
        uint64_t boot_ns = 0;
        world_check(machine_wait_ready(out_machines[i], &boot_ns, &err), &err);
        assert_true(boot_ns > 0);
        print_message("machine %u ready after %.3f s\n", i, (double)boot_ns / 1e9);
    }
}

pid_t world_start_and_die(struct world *world, const char *platform)
{
    struct error err = {0};
    int ends[2];
    if (!world->image)
        world_lack("no guest image: vtax image build");
    const char *const argv[] = {"/proc/self/exe", "victim", platform, world->directory, NULL};
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct process_options options = {.argv = argv, .stdout_fd = ends[1], .own_group = true};
    pid_t victim = process_start(&options, &err);
    world_check(victim, &err);
    close(ends[1]);
    CLEANUP_FD int from = ends[0];
    pid_t machine = 0;
    assert_int_equal(read(from, &machine, sizeof(machine)), sizeof(machine));
    assert_true(machine > 1);
    kill(victim, SIGKILL);
    assert_int_equal(process_wait(victim, 0), 256 + SIGKILL);
    return machine;
}

int world_play_victim(char **argv)
{
    struct world *world = NULL;
    struct error err = {0};
    if (world_set_up((void **)&world) < 0 || rmdir(world->directory) < 0)
        return 1;
    snprintf(world->directory, sizeof(world->directory), "%s", argv[3]);
    find_platform(argv[2], &world->entry);
    if (open_site(world, &err) < 0)
        return 1;
    struct machine *machine;
    struct machine_options options = {
        .count = 1, .vcpus = 1, .memory_bytes = UINT64_C(256) << 20, .scratch_bytes = 1 << 20};
    uint64_t boot_ns;
    if (machine_start(world->site, &options, &machine, &err) < 0 ||
        machine_wait_ready(machine, &boot_ns, &err) < 0)
        return 1;
    pid_t pid = machine_pid(machine);
    return write(STDOUT_FILENO, &pid, sizeof(pid)) == sizeof(pid) ? pause() : 1;
}
