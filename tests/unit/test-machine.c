/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of src/machine/ needs no machine: domain XML, addresses, consoles, the fake.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "machine/console.h"
#include "machine/domain.h"
#include "machine/kvm_probe.h"
#include "machine/machine.h"
#include "machine/qemu_log.h"

static uint64_t one_and_three[] = {1, 3};
static uint64_t zero[] = {0};

static struct domain make_domain(const struct plan_placement *placement)
{
    return (struct domain){
        .type = "kvm",
        .name = "v1-10",
        .emulator = "/usr/bin/qemu-system-x86_64",
        .machine = "q35",
        .cpu = "host-passthrough",
        .vcpus = 2,
        .memory_bytes = UINT64_C(512) << 20,
        .placement = placement,
        .kernel = "/images/a & b/kernel",
        .initrd = "/images/initrd",
        .command_line = "console=ttyS0",
        .console = "/run/it's/console",
        .disks = {{"/d/overlay.qcow2", "qcow2", "writeback", "threads", false},
                  {"/d/scratch-0", "raw", "none", "native", false}},
        .disk_count = 2,
        .mac = "52:54:00:56:01:0a",
        .tap = "m10",
    };
}

static void test_domain_xml(void **state)
{
    (void)state;
    struct plan_placement placement = {
        .vms = {one_and_three, 2}, .emulator = {zero, 1}, .numa_nodes = {zero, 1}};
    struct domain domain = make_domain(&placement);
    domain.huge_pages = true;
    CLEANUP_FREE char *xml = domain_format_xml(&domain);
    static const char expected[] =
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
        "  <name>v1-10</name>\n"
        "  <memory unit='b'>536870912</memory>\n"
        "  <memoryBacking>\n    <hugepages/>\n  </memoryBacking>\n"
        "  <vcpu placement='static'>2</vcpu>\n"
        "  <cputune>\n"
        "    <vcpupin vcpu='0' cpuset='1,3'/>\n"
        "    <vcpupin vcpu='1' cpuset='1,3'/>\n"
        "    <emulatorpin cpuset='0'/>\n"
        "  </cputune>\n"
        "  <numatune>\n    <memory mode='strict' nodeset='0'/>\n  </numatune>\n"
        "  <os>\n"
        "    <type arch='x86_64' machine='q35'>hvm</type>\n"
        "    <kernel>/images/a &amp; b/kernel</kernel>\n"
        "    <initrd>/images/initrd</initrd>\n"
        "    <cmdline>console=ttyS0</cmdline>\n"
        "  </os>\n"
        "  <features>\n    <acpi/>\n    <apic/>\n  </features>\n"
        "  <cpu mode='host-passthrough' check='none'/>\n"
        "  <on_poweroff>destroy</on_poweroff>\n"
        "  <on_reboot>destroy</on_reboot>\n"
        "  <on_crash>destroy</on_crash>\n"
        "  <devices>\n"
        "    <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
        "    <disk type='file' device='disk'>\n"
        "      <driver name='qemu' type='qcow2' cache='writeback' io='threads'/>\n"
        "      <source file='/d/overlay.qcow2'/>\n"
        "      <target dev='vda' bus='virtio'/>\n"
        "      <address type='pci' domain='0' bus='0' slot='4' function='0'/>\n"
        "    </disk>\n"
        "    <disk type='file' device='disk'>\n"
        "      <driver name='qemu' type='raw' cache='none' io='native'/>\n"
        "      <source file='/d/scratch-0'/>\n"
        "      <target dev='vdb' bus='virtio'/>\n"
        "      <address type='pci' domain='0' bus='0' slot='5' function='0'/>\n"
        "    </disk>\n"
        "    <controller type='usb' model='none'/>\n"
        "    <interface type='ethernet'>\n"
        "      <mac address='52:54:00:56:01:0a'/>\n"
        "      <target dev='m10' managed='no'/>\n"
        "      <model type='virtio'/>\n"
        "      <rom enabled='no'/>\n"
        "      <address type='pci' domain='0' bus='0' slot='16' function='0'/>\n"
        "    </interface>\n"
        "    <serial type='file'>\n      <source path='/run/it&apos;s/console'/>\n    </serial>\n"
        "    <rng model='virtio'>\n"
        "      <backend model='random'>/dev/urandom</backend>\n"
        "      <address type='pci' domain='0' bus='0' slot='17' function='0'/>\n"
        "    </rng>\n"
        "    <memballoon model='none'/>\n"
        "  </devices>\n"
        "</domain>\n";
    assert_string_equal(xml, expected);
}

