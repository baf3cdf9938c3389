/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/xdg.h"
#include "guest/generate.h"

#define GENERATE_CHUNK_BYTES (1 << 20)

static bool needs_machines(const struct plan *plan)
{
    for (size_t i = 0; i < plan->platform_count; i++)
        if (!platform_find(plan->platforms[i].kind)->is_fake)
            return true;
    return false;
}

static bool needs_load_side(const struct plan *plan)
{
    for (size_t i = 0; i < plan->workload_count; i++)
        if (workload_find(plan->workloads[i].kind)->needs_load_side)
            return true;
    return false;
}

/* A descriptor of a directory, locked as long as its campaign lives; -1 when it is somebody's. */
static int lock_directory(const char *path)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? TAKE_FD(fd) : -1;
}

/* Removes the directories of campaigns that were killed: nobody holds their lock any more. */
static void remove_leftovers(const char *parent)
{
    DIR *dir = opendir(parent);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        CLEANUP_FREE char *path = mem_printf("%s/%s", parent, entry->d_name);
        CLEANUP_FD int lock = lock_directory(path);
        if (lock >= 0)
            file_remove_tree(path, NULL);
    }
    closedir(dir);
}

/* Below the cache, not the runtime directory: overlays and scratch disks want a real disk. */
static int make_directory(struct context *context, struct error *err)
{
    CLEANUP_FREE char *parent = xdg_cache_path("run");
    remove_leftovers(parent);
    context->directory = mem_printf("%s/%d", parent, (int)getpid());
    int rc = file_make_directories(context->directory, 0700, err);
    if (rc < 0)
        return rc;
    context->directory_lock = lock_directory(context->directory);
    return context->directory_lock >= 0
               ? 0
               : error_set(err, ERROR_ENVIRONMENT, -EBUSY,
                           "lock directory '%s': held by another process", context->directory);
}

static int open_image(struct context *context, struct error *err)
{
    const struct plan *plan = context->plan;
    if (plan->image)
        return image_open_file(plan->image, plan->root, context->directory, &context->image, err);
    const struct image_build_options options = {.progress = &context->progress};
    return image_build(&options, &context->image, err);
}

/* What the load side shows: a user's own disk comes without a root file system, and its programs
 * are not what loads it anyway. */
static int open_load_image(struct context *context, struct error *err)
{
    if (context->image->root)
        return 0;
    const struct image_build_options options = {.progress = &context->progress};
    return image_build(&options, &context->load_image, err);
}

static int open_load_side(struct context *context, struct error *err)
{
    int rc = open_load_image(context, err);
    if (rc < 0)
        return error_prefix(err, "start the load side");
    const struct image *image = context->load_image ? context->load_image : context->image;
    return load_side_open(context->network, image, &context->plan->placement, context->directory,
                          &context->load_side, err);
}

/* Writes the bytes that every first scratch disk of a workload holds. */
static int make_scratch_source(struct context *context, size_t workload, uint64_t bytes,
                               struct error *err)
{
    char *path = mem_printf("%s/source-%zu", context->directory, workload);
    context->scratch_sources[workload] = path;
    CLEANUP_STREAM FILE *file = fopen(path, "wex");
    if (!file)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make scratch data '%s'", path);
    CLEANUP_FREE char *chunk = mem_alloc(GENERATE_CHUNK_BYTES);
    struct generator generator;
    generator_init(&generator, context->plan->seed);
    for (uint64_t done = 0; done < bytes; done += GENERATE_CHUNK_BYTES) {
        size_t want =
            bytes - done < GENERATE_CHUNK_BYTES ? (size_t)(bytes - done) : GENERATE_CHUNK_BYTES;
        generator_fill(&generator, chunk, want);
        if (fwrite(chunk, 1, want, file) != want)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make scratch data '%s'", path);
    }
    if (fflush(file) != 0 || fsync(fileno(file)) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make scratch data '%s'", path);
    return 0;
}

static int make_scratch_sources(struct context *context, struct error *err)
{
    const struct plan *plan = context->plan;
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < plan->workload_count; i++) {
        const struct workload *workload = workload_find(plan->workloads[i].kind);
        uint64_t bytes =
            workload->scratch_bytes ? workload->scratch_bytes(plan->workloads[i].options) : 0;
        if (bytes > 0)
            rc = make_scratch_source(context, i, bytes, err);
    }
    return rc;
}

/* Another libvirt's machines are not in the namespace of the campaign's bridge. */
static int open_network(struct context *context, struct error *err)
{
    return context->uri ? network_open_user(&context->network, err)
                        : network_open(&context->network, err);
}

static int open_parts(struct context *context, struct error *err)
{
    int rc = make_directory(context, err);
    if (rc >= 0)
        rc = open_image(context, err);
    if (rc >= 0)
        rc = make_scratch_sources(context, err);
    if (rc >= 0)
        rc = open_network(context, err);
    if (rc >= 0 && needs_load_side(context->plan))
        rc = open_load_side(context, err);
    return rc;
}

int context_open(struct context *context, const struct plan *plan, const char *uri,
                 struct error *err)
{
    *context = (struct context){
        .plan = plan,
        .uri = uri,
        .directory_lock = -1,
        .sites = mem_array(plan->platform_count, sizeof(*context->sites)),
        .scratch_sources = mem_array(plan->workload_count, sizeof(*context->scratch_sources)),
    };
    progress_init(&context->progress);
    if (!needs_machines(plan))
        return 0;
    int rc = machine_clean_leftovers(err);
    if (rc >= 0)
        rc = open_parts(context, err);
    if (rc < 0)
        context_close(context);
    return rc;
}

int context_find_site(struct context *context, size_t platform, struct site **out_site,
                      struct error *err)
{
    if (!context->sites[platform]) {
        struct site_options options = {
            .entry = &context->plan->platforms[platform],
            .placement = &context->plan->placement,
            .image = context->image,
            .network = context->network,
            .directory = context->directory,
            .uri = context->uri,
            .seed = context->plan->seed,
        };
        int rc = platform_open(&options, &context->sites[platform], err);
        if (rc < 0)
            return rc;
    }
    *out_site = context->sites[platform];
    return 0;
}

void context_close(struct context *context)
{
    const struct plan *plan = context->plan;
    for (size_t i = plan->platform_count; i > 0; i--)
        platform_close(context->sites[i - 1]);
    load_side_close(context->load_side);
    network_close(context->network);
    image_free(context->load_image);
    image_free(context->image);
    for (size_t i = 0; i < plan->workload_count; i++)
        free(context->scratch_sources[i]);
    if (context->directory)
        file_remove_tree(context->directory, NULL);
    fd_cleanup(&context->directory_lock);
    free(context->directory);
    free(context->scratch_sources);
    free(context->sites);
    progress_clear(&context->progress);
    *context = (struct context){0};
}
