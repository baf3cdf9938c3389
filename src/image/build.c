/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"

#include "image/bootstrap.h"
#include "image/cache.h"
#include "image/disk.h"
#include "image/image.h"
#include "image/init_program.h"
#include "image/kernel.h"
#include "image/keys.h"
#include "image/recipe.h"

#define STEP_NS (300 * NS_PER_S)
#define ROOM_BYTES (UINT64_C(2) << 30) /* tarball, tree, disk and what mmdebstrap unpacks */
#define BOOTSTRAP_SHARE 0.82           /* of the whole time, as measured */
#define LISTING_MAX ((size_t)64 << 20)

struct build {
    const struct image_build_options *options;
    uint64_t start_ns;
    char *cache;
    char *draft; /* becomes the image */
    char *root;  /* in the draft */
    char *tarball;
    char *keys_tarball; /* what is put over the root file system: init, keys, names */
    struct manifest manifest;
};

static void build_done(struct build *build)
{
    free(build->cache);
    free(build->draft);
    free(build->root);
    free(build->tarball);
    free(build->keys_tarball);
    manifest_done(&build->manifest);
}

static void show(void *context, double share, const char *what)
{
    struct build *build = context;
    if (!build->options->progress)
        return;
    uint64_t elapsed_ns = clock_monotonic_ns() - build->start_ns;
    uint64_t left_ns = share > 0.1 ? (uint64_t)((double)elapsed_ns * (1 - share) / share) : 0;
    progress_show(build->options->progress, share, left_ns, "guest image: %s", what);
}

static void show_bootstrap(void *context, double share, const char *what)
{
    show(context, share * BOOTSTRAP_SHARE, what);
}

static int check_room(const char *path, struct error *err)
{
    struct statvfs fs;
    if (statvfs(path, &fs) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'", path);
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes < ROOM_BYTES)
        return error_set(err, ERROR_ENVIRONMENT, -ENOSPC,
                         "build the guest image: '%s' has %u MB free, and %u MB are needed", path,
                         (unsigned)(free_bytes >> 20), (unsigned)(ROOM_BYTES >> 20));
    return 0;
}

static int open_draft(struct build *build, struct error *err)
{
    int rc = check_room(build->cache, err);
    if (rc < 0)
        return rc;
    cache_sweep(build->cache);
    build->draft = mem_printf("%s/" CACHE_DRAFT_PREFIX "%d", build->cache, (int)getpid());
    build->root = mem_printf("%s/root", build->draft);
    build->tarball = mem_printf("%s/root.tar", build->draft);
    build->keys_tarball = mem_printf("%s/keys.tar", build->draft);
    return file_make_directories(build->root, 0755, err);
}

/* An ordinary user's home may be closed to the ids of the user namespace, so that user's scratch
 * files go elsewhere. */
static int run_bootstrap(struct build *build, struct error *err)
{
    const char *own = getenv("TMPDIR");
    struct bootstrap_options options = {
        .recipe = &recipe_bootstrap,
        .tarball = build->tarball,
        .scratch = geteuid() == 0 ? build->draft
                   : own && *own  ? own
                                  : "/var/tmp",
        .mirror = build->options->mirror,
        .step = show_bootstrap,
        .context = build,
    };
    int rc = bootstrap_run(&options, err);
    if (rc == 0)
        rc = digest_file(build->tarball, build->manifest.tarball, err);
    return rc;
}

static int write_below(const char *directory, const char *name, const void *bytes, size_t length,
                       unsigned mode, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", directory, name);
    return file_write_atomic(path, bytes, length, mode, err);
}

static int write_text(const char *directory, const char *name, const char *text, unsigned mode,
                      struct error *err)
{
    return write_below(directory, name, text, strlen(text), mode, err);
}