static void test_domain_xml_variants(void **state)
{
    (void)state;
    struct plan_placement anywhere = {0};
    struct domain domain = make_domain(&anywhere);
    const struct domain_forward forwards[] = {{10022, 22}, {12865, 12865}};
    domain.tap = NULL;
    domain.user_subnet = "10.70.3";
    domain.user_guest = "10.70.3.10";
    domain.user_host_address = "127.70.3.10";
    domain.forwards = forwards;
    domain.forward_count = 2;
    domain.cpu = "EPYC";
    domain.tb_cache_bytes = UINT64_C(256) << 20;
    domain.kernel = NULL;
    CLEANUP_FREE char *xml = domain_format_xml(&domain);
    assert_null(strstr(xml, "<cputune>"));
    assert_null(strstr(xml, "<numatune>"));
    assert_null(strstr(xml, "<kernel>"));
    assert_null(strstr(xml, "<interface"));
    assert_non_null(strstr(xml, "<tb-cache unit='MiB'>256</tb-cache>"));
    assert_non_null(strstr(xml, "<model>EPYC</model>"));
    assert_non_null(strstr(xml, "user,id=net0,ipv6=off,net=10.70.3.0/24,host=10.70.3.1,"
                                "hostfwd=tcp:127.70.3.10:10022-10.70.3.10:22,"
                                "hostfwd=tcp:127.70.3.10:12865-10.70.3.10:12865'"));
}

static void test_user_network(void **state)
{
    (void)state;
    struct error err = {0};
    struct network *network = NULL;
    char text[NETWORK_TEXT_MAX], inside[NETWORK_TEXT_MAX];
    unsigned second, third, slot;
    assert_int_equal(network_open_user(&network, &err), 0);
    assert_int_equal(network_mode(network), NETWORK_USER);
    assert_int_equal(network_namespace_fd(network), 0);
    assert_non_null(network_user_reason(network));
    assert_int_equal(network_take_slot(network, &err), NETWORK_SLOT_MIN);
    assert_int_equal(network_take_slot(network, &err), NETWORK_SLOT_MIN + 1);
    network_release_slot(network, NETWORK_SLOT_MIN);
    assert_int_equal(network_take_slot(network, &err), NETWORK_SLOT_MIN + 2);
    network_format_mac(network, 200, text);
    assert_int_equal(sscanf(text, "52:54:00:%x:%x:%x", &second, &third, &slot), 3);
    assert_int_equal(slot, 200);
    CLEANUP_FREE char *expected = mem_printf("10.%u.%u.200", second, third);
    assert_string_equal(network_format_inside(network, 200, inside), expected);
    network_format_address(network, 200, text);
    assert_memory_equal(text, "127.", 4);
    assert_string_equal(text + 4, expected + 3);
    assert_int_equal(network_forward_port(network, 22), 10022);
    assert_int_equal(network_forward_port(network, 12865), 12865);
    for (int i = 0; i < NETWORK_SLOT_MAX - NETWORK_SLOT_MIN - 2; i++)
        assert_int_equal(network_take_slot(network, &err), NETWORK_SLOT_MIN + 3 + i);
    assert_int_equal(network_take_slot(network, &err), NETWORK_SLOT_MIN); /* the one given back */
    assert_int_equal(network_take_slot(network, &err), -EAGAIN);
    network_close(network);
}

