/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "top/exporter.h"
#include "top/openmetrics.h"

static void assert_line(const struct strbuf *text, const char *line)
{
    CLEANUP_FREE char *whole = mem_printf("\n%s\n", line);
    if (!strstr(text->text, whole))
        fail_msg("no line '%s' in:\n%s", line, text->text);
}

static void test_text(void **state)
{
    (void)state;
    CLEANUP_SNAPSHOT struct snapshot snapshot = {
        .host = {.cpus = 4, .busy = figure_of(1500000000)}};
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    snapshot.host.wait = figure_missing("a reason");
    struct vm *vm = snapshot_add(&snapshot);
    vm->name = mem_strdup("a\\b\"c\nd\xff");
    vm->domain = 3;
    vm->kind = VM_XEN;
    vm->figures[FIGURE_CPU] = figure_of(2000000001);
    vm->figures[FIGURE_EXITS] = figure_of(UINT64_MAX);
    vm->figures[FIGURE_STEAL] = figure_missing("\"why\"");
    struct vm_reason *reason = vm_add_reason(vm, "hlt", 3);
    reason->count = 7;
    reason->time = figure_of(5000);
    reason->buckets[10] = 4;
    reason->buckets[EXIT_BUCKETS - 1] = 3;
    openmetrics_add(&snapshot, &out);
#define LABELS "vm=\"a\\\\b\\\"c\\nd\xef\xbf\xbd\",kind=\"xen\",domain=\"3\""
    assert_line(&out, "vtax_host_cpus 4");
    assert_line(&out, "vtax_host_busy_seconds_total 1.500000000");
    assert_null(strstr(out.text, "vtax_host_wait"));
    assert_line(&out, "# UNIT vtax_vm_cpu_seconds seconds");
    assert_line(&out, "vtax_vm_cpu_seconds_total{" LABELS "} 2.000000001");
    assert_line(&out, "vtax_vm_exits_total{" LABELS "} 18446744073709551615");
    assert_null(strstr(out.text, "vtax_vm_guest_steal_seconds_total{"));
    assert_line(&out,
                "vtax_vm_missing{" LABELS ",figure=\"steal_guest\",reason=\"\\\"why\\\"\"} 1");
    assert_line(&out, "vtax_vm_reason_exits_total{" LABELS ",reason=\"hlt\"} 7");
#define BUCKET "vtax_vm_exit_duration_seconds_bucket{" LABELS ",reason=\"hlt\",le="
    assert_line(&out, BUCKET "\"0.000000512\"} 0");
    assert_line(&out, BUCKET "\"0.000001024\"} 4");
    assert_line(&out, BUCKET "\"+Inf\"} 7");
    assert_line(&out, "vtax_vm_exit_duration_seconds_sum{" LABELS ",reason=\"hlt\"} 0.000005000");
    assert_string_equal(out.text + out.length - 6, "# EOF\n");
}

static void test_address(void **state)
{
    (void)state;
    struct exporter_address address;
    struct error err = {0};
    assert_int_equal(exporter_parse("9000", &address, &err), 0);
    assert_int_equal(ntohl(address.v4.sin_addr.s_addr), INADDR_LOOPBACK);
    assert_int_equal(ntohs(address.v4.sin_port), 9000);
    assert_int_equal(exporter_parse("", &address, &err), 0);
    assert_int_equal(ntohs(address.v4.sin_port), EXPORTER_PORT);
    assert_int_equal(exporter_parse("0.0.0.0:1", &address, &err), 0);
    assert_int_equal(address.v4.sin_addr.s_addr, INADDR_ANY);
    assert_int_equal(exporter_parse("[::1]:2", &address, &err), 0);
    assert_int_equal(address.any.sa_family, AF_INET6);
    assert_int_equal(ntohs(address.v6.sin6_port), 2);
    assert_int_equal(exporter_parse("::1", &address, &err), 0);
    assert_int_equal(ntohs(address.v6.sin6_port), EXPORTER_PORT);
    static const char *const wrong[] = {"65536", "host", "1.2.3.4:",    "[::1", "[::1]9",
                                        "[]:1",  "[",    "1.2.3.4:5:6", ":",    "-1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (exporter_parse(wrong[i], &address, &err) != -EINVAL)
            fail_msg("'%s' is taken for an address", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_address)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
