/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/boot_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"

#define SECTOR 512
#define KERNEL_SECTOR 2048u /* GRUB's core must end before */
#define FILE_BYTES_MAX ((size_t)256 << 20)
#define GRUB_NS (60 * NS_PER_S)

static const char grub_directory[] = "/usr/lib/grub/i386-pc";

int boot_disk_probe(struct error *err)
{
    if (!process_find_program("grub-mkimage"))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "no program 'grub-mkimage': install the package grub-common");
    CLEANUP_FREE char *path = mem_printf("%s/boot.img", grub_directory);
    if (!file_exists(path))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "no '%s': install the package grub-pc-bin", path);
    return 0;
}

/* Linux looks for an iSCSI boot table ("iBFT") from 512 KiB to 1 MiB, twice for each 16 bytes, up
 * to the first that it finds: an empty one, in memory that nobody uses, ends that at once. */
static const char end_search[] = "write_dword 0x80000 0x54464269\nwrite_dword 0x80004 16\n";

char *boot_disk_format_commands(const struct boot_disk_options *options, const unsigned kernel[2],
                                const unsigned initrd[2])
{
    return mem_printf("linux (hd0)%u+%u %s\ninitrd (hd0)%u+%u\n%sboot\n", kernel[0], kernel[1],
                      options->command_line, initrd[0], initrd[1],
                      options->ends_table_search ? end_search : "");
}

struct part {
    char *bytes;
    size_t length;
    unsigned place[2]; /* first sector, sectors */
};

/* Returns the first sector after it. */
static int read_part(const char *path, unsigned sector, struct part *out_part, struct error *err)
{
    int rc = file_read(path, FILE_BYTES_MAX, &out_part->bytes, &out_part->length, err);
    if (rc < 0)
        return rc;
    out_part->place[0] = sector;
    out_part->place[1] = (unsigned)((out_part->length + SECTOR - 1) / SECTOR);
    return (int)(sector + out_part->place[1]);
}

static int make_core(const struct boot_disk_options *options, const char *commands,
                     struct part *out_core, struct error *err)
{
    CLEANUP_FREE char *script = mem_printf("%s.commands", options->path);
    CLEANUP_FREE char *core = mem_printf("%s.core", options->path);
    const char *const argv[] = {
        "grub-mkimage", "--format=i386-pc", "--prefix=/", "--config", script, "--output",
        core,           "biosdisk",         "linux",      "memrw",    NULL};
    int rc = file_write_atomic(script, commands, strlen(commands), 0600, err);
    if (rc >= 0)
        rc = process_check(argv, GRUB_NS, NULL, err);
    if (rc >= 0)
        rc = read_part(core, 1, out_core, err);
    unlink(script);
    unlink(core);
    if (rc > (int)KERNEL_SECTOR)
        rc = error_set(err, ERROR_ENVIRONMENT, -EFBIG, "GRUB's core has %zu bytes",
                       out_core->length);
    return rc < 0 ? rc : 0;
}

static int write_part(int fd, const struct part *part, struct error *err)
{
    if (lseek(fd, (off_t)part->place[0] * SECTOR, SEEK_SET) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "seek");
    int rc = fd_write_all(fd, part->bytes, part->length);
    return rc < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, rc, "write") : 0;
}

static int write_disk(const char *path, const struct part *parts, size_t count, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open");
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < count; i++)
        rc = write_part(fd, &parts[i], err);
    off_t end = (off_t)(parts[count - 1].place[0] + parts[count - 1].place[1]) * SECTOR;
    if (rc >= 0 && ftruncate(fd, end) < 0)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write");
    return rc;
}

int boot_disk_make(const struct boot_disk_options *options, struct error *err)
{
    enum { BOOT, CORE, KERNEL, INITRD, PARTS };
    struct part parts[PARTS] = {0};
    CLEANUP_FREE char *boot = mem_printf("%s/boot.img", grub_directory);
    int rc = read_part(boot, 0, &parts[BOOT], err);
    if (rc >= 0)
        rc = read_part(options->kernel, KERNEL_SECTOR, &parts[KERNEL], err);
    if (rc >= 0)
        rc = read_part(options->initrd, (unsigned)rc, &parts[INITRD], err);
    if (rc >= 0) {
        CLEANUP_FREE char *commands =
            boot_disk_format_commands(options, parts[KERNEL].place, parts[INITRD].place);
        rc = make_core(options, commands, &parts[CORE], err);
    }
    if (rc >= 0)
        rc = write_disk(options->path, parts, PARTS, err);
    for (size_t i = 0; i < PARTS; i++)
        free(parts[i].bytes);
    return rc < 0 ? error_prefix(err, "make boot disk '%s'", options->path) : 0;
}
