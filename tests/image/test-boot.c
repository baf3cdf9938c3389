/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/units.h"
#include "image/boot_disk.h"
#include "image/image.h"

#define BOOT_NS (120 * NS_PER_S)
#define COMMAND_NS (60 * NS_PER_S)
#define CONSOLE_MAX ((size_t)1 << 20)

struct world {
    struct image *image;
    char directory[32];
    char *console;
    char *overlay;
    char *known_hosts;
    uint16_t port;
    pid_t qemu;
};

/* A missing facility skips, unless VTAX_MUST_WORK=1. */
static void miss(const char *why)
{
    const char *must = getenv("VTAX_MUST_WORK");
    if (must && strcmp(must, "1") == 0)
        fail_msg("%s", why);
    print_message("skipped: %s\n", why);
    skip();
}

static uint16_t find_free_port(void)
{
    CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    return ntohs(at.sin_port);
}

static void make_overlay(struct world *world)
{
    const char *argv[] = {
        "qemu-img", "create",           "-q",           "-f", "qcow2", "-F", "raw",
        "-b",       world->image->disk, world->overlay, NULL};
    struct error err = {0};
    if (process_check(argv, COMMAND_NS, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

#define COMMAND_LINE IMAGE_COMMAND_LINE " vtax.hostname=probe"

enum { WORDS_MAX = 64 };

struct words {
    const char *words[WORDS_MAX + 1];
    size_t count;
};

/* `more` ends with NULL. */
static void add_words(struct words *to, const char *const *more)
{
    for (; *more; more++) {
        assert_true(to->count < WORDS_MAX);
        to->words[to->count++] = *more;
    }
}

#define ADD(to, ...) add_words(to, (const char *const[]){__VA_ARGS__, NULL})

/* `own`: how it boots, and from which disk. */
static void start_qemu(struct world *world, const struct words *own)
{
    CLEANUP_FREE char *serial = mem_printf("file:%s", world->console);
    CLEANUP_FREE char *network = mem_printf("user,id=n,hostfwd=tcp:127.0.0.1:%u-:22", world->port);
    struct words all = {0};
    ADD(&all, "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "256", "-nodefaults",
        "-display", "none", "-no-reboot", "-serial", serial, "-netdev", network, "-device",
        "virtio-net-pci,netdev=n,mac=52:54:00:00:02:0f,romfile=", "-device", "virtio-rng-pci");
    add_words(&all, own->words);
    struct process_options options = {.argv = all.words, .dies_with_parent = true};
    struct error err = {0};
    world->qemu = process_start(&options, &err);
    if (world->qemu < 0)
        fail_msg("%s", err.text);
}

static void add_kernel(struct words *own, const struct world *world, const char *command_line)
{
    ADD(own, "-kernel", world->image->kernel, "-initrd", world->image->initrd, "-append",
        command_line);
}

static void start_kernel(struct world *world)
{
    CLEANUP_FREE char *drive = mem_printf("file=%s,if=virtio,format=qcow2", world->overlay);
    struct words own = {0};
    add_kernel(&own, world, COMMAND_LINE);
    ADD(&own, "-drive", drive);
    start_qemu(world, &own);
}

static char *make_file(const struct world *world, const char *name, off_t bytes)
{
    char *path = mem_printf("%s/%s", world->directory, name);
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, bytes) == 0);
    return path;
}

/* The root file system is namespace 5 of a controller, between two others. */
static void start_namespaces(struct world *world)
{
    CLEANUP_FREE char *small = make_file(world, "small", 1 << 20);
    CLEANUP_FREE char *large = make_file(world, "large", 2 << 20);
    CLEANUP_FREE char *small_drive = mem_printf("file=%s,if=none,id=small,format=raw", small);
    CLEANUP_FREE char *large_drive = mem_printf("file=%s,if=none,id=large,format=raw", large);
    CLEANUP_FREE char *root_drive =
        mem_printf("file=%s,if=none,id=root,format=qcow2", world->overlay);
    struct words own = {0};
    add_kernel(&own, world, IMAGE_COMMAND_LINE_FOR("ttyS0", "/dev/nvme0-ns5"));
    ADD(&own, "-drive", small_drive, "-drive", large_drive, "-drive", root_drive, "-device",
        "nvme,serial=vtax", "-device", "nvme-ns,drive=large,nsid=9", "-device",
        "nvme-ns,drive=root,nsid=5", "-device", "nvme-ns,drive=small,nsid=2");
    start_qemu(world, &own);
}

/* By the BIOS, from a disk with our boot sector. */
static void start_disk(struct world *world)
{
    struct error err = {0};
    CLEANUP_FREE char *path = mem_printf("%s/boot.raw", world->directory);
    CLEANUP_FREE char *kernel =
        mem_printf("%s/boot/vmlinuz-%s", world->image->root, world->image->kernel_version);
    CLEANUP_FREE char *drive = mem_printf("file=%s,if=none,id=boot,format=raw", path);
    CLEANUP_FREE char *root = mem_printf("file=%s,if=virtio,format=qcow2", world->overlay);
    const struct boot_disk_options options = {.kernel = kernel,
                                              .initrd = world->image->initrd,
                                              .command_line = COMMAND_LINE,
                                              .path = path};
    if (boot_disk_make(&options, &err) < 0)
        fail_msg("%s", err.text);
    struct words own = {0};
    ADD(&own, "-drive", drive, "-device", "ide-hd,drive=boot,bootindex=0", "-drive", root);
    start_qemu(world, &own);
}

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    *state = world;
    strcpy(world->directory, "/tmp/vtax-boot-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    world->console = mem_printf("%s/console", world->directory);
    world->overlay = mem_printf("%s/overlay", world->directory);
    world->known_hosts = mem_printf("%s/known_hosts", world->directory);
    world->port = find_free_port();
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    if (world->qemu > 0)
        process_stop(world->qemu, 0);
    file_remove_tree(world->directory, NULL);
    image_free(world->image);
    free(world->console);
    free(world->overlay);
    free(world->known_hosts);
    free(world);
    return 0;
}

static void find_image(struct world *world)
{
    static const char *const programs[] = {"qemu-system-x86_64", "qemu-img", "ssh"};
    struct error err = {0};
    for (size_t i = 0; i < COUNT_OF(programs); i++)
        if (!process_find_program(programs[i]))
            miss(programs[i]);
    const struct image_build_options options = {0};
    if (image_build(&options, &world->image, &err) < 0)
        miss(err.text);
}

/* The console's text, the caller's to free. */
static char *read_console(const struct world *world)
{
    char *text = NULL;
    if (file_read(world->console, CONSOLE_MAX, &text, NULL, NULL) < 0)
        return mem_strdup("");
    return text;
}

static void wait_ready(const struct world *world)
{
    uint64_t deadline_ns = clock_monotonic_ns() + BOOT_NS;
    for (;;) {
        CLEANUP_FREE char *text = read_console(world);
        if (strstr(text, IMAGE_READY_TEXT))
            return;
        if (clock_monotonic_ns() > deadline_ns)
            fail_msg("not ready within 120 s; the console says: %s", text);
        clock_sleep_ns(20 * NS_PER_MS);
    }
}

/* Logs in with the image's key and checks the host key; *out_text is what the command printed. */
static int try_command(const struct world *world, const char *command, char **out_text,
                       struct error *err)
{
    CLEANUP_FREE char *line =
        mem_printf("[127.0.0.1]:%u %s\n", world->port, world->image->host_key);
    CLEANUP_FREE char *port = mem_printf("%u", world->port);
    CLEANUP_FREE char *hosts = mem_printf("UserKnownHostsFile=%s", world->known_hosts);
    assert_int_equal(file_write_atomic(world->known_hosts, line, strlen(line), 0600, NULL), 0);
    const char *argv[] = {"ssh",
                          "-F",
                          "none",
                          "-o",
                          "BatchMode=yes",
                          "-o",
                          "StrictHostKeyChecking=yes",
                          "-o",
                          hosts,
                          "-o",
                          "IdentitiesOnly=yes",
                          "-o",
                          "LogLevel=ERROR",
                          "-i",
                          world->image->key,
                          "-p",
                          port,
                          "root@127.0.0.1",
                          command,
                          NULL};
    return process_check(argv, COMMAND_NS, out_text, err);
}

static char *run_command(const struct world *world, const char *command)
{
    char *text = NULL;
    struct error err = {0};
    if (try_command(world, command, &text, &err) < 0) {
        CLEANUP_FREE char *console = read_console(world);
        fail_msg("%s; the console says: %s", err.text, console);
    }
    return text;
}

static void assert_says(const struct world *world, const char *command, const char *expected)
{
    CLEANUP_FREE char *text = run_command(world, command);
    if (!strstr(text, expected))
        fail_msg("'%s' printed '%s', expected '%s' in it", command, text, expected);
}

static void test_boots_lets_in_and_powers_off(void **state)
{
    struct world *world = *state;
    find_image(world);
    make_overlay(world);
    uint64_t start_ns = clock_monotonic_ns();
    start_kernel(world);
    wait_ready(world);
    char elapsed[UNITS_TEXT_MAX];
    print_message("ready after %s\n",
                  units_format_elapsed(clock_monotonic_ns() - start_ns, elapsed));
    assert_says(world, "cat /etc/vtax-image", world->image->digest);
    assert_says(world, "uname -r", world->image->kernel_version);
    assert_says(world, "hostname", "probe");
    assert_says(world, "ip -4 -o address show dev eth0", "10.0.2.15/24");
    assert_says(world, "stat -c %u:%g:%a /var/mail /root", "0:8:2775\n0:0:700\n");
    assert_says(world, "bzip2 --help 2>&1; netserver -V; apache2 -v; perf --version",
                "perf version");
    /* A zombie would stay if init did not reap what it inherits. */
    assert_says(world, "(sleep 0.1 &) ; sleep 0.5; ps -eo stat= | grep -c Z || true", "0\n");
    /* The machine may be off before ssh has its answer. */
    CLEANUP_FREE char *text = NULL;
    (void)!try_command(world, "poweroff", &text, NULL);
    assert_int_equal(process_wait(world->qemu, COMMAND_NS), 0);
    world->qemu = 0;
}

static void test_boots_from_a_disk(void **state)
{
    struct world *world = *state;
    find_image(world);
    make_overlay(world);
    start_disk(world);
    wait_ready(world);
    assert_says(world, "hostname", "probe");
    assert_says(world, "dmesg", "iBFT found at 0x0000000000080000");
}

/* Linux numbers its devices for namespaces as it finds them; the links have NVMe's own numbers. */
static void test_boots_from_a_namespace(void **state)
{
    struct world *world = *state;
    find_image(world);
    make_overlay(world);
    start_namespaces(world);
    wait_ready(world);
    assert_says(world,
                "for n in 2 9; do cat /sys/class/block/$(basename $(readlink "
                "/dev/nvme0-ns$n))/size; done",
                "2048\n4096\n");
    assert_says(world, "ls /dev | grep -c nvme0-ns", "3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_boots_lets_in_and_powers_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_boots_from_a_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_boots_from_a_namespace, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
