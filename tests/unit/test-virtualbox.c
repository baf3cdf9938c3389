/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of VirtualBox's guests needs no VirtualBox: the files that describe them, what its programs
 * print, whether the host has it.
 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "machine/record.h"
#include "machine/virtualbox_config.h"
#include "machine/virtualbox_tools.h"

#define GIB(n) (UINT64_C(n) << 30)

static const struct virtualbox_config plain = {
    .name = "vtax-1-2-10",
    .vcpus = 2,
    .memory_bytes = UINT64_C(256) << 20,
    .mac = "52:54:00:56:01:0a",
    .console = "/d/console",
    .boot = "/d/disk-0.vmdk",
    .base = "/d/disk-1.vmdk",
    .overlay = "/d/overlay.vdi",
    .owner = 0x1234,
    .slot = 10,
};

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;
    while ((text = strstr(text, part))) {
        found++;
        text += strlen(part);
    }
    return found;
}

static void test_uuid(void **state)
{
    (void)state;
    char text[VIRTUALBOX_UUID_BYTES];
    assert_string_equal(virtualbox_format_uuid(0x1234, 10, VIRTUALBOX_MACHINE, text),
                        "00001234-000a-4000-8000-000000000001");
    assert_string_equal(virtualbox_format_uuid(UINT32_MAX, 249, VIRTUALBOX_CHANGE, text),
                        "ffffffff-00f9-4000-8000-000000000007");
}

static void test_settings(void **state)
{
    (void)state;
    CLEANUP_FREE char *text = virtualbox_format_machine(&plain);
    assert_non_null(strstr(text, "<Machine uuid=\"{00001234-000a-4000-8000-000000000001}\" "
                                 "name=\"vtax-1-2-10\" OSType=\"Linux_64\""));
    assert_non_null(strstr(text, "<CPU count=\"2\"><HardwareVirtExLargePages enabled=\"true\"/>"));
    assert_non_null(strstr(text, "<Memory RAMSize=\"256\"/>"));
    assert_non_null(strstr(text, "MACAddress=\"52540056010a\""));
    assert_non_null(strstr(text, "<GenericInterface driver=\"HostInterface\"/>"));
    assert_non_null(strstr(text, "hostMode=\"RawFile\" path=\"/d/console\"/>"));
    assert_non_null(strstr(text, "type=\"NVMe\" PortCount=\"1\" useHostIOCache=\"false\""));
    assert_non_null(strstr(text, "<HardDisk uuid=\"{00001234-000a-4000-8000-000000000003}\" "
                                 "location=\"/d/disk-1.vmdk\" format=\"VMDK\" type=\"Normal\">\n"
                                 "<HardDisk uuid=\"{00001234-000a-4000-8000-000000000004}\" "
                                 "location=\"/d/overlay.vdi\" format=\"VDI\"/>\n</HardDisk>\n"));
    assert_int_equal(count(text, "<AttachedDevice "), 2);
    assert_null(strstr(text, "HostHzMax"));
    assert_int_equal(count(text, "<HardDisk "), 3);
}

static void test_settings_of_the_lab(void **state)
{
    (void)state;
    struct virtualbox_config config = plain;
    config.emulated_server = true;
    config.cached = true;
    config.console = "/a & \"b\" <c>";
    config.scratch[0] = "/d/disk-2.vmdk";
    config.scratch[1] = "/d/disk-3.vmdk";
    CLEANUP_FREE char *text = virtualbox_format_machine(&config);
    assert_non_null(strstr(text, "path=\"/a &amp; &quot;b&quot; &lt;c>\""));
    assert_non_null(strstr(text, "name=\"VBoxInternal/TM/HostHzMax\" value=\"250\""));
    assert_non_null(strstr(text, "name=\"VBoxInternal/TM/TSCMode\" value=\"RealTSCOffset\""));
    assert_non_null(strstr(text, "<HardwareVirtExLargePages enabled=\"false\"/>"));
    assert_non_null(strstr(text, "type=\"NVMe\" PortCount=\"3\" useHostIOCache=\"true\""));
    assert_non_null(strstr(text, "port=\"1\" device=\"0\"><Image "
                                 "uuid=\"{00001234-000a-4000-8000-000000000005}\"/>"));
    assert_non_null(strstr(text, "port=\"2\" device=\"0\"><Image "
                                 "uuid=\"{00001234-000a-4000-8000-000000000006}\"/>"));
    assert_int_equal(count(text, "<AttachedDevice "), 4);
    assert_int_equal(count(text, "</AttachedDevice>"), 4);
}

