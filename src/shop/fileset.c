/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/fileset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define STAMP "fileset"
#define STAMP_MAX 128
#define CONTENT_MAX 65536 /* no file is larger */

/* The first bytes of each type, so that tools recognise the files. */
static const char gif[] = "GIF89a";
static const char jpeg[] = "\xff\xd8\xff\xe0\x00\x10JFIF";

struct kind {
    const char *magic;
    size_t magic_length;
};

static const struct kind fixed_kind = {gif, sizeof(gif) - 1};
static const struct kind product_kind = {jpeg, sizeof(jpeg) - 1};

uint64_t fileset_files(const struct shop_world *world)
{
    return SHOP_IMAGES + (uint64_t)world->products * SHOP_IMAGE_CLASSES;
}

uint64_t fileset_bytes(const struct shop_world *world)
{
    uint64_t fixed = 0, directory = 0;
    for (unsigned i = 0; i < SHOP_IMAGES; i++)
        fixed += world->image_bytes[i];
    for (uint32_t i = 0; i < SHOP_PRODUCTS_PER_DIRECTORY; i++)
        for (unsigned class = 0; class < SHOP_IMAGE_CLASSES; class ++)
            directory += shop_product_image_bytes(i, class);
    return fixed + directory * world->directories;
}

static void fill(char *bytes, size_t length, const struct kind *kind, uint64_t seed,
                 uint64_t number)
{
    struct rng rng;
    rng_init(&rng, seed, number);
    for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
        uint64_t word = rng_next(&rng);
        size_t left = length - at;
        memcpy(bytes + at, &word, left < sizeof(word) ? left : sizeof(word));
    }
    memcpy(bytes, kind->magic, length < kind->magic_length ? length : kind->magic_length);
}

static int write_file(int directory_fd, const char *name, const char *bytes, size_t length)
{
    static const struct timespec times[2] = {{.tv_sec = SHOP_IMAGE_TIME_S},
                                             {.tv_sec = SHOP_IMAGE_TIME_S}};
    CLEANUP_FD int fd =
        openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    int rc = fd_write_all(fd, bytes, length);
    if (rc == 0 && futimens(fd, times) < 0)
        rc = -errno;
    return rc;
}

/* Opens a directory below another, making it where it is missing. */
static int open_directory(int at_fd, const char *name)
{
    if (mkdirat(at_fd, name, 0755) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static int write_fixed(const struct shop_world *world, int root_fd, char *content)
{
    CLEANUP_FD int fd = open_directory(root_fd, "i");
    int rc = fd < 0 ? fd : 0;
    for (unsigned i = 0; i < SHOP_IMAGES && rc == 0; i++) {
        char path[SHOP_TARGET_MAX];
        shop_image_path(i, path);
        fill(content, world->image_bytes[i], &fixed_kind, world->seed, i);
        rc = write_file(fd, path + strlen("/i/"), content, world->image_bytes[i]);
    }
    return rc;
}

static int write_products(const struct shop_world *world, int fd, uint32_t directory, char *content)
{
    int rc = 0;
    for (unsigned i = 0; i < SHOP_PRODUCTS_PER_DIRECTORY * SHOP_IMAGE_CLASSES && rc == 0; i++) {
        char path[SHOP_TARGET_MAX];
        uint32_t product = directory * SHOP_PRODUCTS_PER_DIRECTORY + i / SHOP_IMAGE_CLASSES;
        unsigned image_class = i % SHOP_IMAGE_CLASSES;
        uint32_t length = shop_product_image_bytes(product, image_class);
        shop_product_image_path(product, image_class, path);
        fill(content, length, &product_kind, world->seed,
             SHOP_IMAGES + (uint64_t)product * SHOP_IMAGE_CLASSES + image_class);
        rc = write_file(fd, strrchr(path, '/') + 1, content, length);
    }
    return rc;
}

/* Products lie in thousands of directories: /p/THOUSANDS/REST/. */
static int write_directories(const struct shop_world *world, int root_fd, uint32_t from,
                             char *content)
{
    CLEANUP_FD int products_fd = open_directory(root_fd, "p");
    CLEANUP_FD int thousand_fd = -1;
    int rc = products_fd < 0 ? products_fd : 0;
    for (uint32_t directory = from; directory < world->directories && rc == 0; directory++) {
        char name[16];
        if (directory % 1000 == 0 || directory == from) {
            fd_cleanup(&thousand_fd);
            snprintf(name, sizeof(name), "%03" PRIu32, directory / 1000);
            thousand_fd = open_directory(products_fd, name);
            if (thousand_fd < 0)
                return thousand_fd;
        }
        snprintf(name, sizeof(name), "%03" PRIu32, directory % 1000);
        CLEANUP_FD int fd = open_directory(thousand_fd, name);
        rc = fd < 0 ? fd : write_products(world, fd, directory, content);
    }
    return rc;
}

/* Directories of the set that is there, whole and of this seed; 0: none. */
static uint32_t find_directories(const struct shop_world *world, int root_fd)
{
    char found[STAMP_MAX] = "";
    uint64_t seed;
    uint32_t directories;
    CLEANUP_FD int fd = openat(root_fd, STAMP, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : read(fd, found, sizeof(found) - 1);
    if (got <= 0 || sscanf(found, "shop file set 1: seed %" SCNu64 ", directories %" SCNu32 "\n",
                           &seed, &directories) != 2)
        return 0;
    return seed == world->seed ? directories : 0;
}

/* from: so many directories are there. */
static int write_from(const struct shop_world *world, int root_fd, uint32_t from)
{
    char stamp[STAMP_MAX];
    CLEANUP_FREE char *content = mem_alloc(CONTENT_MAX);
    if (unlinkat(root_fd, STAMP, 0) < 0 && errno != ENOENT)
        return -errno;
    int rc = from ? 0 : write_fixed(world, root_fd, content);
    if (rc == 0)
        rc = write_directories(world, root_fd, from, content);
    snprintf(stamp, STAMP_MAX, "shop file set 1: seed %" PRIu64 ", directories %" PRIu32 "\n",
             world->seed, world->directories);
    return rc < 0 ? rc : write_file(root_fd, STAMP, stamp, strlen(stamp));
}

int fileset_write(const struct shop_world *world, const char *root, struct error *err)
{
    if (mkdir(root, 0755) < 0 && errno != EEXIST)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write the shop's files: make '%s'",
                               root);
    CLEANUP_FD int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write the shop's files: open '%s'",
                               root);
    uint32_t from = find_directories(world, root_fd);
    if (from >= world->directories)
        return 0;
    int rc = write_from(world, root_fd, from);
    if (rc < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, rc,
                               "write the shop's files below '%s' (%" PRIu64 " MB in %" PRIu64
                               " files)",
                               root, fileset_bytes(world) / 1000000, fileset_files(world));
    return 0;
}
