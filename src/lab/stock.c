/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/stock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/xdg.h"
#include "image/cache.h"

char *stock_path(const struct stock *stock, const char *file)
{
    return mem_printf("%s/%s", stock->directory, file);
}

static void stock_done(struct stock *stock)
{
    free(stock->name);
    free(stock->directory);
    manifest_done(&stock->manifest);
    fd_cleanup(&stock->lock_fd);
}

struct stock *stock_free(struct stock *stock)
{
    if (stock)
        stock_done(stock);
    free(stock);
    return NULL;
}

static int read_manifest(struct stock *stock, struct error *err)
{
    CLEANUP_FREE char *path = stock_path(stock, "manifest");
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = file_read(path, MANIFEST_BYTES_MAX, &text, &length, err);
    if (rc == 0)
        rc = manifest_parse(text, length, &stock->manifest, err);
    return rc < 0 ? error_prefix(err, "read '%s'", stock->directory) : 0;
}

static bool is_complete(const struct stock *stock)
{
    for (size_t i = 0; i < stock->manifest.file_count; i++) {
        CLEANUP_FREE char *path = stock_path(stock, stock->manifest.files[i].name);
        struct stat st;
        if (stat(path, &st) < 0 || (uint64_t)st.st_size != stock->manifest.files[i].bytes)
            return false;
    }
    return true;
}

static bool is_current(const struct stock *stock)
{
    char digest[DIGEST_TEXT_BYTES];
    const struct hypervisor *hypervisor = hypervisor_find(stock->name);
    if (!hypervisor && strcmp(stock->name, STOCK_EMULATOR) != 0)
        return false;
    hypervisor_recipe_digest(hypervisor, digest);
    return strcmp(digest, stock->manifest.recipe) == 0;
}

/* entry: NAME-DIGEST. False: not one of ours, or just being removed. */
static bool read_entry(const char *cache, const char *entry, struct stock *out_stock)
{
    const char *dash = strrchr(entry, '-');
    if (entry[0] == '.' || !dash)
        return false;
    *out_stock = (struct stock){.name = mem_strndup(entry, (size_t)(dash - entry)),
                                .directory = mem_printf("%s/%s", cache, entry),
                                .lock_fd = -1};
    if (read_manifest(out_stock, NULL) < 0) {
        stock_done(out_stock);
        return false;
    }
    manifest_identity(&out_stock->manifest, out_stock->digest);
    out_stock->current = is_current(out_stock) && is_complete(out_stock);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct stock *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order != 0)
        return order;
    uint64_t age_left = left->manifest.created_s, age_right = right->manifest.created_s;
    return (age_left < age_right) - (age_left > age_right);
}

static int list(struct stock **out_stocks, size_t *out_count, struct error *err)
{
    CLEANUP_FREE char *cache = xdg_cache_path("lab");
    DIR *directory = opendir(cache);
    struct stock *stocks = NULL;
    size_t count = 0, capacity = 0;
    if (!directory && errno != ENOENT)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "list '%s'", cache);
    for (struct dirent *item; directory && (item = readdir(directory));) {
        struct stock stock;
        if (!read_entry(cache, item->d_name, &stock))
            continue;
        MEM_GROW(stocks, count, capacity);
        stocks[count++] = stock;
    }
    if (directory)
        closedir(directory);
    if (count > 0)
        qsort(stocks, count, sizeof(*stocks), compare);
    *out_stocks = stocks;
    *out_count = count;
    return 0;
}

int stock_list(struct stock **out_stocks, size_t *out_count, struct error *err)
{
    int rc = list(out_stocks, out_count, err);
    for (size_t i = 0; rc == 0 && i < *out_count; i++)
        (*out_stocks)[i].disk_bytes = file_tree_bytes((*out_stocks)[i].directory);
    return rc;
}

void stock_list_free(struct stock *stocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        stock_done(&stocks[i]);
    free(stocks);
}

static int take_lock(struct stock *stock, int how)
{
    CLEANUP_FREE char *path = stock_path(stock, "manifest");
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || flock(fd, how | LOCK_NB) < 0)
        return -errno;
    stock->lock_fd = TAKE_FD(fd);
    return 0;
}

int stock_find(const char *name, struct stock **out_stock, struct error *err)
{
    struct stock *stocks;
    size_t count;
    int rc = list(&stocks, &count, err);
    if (rc < 0)
        return rc;
    *out_stock = NULL;
    for (size_t i = 0; i < count && !*out_stock; i++) {
        struct stock *stock = &stocks[i];
        if (strcmp(stock->name, name) != 0 || !stock->current || take_lock(stock, LOCK_SH) < 0)
            continue;
        *out_stock = mem_copy(stock, sizeof(*stock));
        *stock = (struct stock){.lock_fd = -1};
    }
    stock_list_free(stocks, count);
    return 0;
}

/* Out of the way by one rename first, so that a kill leaves no half image under its name. */
static int remove_one(const char *cache, struct stock *stock, struct error *err)
{
    CLEANUP_FREE char *gone = mem_printf("%s/" CACHE_DRAFT_PREFIX "%d", cache, (int)getpid());
    if (take_lock(stock, LOCK_EX) < 0)
        return error_set(err, ERROR_FAILED, -EBUSY, "remove '%s': it is in use", stock->directory);
    if (rename(stock->directory, gone) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "remove '%s'", stock->directory);
    return file_remove_tree(gone, err);
}

void stock_remove_guest_disks(const char *cache)
{
    DIR *directory = opendir(cache);
    for (struct dirent *item; directory && (item = readdir(directory));)
        if (strncmp(item->d_name, STOCK_GUEST_PREFIX, strlen(STOCK_GUEST_PREFIX)) == 0)
            unlinkat(dirfd(directory), item->d_name, 0);
    if (directory)
        closedir(directory);
}

int stock_remove(const char *name, size_t *out_count, struct error *err)
{
    CLEANUP_FREE char *cache = xdg_cache_path("lab");
    struct stock *stocks;
    size_t count;
    *out_count = 0;
    if (!file_exists(cache))
        return 0;
    CLEANUP_FD int lock = cache_lock(cache, NULL, err);
    int rc = lock < 0 ? lock : list(&stocks, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        if (!name || strcmp(stocks[i].name, name) == 0) {
            rc = remove_one(cache, &stocks[i], err);
            *out_count += rc == 0;
        }
    if (rc == 0 && !name)
        stock_remove_guest_disks(cache);
    stock_list_free(stocks, count);
    return rc;
}

void stock_remove_others(const struct stock *stock)
{
    CLEANUP_FREE char *cache = xdg_cache_path("lab");
    struct stock *stocks;
    size_t count;
    if (list(&stocks, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (strcmp(stocks[i].name, stock->name) == 0 &&
            strcmp(stocks[i].directory, stock->directory) != 0)
            remove_one(cache, &stocks[i], NULL);
    stock_list_free(stocks, count);
}