static void check_log(const char *text, const char *expected)
{
    CLEANUP_FREE char *said = qemu_log_explain(text, 70);
    assert_string_equal(said, expected);
}

static void test_qemu_log(void **state)
{
    (void)state;
    static const char begin[] = "/usr/bin/qemu-system-x86_64 \\\n-name guest=v10-1 \\\n"
                                "-msg timestamp=on\n";
    static const char killed[] = "2026-11-26 21:35:13.784+0000: shutting down, reason=crashed\n";
    static const char ended[] =
        "-msg timestamp=on\n"
        "2026-11-26T21:36:29.326643Z qemu-system-x86_64: warning: TSC\n"
        "2026-11-26T21:36:29.326643Z qemu-system-x86_64: terminating on signal 15 from pid 7\n"
        "2026-11-26 21:36:31.295+0000: shutting down, reason=shutdown\n";
    assert_false(qemu_log_has_reason(begin));
    assert_true(qemu_log_has_reason(killed));
    check_log("", "killed from outside, or the guest powered off");
    check_log(begin, "killed from outside, or the guest powered off");
    check_log(killed, "the guest crashed, or QEMU was killed from outside");
    check_log(
        ended,
        "the guest powered off or reset itself; it said: terminating on signal 15 from pid 7");
    check_log("qemu-system-x86_64: terminating on signal 15 from pid 70 (vtax)\n"
              "shutting down, reason=shutdown\n",
              "the guest powered off or reset itself");
    check_log("shutting down, reason=", "libvirt gives no reason that is known");
    check_log("shutting down, reason=shutdownish\nqemu-system-x86_64: ",
              "libvirt gives no reason that is known; it said: ");
}

static void check_stop(const char *text, const char *expected)
{
    CLEANUP_FREE char *said = qemu_log_find_stop(text);
    if (!expected)
        assert_null(said);
    else
        assert_string_equal(said, expected);
}

/* As QEMU prints it when KVM cannot emulate an instruction. */
static void test_qemu_log_of_a_stop(void **state)
{
    (void)state;
    static const char emulation[] = "-msg timestamp=on\n"
                                    "KVM internal error. Suberror: 1\n"
                                    "extra data[0]: 0x0000000000000001\n"
                                    "emulation failure\n"
                                    "RAX=0000000000000000 RBX=ffff8a9e57c38400\n"
                                    "Code=89 44 24 <f3> 0f\n";
    check_stop(emulation, "KVM internal error. Suberror: 1");
    check_stop("error: kvm run failed Bad address\nEAX=00006cdc\n",
               "error: kvm run failed Bad address");
    check_stop("KVM: entry failed, hardware error 0x80000021",
               "KVM: entry failed, hardware error 0x80000021");
    check_stop("KVM: unknown exit, hardware reason 31\nKVM internal error. Suberror: 3\nx",
               "KVM internal error. Suberror: 3");
    check_stop("KVM internal error. Suberror: 3\nKVM: unknown exit, hardware reason 31\n",
               "KVM: unknown exit, hardware reason 31");
    check_stop("qemu-system-x86_64: warning: TSC\nKVM internal error\n", NULL);
    check_stop("", NULL);
}

/* Each with what it lacks, and with the way that needs nothing of it. */
static void test_kvm_refusals(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *remedy;
    } rows[] = {{ENOENT, "No such file or directory: modprobe kvm_intel or kvm_amd"},
                {EACCES, "Permission denied: add yourself to the group kvm"},
                {EPERM, "add yourself to the group kvm"},
                {ENODEV, "switched off in the firmware"},
                {EIO, "Input/output error"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};
        assert_int_equal(kvm_probe_explain("open '/dev/kvm'", rows[i].code, &err), -rows[i].code);
        assert_int_equal(err.kind, ERROR_ENVIRONMENT);
        assert_memory_equal(err.text, "open '/dev/kvm': ", 17);
        assert_non_null(strstr(err.text, rows[i].remedy));
        assert_non_null(strstr(err.text, "`vtax lab run kvm`"));
    }
}

