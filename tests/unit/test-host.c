/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A fake root directory states the host.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "probe/host.h"
#include "world.h"

static const struct world_file quiet_server[] = {
    {"/proc/cpuinfo",
     "processor\t: 0\nmodel name\t: Example 9000\nmicrocode\t: 0xa1\nflags\t\t: fpu "
     "svm\ncpu MHz\t\t: 2400.000\n\nprocessor\t: 1\nmodel name\t: Example 9000\n"},
    {"/proc/meminfo", "MemTotal:       16384000 kB\nMemAvailable:    8192000 kB\n"},
    {"/proc/version", "Linux version 6.12\n"},
    {"/proc/cmdline", "root=/dev/sda1 quiet\n"},
    {"/proc/loadavg", "0.10 0.20 0.30 1/100 4242\n"},
    {"/proc/stat", "cpu  100 0 50 800 40 5 5 0 0 0\ncpu0 50 0 25 400 20 2 3 0 0 0\n"},
    {"/sys/devices/system/cpu/vulnerabilities/meltdown", "Mitigation: PTI\n"},
    {"/sys/devices/system/cpu/vulnerabilities/l1tf", "Not affected\n"},
    {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"},
    {"/sys/devices/system/cpu/cpufreq/boost", "0\n"},
    {"/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"},
    {"/sys/kernel/mm/ksm/run", "0\n"},
    {"/sys/devices/system/cpu/smt/control", "off\n"},
    {NULL, NULL},
};

static void test_facts(void **state)
{
    (void)state;
    char *root = world_make(quiet_server);
    struct host_facts facts = {0};
    host_read_facts(root, &facts);
    assert_string_equal(host_facts_find(&facts, "host.cpu.model"), "Example 9000");
    assert_string_equal(host_facts_find(&facts, "host.cpu.count"), "2");
    assert_string_equal(host_facts_find(&facts, "host.cpu.microcode"), "0xa1");
    assert_string_equal(host_facts_find(&facts, "host.cpu.virtualization"), "AMD-V");
    assert_string_equal(host_facts_find(&facts, "host.nested"), "no");
    assert_string_equal(host_facts_find(&facts, "host.memory"), "16000MiB");
    assert_string_equal(host_facts_find(&facts, "host.mitigations"), "meltdown: Mitigation: PTI");
    assert_string_equal(host_facts_find(&facts, "host.thp"), "always");
    assert_string_equal(host_facts_find(&facts, "host.kernel"), "Linux version 6.12");
    assert_int_equal(host_available_bytes(root), UINT64_C(8192000) << 10);
    host_facts_done(&facts);
    world_remove(root);
}

static void test_missing_files_have_a_reason(void **state)
{
    (void)state;
    static const struct world_file nothing[] = {{NULL, NULL}};
    char *root = world_make(nothing);
    struct host_facts facts = {0};
    host_read_facts(root, &facts);
    host_read_moment(root, &facts);
    assert_true(facts.count > 5);
    assert_non_null(strstr(host_facts_find(&facts, "host.cpu.model"), "not available"));
    assert_non_null(strstr(host_facts_find(&facts, "host.ksm"), "/sys/kernel/mm/ksm/run"));
    assert_non_null(strstr(host_facts_find(&facts, "host.memory"), "no 'MemTotal'"));
    assert_non_null(strstr(host_facts_find(&facts, "host.memory-available"), "no 'MemAvailable'"));
    struct host_cpu cpu;
    struct error err = {0};
    assert_true(host_read_cpu(root, &cpu, &err) < 0);
    assert_int_equal(err.kind, ERROR_ENVIRONMENT);
    host_facts_done(&facts);
    world_remove(root);
}

static void test_stat(void **state)
{
    (void)state;
    struct host_cpu cpu;
    const char *text = quiet_server[5].text;
    assert_int_equal(host_parse_stat(text, strlen(text), &cpu), 0);
    assert_int_equal(cpu.total, 1000);
    assert_int_equal(cpu.idle, 840);
    assert_int_equal(cpu.steal, 0);
    assert_true(host_parse_stat("cpu 1 2 3", 9, &cpu) < 0);
    assert_true(host_parse_stat("", 0, &cpu) < 0);
}

static const struct finding *find_finding(const struct findings *findings, const char *name)
{
    for (size_t i = 0; i < findings->count; i++)
        if (!strcmp(findings->items[i].name, name))
            return &findings->items[i];
    fail_msg("no finding '%s'", name);
    return NULL;
}

static void judge(const struct host_cpu *after, struct findings *findings)
{
    char *root = world_make(quiet_server);
    struct host_facts facts = {0}, moment = {0};
    host_read_facts(root, &facts);
    host_read_moment(root, &moment);
    host_judge(&facts, &moment, &(struct host_cpu){.total = 1000, .idle = 840}, after, findings);
    host_facts_done(&facts);
    host_facts_done(&moment);
    world_remove(root);
}

static void test_quiet_server_is_good(void **state)
{
    (void)state;
    struct findings findings = {0};
    judge(&(struct host_cpu){.total = 2000, .idle = 1830}, &findings);
    for (size_t i = 0; i < findings.count; i++)
        if (findings.items[i].level != FINDING_GOOD)
            fail_msg("%s: %s", findings.items[i].name, findings.items[i].text);
    findings_done(&findings);
}

static void test_busy_and_stolen_is_bad(void **state)
{
    (void)state;
    struct findings findings = {0};
    judge(&(struct host_cpu){.total = 2000, .idle = 1440, .steal = 100}, &findings);
    assert_int_equal(find_finding(&findings, "load")->level, FINDING_BAD);
    assert_int_equal(find_finding(&findings, "steal")->level, FINDING_BAD);
    assert_non_null(find_finding(&findings, "steal")->remedy);
    findings_done(&findings);
}

/* Idle time and steal may go back; what does not grow at all is not known. */
static void test_times_that_go_back(void **state)
{
    (void)state;
    struct findings findings = {0};
    judge(&(struct host_cpu){.total = 2000, .idle = 839}, &findings);
    assert_string_equal(find_finding(&findings, "load")->text, "other work uses 100 % of the CPUs");
    findings_done(&findings);
    judge(&(struct host_cpu){.total = 1000, .idle = 840}, &findings);
    assert_int_equal(find_finding(&findings, "load")->level, FINDING_NOTE);
    assert_non_null(strstr(find_finding(&findings, "load")->text, "not available"));
    findings_done(&findings);
    struct host_loop loop = {.before = {.total = 5000, .idle = 4000, .steal = 70},
                             .after = {.total = 5200, .idle = 4100, .steal = 60}};
    host_judge_loop(&loop, &findings);
    assert_int_equal(find_finding(&findings, "steal")->level, FINDING_GOOD);
    findings_done(&findings);
    loop.after = loop.before;
    host_judge_loop(&loop, &findings);
    assert_non_null(strstr(find_finding(&findings, "steal")->text, "not available"));
    findings_done(&findings);
}

/* A second of a guest with two CPUs, of which one was asked for; in ticks. */
static const struct {
    uint64_t steal, had_ms;
    enum finding_level steal_level, tasks_level;
    const char *says;
} loops[] = {
    {0, 1000, FINDING_GOOD, FINDING_GOOD, "0.0 %"},
    {1, 950, FINDING_NOTE, FINDING_GOOD, "took 1.0 % of the CPU time that was asked for"},
    {10, 880, FINDING_NOTE, FINDING_NOTE, "took 10.0 %"},
    {40, 600, FINDING_BAD, FINDING_NOTE, "took 40.0 %"},
};

static void test_starved_guest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(loops); i++) {
        struct findings findings = {0};
        const struct host_loop loop = {
            .wall_ns = UINT64_C(1000000000),
            .cpu_ns = loops[i].had_ms * UINT64_C(1000000),
            .before = {.total = 5000, .idle = 4000, .steal = 70},
            .after = {.total = 5200, .idle = 4100, .steal = 70 + loops[i].steal},
        };
        host_judge_loop(&loop, &findings);
        assert_int_equal(findings.count, 2);
        assert_string_equal(findings.items[0].name, "other tasks");
        assert_int_equal(findings.items[0].level, loops[i].tasks_level);
        assert_string_equal(findings.items[1].name, "steal");
        assert_int_equal(findings.items[1].level, loops[i].steal_level);
        assert_non_null(strstr(findings.items[1].text, loops[i].says));
        findings_done(&findings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_missing_files_have_a_reason),
        cmocka_unit_test(test_stat),
        cmocka_unit_test(test_quiet_server_is_good),
        cmocka_unit_test(test_busy_and_stolen_is_bad),
        cmocka_unit_test(test_times_that_go_back),
        cmocka_unit_test(test_starved_guest),
    };
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
