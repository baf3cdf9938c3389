/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/bootstrap.h"
#include "image/cpio.h"
#include "image/disk.h"
#include "image/kernel.h"
#include "image/keys.h"
#include "image/recipe.h"

static void test_recipe_has_one_digest(void **state)
{
    (void)state;
    char first[DIGEST_TEXT_BYTES], second[DIGEST_TEXT_BYTES];
    recipe_digest(first);
    recipe_digest(second);
    assert_string_equal(first, second);
    assert_int_equal(strlen(first), DIGEST_TEXT_BYTES - 1);
}

static const char modules_dep[] =
    "kernel/drivers/block/virtio_blk.ko.xz:\n"
    "kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/rng.ko.xz\n"
    "kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz "
    "kernel/net/core/failover.ko.xz\n"
    "kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz\n"
    "kernel/net/core/failover.ko.xz:\n";

static const char modules_builtin[] = "kernel/drivers/virtio/virtio_pci.ko\n"
                                      "kernel/fs/ext4/ext4.ko\n";

static void test_modules_load_after_what_they_need(void **state)
{
    (void)state;
    static const char *const wanted[] = {"virtio_net", "ext4", "virtio_rng", "failover", NULL};
    static const char *const expected[] = {
        "kernel/net/core/failover.ko.xz", "kernel/drivers/net/net_failover.ko.xz",
        "kernel/drivers/net/virtio_net.ko.xz", "kernel/rng.ko.xz",
        "kernel/drivers/char/hw_random/virtio-rng.ko.xz"};
    char **paths;
    assert_int_equal(kernel_resolve_modules(modules_dep, modules_builtin, wanted, &paths, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_string_equal(paths[i], expected[i]);
        free(paths[i]);
    }
    assert_null(paths[COUNT_OF(expected)]);
    free(paths);
}

static void test_missing_module_is_named(void **state)
{
    (void)state;
    static const char *const wanted[] = {"virtio_blk", "virtio", NULL};
    struct error err = {0};
    char **paths;
    assert_int_equal(kernel_resolve_modules(modules_dep, modules_builtin, wanted, &paths, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "'virtio'"));
}

/* A kernel file as the boot protocol describes it: 2 setup sectors, the payload 16 bytes on. */
static void make_kernel(unsigned char image[4096])
{
    memset(image, 0, 4096);
    memcpy(image + 0x202, "HdrS\x0f\x02", 6);
    image[0x1f1] = 2;
    image[0x248] = 16;
    image[0x24d] = 1; /* 256 bytes */
}

static void test_payload_of_a_kernel(void **state)
{
    (void)state;
    unsigned char image[4096];
    size_t offset, length;
    make_kernel(image);
    assert_int_equal(kernel_find_payload(image, sizeof(image), &offset, &length), 0);
    assert_int_equal(offset, 3 * 512 + 16);
    assert_int_equal(length, 256);
    assert_int_equal(kernel_find_payload(image, 3 * 512 + 16 + 255, &offset, &length), -EBADMSG);
    assert_int_equal(kernel_find_payload(image, 0x24f, &offset, &length), -EBADMSG);
    image[0x24b] = 0xff; /* payload far beyond the end */
    assert_int_equal(kernel_find_payload(image, sizeof(image), &offset, &length), -EBADMSG);
    make_kernel(image);
    image[0x206] = 7; /* protocol 2.07 has no payload fields */
    assert_int_equal(kernel_find_payload(image, sizeof(image), &offset, &length), -EBADMSG);
    make_kernel(image);
    image[0x202] = 'h';
    assert_int_equal(kernel_find_payload(image, sizeof(image), &offset, &length), -EBADMSG);
}

/* The header's fields are 8 digits each: inode, mode, owner, group, links, time, size, device,
 * special device, name's length, check sum. */
static void test_cpio_bytes(void **state)
{
    (void)state;
    /* clang-format off */
    static const char expected[] =
        "070701" "00000001000041ed000000000000000000000001000000000000000000000000000000000000000000000000"
        "0000000400000000" "dev\0\0\0"
        "070701" "00000002000081a4000000000000000000000001000000000000000300000000000000000000000000000000"
        "0000000600000000" "dev/a\0" "abc\0"
        "070701" "0000000300002180000000000000000000000001000000000000000000000000000000000000000500000001"
        "0000000200000000" "c\0"
        "070701" "0000000400000000000000000000000000000001000000000000000000000000000000000000000000000000"
        "0000000b00000000" "TRAILER!!!\0\0\0";
    /* clang-format on */
    CLEANUP_CPIO struct cpio cpio;
    cpio_init(&cpio);
    cpio_add_directory(&cpio, "dev", 0755);
    cpio_add_file(&cpio, "dev/a", 0644, "abc", 3);
    cpio_add_character_device(&cpio, "c", 0600, 5, 1);
    cpio_finish(&cpio);
    assert_int_equal(cpio.bytes.length, sizeof(expected));
    assert_memory_equal(cpio.bytes.text, expected, sizeof(expected));
}

/* Made by ssh-keygen for this test and used nowhere. */
static const char openssh_key[] =
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
    "QyNTUxOQAAACBOS5Vhy+ZFy/xvr6zL7Ii+P7dqMlIN69oHalYb9eMZWQAAAIhqiFpPaoha\n"
    "TwAAAAtzc2gtZWQyNTUxOQAAACBOS5Vhy+ZFy/xvr6zL7Ii+P7dqMlIN69oHalYb9eMZWQ\n"
    "AAAEDg/hEfqgxKCJEkTmxKm8fVuaxhfxFp2rxwAqs+wVkmEE5LlWHL5kXL/G+vrMvsiL4/\n"
    "t2oyUg3r2gdqVhv14xlZAAAABHRlc3QB\n"
    "-----END OPENSSH PRIVATE KEY-----\n";

static void test_key_goes_to_dropbear(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        0x00, 0x00, 0x00, 0x0b, 0x73, 0x73, 0x68, 0x2d, 0x65, 0x64, 0x32, 0x35, 0x35, 0x31,
        0x39, 0x00, 0x00, 0x00, 0x40, 0xe0, 0xfe, 0x11, 0x1f, 0xaa, 0x0c, 0x4a, 0x08, 0x91,
        0x24, 0x4e, 0x6c, 0x4a, 0x9b, 0xc7, 0xd5, 0xb9, 0xac, 0x61, 0x7f, 0x11, 0x69, 0xda,
        0xbc, 0x70, 0x02, 0xab, 0x3e, 0xc1, 0x59, 0x26, 0x10, 0x4e, 0x4b, 0x95, 0x61, 0xcb,
        0xe6, 0x45, 0xcb, 0xfc, 0x6f, 0xaf, 0xac, 0xcb, 0xec, 0x88, 0xbe, 0x3f, 0xb7, 0x6a,
        0x32, 0x52, 0x0d, 0xeb, 0xda, 0x07, 0x6a, 0x56, 0x1b, 0xf5, 0xe3, 0x19, 0x59};
    unsigned char bytes[KEYS_DROPBEAR_BYTES];
    assert_int_equal(sizeof(expected), KEYS_DROPBEAR_BYTES);
    assert_int_equal(keys_to_dropbear(openssh_key, bytes), 0);
    assert_memory_equal(bytes, expected, sizeof(bytes));
}

