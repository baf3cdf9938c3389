/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Building what the lab keeps: mmdebstrap makes the root file system, the same steps as for guest
 * images make disk, kernel and initrd of it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/xdg.h"
#include "image/bootstrap.h"
#include "image/cache.h"
#include "image/disk.h"
#include "image/kernel.h"

#include "lab/programs.h"
#include "lab/stock.h"

#define STEP_NS (900 * NS_PER_S)
#define ROOM_BYTES (UINT64_C(6) << 30) /* tarball, tree, disk and what mmdebstrap unpacks */
#define BOOTSTRAP_SHARE 0.8
#define LISTING_MAX ((size_t)64 << 20)

struct build {
    const struct stock_options *options;
    const struct bootstrap_recipe *recipe;
    const struct hypervisor *hypervisor; /* NULL: the emulator */
    uint64_t start_ns;
    char *cache;
    char *draft;
    char *root;
    char *tarball;
    struct manifest manifest;
};

static void build_done(struct build *build)
{
    free(build->cache);
    free(build->draft);
    free(build->root);
    free(build->tarball);
    manifest_done(&build->manifest);
}

static void show(void *context, double share, const char *what)
{
    struct build *build = context;
    if (!build->options->progress)
        return;
    uint64_t elapsed_ns = clock_monotonic_ns() - build->start_ns;
    uint64_t left_ns = share > 0.1 ? (uint64_t)((double)elapsed_ns * (1 - share) / share) : 0;
    progress_show(build->options->progress, share, left_ns, "%s: %s", build->recipe->what, what);
}

static void show_bootstrap(void *context, double share, const char *what)
{
    show(context, share * BOOTSTRAP_SHARE, what);
}

static int check_room(const struct build *build, struct error *err)
{
    struct statvfs fs;
    if (statvfs(build->cache, &fs) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'", build->cache);
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= ROOM_BYTES)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOSPC,
                     "build the %s: '%s' has %u MiB free, and %u MiB are needed",
                     build->recipe->what, build->cache, (unsigned)(free_bytes >> 20),
                     (unsigned)(ROOM_BYTES >> 20));
}

static int open_draft(struct build *build, struct error *err)
{
    int rc = check_room(build, err);
    if (rc < 0)
        return rc;
    cache_sweep(build->cache);
    build->draft = mem_printf("%s/" CACHE_DRAFT_PREFIX "%d", build->cache, (int)getpid());
    build->root = mem_printf("%s/root", build->draft);
    build->tarball = mem_printf("%s/root.tar", build->draft);
    return file_make_directories(build->root, 0755, err);
}

/* An ordinary user's home may be closed to the ids of the user namespace, so that user's scratch
 * files go elsewhere. */
static int run_bootstrap(struct build *build, struct error *err)
{
    const char *own = getenv("TMPDIR");
    struct bootstrap_options options = {
        .recipe = build->recipe,
        .tarball = build->tarball,
        .scratch = geteuid() == 0 ? build->draft
                   : own && *own  ? own
                                  : "/var/tmp",
        .mirror = build->options->mirror,
        .step = show_bootstrap,
        .context = build,
    };
    int rc = bootstrap_run(&options, err);
    return rc < 0 ? rc : digest_file(build->tarball, build->manifest.tarball, err);
}

static int unpack(struct build *build, struct error *err)
{
    const char *argv[] = {"tar",
                          "--extract",
                          "--preserve-permissions",
                          "--numeric-owner",
                          geteuid() == 0 ? "--same-owner" : "--no-same-owner",
                          "--exclude=./dev/*",
                          "--exclude=./boot/initrd.img*",
                          "--file",
                          build->tarball,
                          "--directory",
                          build->root,
                          NULL};
    int rc = process_check(argv, STEP_NS, NULL, err);
    if (rc < 0)
        return error_prefix(err, "unpack the %s", build->recipe->what);
    CLEANUP_FREE char *path = mem_printf("%s/var/lib/dpkg/status", build->root);
    CLEANUP_FREE char *text = NULL;
    if ((rc = file_read(path, LISTING_MAX, &text, NULL, err)) < 0)
        return rc;
    manifest_add_dpkg_status(&build->manifest, text);
    if (build->hypervisor)
        return kernel_find_version(build->root, &build->manifest.kernel_version, err);
    build->manifest.kernel_version = mem_strdup("none");
    return 0;
}

