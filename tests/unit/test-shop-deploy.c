/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "shop/deploy.h"
#include "shop/httpd_conf.h"
#include "shop/model.h"

static const struct deploy_options good = {
    .seed = 7, .sessions = 100, .back_end = "10.0.0.1:8490", .guest_program = "/run/vtax-guest"};

static const char *text_of(const struct deploy *deploy, const char *path)
{
    for (size_t i = 0; i < deploy->file_count; i++)
        if (strcmp(deploy->files[i].path, path) == 0)
            return deploy->files[i].bytes;
    return NULL;
}

static void test_plain_deployment(void **state)
{
    (void)state;
    CLEANUP(deploy_free_cleanup) struct deploy *deploy = NULL;
    struct error err = {0};
    assert_int_equal(deploy_make(&good, &deploy, &err), 0);
    assert_int_equal(deploy->file_count, 2);
    const char *conf = text_of(deploy, DEPLOY_ROOT "/httpd.conf");
    assert_non_null(conf);
    assert_non_null(strstr(conf, "\nListen 8080\n"));
    assert_non_null(strstr(conf, "\nShopBackEnd 10.0.0.1:8490\n"));
    assert_non_null(strstr(conf, "\nShopSessions 100\n"));
    assert_non_null(strstr(conf, "\nShopDirectories 5\n"));
    assert_null(strstr(conf, "SSL"));
    assert_memory_equal(text_of(deploy, DEPLOY_ROOT "/mod_shop.so"), "\177ELF", 4);
    assert_string_equal(deploy->generate.argv[0], "/run/vtax-guest");
    assert_string_equal(deploy->generate.argv[1], "shop-files");
    assert_string_equal(deploy->start.argv[0], "sh");
    assert_string_equal(deploy->start.argv[4], "/usr/sbin/apache2");
    assert_int_equal(deploy->fileset_bytes, 349557 + UINT64_C(500) * 564495);
    assert_string_equal(deploy->access_log, DEPLOY_ROOT "/access.log");
}

static void test_other_choices(void **state)
{
    (void)state;
    CLEANUP(deploy_free_cleanup) struct deploy *deploy = NULL;
    struct deploy_options o = good;
    o.root = "/var/tmp/x";
    o.address = "::1";
    o.one_user = true;
    o.no_access_log = true;
    assert_int_equal(deploy_make(&o, &deploy, NULL), 0);
    const char *conf = text_of(deploy, "/var/tmp/x/httpd.conf");
    assert_non_null(strstr(conf, "\nListen [::1]:8080\n"));
    assert_null(strstr(conf, "CustomLog"));
    assert_null(deploy->access_log);
    assert_string_equal(deploy->start.argv[4], "unshare");
    assert_string_equal(deploy->start.argv[8], "/usr/sbin/apache2");
    assert_null(deploy->start.argv[13]);
}

static void expect_refused(const struct deploy_options *options, const char *word)
{
    struct deploy *deploy = NULL;
    struct error err = {0};
    assert_true(deploy_make(options, &deploy, &err) < 0);
    assert_null(deploy);
    assert_int_equal(err.kind, ERROR_USAGE);
    if (!strstr(err.text, word))
        fail_msg("'%s' does not name '%s'", err.text, word);
}

static void test_refused_options(void **state)
{
    (void)state;
    struct deploy_options o = good;
    o.root = "/srv/x\"\nUser root";
    expect_refused(&o, "User root");
    o = good;
    o.root = "relative";
    expect_refused(&o, "'relative'");
    o = good;
    o.back_end = "shop:80";
    expect_refused(&o, "'shop:80'");
    o = good;
    o.address = "any";
    expect_refused(&o, "'any'");
    o = good;
    o.sessions = 0;
    expect_refused(&o, "0 sessions");
    o = good;
    o.sessions = 200001;
    expect_refused(&o, "200001 sessions");
    o = good;
    o.https_port = o.http_port = 80;
    expect_refused(&o, "port 80");
}

static void test_size(void **state)
{
    (void)state;
    static const uint32_t sessions[] = {1, 10, 1000, 100000};
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
        for (unsigned vcpus = 1; vcpus <= 64; vcpus *= 4) {
            struct httpd_size size = httpd_size_for(sessions[i], vcpus);
            uint64_t idle = size.threads / 4;
            assert_in_range(size.processes, 2, 16);
            assert_true((size.threads + idle * size.factor) * size.processes >= 2u * sessions[i]);
        }
}

/* Others' judgement, where there is the program. */
static void verify(const struct authority *authority)
{
    const char *const argv[] = {"openssl",
                                "verify",
                                "-x509_strict",
                                "-purpose",
                                "sslserver",
                                "-verify_hostname",
                                SHOP_HOST,
                                "-CAfile",
                                authority->ca_path,
                                authority->cert_path,
                                NULL};
    CLEANUP_FREE char *text = NULL;
    struct error err = {0};
    if (!process_find_program("openssl"))
        print_message("no program 'openssl' to verify with\n");
    else if (process_check(argv, 60 * NS_PER_S, &text, &err) < 0)
        fail_msg("%s", err.text);
    else
        assert_non_null(strstr(text, ": OK"));
}

static void test_certificate(void **state)
{
    (void)state;
    char directory[] = "/tmp/test-authority-XXXXXX";
    struct error err = {0};
    struct stat status, again;
    assert_non_null(mkdtemp(directory));
    CLEANUP(authority_free_cleanup) struct authority *authority = NULL;
    CLEANUP(authority_free_cleanup) struct authority *second = NULL;
    CLEANUP(deploy_free_cleanup) struct deploy *deploy = NULL;
    if (authority_open(directory, &authority, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(stat(authority->key_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    verify(authority);
    assert_int_equal(stat(authority->cert_path, &status), 0);
    assert_int_equal(authority_open(directory, &second, &err), 0);
    assert_int_equal(stat(second->cert_path, &again), 0);
    assert_int_equal(status.st_ino, again.st_ino);
    struct deploy_options o = good;
    o.authority = authority;
    assert_int_equal(deploy_make(&o, &deploy, &err), 0);
    assert_int_equal(deploy->file_count, 4);
    assert_non_null(
        strstr(text_of(deploy, DEPLOY_ROOT "/httpd.conf"), "SSLProtocol -all +TLSv1.3"));
    assert_non_null(strstr(text_of(deploy, DEPLOY_ROOT "/shop.key"), "PRIVATE KEY"));
    assert_int_equal(file_remove_tree(directory, &err), 0);
    assert_true(authority_open("/nonexistent", &second, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_deployment), cmocka_unit_test(test_other_choices),
        cmocka_unit_test(test_refused_options),  cmocka_unit_test(test_size),
        cmocka_unit_test(test_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
