/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of Xen's guests needs no Xen: their description, what its tools print, which host it is.
 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "machine/xen_config.h"
#include "machine/xen_tools.h"

static uint64_t one_and_three[] = {1, 3};

static void test_direct_boot(void **state)
{
    (void)state;
    struct plan_placement placement = {.vms = {one_and_three, 2}};
    const struct xen_config config = {
        .name = "vtax-1-2-10",
        .type = "pvh",
        .vcpus = 2,
        .memory_bytes = UINT64_C(512) << 20,
        .placement = &placement,
        .kernel = "/it's/kernel",
        .initrd = "/back\\slash",
        .command_line = "console=hvc0 root=/dev/xvda",
        .disks = {{.path = "/d/overlay,0.qcow2", .format = "qcow2"},
                  {.path = "/d/scratch-0", .format = "raw", .direct = true}},
        .disk_count = 2,
        .mac = "52:54:00:56:01:0a",
        .vif_script = "/d/vif",
    };
    CLEANUP_FREE char *text = xen_config_format(&config);
    static const char expected[] =
        "name = 'vtax-1-2-10'\n"
        "type = 'pvh'\n"
        "memory = 512\nmaxmem = 512\nvcpus = 2\n"
        "cpus = '1,3'\n"
        "tsc_mode = 'native'\n"
        "on_poweroff = 'preserve'\non_reboot = 'preserve'\non_crash = 'preserve'\n"
        "kernel = '/it\\'s/kernel'\n"
        "ramdisk = '/back\\\\slash'\n"
        "cmdline = 'console=hvc0 root=/dev/xvda'\n"
        "disk = ['vdev=xvda,format=qcow2,access=rw,backendtype=qdisk,target=/d/overlay,0.qcow2', "
        "'vdev=xvdb,format=raw,access=rw,backendtype=qdisk,direct-io-safe,target=/d/scratch-0']\n"
        "vif = ['mac=52:54:00:56:01:0a,type=vif,script=/d/vif']\n";
    assert_string_equal(text, expected);
}

static void test_disk_boot(void **state)
{
    (void)state;
    struct plan_placement placement = {0};
    const struct xen_config config = {
        .name = "h",
        .type = "hvm",
        .vcpus = 1,
        .memory_bytes = UINT64_C(256) << 20,
        .placement = &placement,
        .disks = {{.path = "/boot", .format = "raw"}},
        .disk_count = 1,
        .mac = "52:54:00:56:01:0a",
        .vif_script = "/vif",
    };
    CLEANUP_FREE char *text = xen_config_format(&config);
    assert_null(strstr(text, "kernel"));
    assert_null(strstr(text, "cpus = '"));
    assert_non_null(strstr(text, "\nboot = 'c'\nhdtype = 'ahci'\n"));
}

/* As xl 4.17 prints it. */
static const char listing[] =
    "Name                                        ID   Mem VCPUs\tState\tTime(s)\tUUID"
    "                            Reason-Code\tSecurity Label\n"
    "Domain-0                                     0  1536     2     r-----      69.7 "
    "00000000-0000-0000-0000-000000000000        -                -\n"
    "vtax-1-2-10                                  3   256     1     ---sc-       9.1 "
    "5e8f2d4e-6f0d-4a54-9f9c-0d9f9d1b6f50        3                -\n"
    "vtax-1-2-11                                 31   256     1     ---s--       9.1 "
    "5e8f2d4e-6f0d-4a54-9f9c-0d9f9d1b6f51        0                -\n";

static void test_why_it_ended(void **state)
{
    (void)state;
    assert_string_equal(xen_tools_describe_end(listing, 3), "it crashed");
    assert_true(
        xen_tools_was_late("xl create: libxl_dm.c:3381:device_model_postconfig_done: Domain "
                           "1:Post DM startup configs failed, rc=-9"));
    assert_false(xen_tools_was_late("xl create: libxl_create.c: cannot add disk devices, rc=-98"));
    assert_false(xen_tools_was_late("xl create: no memory, rc=-3"));
    assert_string_equal(xen_tools_describe_end(listing, 31), "it powered off");
    assert_string_equal(xen_tools_describe_end(listing, 0), "it ended, Xen does not say why");
    assert_string_equal(xen_tools_describe_end(listing, 7), "it ended, Xen does not say why");
    assert_string_equal(xen_tools_describe_end("", 3), "it ended, Xen does not say why");
}