static int list_tarball(const char *tarball, char **out_listing, struct error *err)
{
    const char *argv[] = {"tar", "--list", "--verbose", "--numeric-owner", "--file", tarball, NULL};
    struct process_output output;
    struct process_options options = {.argv = argv, .dies_with_parent = true};
    int rc = process_run(&options, STEP_NS, LISTING_MAX, &output, err);
    if (rc < 0)
        return rc;
    *out_listing = output.text;
    if (output.status == 0)
        return 0;
    free(TAKE_PTR(*out_listing));
    return error_set(err, ERROR_ENVIRONMENT, -EIO, "list '%s': tar failed", tarball);
}

static int make_disk(struct build *build, struct error *err)
{
    CLEANUP_FREE char *listing = NULL;
    CLEANUP_FREE char *boot = mem_printf("%s/sbin/vtax-lab-boot", build->root);
    int rc = file_write_atomic(boot, lab_boot, (size_t)(lab_boot_end - lab_boot), 0755, err);
    if (rc == 0)
        rc = list_tarball(build->tarball, &listing, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *disk = mem_printf("%s/disk.raw", build->draft);
    struct disk_options options = {.tree = build->root,
                                   .owned = listing,
                                   .path = disk,
                                   .bytes = HYPERVISOR_DISK_BYTES,
                                   .inodes = HYPERVISOR_DISK_INODES};
    rc = disk_make(&options, err);
    if (rc == 0 && chmod(disk, 0444) < 0)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "protect '%s'", disk);
    return rc;
}

/* Multiboot wants it uncompressed. */
static int unzip_boot_image(const struct build *build, struct error *err)
{
    CLEANUP_FREE char *from = mem_printf("%s/boot/%s", build->root, build->hypervisor->boot_image);
    CLEANUP_FREE char *to = mem_printf("%s/boot-image", build->draft);
    const char *argv[] = {"gzip", "-d", "-c", "--", from, NULL};
    struct process_output output;
    struct process_options options = {.argv = argv, .dies_with_parent = true};
    int rc = process_run(&options, STEP_NS, (size_t)64 << 20, &output, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *bytes = output.text;
    if (output.status != 0)
        return error_set(err, ERROR_ENVIRONMENT, -EIO, "decompress '%s': gzip failed", from);
    return file_write_atomic(to, bytes, output.length, 0644, err);
}

static int make_kernel(struct build *build, struct error *err)
{
    CLEANUP_FREE char *kernel = mem_printf("%s/kernel", build->draft);
    CLEANUP_FREE char *initrd = mem_printf("%s/initrd", build->draft);
    const char *version = build->manifest.kernel_version;
    int rc = kernel_extract(build->root, version, kernel, err);
    if (rc == 0 && chmod(kernel, 0644) < 0)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open up '%s'", kernel);
    if (rc == 0)
        rc = kernel_make_initrd(build->root, version, build->hypervisor->modules, initrd, err);
    if (rc == 0 && build->hypervisor->boot_image)
        rc = unzip_boot_image(build, err);
    return rc;
}

static int make_image(struct build *build, struct error *err)
{
    if (!build->hypervisor)
        return 0;
    int rc = make_kernel(build, err);
    if (rc == 0)
        rc = make_disk(build, err);
    return rc < 0 ? rc : file_remove_tree(build->root, err);
}

static int add_file(struct build *build, const char *name, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", build->draft, name);
    char digest[DIGEST_TEXT_BYTES];
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == ENOENT
                   ? 0
                   : error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'", path);
    int rc = disk_digest(path, digest, err);
    if (rc == 0)
        manifest_add_file(&build->manifest, name, (uint64_t)st.st_size, digest);
    return rc;
}

static int write_manifest(struct build *build, struct error *err)
{
    static const char *const names[] = {"kernel", "initrd", "boot-image", "disk.raw"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        int rc = add_file(build, names[i], err);
        if (rc < 0)
            return rc;
    }
    build->manifest.created_s = clock_realtime_ns() / NS_PER_S;
    CLEANUP_FREE char *text = manifest_format(&build->manifest);
    CLEANUP_FREE char *path = mem_printf("%s/manifest", build->draft);
    unlink(build->tarball);
    return file_write_atomic(path, text, strlen(text), 0644, err);
}

/* One of the same content that is in use stays; the new one gets a name of its own. */
static int publish(struct build *build, struct error *err)
{
    char digest[DIGEST_TEXT_BYTES];
    manifest_identity(&build->manifest, digest);
    digest[CACHE_NAME_DIGITS] = '\0';
    for (int serial = 0; serial < 100; serial++) {
        CLEANUP_FREE char *path =
            serial == 0
                ? mem_printf("%s/%s-%s", build->cache, build->options->name, digest)
                : mem_printf("%s/%s-%s.%d", build->cache, build->options->name, digest, serial);
        if (rename(build->draft, path) == 0)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            break;
    }
    return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "put the %s into the cache",
                           build->recipe->what);
}

