/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/xdg.h"

#include "image/disk.h"
#include "image/keys.h"
#include "image/recipe.h"

#define LOCK_POLL_NS (100 * NS_PER_MS)

int cache_open(char **out_path, struct error *err)
{
    CLEANUP_FREE char *path = xdg_cache_path("images");
    int rc = file_make_directories(path, 0755, err);
    if (rc < 0)
        return error_prefix(err, "open the image cache");
    *out_path = TAKE_PTR(path);
    return 0;
}

int cache_lock(const char *cache, struct progress *progress, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/.lock", cache);
    CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", path);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "lock '%s'", path);
        if (progress)
            progress_show(progress, -1, 0, "another vtax builds an image: waiting");
        int rc = interrupt_check(err);
        if (rc < 0)
            return rc;
        clock_sleep_ns(LOCK_POLL_NS);
    }
    return TAKE_FD(fd);
}

void cache_sweep(const char *cache)
{
    DIR *directory = opendir(cache);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (strncmp(entry->d_name, CACHE_DRAFT_PREFIX, strlen(CACHE_DRAFT_PREFIX)) != 0)
            continue;
        CLEANUP_FREE char *path = mem_printf("%s/%s", cache, entry->d_name);
        file_remove_tree(path, NULL);
    }
    if (directory)
        closedir(directory);
}

static int read_manifest(const char *directory, struct manifest *out_manifest, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/manifest", directory);
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = file_read(path, MANIFEST_BYTES_MAX, &text, &length, err);
    if (rc == 0)
        rc = manifest_parse(text, length, out_manifest, err);
    return rc < 0 ? error_prefix(err, "read image '%s'", directory) : 0;
}

/* Are the files there, in the size that they had? */
static int check_sizes(const char *directory, const struct manifest *manifest, struct error *err)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, manifest->files[i].name);
        struct stat st;
        if (stat(path, &st) < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "image file '%s'", path);
        if ((uint64_t)st.st_size != manifest->files[i].bytes)
            return error_set(err, ERROR_ENVIRONMENT, -EIO, "image file '%s' has changed its size",
                             path);
    }
    return 0;
}

static int check_digests(const char *directory, const struct manifest *manifest, struct error *err)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, manifest->files[i].name);
        char digest[DIGEST_TEXT_BYTES];
        int rc = interrupt_check(err);
        if (rc == 0)
            rc = disk_digest(path, digest, err);
        if (rc < 0)
            return rc;
        if (strcmp(digest, manifest->files[i].digest) != 0)
            return error_set(err, ERROR_ENVIRONMENT, -EIO,
                             "image file '%s' is not what was built: remove the image", path);
    }
    return 0;
}

static void fill_paths(struct image *image, const char *directory)
{
    image->directory = mem_strdup(directory);
    image->kernel = mem_printf("%s/kernel", directory);
    image->initrd = mem_printf("%s/initrd", directory);
    image->disk = mem_printf("%s/disk.raw", directory);
    image->disk_format = "raw";
    image->root = mem_printf("%s/root", directory);
    image->key = mem_printf("%s/key", directory);
}

DEFINE_CLEANUP(struct image *, image_free);

int cache_open_image(const char *directory, struct image **out_image, struct error *err)
{
    CLEANUP_FREE char *manifest_path = mem_printf("%s/manifest", directory);
    CLEANUP(image_free_cleanup) struct image *image = mem_zalloc(sizeof(*image));
    image->lock_fd = open(manifest_path, O_RDONLY | O_CLOEXEC);
    if (image->lock_fd < 0 || flock(image->lock_fd, LOCK_SH | LOCK_NB) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open image '%s'", directory);
    int rc = read_manifest(directory, &image->manifest, err);
    if (rc == 0)
        rc = check_sizes(directory, &image->manifest, err);
    if (rc < 0)
        return rc;
    fill_paths(image, directory);
    char digest[DIGEST_TEXT_BYTES];
    manifest_identity(&image->manifest, digest);
    image->digest = mem_strdup(digest);
    image->kernel_version = mem_strdup(image->manifest.kernel_version);
    CLEANUP_FREE char *host_key_path = mem_printf("%s/host_key", directory);
    if ((rc = keys_read_public(host_key_path, &image->host_key, err)) < 0)
        return rc;
    if (!file_exists(image->key) || !file_exists(image->root))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "open image '%s': not complete",
                         directory);
    *out_image = TAKE_PTR(image);
    return 0;
}

struct image *image_free(struct image *image)
{
    if (!image)
        return NULL;
    char *const texts[] = {image->directory,      image->digest,  image->kernel, image->initrd,
                           image->disk,           image->root,    image->key,    image->host_key,
                           image->kernel_version, image->seed_key};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    manifest_done(&image->manifest);
    fd_cleanup(&image->lock_fd);
    free(image);
    return NULL;
}