static void test_damaged_keys_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[KEYS_DROPBEAR_BYTES];
    assert_int_equal(keys_to_dropbear("", bytes), -EBADMSG);
    assert_int_equal(keys_to_dropbear("ssh-ed25519 AAAA", bytes), -EBADMSG);
    for (size_t length = 0; length < strlen(openssh_key) - 50; length++) {
        CLEANUP_FREE char *cut = mem_strndup(openssh_key, length);
        assert_int_equal(keys_to_dropbear(cut, bytes), -EBADMSG);
    }
}

static void test_owners_of_a_listing(void **state)
{
    (void)state;
    static const char listing[] =
        "drwxr-xr-x 0/0               0 2025-01-01 00:00 ./\n"
        "-rw-r----- 0/42            575 2025-01-01 00:00 ./etc/shadow\n"
        "-rwxr-xr-x 0/0           55720 2025-01-01 00:00 ./usr/bin/ls\n"
        "lrwxrwxrwx 7/8               0 2025-01-01 00:00 ./a b -> ./c\n"
        "hrw-r--r-- 5/5               0 2025-01-01 00:00 ./d link to ./e\n"
        "-rw-r--r-- 6/6               0 2025-01-01 00:00 ./f\"g\n"
        "-rw-r--r-- 6/6               0 2025-01-01 00:00\n"
        "nonsense\n";
    CLEANUP_FREE char *commands = disk_format_owners(listing);
    assert_string_equal(commands, "set_inode_field \"/etc/shadow\" uid 0\n"
                                  "set_inode_field \"/etc/shadow\" gid 42\n"
                                  "set_inode_field \"/a b\" uid 7\n"
                                  "set_inode_field \"/a b\" gid 8\n");
}