static void test_console(void **state)
{
    (void)state;
    size_t length;
    const char *text = "[1] up\n[2] Kernel panic - not syncing: VFS\n[3] end\n";
    const char *line = console_find_death(text, &length);
    assert_ptr_equal(line, text + 7);
    assert_int_equal(length, strlen("[2] Kernel panic - not syncing: VFS"));
    assert_null(console_find_death("watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n", &length));
    assert_null(console_find_death("", &length));
}

/* Who looks again finds the same death, whatever came after it. */
static void test_console_death_stays(void **state)
{
    (void)state;
    char path[] = "/tmp/vtax-console-XXXXXX";
    int fd = mkstemp(path);
    dprintf(fd, "%0999d\n[2] Kernel panic - not syncing: VFS\n%0999d\n", 1, 3);
    off_t position = 0;
    for (int i = 0; i < 3; i++) {
        struct error err = {0};
        assert_int_equal(console_check(path, &position, &err), -EPIPE);
        assert_string_equal(err.text, "its kernel died: [2] Kernel panic - not syncing: VFS");
    }
    close(fd);
    unlink(path);
}

static void test_console_without_escapes(void **state)
{
    (void)state;
    char path[] = "/tmp/vtax-console-XXXXXX";
    static const char text[] = "[\033[0;32m  OK  \033[0m] up\r\n\033[2J\033(Bx\033[\0y\033";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    char *tail = console_read_tail(path);
    unlink(path);
    assert_string_equal(tail, "[  OK  ] up \n(Bx");
    free(tail);
}

struct draws {
    double factor;
    int rc;
    unsigned starts;
};

static struct draws draw(const char *name, const char *const settings[][2], uint64_t seed,
                         uint64_t cell, uint64_t block, unsigned index)
{
    struct error err = {0};
    const struct plan_kind *kind = NULL;
    for (size_t i = 0; platforms[i]; i++)
        if (strcmp(platforms[i]->kind.name, "fake") == 0)
            kind = &platforms[i]->kind;
    CLEANUP_FREE void *options = mem_zalloc(kind->options.struct_bytes);
    option_table_init(&kind->options, options);
    for (; (*settings)[0]; settings++) {
        const struct option *option =
            option_find(&kind->options, (*settings)[0], strlen((*settings)[0]));
        assert_int_equal(option_parse(option, options, (*settings)[1], &err), 0);
    }
    struct plan_entry entry = {.name = (char *)name, .kind = kind, .options = options};
    struct site_options site_options = {.entry = &entry, .seed = seed};
    struct draws draws = {0};
    struct machine_options machine_options = {
        .index = index, .cell = cell, .block = block, .starts = &draws.starts};
    struct site *site = NULL;
    struct machine *machine = NULL;
    assert_int_equal(platform_open(&site_options, &site, &err), 0);
    struct machine_draw drawn = {0};
    draws.rc = machine_start(site, &machine_options, &machine, &err);
    uint64_t boot_ns;
    if (draws.rc >= 0)
        assert_int_equal(machine_wait_ready(machine, &boot_ns, &err), 0);
    if (draws.rc >= 0)
        draws.rc = machine_draw(machine, 1000, &drawn, &err);
    draws.factor = drawn.factor;
    machine_free(machine);
    platform_close(site);
    option_table_done(&kind->options, options);
    return draws;
}

