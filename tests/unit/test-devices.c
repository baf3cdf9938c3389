/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the host counts of a machine's devices, from files as the kernel shows them.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "probe/card.h"
#include "probe/disk_io.h"
#include "world.h"

#define NET_HEAD                                                                                   \
    "Inter-|   Receive                                                |  Transmit\n"               \
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
#define TAP_CARD "  tap1: 1000 10 1 2 3 4 5 6 2000 20 1 2 3 4 5 6\n"
#define OTHER_CARD "atap1:9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"

static const struct world_file machine_with_taps[] = {
    {"/7/fdinfo/3", "pos:\t0\nflags:\t02\nmnt_id:\t15\n"},
    {"/7/fdinfo/20", "pos:\t0\nflags:\t02\niff:\ttap1\n"},
    {"/7/fdinfo/21", "pos:\t0\niff:\ttap1\n"}, /* another queue */
    {"/7/fdinfo/22", "pos:\t0\niff:\tatap1\n"},
    {"/7/net/dev", NET_HEAD TAP_CARD OTHER_CARD},
    {NULL, NULL},
};
static const struct world_file user_mode[] = {
    {"/7/fdinfo/3", "pos:\t0\n"}, {"/7/net/dev", NET_HEAD}, {NULL, NULL}};
static const struct world_file elsewhere[] = {
    {"/7/fdinfo/3", "iff:\ttap1\n"}, {"/7/net/dev", NET_HEAD OTHER_CARD}, {NULL, NULL}};
static const struct world_file unreadable[] = {{"/7/net/dev", NET_HEAD}, {NULL, NULL}};

/* By name, and what the host's device received the machine has sent. */
static void test_taps(void **state)
{
    (void)state;
    char *root = world_make(machine_with_taps);
    CLEANUP_FREE struct card *cards = NULL;
    struct error err = {0};
    size_t count;
    assert_int_equal(card_read_taps(root, 7, &cards, &count, &err), 0);
    world_remove(root);
    assert_int_equal(count, 2);
    assert_string_equal(cards[0].name, "atap1");
    assert_string_equal(cards[1].name, "tap1");
    assert_int_equal(cards[1].received_bytes, 2000);
    assert_int_equal(cards[1].received, 20);
    assert_int_equal(cards[1].sent_bytes, 1000);
    assert_int_equal(cards[1].sent, 10);
}