static void test_mirrors_of_the_host(void **state)
{
    (void)state;
    struct bootstrap_mirrors mirrors;
    bootstrap_choose_mirrors("https://packages.example.org/apt\n"
                             "cdrom:[Debian]/debian\n"
                             "http://security.example.org/debian-security/\n"
                             "http://mirror.example.org/debian/\n"
                             "http://other.example.org/debian\n",
                             &mirrors);
    assert_string_equal(mirrors.debian, "http://mirror.example.org/debian");
    assert_string_equal(mirrors.security, "http://security.example.org/debian-security");
    free(mirrors.debian);
    free(mirrors.security);
    bootstrap_choose_mirrors("http://archive.example.org/ubuntu\n", &mirrors);
    assert_null(mirrors.debian);
    assert_null(mirrors.security);
}

static void test_cause_of_a_failure(void **state)
{
    (void)state;
    CLEANUP_FREE char *fetch =
        bootstrap_find_cause("I: running apt-get update...\n"
                             "Err:1 http://x trixie InRelease\n  Could not resolve 'x'\n"
                             "E: apt-get update failed\n");
    assert_string_equal(fetch, "Err:1 http://x trixie InRelease\n  Could not resolve 'x'");
    CLEANUP_FREE char *other = bootstrap_find_cause("I: a\nE: b\nE: c");
    assert_string_equal(other, "E: b");
    CLEANUP_FREE char *none = bootstrap_find_cause("");
    assert_string_equal(none, "it says nothing");
}

static void write_sparse(const char *path, size_t hole, const char *text, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)hole, SEEK_SET), 0);
    assert_int_equal(fwrite(text, 1, 4, file), 4);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(path, (off_t)length), 0);
}

static void test_disk_digest_tells_place_length_and_bytes(void **state)
{
    (void)state;
    char directory[] = "/tmp/vtax-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    CLEANUP_FREE char *path = mem_printf("%s/disk", directory);
    static const struct {
        size_t hole;
        const char *text;
        size_t length;
    } rows[] = {{0, "abcd", 1 << 20},      {65536, "abcd", 1 << 20}, {65540, "abcd", 1 << 20},
                {0, "abce", 1 << 20},      {0, "abcd", 1 << 21},     {0, "abcd", 100},
                {1000000, "abcd", 1000004}};
    char digests[COUNT_OF(rows)][DIGEST_TEXT_BYTES];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(remove(path) < 0 && errno != ENOENT, 0);
        write_sparse(path, rows[i].hole, rows[i].text, rows[i].length);
        assert_int_equal(disk_digest(path, digests[i], NULL), 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[i], digests[j]);
    }
    /* Zeros that are written are as good as a hole. */
    CLEANUP_FREE char *zeros = mem_zalloc(1 << 20);
    memcpy(zeros, "abcd", 4);
    assert_int_equal(file_write_atomic(path, zeros, 1 << 20, 0600, NULL), 0);
    char dense[DIGEST_TEXT_BYTES];
    assert_int_equal(disk_digest(path, dense, NULL), 0);
    assert_string_equal(dense, digests[0]);
    assert_int_equal(file_remove_tree(directory, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipe_has_one_digest),
        cmocka_unit_test(test_modules_load_after_what_they_need),
        cmocka_unit_test(test_missing_module_is_named),
        cmocka_unit_test(test_payload_of_a_kernel),
        cmocka_unit_test(test_cpio_bytes),
        cmocka_unit_test(test_key_goes_to_dropbear),
        cmocka_unit_test(test_damaged_keys_are_refused),
        cmocka_unit_test(test_owners_of_a_listing),
        cmocka_unit_test(test_mirrors_of_the_host),
        cmocka_unit_test(test_cause_of_a_failure),
        cmocka_unit_test(test_disk_digest_tells_place_length_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