static void test_fake_depends_on_its_trial_alone(void **state)
{
    (void)state;
    static const char *const plain[][2] = {{NULL, NULL}};
    double factor = draw("fake", plain, 7, 3, 2, 1).factor;
    assert_true(factor > 0.8 && factor < 1.2);
    assert_true(draw("fake", plain, 7, 3, 2, 1).factor == factor);
    assert_true(draw("other", plain, 7, 3, 2, 1).factor != factor);
    assert_true(draw("fake", plain, 8, 3, 2, 1).factor != factor);
    assert_true(draw("fake", plain, 7, 4, 2, 1).factor != factor);
    assert_true(draw("fake", plain, 7, 3, 3, 1).factor != factor);
    assert_true(draw("fake", plain, 7, 3, 2, 0).factor != factor);
    assert_true(draw("fake", plain, 7, 2, 3, 1).factor != factor); /* not the sum of the parts */
}

static void test_fake_distribution(void **state)
{
    (void)state;
    static const char *const settings[][2] = {{"slowdown", "1.25"}, {"noise", "10%"}, {NULL, NULL}};
    enum { COUNT = 4000 };
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        double logarithm = log(draw("fake", settings, 1, i % 10, i / 10, 0).factor / 1.25);
        sum += logarithm;
        squares += logarithm * logarithm;
    }
    double sigma = sqrt(log1p(0.01)); /* of a log-normal with relative standard deviation 0.1 */
    assert_near(sum / COUNT, 0, 4 * sigma / sqrt(COUNT));
    assert_near(sqrt(squares / COUNT), sigma, 4 * sigma / sqrt(2 * COUNT));
}

static void test_fake_faults(void **state)
{
    (void)state;
    static const char *const settings[][2] = {
        {"fail", "0.1"}, {"hang", "0.2"}, {"boot-fail", "0.3"}, {"drift", "0.01"}, {NULL, NULL}};
    enum { COUNT = 3000 };
    int failed = 0, hung = 0, unbooted = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        int rc = draw("fake", settings, 1, i, 0, 0).rc;
        failed += rc == -EIO;
        hung += rc == -ETIMEDOUT;
        unbooted += rc == -EPIPE;
    }
    assert_near((double)unbooted / COUNT, 0.3, 0.035);
    assert_near((double)failed / COUNT, 0.7 * 0.1, 0.02);
    assert_near((double)hung / COUNT, 0.7 * 0.2, 0.026);
    static const char *const drifting[][2] = {{"noise", "0"}, {"drift", "0.01"}, {NULL, NULL}};
    assert_near(draw("fake", drifting, 1, 0, 10, 0).factor, 1.1046221254, 1e-9);
}

/* Every try is counted, whether one of them helps or none. */
static void test_fake_starts(void **state)
{
    (void)state;
    static const char *const never[][2] = {{"boot-fail", "1"}, {"boot-retries", "7"}, {NULL, NULL}};
    static const char *const some[][2] = {
        {"boot-fail", "0.5"}, {"boot-retries", "1000"}, {NULL, NULL}};
    static const char *const plain[][2] = {{NULL, NULL}};
    enum { COUNT = 1000 };
    unsigned sum = 0;
    struct draws draws = draw("fake", never, 1, 0, 0, 0);
    assert_int_equal(draws.rc, -EPIPE);
    assert_int_equal(draws.starts, 8);
    assert_int_equal(draw("fake", plain, 1, 0, 0, 0).starts, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        draws = draw("fake", some, 1, i, 0, 0);
        assert_int_equal(draws.rc, 0);
        sum += draws.starts;
    }
    assert_near((double)sum / COUNT, 2, 0.2); /* geometric: standard deviation 1.41 of each */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_domain_xml),
        cmocka_unit_test(test_domain_xml_variants),
        cmocka_unit_test(test_user_network),
        cmocka_unit_test(test_kvm_refusals),
        cmocka_unit_test(test_qemu_log),
        cmocka_unit_test(test_qemu_log_of_a_stop),
        cmocka_unit_test(test_console),
        cmocka_unit_test(test_console_death_stays),
        cmocka_unit_test(test_console_without_escapes),
        cmocka_unit_test(test_fake_depends_on_its_trial_alone),
        cmocka_unit_test(test_fake_distribution),
        cmocka_unit_test(test_fake_faults),
        cmocka_unit_test(test_fake_starts),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
