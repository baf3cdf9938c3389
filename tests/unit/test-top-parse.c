/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "top/agent.h"
#include "top/identity.h"
#include "top/parse.h"

/* A text of words that end with NUL. */
#define WORDS(text) (text), sizeof(text)

static void test_stat(void **state)
{
    (void)state;
    const char text[] =
        "42 (CPU 0/KVM) (x)) S 1 42 42 0 -1 4194304 9 0 7 0 300 200 5 6 20 0 4 0 987 "
        "1000 376 18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 0 17 3 0 0 0 250 0\n";
    struct parse_stat stat;
    assert_int_equal(parse_stat(text, strlen(text), &stat), 0);
    assert_string_equal(stat.name, "CPU 0/KVM) (x)");
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.faults, 7);
    assert_int_equal(stat.cpu_ticks, 500);
    assert_int_equal(stat.guest_ticks, 250);
    assert_int_equal(stat.start_ticks, 987);
    assert_int_equal(stat.cpu, 3);
    assert_int_equal(parse_stat(text, 60, &stat), -EBADMSG);
    assert_int_equal(parse_stat("", 0, &stat), -EBADMSG);
    assert_int_equal(parse_stat(")(", 2, &stat), -EBADMSG);
}

static void test_fields(void **state)
{
    (void)state;
    const char io[] = "rchar: 1\nread_bytes: 4096\nwrite_bytes: 17\ncancelled_write_bytes: 3\n";
    const char sched[] =
        "x (1, #threads: 1)\nse.nr_migrations_cold  : 9\nse.nr_migrations  :  31\n";
    uint64_t value = 0, run_ns, wait_ns;
    assert_int_equal(parse_field(io, strlen(io), "read_bytes", &value), 0);
    assert_int_equal(value, 4096);
    assert_int_equal(parse_field(io, strlen(io), "write_bytes", &value), 0);
    assert_int_equal(value, 17);
    assert_int_equal(parse_field(io, strlen(io), "bytes", &value), -EBADMSG);
    assert_int_equal(parse_field(io, strlen(io), "read", &value), -EBADMSG);
    assert_int_equal(parse_field(sched, strlen(sched), "se.nr_migrations", &value), 0);
    assert_int_equal(value, 31);
    assert_int_equal(parse_schedstat("12 34 5\n", 8, &run_ns, &wait_ns), 0);
    assert_int_equal(run_ns, 12);
    assert_int_equal(wait_ns, 34);
    assert_int_equal(parse_schedstat("12", 2, &run_ns, &wait_ns), -EBADMSG);
    assert_int_equal(parse_number("77\n", 3, &value), 0);
    assert_int_equal(value, 77);
    assert_int_equal(parse_number("77x", 3, &value), -EBADMSG);
    assert_int_equal(parse_number("99999999999999999999", 20, &value), -EBADMSG);
}

struct card {
    const char *name;
    uint64_t received, sent;
};

static void take_card(const char *name, uint64_t received, uint64_t sent, void *context)
{
    struct card *card = context;
    if (strcmp(name, card->name) != 0)
        return;
    card->received = received;
    card->sent = sent;
}

static void test_cards(void **state)
{
    (void)state;
    const char fdinfo[] = "pos:\t104\nflags:\t0104002\niff:\tvtax-t0\n";
    const char net[] = "Inter-|   Receive\n face |bytes\n"
                       "    lo: 1 2 3 4 5 6 7 8 9 10\nvtax-t0:1000 1 0 0 0 0 0 0 2000 2 0 0 0\n";
    char name[PARSE_INTERFACE_MAX];
    assert_int_equal(parse_tap(fdinfo, strlen(fdinfo), name), 0);
    assert_string_equal(name, "vtax-t0");
    assert_int_equal(parse_tap("iff:\taaaaaaaaaaaaaaaaaaaaaaaa\n", 30, name), -EBADMSG);
    assert_int_equal(parse_tap("pos:\t0\n", 7, name), -EBADMSG);
    struct card card = {.name = "vtax-t0"}, none = {.name = "vtax-t"};
    assert_int_equal(parse_interfaces(net, strlen(net), take_card, &card), 0);
    assert_int_equal(card.received, 1000);
    assert_int_equal(card.sent, 2000);
    assert_int_equal(parse_interfaces(net, strlen(net), take_card, &none), 0);
    assert_int_equal(none.received, 0);
    assert_int_equal(parse_interfaces("x\ny: 1 2 3\n", 11, take_card, &none), -EBADMSG);
}