static void test_registry(void **state)
{
    (void)state;
    CLEANUP_FREE char *text = virtualbox_format_registry(&plain, "/d/a&b.vbox");
    assert_non_null(strstr(text, "<MachineEntry uuid=\"{00001234-000a-4000-8000-000000000001}\" "
                                 "src=\"/d/a&amp;b.vbox\"/>"));
}

static void test_raw_disk(void **state)
{
    (void)state;
    char uuid[VIRTUALBOX_UUID_BYTES];
    virtualbox_format_uuid(1, 2, VIRTUALBOX_BOOT, uuid);
    CLEANUP_FREE char *text = virtualbox_format_raw_disk("/a b.raw", 1024, uuid);
    assert_non_null(strstr(text, "\ncreateType=\"monolithicFlat\"\n"));
    assert_non_null(strstr(text, "\nRW 2 FLAT \"/a b.raw\" 0\n"));
    assert_non_null(strstr(text, "\nddb.uuid.image=\"00000001-0002-4000-8000-000000000002\"\n"));
}

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Compared with a file that VirtualBox 7.2 made; only offsets and UUIDs differ. */
static void test_overlay(void **state)
{
    (void)state;
    size_t length;
    CLEANUP_FREE unsigned char *file = virtualbox_make_overlay(&plain, GIB(4), &length);
    assert_non_null(file);
    assert_int_equal(length, 512 + 4096 * 4);
    assert_memory_equal(file, "<<< Oracle VirtualBox Disk Image >>>\n", 37);
    assert_int_equal(read_u32(file + 0x40), 0xbeda107f);
    assert_int_equal(read_u32(file + 0x44), 0x00010001);
    assert_int_equal(read_u32(file + 0x48), 400);
    assert_int_equal(read_u32(file + 0x4c), 4);
    assert_int_equal(read_u32(file + 0x154), 512);
    assert_int_equal(read_u32(file + 0x158), length);
    assert_int_equal(read_u32(file + 0x168), 512);
    assert_int_equal(read_u32(file + 0x170), 0);
    assert_int_equal(read_u32(file + 0x174), 1);
    assert_int_equal(read_u32(file + 0x178), 1 << 20);
    assert_int_equal(read_u32(file + 0x180), 4096);
    assert_int_equal(read_u32(file + 0x184), 0);
    static const unsigned char own[16] = {0x34, 0x12, 0, 0, 10, 0, 0, 0x40, 0x80, [15] = 4};
    static const unsigned char base[16] = {0x34, 0x12, 0, 0, 10, 0, 0, 0x40, 0x80, [15] = 3};
    assert_memory_equal(file + 0x188, own, 16);
    assert_memory_equal(file + 0x1a8, base, 16);
    for (size_t i = 512; i < length; i++)
        assert_int_equal(file[i], 0xff);
}

static void test_overlay_sizes(void **state)
{
    (void)state;
    size_t length = 0;
    CLEANUP_FREE unsigned char *odd = virtualbox_make_overlay(&plain, (1 << 20) + 512, &length);
    assert_int_equal(read_u32(odd + 0x180), 2);
    assert_int_equal(length, 1024);
    assert_int_equal(read_u32(odd + 512 + 8), 0);
    assert_null(virtualbox_make_overlay(&plain, 0, &length));
    assert_null(virtualbox_make_overlay(&plain, UINT64_MAX, &length));
}

static const char log_text[] = "00:01:13.862381 Console: Machine state changed to 'Running'\n"
                               "00:02:04.011396 APIC0: Switched mode to x2APIC\r\n";