static void test_no_taps_have_a_reason(void **state)
{
    (void)state;
    const struct {
        const struct world_file *files;
        const char *says;
    } cases[] = {
        {user_mode, "it has no tap device: the network is in user mode, or none"},
        {elsewhere, "its tap device 'tap1' is in another network namespace than its process"},
        {unreadable, "/7/fdinfo': No such file"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *root = world_make(cases[i].files);
        struct card *cards = NULL;
        struct error err = {0};
        size_t count;
        assert_true(card_read_taps(root, 7, &cards, &count, &err) < 0);
        assert_non_null(strstr(err.text, cases[i].says));
        assert_null(cards);
        world_remove(root);
    }
}

static void test_card_of_an_instance(void **state)
{
    (void)state;
    static const struct world_file files[] = {
        {"/self/ns/net", ""},
        {"/7/ns/net", ""},
        {"/7/net/dev", NET_HEAD "eth0: 5 1 0 0 0 0 0 0 7 2 0 0 0 0 0 0\n"},
        {"/8/net/dev", NET_HEAD},
        {NULL, NULL},
    };
    char *root = world_make(files);
    CLEANUP_FREE char *ours = mem_printf("%s/self/ns/net", root);
    CLEANUP_FREE char *shared = mem_printf("%s/8/ns", root);
    CLEANUP_FREE char *same = mem_printf("%s/net", shared);
    struct card card;
    struct error err = {0};
    assert_int_equal(card_read_own(root, 7, "eth0", &card, &err), 0);
    assert_int_equal(card.received_bytes, 5);
    assert_int_equal(card.sent, 2);
    assert_int_equal(card_read_own(root, 7, "eth1", &card, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no card 'eth1'"));
    assert_int_equal(file_make_directories(shared, 0755, NULL), 0);
    assert_int_equal(link(ours, same), 0);
    assert_int_equal(card_read_own(root, 8, "eth0", &card, &err), -ENOENT);
    assert_non_null(strstr(err.text, "shares the host's network"));
    world_remove(root);
}

static void test_card_lines(void **state)
{
    (void)state;
    static const char text[] = NET_HEAD TAP_CARD "tap2: 1 2 3\n";
    char name[CARD_NAME_MAX];
    struct card card;
    assert_int_equal(card_parse(text, sizeof(text) - 1, "tap", &card), -ENOENT);
    assert_int_equal(card_parse(text, sizeof(text) - 1, "tap2", &card), -EBADMSG);
    assert_int_equal(card_parse_tap("iff:\n", 5, name), -ENOENT);
    assert_int_equal(card_parse_tap("", 0, name), -ENOENT);
}

struct seen {
    char text[512];
    const struct disk_io_roots *roots;
};

static void note(const struct disk_io *io, void *context)
{
    struct seen *seen = context;
    size_t length = strlen(seen->text);
    CLEANUP_FREE char *name = disk_io_name(seen->roots, io);
    snprintf(seen->text + length, sizeof(seen->text) - length, "%s: %llu in %llu, %llu in %llu\n",
             name, (unsigned long long)io->read_bytes, (unsigned long long)io->reads,
             (unsigned long long)io->write_bytes, (unsigned long long)io->writes);
}

#define GROUP "/cg/machine.slice/vm"
#define IO_STAT                                                                                    \
    "8:0 rbytes=4096 wbytes=512 rios=3 wios=1 dbytes=9 dios=9\n7:1 \n253:2 rios=1 rbytes=7\nx\n"

static const struct {
    struct world_file files[4];
    const char *says; /* the devices, or why there are none */
    bool is_told;
} groups[] = {
    {{{"/proc/7/cgroup", "0::/machine.slice/vm\n"},
      {GROUP "/cgroup.procs", "7\n9\n"},
      {GROUP "/io.stat", IO_STAT}},
     "sda: 4096 in 3, 512 in 1\n253-2: 7 in 1, 0 in 0\n",
     true},
    {{{"/proc/7/cgroup", "0::/machine.slice/vm/libvirt/emulator\n"},
      {GROUP "/cgroup.procs", "9\n7\n"},
      {GROUP "/io.stat", IO_STAT}},
     "sda: 4096 in 3, 512 in 1\n253-2: 7 in 1, 0 in 0\n",
     true},
    {{{"/proc/7/cgroup", "0::/machine.slice/vm\n"},
      {GROUP "/cgroup.procs", "7\n10\n"},
      {GROUP "/io.stat", IO_STAT}},
     "other processes are in its cgroup",
     false},
    {{{"/proc/7/cgroup", "0::/machine.slice/vm\n"}, {GROUP "/io.stat", IO_STAT}},
     "other processes are in its cgroup",
     false},
    {{{"/proc/7/cgroup", "0::/machine.slice/vm\n"}, {GROUP "/cgroup.procs", "7\n"}},
     "no cgroup (version 2) with the controller io",
     false},
    {{{"/proc/7/cgroup", "0::/\n"}, {"/cg/io.stat", IO_STAT}},
     "no cgroup (version 2) with the controller io",
     false},
    {{{"/proc/7/cgroup", "4:cpu:/machine.slice/vm\n"}, {GROUP "/io.stat", IO_STAT}},
     "no cgroup (version 2) with the controller io",
     false},
};

/* Only of a cgroup in which nobody else is. */
static void test_disks_of_a_cgroup(void **state)
{
    (void)state;
    const pid_t pids[] = {7, 9};
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        char *root = world_make(groups[i].files);
        CLEANUP_FREE char *proc = mem_printf("%s/proc", root), *cgroup = mem_printf("%s/cg", root),
                          *block = mem_printf("%s/block", root), *sda = mem_printf("%s/8:0", block);
        const struct disk_io_roots roots = {proc, cgroup, block};
        struct seen seen = {.roots = &roots};
        struct error err = {0};
        assert_int_equal(file_make_directories(block, 0755, NULL), 0);
        assert_int_equal(symlink("../../devices/pci0000:00/block/sda", sda), 0);
        int rc = disk_io_read(&roots, pids, COUNT_OF(pids), note, &seen, &err);
        assert_int_equal(rc == 0, groups[i].is_told);
        if (groups[i].is_told)
            assert_string_equal(seen.text, groups[i].says);
        else
            assert_non_null(strstr(err.text, groups[i].says));
        world_remove(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taps),
        cmocka_unit_test(test_no_taps_have_a_reason),
        cmocka_unit_test(test_card_of_an_instance),
        cmocka_unit_test(test_card_lines),
        cmocka_unit_test(test_disks_of_a_cgroup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
