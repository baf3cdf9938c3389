/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "campaign/versions.h"
#include "command/vocabulary.h"
#include "machine/virtualbox_tools.h"

static void read_versions(const char *platforms_text, struct host_facts *out_facts)
{
    CLEANUP_PLAN struct plan *plan = NULL;
    CLEANUP_FREE char *text = mem_printf("platforms: [%s]\nworkloads: [bzip2]\n", platforms_text);
    struct vocabulary known;
    struct error err = {0};
    vocabulary_init(&known);
    assert_int_equal(plan_parse(text, strlen(text), "x.yaml", &known.plan, &plan, &err), 0);
    versions_read(plan, out_facts);
}

/* A VirtualBox that a plan does not use is no part of its provenance. */
static void test_virtualbox_where_it_is_used(void **state)
{
    (void)state;
    static const char script[] = "#!/bin/sh\necho 7.0.20_Debianr163906\n";
    char directory[] = "/tmp/vtax-versions-XXXXXX";
    CLEANUP_FREE char *installed = virtualbox_find_program("VBoxManage");
    if (installed)
        skip();
    assert_non_null(mkdtemp(directory));
    CLEANUP_FREE char *program = mem_printf("%s/VBoxManage", directory);
    CLEANUP_FREE char *path = mem_printf("%s:%s", directory, getenv("PATH"));
    assert_int_equal(file_write_atomic(program, script, strlen(script), 0700, NULL), 0);
    assert_int_equal(setenv("PATH", path, 1), 0);
    struct host_facts with = {0}, without = {0};
    read_versions("native, virtualbox", &with);
    read_versions("native, qemu-tcg", &without);
    const char *version = host_facts_find(&with, "version.virtualbox");
    assert_non_null(version);
    assert_string_equal(version, "7.0.20_Debianr163906");
    assert_null(host_facts_find(&without, "version.virtualbox"));
    assert_null(host_facts_find(&without, "version.xen"));
    host_facts_done(&with);
    host_facts_done(&without);
    file_remove_tree(directory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_virtualbox_where_it_is_used)};
    return cmocka_run_group_tests_name("versions", tests, NULL, NULL);
}