static void check_end(const char *added, const char *expected)
{
    CLEANUP_FREE char *text = mem_printf("%s%s", log_text, added);
    size_t length = 0;
    const char *line = virtualbox_find_end(text, &length);
    assert_non_null(line);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
}

static void test_end(void **state)
{
    (void)state;
    size_t length;
    assert_null(virtualbox_find_end(log_text, &length));
    assert_null(virtualbox_find_end("", &length));
    check_end("00:00:29.5 !!         Guru Meditation -2701 (VERR_X)\r\n00:00:29.6 more\n",
              "!!         Guru Meditation -2701 (VERR_X)");
    check_end("00:00:29.5 Changing the VM state from 'RUNNING' to 'RESETTING'\n",
              "Changing the VM state from 'RUNNING' to 'RESETTING'");
    check_end("00:00:29.5 Changing the VM state from 'RUNNING' to 'GURU_MEDITATION'",
              "Changing the VM state from 'RUNNING' to 'GURU_MEDITATION'");
}

/* As VirtualBox 7.2 prints it. */
static const char history[] =
    "CPU[0]: VM-exit history:\n"
    "   Exit No.:     TSC timestamp / delta    RIP (Flat/*)      Exit   Name\n"
    "      71558: 0x0000008cf4d27cd4/+0        ffffffff869a0574  0x2400 SVM_EXIT_NPF - 1024\n"
    "      71557: 0x0000008cf49c4fa0/-3550516  ffffffff869a0595  0x2060 SVM_EXIT_INTR - 96\n"
    "CPU[1]: VM-exit history:\n"
    "   Exit No.:     TSC timestamp / delta    RIP (Flat/*)      Exit   Name\n"
    "        442: 0x0000008cf4d27cd4/+0        ffffffff869a0574  0x2400 SVM_EXIT_NPF - 1024\n"
    "        441: 0x0000008cf4d27cd4/+0        ffffffff869a0574  0x2400 SVM_EXIT_NPF - 1024\n";

static void test_exits(void **state)
{
    (void)state;
    uint64_t exits = 7;
    assert_int_equal(virtualbox_parse_exits(history, strlen(history), &exits), 0);
    assert_int_equal(exits, 72000);
    assert_int_equal(virtualbox_parse_exits("", 0, &exits), -EBADMSG);
    static const char empty[] = "CPU[0]: VM-exit history: empty\n";
    assert_int_equal(virtualbox_parse_exits(empty, strlen(empty), &exits), -EBADMSG);
    static const char stray[] = "  12: 0x1\n";
    assert_int_equal(virtualbox_parse_exits(stray, strlen(stray), &exits), -EBADMSG);
    static const char huge[] = "CPU[0]\n 9999999999999999999: 0x1\nCPU[1]\n "
                               "9999999999999999999: 0x1\n";
    assert_int_equal(virtualbox_parse_exits(huge, strlen(huge), &exits), -EBADMSG);
    assert_int_equal(exits, 72000);
}

static void test_complaint(void **state)
{
    (void)state;
    static const char manage[] = "0%...\nVBoxManage: error: Failed to create medium\nVBoxManage: "
                                 "error: Code NS_ERROR_ABORT\n";
    size_t length;
    const char *found = virtualbox_find_complaint(manage, &length);
    assert_int_equal(length, strlen("Failed to create medium"));
    assert_memory_equal(found, "Failed to create medium", length);
    found = virtualbox_find_complaint("one\ntwo\n\n", &length);
    assert_int_equal(length, 3);
    assert_memory_equal(found, "two", 3);
    virtualbox_find_complaint("", &length);
    assert_int_equal(length, 0);
}

static void put(const char *root, const char *file, const char *text, unsigned mode)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", root, file);
    assert_int_equal(file_write_atomic(path, text, strlen(text), mode, NULL), 0);
}

static void check_refusal(const char *root, const char *part)
{
    struct error err = {0};
    assert_true(virtualbox_probe(root, &err) < 0);
    assert_int_equal(err.kind, ERROR_ENVIRONMENT);
    assert_non_null(strstr(err.text, part));
}