enum look { LOOK_QUICK, LOOK_SIZES, LOOK_DIGESTS };

static void read_entry(const char *directory, enum look look, struct image_entry *entry)
{
    char recipe[DIGEST_TEXT_BYTES];
    recipe_digest(recipe);
    *entry = (struct image_entry){.directory = mem_strdup(directory)};
    if (look > LOOK_QUICK)
        entry->disk_bytes = file_tree_bytes(directory);
    int rc = read_manifest(directory, &entry->manifest, &entry->damage);
    if (rc < 0)
        return;
    manifest_identity(&entry->manifest, entry->digest);
    entry->current = strcmp(entry->manifest.recipe, recipe) == 0;
    rc = check_sizes(directory, &entry->manifest, &entry->damage);
    if (rc == 0 && look == LOOK_DIGESTS)
        check_digests(directory, &entry->manifest, &entry->damage);
}

static int compare_age(const void *a, const void *b)
{
    uint64_t age_a = ((const struct image_entry *)a)->manifest.created_s;
    uint64_t age_b = ((const struct image_entry *)b)->manifest.created_s;
    return (age_a < age_b) - (age_a > age_b);
}

static int list(enum look look, struct image_entry **out_entries, size_t *out_count,
                struct error *err)
{
    CLEANUP_FREE char *cache = xdg_cache_path("images");
    DIR *directory = opendir(cache);
    struct image_entry *entries = NULL;
    size_t count = 0, capacity = 0;
    if (!directory && errno != ENOENT)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "list '%s'", cache);
    for (struct dirent *item; directory && (item = readdir(directory));) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", cache, item->d_name);
        CLEANUP_FREE char *manifest = mem_printf("%s/manifest", path);
        if (item->d_name[0] == '.' || !file_exists(manifest))
            continue;
        MEM_GROW(entries, count, capacity);
        read_entry(path, look, &entries[count++]);
    }
    if (directory)
        closedir(directory);
    if (count > 0)
        qsort(entries, count, sizeof(*entries), compare_age);
    *out_entries = entries;
    *out_count = count;
    return interrupt_check(err);
}

int image_list(bool verify, struct image_entry **out_entries, size_t *out_count, struct error *err)
{
    return list(verify ? LOOK_DIGESTS : LOOK_SIZES, out_entries, out_count, err);
}

void image_list_free(struct image_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].directory);
        manifest_done(&entries[i].manifest);
    }
    free(entries);
}

int image_find(struct image **out_image, struct error *err)
{
    struct image_entry *entries;
    size_t count;
    struct image *image = NULL;
    int rc = list(LOOK_QUICK, &entries, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && !image; i++)
        if (entries[i].current && entries[i].damage.code == 0)
            /* One that is just being removed is as good as not there. */
            if (cache_open_image(entries[i].directory, &image, NULL) < 0)
                image = NULL;
    image_list_free(entries, count);
    *out_image = image;
    return 0;
}

/* Out of the way by one rename first, so that a kill leaves no half image under its name. */
static int remove_entry(const char *cache, const struct image_entry *entry, struct error *err)
{
    CLEANUP_FREE char *manifest = mem_printf("%s/manifest", entry->directory);
    CLEANUP_FREE char *gone = mem_printf("%s/" CACHE_DRAFT_PREFIX "%d", cache, (int)getpid());
    CLEANUP_FD int fd = open(manifest, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return error_set(err, ERROR_FAILED, -EBUSY, "remove image '%s': it is in use",
                         entry->directory);
    if (rename(entry->directory, gone) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "remove image '%s'",
                               entry->directory);
    return file_remove_tree(gone, err);
}

int image_remove(const char *prefix, struct error *err)
{
    CLEANUP_FREE char *cache = NULL;
    int rc = cache_open(&cache, err);
    if (rc < 0)
        return rc;
    CLEANUP_FD int lock = cache_lock(cache, NULL, err);
    struct image_entry *entries;
    size_t count, found = 0, at = 0;
    if (lock < 0 || (rc = list(LOOK_QUICK, &entries, &count, err)) < 0)
        return lock < 0 ? lock : rc;
    for (size_t i = 0; i < count; i++)
        if ((*prefix &&
             strncmp(strrchr(entries[i].directory, '/') + 1, prefix, strlen(prefix)) == 0) ||
            strcmp(entries[i].digest, prefix) == 0)
            found++, at = i;
    if (found == 1)
        rc = remove_entry(cache, &entries[at], err);
    else
        rc = error_set(err, ERROR_USAGE, found ? -EINVAL : -ENOENT,
                       "remove image '%s': %s (`vtax image list` shows them)", prefix,
                       found ? "several begin so" : "there is none");
    image_list_free(entries, count);
    return rc;
}