struct phase {
    int (*run)(struct build *build, struct error *err);
    double share; /* of the time, at its begin */
    const char *what;
};

static int run_phases(struct build *build, struct error *err)
{
    static const struct phase phases[] = {
        {open_draft, 0, "getting ready"},
        {run_bootstrap, 0, "starting mmdebstrap"},
        {unpack, 0.80, "unpacking"},
        {make_image, 0.85, "making kernel and disk"},
        {write_manifest, 0.97, "computing digests"},
        {publish, 1, "done"},
    };
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        int rc = interrupt_check(err);
        if (rc < 0)
            return rc;
        show(build, phases[i].share, phases[i].what);
        if ((rc = phases[i].run(build, err)) < 0)
            return rc;
    }
    return 0;
}

static int make(struct build *build, struct stock **out_stock, struct error *err)
{
    hypervisor_recipe_digest(build->hypervisor, build->manifest.recipe);
    int rc = run_phases(build, err);
    if (rc < 0 && build->draft)
        file_remove_tree(build->draft, NULL);
    if (build->options->progress)
        progress_clear(build->options->progress);
    if (rc == 0)
        rc = stock_find(build->options->name, out_stock, err);
    if (rc == 0 && !*out_stock)
        rc = error_set(err, ERROR_ENVIRONMENT, -ENOENT, "the %s vanished while it was built",
                       build->recipe->what);
    if (rc == 0)
        stock_remove_others(*out_stock);
    return rc;
}

int stock_build(const struct stock_options *options, struct stock **out_stock, struct error *err)
{
    CLEANUP(build_done)
    struct build build = {.options = options,
                          .start_ns = clock_monotonic_ns(),
                          .hypervisor = hypervisor_find(options->name),
                          .cache = xdg_cache_path("lab")};
    build.recipe = build.hypervisor ? &build.hypervisor->recipe : &emulator_recipe;
    CLEANUP(stock_free_cleanup) struct stock *found = NULL;
    int rc = options->again ? 0 : stock_find(options->name, &found, err);
    if (rc == 0 && !found)
        rc = bootstrap_check(build.recipe->what, err);
    if (rc == 0 && !found)
        rc = file_make_directories(build.cache, 0755, err);
    if (rc < 0)
        return rc;
    CLEANUP_FD int lock = found ? -1 : cache_lock(build.cache, options->progress, err);
    if (!found && lock < 0)
        return lock;
    if (!found && !options->again) /* another may have built it while we waited */
        rc = stock_find(options->name, &found, err);
    if (rc == 0 && !found)
        rc = make(&build, &found, err);
    if (rc == 0)
        *out_stock = TAKE_PTR(found);
    return rc;
}
