/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/kept.h"

#define LENT(text) ((char *)(text))

static void assert_ok(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->text);
}

static char *format_log(void)
{
    CLEANUP_STRBUF struct strbuf log;
    strbuf_init(&log);
    hdrlog_format_header(&log, 1000, "test");
    static const char *const tags[] = {"raw", "planned"};
    for (unsigned i = 0; i < COUNT_OF(tags); i++) {
        struct hdrlog_interval interval = {.start_s = 1000, .length_s = 5};
        strcpy(interval.tag, tags[i]);
        assert_int_equal(hdr_init(&interval.hdr, NULL), 0);
        hdr_record_n(&interval.hdr, 1000000, 10 + i);
        assert_int_equal(hdrlog_format_interval(&log, 1000, &interval), 0);
        hdr_done(&interval.hdr);
    }
    return strbuf_take(&log);
}

/* A store with one trial that has these two attachments; returns its id. */
static int64_t make_store(const char *path, struct store **out_store)
{
    struct error err = {0};
    struct store_cell cell = {.platform = LENT("native"),
                              .platform_kind = LENT("native"),
                              .workload = LENT("shop"),
                              .workload_kind = LENT("shop"),
                              .parameters = LENT(""),
                              .vms = 1,
                              .vcpus = 1};
    struct store_campaign campaign = {.name = LENT("x"),
                                      .plan_text = LENT("x"),
                                      .plan_digest = LENT("x"),
                                      .cells = &cell,
                                      .cell_count = 1};
    char table[] = "second,pages\n0,7\n1,9\n";
    CLEANUP_FREE char *log = format_log();
    struct store_attachment attachments[] = {
        {-1, LENT(KEPT_SHOP_SECONDS), LENT(KEPT_SERIES), table, strlen(table)},
        {0, LENT(KEPT_SHOP_LATENCY), LENT(KEPT_HISTOGRAMS), log, strlen(log)},
        {0, LENT("bad"), LENT(KEPT_HISTOGRAMS), LENT("Tag=x,1,2,3,HIST\n"), 17},
        {0, LENT("bad table"), LENT(KEPT_SERIES), LENT("a,b\n1\n"), 6},
    };
    assert_ok(store_open(path, STORE_WRITE, out_store, &err), &err);
    assert_ok(store_add_campaign(*out_store, &campaign, &err), &err);
    struct store_trial trial = {
        .cell_id = cell.id, .attachments = attachments, .attachment_count = COUNT_OF(attachments)};
    assert_ok(store_add_trial(*out_store, &trial, &err), &err);
    return trial.id;
}

static void test_read(void **state)
{
    (void)state;
    char directory[] = "/tmp/vtax-test-kept-XXXXXX";
    assert_non_null(mkdtemp(directory));
    CLEANUP_FREE char *path = mem_printf("%s/s.db", directory);
    struct error err = {0};
    struct store *store = NULL;
    int64_t id = make_store(path, &store);

    CLEANUP_SERIES struct series series = {0};
    assert_int_equal(kept_read_series(store, id, -1, KEPT_SHOP_SECONDS, &series, &err), 1);
    assert_near(series_value(&series, 1, series_find(&series, "pages")), 9, 0);
    assert_int_equal(kept_read_series(store, id, 0, KEPT_SHOP_SECONDS, &series, &err), 0);
    assert_int_equal(kept_read_series(store, id, 0, KEPT_SHOP_LATENCY, &series, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "csv"));
    assert_int_equal(kept_read_series(store, id, 0, "bad table", &series, &err), -EBADMSG);

    CLEANUP_KEPT_HISTOGRAMS struct kept_histograms all = {0};
    assert_int_equal(kept_read_histograms(store, id, 0, KEPT_SHOP_LATENCY, &all, &err), 1);
    assert_int_equal(all.count, 2);
    assert_int_equal(kept_find_histogram(&all, "planned")->count, 11);
    assert_null(kept_find_histogram(&all, "lag"));
    struct kept_histograms none = {0};
    assert_int_equal(kept_read_histograms(store, id, 0, "bad", &none, &err), -EBADMSG);
    store_close(store);
    file_remove_tree(directory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read)};
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