/* Programs are found through PATH, where no VirtualBox is installed. */
static void test_probe(void **state)
{
    (void)state;
    static const char *const directories[] = {"dev", "proc"};
    char root[] = "/tmp/vtax-vbox-XXXXXX";
    CLEANUP_FREE char *installed = virtualbox_find_program("VBoxManage");
    if (installed)
        skip();
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", root, directories[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    CLEANUP_FREE char *old_path = mem_strdup(getenv("PATH"));
    check_refusal(root, "`vtax lab run virtualbox`");
    put(root, "VBoxManage", "", 0700);
    assert_int_equal(setenv("PATH", root, 1), 0);
    check_refusal(root, "no program 'VBoxHeadless'");
    put(root, "VBoxHeadless", "", 0700);
    check_refusal(root, "`modprobe vboxdrv`");
    put(root, "dev/vboxdrv", "", 0600);
    put(root, "proc/cpuinfo", "flags : fpu sse\n", 0600);
    check_refusal(root, "no hardware virtualization");
    put(root, "proc/cpuinfo", "flags : fpu sse svm\n", 0600);
    assert_int_equal(setenv("PATH", old_path, 1), 0);
    file_remove_tree(root, NULL);
}

static void test_version(void **state)
{
    (void)state;
    char root[] = "/tmp/vtax-vbox-XXXXXX";
    CLEANUP_FREE char *installed = virtualbox_find_program("VBoxManage");
    if (installed)
        skip();
    assert_null(virtualbox_read_version());
    assert_non_null(mkdtemp(root));
    CLEANUP_FREE char *old_path = mem_strdup(getenv("PATH"));
    CLEANUP_FREE char *path = mem_printf("%s:%s", root, old_path);
    assert_int_equal(setenv("PATH", path, 1), 0);
    put(root, "VBoxManage", "#!/bin/sh\n[ \"$*\" = --version ] || exit 1\n", 0700);
    assert_null(virtualbox_read_version());
    put(root, "VBoxManage",
        "#!/bin/sh\n[ \"$*\" = --version ] || exit 1\n"
        "echo 'WARNING: The character device /dev/vboxdrv does not exist.'\n"
        "echo 7.0.20_Debianr163906\n",
        0700);
    CLEANUP_FREE char *version = virtualbox_read_version();
    assert_string_equal(version, "7.0.20_Debianr163906");
    assert_int_equal(setenv("PATH", old_path, 1), 0);
    file_remove_tree(root, NULL);
}

static pid_t start_server(const char *program, const char *home)
{
    CLEANUP_FREE char *variable = mem_printf("VBOX_USER_HOME=%s", home);
    const char *const argv[] = {program, "60", NULL};
    const char *const environment[] = {"LC_ALL=C", variable, NULL};
    const struct process_options options = {
        .argv = argv, .environment = environment, .dies_with_parent = true};
    struct error err = {0};
    pid_t pid = process_start(&options, &err);
    if (pid < 0)
        fail_msg("%s", err.text);
    return pid;
}

/* VBoxSVC's command line names nothing of its machine. */
static void test_server_ends(void **state)
{
    (void)state;
    char directory[] = "/tmp/vtax-vbox-XXXXXX";
    assert_non_null(mkdtemp(directory));
    CLEANUP_FREE char *program = mem_printf("%s/VBoxSVC", directory);
    const char *const copy[] = {"cp", "/bin/sleep", program, NULL};
    assert_int_equal(process_check(copy, 10 * NS_PER_S, NULL, NULL), 0);
    CLEANUP_FREE char *first = mem_printf("%s/machine-0", directory);
    CLEANUP_FREE char *first_home = mem_printf("%s/home", first);
    CLEANUP_FREE char *second_home = mem_printf("%s/machine-1/home", directory);
    pid_t ours = start_server(program, first_home), other = start_server(program, second_home);
    record_end_processes(first);
    assert_int_equal(process_wait(ours, 60 * NS_PER_S), 256 + SIGKILL);
    assert_int_equal(process_wait(other, 1), -ETIMEDOUT);
    process_stop(other, 0);
    file_remove_tree(directory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuid),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_settings_of_the_lab),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_raw_disk),
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_overlay_sizes),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_complaint),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_server_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