/* Below root, with the directories on the way. */
static void put(const char *root, const char *file, const char *text)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", root, file);
    CLEANUP_FREE char *directory = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    assert_int_equal(file_make_directories(directory, 0700, NULL), 0);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static void check_refusal(const char *root, const char *part)
{
    struct error err = {0};
    assert_true(xen_tools_probe(root, &err) < 0);
    assert_int_equal(err.kind, ERROR_ENVIRONMENT);
    assert_non_null(strstr(err.text, part));
}

static void test_probe(void **state)
{
    (void)state;
    char root[] = "/tmp/vtax-xen-XXXXXX";
    assert_non_null(mkdtemp(root));
    check_refusal(root, "Xen is not installed: ");
    put(root, "boot/vmlinuz-6.1.0-18-amd64", "");
    check_refusal(root, "Xen is not installed: ");
    check_refusal(root, "`vtax lab run xen`");
    put(root, "boot/xen-4.17-amd64.gz", "");
    put(root, "sys/hypervisor/type", "kvm\n");
    check_refusal(root, "Xen is installed, but this Linux was not booted on it: ");
    check_refusal(root, "`vtax lab run xen`");
    put(root, "sys/hypervisor/type", "xen\n");
    check_refusal(root, "mount -t xenfs");
    put(root, "proc/xen/capabilities", "\n");
    check_refusal(root, "a guest of Xen");
    static const char properties[] = "sys/hypervisor/properties/capabilities";
    put(root, properties, "xen-3.0-x86_64 xen-3.0-x86_32p \n");
    struct error err = {0};
    assert_int_equal(xen_tools_probe_type(root, "pv", &err), 0);
    assert_int_equal(xen_tools_probe_type(root, "pvh", &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "SVM"));
    put(root, properties, "hvm-3.0-x86_32 hvm-3.0-x86_64 \n");
    assert_int_equal(xen_tools_probe_type(root, "hvm", &err), 0);
    assert_int_equal(xen_tools_probe_type(root, "pv", &err), -ENOTSUP);
    file_remove_tree(root, NULL);
}

static void check_version(const char *root, const char *expected)
{
    CLEANUP_FREE char *version = xen_tools_read_version(root);
    assert_string_equal(version, expected);
}

static void test_version(void **state)
{
    (void)state;
    char root[] = "/tmp/vtax-xen-XXXXXX";
    assert_non_null(mkdtemp(root));
    assert_null(xen_tools_read_version(root));
    put(root, "sys/hypervisor/version/major", "4\n");
    put(root, "sys/hypervisor/version/minor", "17\n");
    check_version(root, "4.17");
    put(root, "sys/hypervisor/version/extra", ".5-pre\n");
    check_version(root, "4.17.5-pre");
    file_remove_tree(root, NULL);
}

/* In a child, since an interrupt cannot be taken back: 0 when xl has done it. */
static int destroy_after_interrupt(const char *directory)
{
    pid_t child = fork();
    if (child == 0) {
        CLEANUP_FREE char *path = mem_printf("%s:%s", directory, getenv("PATH"));
        setenv("PATH", path, 1);
        interrupt_install();
        raise(SIGINT);
        struct error err = {0};
        const char *const words[] = {"list", NULL};
        if (xen_tools_call(words, NULL, &err) != -EINTR)
            _exit(2);
        _exit(xen_tools_destroy("vtax-1-2-10", NULL) < 0 ? 1 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* What Ctrl-C leaves to do, xl must be given the time for. */
static void test_destroy_runs_through(void **state)
{
    (void)state;
    char root[] = "/tmp/vtax-xen-XXXXXX";
    assert_non_null(mkdtemp(root));
    CLEANUP_FREE char *told = mem_printf("%s/told", root);
    CLEANUP_FREE char *script = mem_printf("#!/bin/sh\nsleep 0.3\necho \"$*\" >%s\n", told);
    CLEANUP_FREE char *program = mem_printf("%s/xl", root);
    CLEANUP_FREE char *text = NULL;
    put(root, "xl", script);
    assert_int_equal(chmod(program, 0700), 0);
    assert_int_equal(destroy_after_interrupt(root), 0);
    assert_int_equal(file_read(told, 100, &text, NULL, NULL), 0);
    assert_string_equal(text, "destroy vtax-1-2-10\n");
    file_remove_tree(root, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct_boot),  cmocka_unit_test(test_disk_boot),
        cmocka_unit_test(test_why_it_ended), cmocka_unit_test(test_probe),
        cmocka_unit_test(test_version),      cmocka_unit_test(test_destroy_runs_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