static void test_host(void **state)
{
    (void)state;
    const char stat[] = "cpu  100 20 30 4000 50 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n"
                        "cpu1 1 2 3 4 5 6 7 8 9 0\nintr 5\n";
    const char schedstat[] = "version 15\ntimestamp 4295\ncpu0 0 0 0 0 0 0 900 40 5\n"
                             "domain0 3 1 2\ncpu1 0 0 0 0 0 0 800 2 5\n";
    struct parse_host host;
    uint64_t wait_ns;
    assert_int_equal(parse_host(stat, strlen(stat), &host), 0);
    assert_int_equal(host.busy, 100 + 20 + 30 + 6 + 7);
    assert_int_equal(host.steal, 8);
    assert_int_equal(host.cpus, 2);
    assert_int_equal(parse_host("cpu 1 2\n", 8, &host), -EBADMSG);
    assert_int_equal(parse_host("intr 1\n", 7, &host), -EBADMSG);
    assert_int_equal(parse_host_wait(schedstat, strlen(schedstat), &wait_ns), 0);
    assert_int_equal(wait_ns, 42);
    assert_int_equal(parse_host_wait("version 15\n", 11, &wait_ns), -EBADMSG);
}

static void test_vcpu(void **state)
{
    (void)state;
    unsigned number = 99;
    assert_int_equal(parse_vcpu("CPU 12/KVM", &number), PARSE_KVM);
    assert_int_equal(number, 12);
    assert_int_equal(parse_vcpu("CPU 0/TCG", &number), PARSE_TCG);
    assert_int_equal(parse_vcpu("ALL CPUs/TCG", &number), PARSE_TCG);
    assert_int_equal(number, 0);
    assert_int_equal(parse_vcpu("EMT-3", &number), PARSE_VIRTUALBOX);
    assert_int_equal(number, 3);
    assert_int_equal(parse_vcpu("fc_vcpu 1", &number), PARSE_OTHER);
    const char *const others[] = {"CPU 0/KVMx",
                                  "CPU /KVM",
                                  "CPU  1/KVM",
                                  "EMT-",
                                  "worker",
                                  "EMT--1",
                                  "CPU 99999999999999999999/KVM",
                                  "",
                                  "vcpu1x"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(parse_vcpu(others[i], &number), PARSE_NO_VCPU);
}

static void test_programs(void **state)
{
    (void)state;
    enum identity_program program = IDENTITY_OTHER;
    assert_true(identity_is_runner("qemu-system-x86_64", &program));
    assert_int_equal(program, IDENTITY_QEMU);
    assert_true(identity_is_runner("VBoxHeadless", &program));
    assert_int_equal(program, IDENTITY_VIRTUALBOX);
    assert_true(identity_is_runner("firecracker", &program));
    assert_int_equal(program, IDENTITY_OTHER);
    assert_false(identity_is_runner("qemu-img", &program));
    assert_false(identity_is_runner("bash", &program));
}

static void test_libvirt(void **state)
{
    (void)state;
    CLEANUP_IDENTITY struct identity identity;
    identity_parse(
        IDENTITY_QEMU,
        WORDS("/usr/bin/qemu-system-x86_64\0-name\0guest=web,,1,debug-threads=on\0-S\0-machine\0"
              "pc-q35-7.2,accel=kvm\0-smp\0002,sockets=2\0-uuid\0"
              "c7a5fdbd-edaf-9455-926a-d65c16db1809\0-chardev\0"
              "socket,id=other,path=/tmp/other\0-chardev\0"
              "socket,id=ga0,path=/run/ga,,0.sock,server=on,wait=off\0-device\0"
              "virtserialport,bus=b.0,chardev=ga0,id=c0,name=org.qemu.guest_agent.0"),
        &identity);
    assert_string_equal(identity.name, "web,1");
    assert_string_equal(identity.uuid, "c7a5fdbd-edaf-9455-926a-d65c16db1809");
    assert_string_equal(identity.agent_socket, "/run/ga,0.sock");
    assert_true(identity.has_agent);
    assert_int_equal(identity.vcpus, 2);
    assert_int_equal(identity.xen_domain, 0);
    assert_false(identity.is_empty);
}

static void test_other_command_lines(void **state)
{
    (void)state;
    struct identity identity;
    identity_parse(IDENTITY_QEMU, WORDS("qemu-kvm\0--name\0plain\0-smp\0cpus=3"), &identity);
    assert_string_equal(identity.name, "plain");
    assert_int_equal(identity.vcpus, 3);
    identity_done(&identity);
    identity_parse(IDENTITY_QEMU, WORDS("qemu-system-i386\0-xen-domid\0007\0-name\0d"), &identity);
    assert_int_equal(identity.xen_domain, 7);
    identity_done(&identity);
    identity_parse(IDENTITY_QEMU, WORDS("qemu-system-x86_64\0-S\0-machine\0none,accel=kvm"),
                   &identity);
    assert_true(identity.is_empty);
    assert_null(identity.name);
    identity_done(&identity);
    identity_parse(IDENTITY_VIRTUALBOX, WORDS("VBoxHeadless\0--comment\0box\0--startvm\0a-b"),
                   &identity);
    assert_string_equal(identity.name, "box");
    assert_string_equal(identity.uuid, "a-b");
    identity_done(&identity);
    /* Cut in the middle, and without anything. */
    identity_parse(IDENTITY_QEMU, "qemu\0-name", 10, &identity);
    assert_null(identity.name);
    identity_done(&identity);
    identity_parse(IDENTITY_QEMU, NULL, 0, &identity);
    assert_null(identity.name);
    identity_done(&identity);
}

static void test_agent(void **state)
{
    (void)state;
    const char stats[] =
        "{\"return\": [{\"type\": \"linux\", \"cpu\": 0, \"user\": 10, \"steal\": 7},"
        "{\"type\": \"linux\", \"cpu\": 1, \"user\": 10, \"steal\": 5}]}";
    uint64_t value = 0;
    assert_int_equal(agent_parse(stats, strlen(stats), &value), AGENT_STEAL);
    assert_int_equal(value, 12000000);
    assert_int_equal(agent_parse("{\"return\": 5}", 13, &value), AGENT_NUMBER);
    assert_int_equal(value, 5);
    const char error[] = "{\"error\": {\"class\": \"CommandNotFound\"}}";
    assert_int_equal(agent_parse(error, strlen(error), &value), AGENT_ERROR);
    assert_int_equal(agent_parse("{\"return\": []}", 14, &value), AGENT_UNKNOWN);
    assert_int_equal(agent_parse("{\"return\": [{}]}", 16, &value), AGENT_UNKNOWN);
    assert_int_equal(agent_parse("\xff", 1, &value), AGENT_NOT_JSON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),    cmocka_unit_test(test_fields),
        cmocka_unit_test(test_cards),   cmocka_unit_test(test_host),
        cmocka_unit_test(test_vcpu),    cmocka_unit_test(test_programs),
        cmocka_unit_test(test_libvirt), cmocka_unit_test(test_other_command_lines),
        cmocka_unit_test(test_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