static int make_directories(const char *over, struct error *err)
{
    static const struct {
        const char *name;
        unsigned mode;
    } rows[] = {{"", 0755},          {"/etc", 0755},  {"/etc/dropbear", 0700}, {"/usr", 0755},
                {"/usr/sbin", 0755}, {"/root", 0700}, {"/root/.ssh", 0700}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_FREE char *path = mem_printf("%s%s", over, rows[i].name);
        if (mkdir(path, rows[i].mode) < 0 || chmod(path, rows[i].mode) < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make directory '%s'", path);
    }
    return 0;
}

static int link_init(const char *over, struct error *err)
{
    static const char *const names[] = {"init", "poweroff", "halt", "reboot", "shutdown"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/usr/sbin/%s", over, names[i]);
        if (symlink("vtax-init", path) < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make link '%s'", path);
    }
    return 0;
}

static int write_names(const struct build *build, const char *over, struct error *err)
{
    char digest[DIGEST_TEXT_BYTES];
    manifest_identity(&build->manifest, digest);
    CLEANUP_FREE char *identity = mem_printf("%s\n", digest);
    int rc = write_text(over, "etc/hostname", "vtax\n", 0644, err);
    if (rc == 0)
        rc = write_text(over, "etc/hosts", "127.0.0.1 localhost vtax\n::1 localhost\n", 0644, err);
    if (rc == 0)
        rc = write_text(over, "etc/resolv.conf", "", 0644, err);
    if (rc == 0)
        rc = write_text(over, "etc/vtax-image", identity, 0644, err);
    if (rc == 0)
        rc = write_below(over, "usr/sbin/vtax-init", init_program,
                         (size_t)(init_program_end - init_program), 0755, err);
    return rc < 0 ? rc : link_init(over, err);
}

static int write_keys(const struct build *build, const char *over, struct error *err)
{
    CLEANUP_FREE char *key = mem_printf("%s/key", build->draft);
    CLEANUP_FREE char *host_key = mem_printf("%s/host_key", build->draft);
    CLEANUP_FREE char *line = NULL;
    CLEANUP_FREE char *private_text = NULL;
    unsigned char dropbear[KEYS_DROPBEAR_BYTES];
    int rc = keys_generate(key, err);
    if (rc == 0)
        rc = keys_generate(host_key, err);
    if (rc == 0)
        rc = keys_read_public(key, &line, err);
    if (rc == 0)
        rc = file_read(host_key, 65536, &private_text, NULL, err);
    if (rc == 0 && keys_to_dropbear(private_text, dropbear) < 0)
        rc = error_set(err, ERROR_INTERNAL, -EBADMSG,
                       "convert '%s': ssh-keygen wrote a form that "
                       "is not known",
                       host_key);
    if (rc == 0)
        rc = write_text(over, "root/.ssh/authorized_keys", line, 0600, err);
    if (rc == 0)
        rc = write_below(over, "etc/dropbear/dropbear_ed25519_host_key", dropbear, sizeof(dropbear),
                         0600, err);
    return rc;
}

/* What goes over the root file system is packed too, since the tree and the owners of the disk are
 * both made from tarballs. */
static int pack_over(const struct build *build, const char *over, struct error *err)
{
    const char *argv[] = {"tar",
                          "--create",
                          "--format=gnu",
                          "--sort=name",
                          "--owner=0",
                          "--group=0",
                          "--numeric-owner",
                          "--mtime=@" RECIPE_EPOCH,
                          "--file",
                          build->keys_tarball,
                          "--directory",
                          over,
                          ".",
                          NULL};
    int rc = process_check(argv, STEP_NS, NULL, err);
    return rc < 0 ? rc : file_remove_tree(over, err);
}

static int make_over(const struct build *build, struct error *err)
{
    CLEANUP_FREE char *over = mem_printf("%s/over", build->draft);
    int rc = make_directories(over, err);
    if (rc == 0)
        rc = write_names(build, over, err);
    if (rc == 0)
        rc = write_keys(build, over, err);
    return rc < 0 ? rc : pack_over(build, over, err);
}

/* Without device nodes (the guest has devtmpfs, the sandbox its own) and the initrd of the
 * distribution. */
static int unpack(const struct build *build, const char *tarball, struct error *err)
{
    const char *argv[] = {"tar",
                          "--extract",
                          "--preserve-permissions",
                          "--numeric-owner",
                          geteuid() == 0 ? "--same-owner" : "--no-same-owner",
                          "--exclude=./dev/*",
                          "--exclude=./boot/initrd.img*",
                          "--file",
                          tarball,
                          "--directory",
                          build->root,
                          NULL};
    int rc = process_check(argv, STEP_NS, NULL, err);
    return rc < 0 ? error_prefix(err, "unpack the root file system") : 0;
}

static int read_packages(struct build *build, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/var/lib/dpkg/status", build->root);
    CLEANUP_FREE char *text = NULL;
    int rc = file_read(path, LISTING_MAX, &text, NULL, err);
    if (rc < 0)
        return rc;
    manifest_add_dpkg_status(&build->manifest, text);
    if (!manifest_find_package(&build->manifest, "netperf"))
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG,
                         "build the guest image: netperf was not installed");
    return kernel_find_version(build->root, &build->manifest.kernel_version, err);
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
        rc = kernel_make_initrd(build->root, version, recipe_modules, initrd, err);
    return rc;
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
    CLEANUP_FREE char *disk = mem_printf("%s/disk.raw", build->draft);
    CLEANUP_FREE char *listing = NULL;
    int rc = list_tarball(build->tarball, &listing, err);
    if (rc < 0)
        return rc;
    struct disk_options options = {.tree = build->root, .owned = listing, .path = disk};
    rc = disk_make(&options, err);
    if (rc == 0 && chmod(disk, 0444) < 0)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "protect '%s'", disk);
    return rc;
}

