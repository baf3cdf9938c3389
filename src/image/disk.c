/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "base/strbuf.h"

#include "image/recipe.h"

#define STEP_NS (300 * NS_PER_S)
#define UUID "76746178-0000-4000-8000-000000000001"
#define HASH_SEED "76746178-0000-4000-8000-000000000002"
#define INODES UINT32_C(65536)

#define DIGEST_BLOCK_BYTES 65536

#define SUPERBLOCK_OFFSET 1024
#define ROOT_INODE 2
#define FIRST_INODE 11 /* below are the file system's own, but for the root */

static const char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
    "E2FSPROGS_FAKE_TIME=" RECIPE_EPOCH, "DEBUGFS_PAGER=__none__", NULL};

static int run(const char *const *argv, struct error *err)
{
    struct process_output output;
    struct process_options options = {
        .argv = argv, .environment = environment, .dies_with_parent = true};
    int rc = process_run(&options, STEP_NS, 64 << 10, &output, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *text = output.text;
    if (output.status != 0)
        return error_set(err, ERROR_ENVIRONMENT, -EIO, "make the disk: %s failed: %.*s", argv[0],
                         (int)strcspn(text, "\n"), text);
    return 0;
}

/* Everything is initialised here: a file system that the kernel goes on to initialise in the
 * background would disturb what is measured. */
static int make_file_system(const struct disk_options *options, struct error *err)
{
    uint64_t bytes = options->bytes ? options->bytes : RECIPE_DISK_BYTES;
    CLEANUP_FREE char *size = mem_printf("%" PRIu64 "k", bytes / 1024);
    CLEANUP_FREE char *inodes = mem_printf("%" PRIu32, options->inodes ? options->inodes : INODES);
    const char *argv[] = {"mke2fs",
                          "-q",
                          "-F",
                          "-t",
                          "ext4",
                          "-L",
                          "vtax-root",
                          "-m",
                          "0",
                          "-N",
                          inodes,
                          "-U",
                          UUID,
                          "-E",
                          "hash_seed=" HASH_SEED
                          ",root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0",
                          "-d",
                          options->tree,
                          options->path,
                          size,
                          NULL};
    return run(argv, err);
}

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* mke2fs hands inodes out in order, so the used ones are the first. */
static int count_inodes(const char *path, uint32_t *out_count, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char superblock[20];
    if (fd < 0 ||
        pread(fd, superblock, sizeof(superblock), SUPERBLOCK_OFFSET) != sizeof(superblock))
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", path);
    *out_count = read_u32(superblock) - read_u32(superblock + 16);
    return 0;
}

static void add_inode(struct strbuf *commands, uint32_t inode)
{
    static const char *const settings[] = {"ctime @" RECIPE_EPOCH, "atime @" RECIPE_EPOCH, "uid 0",
                                           "gid 0"};
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        strbuf_addf(commands, "set_inode_field <%" PRIu32 "> %s\n", inode, settings[i]);
}

/* Skips one field and the blanks after it. */
static const char *next_field(const char *at, const char *end)
{
    while (at < end && *at != ' ')
        at++;
    while (at < end && *at == ' ')
        at++;
    return at;
}

/* "-rw-r----- 0/42 575 2025-01-01 00:00 ./etc/shadow" */
static void add_owner(struct strbuf *commands, const char *line, const char *end)
{
    const char *owner = next_field(line, end);
    const char *name = owner;
    for (int i = 0; i < 4; i++) /* owner, size, date, time */
        name = next_field(name, end);
    if (end - name < 3 || memcmp(name, "./", 2) != 0 || *line == 'h')
        return;
    unsigned uid, gid;
    if (sscanf(owner, "%u/%u ", &uid, &gid) != 2 || (uid == 0 && gid == 0))
        return;
    const char *arrow = *line == 'l' ? memmem(name, (size_t)(end - name), " -> ", 4) : NULL;
    int length = (int)((arrow ? arrow : end) - name) - 1;
    for (int i = 1; i <= length; i++)
        if (name[i] == '"' || name[i] == '\\')
            return;
    strbuf_addf(commands, "set_inode_field \"%.*s\" uid %u\n", length, name + 1, uid);
    strbuf_addf(commands, "set_inode_field \"%.*s\" gid %u\n", length, name + 1, gid);
}

char *disk_format_owners(const char *listing)
{
    CLEANUP_STRBUF struct strbuf commands;
    strbuf_init(&commands);
    for (const char *line = listing; *line;) {
        const char *end = line + strcspn(line, "\n");
        add_owner(&commands, line, end);
        line = end + (*end == '\n');
    }
    return strbuf_take(&commands);
}

static int set_inodes(const struct disk_options *options, struct error *err)
{
    CLEANUP_FREE char *script = mem_printf("%s.debugfs", options->path);
    CLEANUP_FREE char *owners = disk_format_owners(options->owned);
    uint32_t count = 0;
    int rc = count_inodes(options->path, &count, err);
    if (rc < 0)
        return rc;
    CLEANUP_STRBUF struct strbuf commands;
    strbuf_init(&commands);
    add_inode(&commands, ROOT_INODE);
    for (uint32_t inode = FIRST_INODE; inode <= count; inode++)
        add_inode(&commands, inode);
    strbuf_adds(&commands, owners);
    if ((rc = file_write_atomic(script, commands.text, commands.length, 0600, err)) < 0)
        return rc;
    const char *argv[] = {"debugfs", "-w", "-f", script, options->path, NULL};
    rc = run(argv, err);
    unlink(script);
    return rc;
}

int disk_make(const struct disk_options *options, struct error *err)
{
    int rc = make_file_system(options, err);
    return rc < 0 ? rc : set_inodes(options, err);
}

static void add_number(SHA2_CTX *sha, uint64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    SHA256Update(sha, bytes, sizeof(bytes));
}

static bool is_zero(const uint8_t *block, size_t length)
{
    return block[0] == 0 && memcmp(block, block + 1, length - 1) == 0;
}

/* Reads a whole block, but at the end of the file. */
static ssize_t read_block(int fd, uint8_t block[DIGEST_BLOCK_BYTES], off_t offset)
{
    size_t done = 0;
    while (done < DIGEST_BLOCK_BYTES) {
        ssize_t got = pread(fd, block + done, DIGEST_BLOCK_BYTES - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : (ssize_t)done;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* The next block that may hold data; the end of the file when there is none. */
static off_t next_data(int fd, off_t offset, off_t end)
{
    off_t data = lseek(fd, offset, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? end : offset; /* a file system without holes */
    return data - data % DIGEST_BLOCK_BYTES;
}

int disk_digest(const char *path, char out_digest[DIGEST_TEXT_BYTES], struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (end < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", path);
    CLEANUP_FREE uint8_t *block = mem_alloc(DIGEST_BLOCK_BYTES);
    SHA2_CTX sha;
    SHA256Init(&sha);
    add_number(&sha, (uint64_t)end);
    for (off_t at = 0; (at = next_data(fd, at, end)) < end; at += DIGEST_BLOCK_BYTES) {
        ssize_t length = read_block(fd, block, at);
        if (length <= 0 || interrupt_requested())
            return error_set_errno(err, ERROR_ENVIRONMENT, length < 0 ? (int)length : -EINTR,
                                   "read '%s'", path);
        if (is_zero(block, (size_t)length))
            continue;
        add_number(&sha, (uint64_t)at);
        SHA256Update(&sha, block, (size_t)length);
    }
    SHA256End(&sha, out_digest);
    return 0;
}
