/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/boot_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#include "image/loader.h"

#define FILE_BYTES_MAX ((size_t)256 << 20)

/* Where loader.S puts what, and where it looks for what is where. */
#define TABLE 0x1c0
#define SETUP_ADDRESS UINT32_C(0x10000)
#define HEAP_END UINT32_C(0xe000) /* from SETUP_ADDRESS; the command line is behind it */
#define COMMAND_LINE_MAX 2048
#define KERNEL_ADDRESS UINT32_C(0x100000)
#define INITRD_ALIGNMENT (UINT64_C(1) << 20)

/* Offsets in the kernel's setup header (Documentation/arch/x86/boot.rst). */
enum {
    HEADER_SETUP_SECTORS = 0x1f1,
    HEADER_VIDEO_MODE = 0x1fa,
    HEADER_MAGIC = 0x202,
    HEADER_VERSION = 0x206,
    HEADER_LOADER = 0x210,
    HEADER_FLAGS = 0x211,
    HEADER_INITRD = 0x218,
    HEADER_INITRD_LENGTH = 0x21c,
    HEADER_HEAP_END = 0x224,
    HEADER_COMMAND_LINE = 0x228,
    HEADER_PREFERRED_ADDRESS = 0x258,
    HEADER_MEMORY_LENGTH = 0x260,
    HEADER_END = 0x264,
};
#define VERSION_MIN 0x20a
#define LOADER_UNKNOWN 0xff
#define VIDEO_NORMAL 0xffff
enum { FLAG_LOADED_HIGH = 0x01, FLAG_CAN_USE_HEAP = 0x80 };

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put_u16(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static void put_u32(unsigned char *at, uint32_t value)
{
    put_u16(at, value);
    put_u16(at + 2, value >> 16);
}

static uint32_t count_sectors(size_t bytes)
{
    return (uint32_t)((bytes + BOOT_DISK_SECTOR - 1) / BOOT_DISK_SECTOR);
}

/* Behind all that the kernel uses before it knows of the initrd; 0: the kernel wants too much. */
static uint32_t find_initrd_address(const unsigned char *kernel)
{
    if (get_u32(kernel + HEADER_PREFERRED_ADDRESS + 4) != 0)
        return 0;
    uint64_t end = (uint64_t)get_u32(kernel + HEADER_PREFERRED_ADDRESS) +
                   get_u32(kernel + HEADER_MEMORY_LENGTH);
    end = (end + INITRD_ALIGNMENT - 1) / INITRD_ALIGNMENT * INITRD_ALIGNMENT;
    return end <= INT32_MAX ? (uint32_t)end : 0;
}

static bool is_kernel(const unsigned char *kernel, size_t length)
{
    if (length < HEADER_END || memcmp(kernel + HEADER_MAGIC, "HdrS", 4) != 0)
        return false;
    return (kernel[HEADER_VERSION] | kernel[HEADER_VERSION + 1] << 8) >= VERSION_MIN &&
           (kernel[HEADER_FLAGS] & FLAG_LOADED_HIGH);
}

ssize_t boot_disk_make_head(const unsigned char *kernel, size_t length, size_t initrd_length,
                            const char *command_line, unsigned char out_head[BOOT_DISK_HEAD_BYTES])
{
    if (!is_kernel(kernel, length))
        return -EBADMSG;
    size_t sectors = kernel[HEADER_SETUP_SECTORS] ? kernel[HEADER_SETUP_SECTORS] : 4;
    size_t setup_length = (sectors + 1) * BOOT_DISK_SECTOR;
    uint32_t initrd = find_initrd_address(kernel);
    if (setup_length > length || setup_length > HEAP_END / 2 || initrd == 0)
        return -EBADMSG;
    if (strlen(command_line) >= COMMAND_LINE_MAX)
        return -E2BIG;
    memset(out_head, 0, BOOT_DISK_HEAD_BYTES);
    memcpy(out_head, loader, BOOT_DISK_SECTOR);
    uint32_t kernel_sectors = count_sectors(length - setup_length);
    const uint32_t table[] = {1 + BOOT_DISK_SETUP_SECTORS,
                              kernel_sectors,
                              KERNEL_ADDRESS,
                              1 + BOOT_DISK_SETUP_SECTORS + kernel_sectors,
                              count_sectors(initrd_length),
                              initrd};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        put_u32(out_head + TABLE + 4 * i, table[i]);
    unsigned char *setup = out_head + BOOT_DISK_SECTOR;
    memcpy(setup, kernel, setup_length);
    put_u16(setup + HEADER_VIDEO_MODE, VIDEO_NORMAL);
    setup[HEADER_LOADER] = LOADER_UNKNOWN;
    setup[HEADER_FLAGS] |= FLAG_CAN_USE_HEAP;
    put_u32(setup + HEADER_INITRD, initrd);
    put_u32(setup + HEADER_INITRD_LENGTH, (uint32_t)initrd_length);
    put_u16(setup + HEADER_HEAP_END, HEAP_END - 0x200);
    put_u32(setup + HEADER_COMMAND_LINE, SETUP_ADDRESS + HEAP_END);
    memcpy(setup + HEAP_END, command_line, strlen(command_line));
    return (ssize_t)setup_length;
}

struct bytes {
    const char *bytes;
    size_t length;
};

/* Each part begins at a whole sector, and the disk ends with one. */
static int write_disk(const char *path, const struct bytes *parts, size_t count, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open");
    off_t at = 0;
    for (size_t i = 0; i < count; i++) {
        int rc = lseek(fd, at, SEEK_SET) < 0 ? -errno
                                             : fd_write_all(fd, parts[i].bytes, parts[i].length);
        if (rc < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, rc, "write");
        at += (off_t)count_sectors(parts[i].length) * BOOT_DISK_SECTOR;
    }
    if (ftruncate(fd, at) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write");
    return 0;
}

static int make(const struct boot_disk_options *options, struct error *err)
{
    CLEANUP_FREE char *kernel = NULL;
    CLEANUP_FREE char *initrd = NULL;
    CLEANUP_FREE unsigned char *head = mem_alloc(BOOT_DISK_HEAD_BYTES);
    size_t kernel_length, initrd_length;
    int rc = file_read(options->kernel, FILE_BYTES_MAX, &kernel, &kernel_length, err);
    if (rc >= 0)
        rc = file_read(options->initrd, FILE_BYTES_MAX, &initrd, &initrd_length, err);
    if (rc < 0)
        return rc;
    ssize_t setup = boot_disk_make_head((const unsigned char *)kernel, kernel_length, initrd_length,
                                        options->command_line, head);
    if (setup < 0)
        return error_set(err, ERROR_ENVIRONMENT, (int)setup, "%s '%s'",
                         setup == -E2BIG ? "the command line is too long for" : "no bzImage is in",
                         options->kernel);
    const struct bytes parts[] = {{(const char *)head, BOOT_DISK_HEAD_BYTES},
                                  {kernel + setup, kernel_length - (size_t)setup},
                                  {initrd, initrd_length}};
    return write_disk(options->path, parts, COUNT_OF(parts), err);
}

int boot_disk_make(const struct boot_disk_options *options, struct error *err)
{
    int rc = make(options, err);
    return rc < 0 ? error_prefix(err, "make boot disk '%s'", options->path) : 0;
}