static int add_file(struct build *build, const char *name, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", build->draft, name);
    char digest[DIGEST_TEXT_BYTES];
    struct stat st;
    int rc = disk_digest(path, digest, err);
    if (rc < 0)
        return rc;
    if (stat(path, &st) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "look at '%s'", path);
    manifest_add_file(&build->manifest, name, (uint64_t)st.st_size, digest);
    return 0;
}

static int write_manifest(struct build *build, struct error *err)
{
    static const char *const names[] = {"kernel", "initrd", "disk.raw"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        int rc = interrupt_check(err);
        if (rc == 0)
            rc = add_file(build, names[i], err);
        if (rc < 0)
            return rc;
    }
    build->manifest.created_s = clock_realtime_ns() / NS_PER_S;
    CLEANUP_FREE char *text = manifest_format(&build->manifest);
    return write_text(build->draft, "manifest", text, 0644, err);
}

/* An image of the same name has the same content but other keys; it makes room unless it is in use,
 * and then the new one gets a name of its own. */
static int publish(struct build *build, char **out_directory, struct error *err)
{
    char digest[DIGEST_TEXT_BYTES];
    manifest_identity(&build->manifest, digest);
    unlink(build->tarball);
    unlink(build->keys_tarball);
    CLEANUP_FREE char *path = NULL;
    for (int serial = 0; serial < 100; serial++) {
        free(path);
        path = serial == 0
                   ? mem_printf("%s/%.*s", build->cache, CACHE_NAME_DIGITS, digest)
                   : mem_printf("%s/%.*s-%d", build->cache, CACHE_NAME_DIGITS, digest, serial);
        if (rename(build->draft, path) == 0) {
            *out_directory = TAKE_PTR(path);
            return 0;
        }
        if (errno != ENOTEMPTY && errno != EEXIST)
            break;
    }
    return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "put the image into the cache as '%s'",
                           path);
}

struct phase {
    int (*run)(struct build *build, struct error *err);
    double share; /* of the time, at its begin */
    const char *what;
};

static int make_over_phase(struct build *build, struct error *err)
{
    int rc = unpack(build, build->tarball, err);
    if (rc == 0)
        rc = read_packages(build, err);
    if (rc == 0)
        rc = make_over(build, err);
    return rc < 0 ? rc : unpack(build, build->keys_tarball, err);
}

static int run_phases(struct build *build, struct error *err)
{
    static const struct phase phases[] = {
        {open_draft, 0, "getting ready"},
        {run_bootstrap, 0, "starting mmdebstrap"},
        {make_over_phase, 0.84, "unpacking, putting keys in"},
        {make_kernel, 0.90, "taking the kernel out"},
        {make_disk, 0.92, "making the disk"},
        {write_manifest, 0.96, "computing digests"},
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

static int build_image(struct build *build, struct image **out_image, struct error *err)
{
    CLEANUP_FREE char *directory = NULL;
    recipe_digest(build->manifest.recipe);
    int rc = run_phases(build, err);
    if (rc == 0)
        rc = publish(build, &directory, err);
    if (rc < 0 && build->draft)
        file_remove_tree(build->draft, NULL);
    if (build->options->progress)
        progress_clear(build->options->progress);
    return rc < 0 ? rc : cache_open_image(directory, out_image, err);
}

int image_build(const struct image_build_options *options, struct image **out_image,
                struct error *err)
{
    CLEANUP(build_done)
    struct build build = {.options = options, .start_ns = clock_monotonic_ns()};
    struct image *found = NULL;
    int rc = options->again ? 0 : image_find(&found, err);
    if (rc == 0 && !found)
        rc = bootstrap_check(recipe_bootstrap.what, err);
    if (rc == 0 && !found)
        rc = cache_open(&build.cache, err);
    if (rc < 0)
        return rc;
    CLEANUP_FD int lock = found ? -1 : cache_lock(build.cache, options->progress, err);
    if (!found && lock < 0)
        return lock;
    if (!found && !options->again) /* another may have built it while we waited */
        rc = image_find(&found, err);
    if (rc == 0 && !found)
        rc = build_image(&build, &found, err);
    if (rc == 0)
        *out_image = found;
    return rc;
}
