/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The head of a boot disk, for a bzImage that the test makes.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/boot_disk.h"
#include "image/loader.h"

#define KERNEL_BYTES 6000

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Protocol 2.15, 4 + 1 sectors of setup, 32 MiB from 16 MiB on. */
static void make_kernel(unsigned char kernel[KERNEL_BYTES])
{
    static const unsigned char header[] = {0xeb, 0x66, 'H', 'd', 'r', 'S', 0x0f, 0x02};
    for (size_t i = 0; i < KERNEL_BYTES; i++)
        kernel[i] = (unsigned char)i;
    kernel[0x1f1] = 4;
    memcpy(kernel + 0x200, header, sizeof(header));
    kernel[0x211] = 1;
    memset(kernel + 0x258, 0, 8);
    kernel[0x25b] = 1;
    memcpy(kernel + 0x260, "\x01\x00\x00\x02", 4);
}

static void test_loader(void **state)
{
    (void)state;
    assert_int_equal(loader_end - loader, 512);
    assert_int_equal(loader[510], 0x55);
    assert_int_equal(loader[511], 0xaa);
    for (size_t i = 0x1c0; i < 0x1c0 + 24; i++)
        assert_int_equal(loader[i], 0);
}

static void test_head(void **state)
{
    (void)state;
    unsigned char kernel[KERNEL_BYTES];
    CLEANUP_FREE unsigned char *head = mem_alloc(BOOT_DISK_HEAD_BYTES);
    make_kernel(kernel);
    assert_int_equal(boot_disk_make_head(kernel, KERNEL_BYTES, 1000, "root=/dev/x", head), 2560);
    static const uint32_t table[] = {117, 7, 0x100000, 124, 2, 0x3100000};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_int_equal(read_u32(head + 0x1c0 + 4 * i), table[i]);
    assert_memory_equal(head, loader, 0x1c0);
    const unsigned char *setup = head + 512;
    assert_memory_equal(setup + 0x264, kernel + 0x264, 2560 - 0x264);
    assert_int_equal(setup[0x210], 0xff);
    assert_int_equal(setup[0x211], 0x81);
    assert_int_equal(read_u32(setup + 0x218), 0x3100000);
    assert_int_equal(read_u32(setup + 0x21c), 1000);
    assert_int_equal(setup[0x224] | setup[0x225] << 8, 0xde00);
    assert_int_equal(read_u32(setup + 0x228), 0x1e000);
    assert_string_equal((const char *)setup + 0xe000, "root=/dev/x");
}

static void test_refusals(void **state)
{
    (void)state;
    unsigned char kernel[KERNEL_BYTES];
    CLEANUP_FREE unsigned char *head = mem_alloc(BOOT_DISK_HEAD_BYTES);
    CLEANUP_FREE char *line = mem_zalloc(4096);
    memset(line, 'x', 2048);
    make_kernel(kernel);
    assert_int_equal(boot_disk_make_head(kernel, KERNEL_BYTES, 1, line, head), -E2BIG);
    line[2047] = '\0';
    assert_true(boot_disk_make_head(kernel, KERNEL_BYTES, 1, line, head) > 0);
    assert_int_equal(boot_disk_make_head(kernel, 0x263, 1, "", head), -EBADMSG);
    assert_int_equal(boot_disk_make_head(kernel, 2000, 1, "", head), -EBADMSG);
    kernel[0x206] = 9;
    assert_int_equal(boot_disk_make_head(kernel, KERNEL_BYTES, 1, "", head), -EBADMSG);
    make_kernel(kernel);
    kernel[0x211] = 0;
    assert_int_equal(boot_disk_make_head(kernel, KERNEL_BYTES, 1, "", head), -EBADMSG);
    make_kernel(kernel);
    kernel[0x263] = 0xff; /* memory up to 4 GiB */
    assert_int_equal(boot_disk_make_head(kernel, KERNEL_BYTES, 1, "", head), -EBADMSG);
    make_kernel(kernel);
    kernel[0x202] = 'h';
    assert_int_equal(boot_disk_make_head(kernel, KERNEL_BYTES, 1, "", head), -EBADMSG);
}

static void test_disk(void **state)
{
    (void)state;
    unsigned char kernel[KERNEL_BYTES];
    char directory[] = "/tmp/vtax-boot-XXXXXX";
    assert_non_null(mkdtemp(directory));
    CLEANUP_FREE char *kernel_path = mem_printf("%s/kernel", directory);
    CLEANUP_FREE char *initrd_path = mem_printf("%s/initrd", directory);
    CLEANUP_FREE char *path = mem_printf("%s/boot.raw", directory);
    make_kernel(kernel);
    assert_int_equal(file_write_atomic(kernel_path, kernel, KERNEL_BYTES, 0600, NULL), 0);
    assert_int_equal(file_write_atomic(initrd_path, "initrd", 6, 0600, NULL), 0);
    const struct boot_disk_options options = {
        .kernel = kernel_path, .initrd = initrd_path, .command_line = "quiet", .path = path};
    assert_int_equal(boot_disk_make(&options, NULL), 0);
    CLEANUP_FREE char *disk = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &disk, &length, NULL), 0);
    assert_int_equal(length, (117 + 7 + 1) * 512);
    assert_memory_equal(disk + BOOT_DISK_HEAD_BYTES, kernel + 2560, KERNEL_BYTES - 2560);
    assert_memory_equal(disk + 124 * 512, "initrd", 7);
    struct error err = {0};
    assert_int_equal(file_write_atomic(kernel_path, "no kernel", 9, 0600, NULL), 0);
    assert_int_equal(boot_disk_make(&options, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "no bzImage is in"));
    file_remove_tree(directory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loader),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
