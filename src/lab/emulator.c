/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"

#include "lab/counter.h"

#define WORDS_MAX 96
#define VERSION_NS (20 * NS_PER_S)
#define LIBRARIES "/usr/lib/x86_64-linux-gnu"

struct words {
    char *items[WORDS_MAX];
    size_t count;
};

static void words_done(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
}

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct words *words, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (words->count + 1 < WORDS_MAX)
        words->items[words->count++] = mem_vprintf(format, ap);
    va_end(ap);
}

/* A file name in one of QEMU's option lists, where a comma ends the value. */
static char *quote_commas(const char *path)
{
    char *text = mem_alloc(2 * strlen(path) + 1);
    char *to = text;
    for (; *path; path++) {
        *to++ = *path;
        if (*path == ',')
            *to++ = ',';
    }
    *to = '\0';
    return text;
}

/* The lab's own runs on the dynamic linker and the libraries that it was built with: nothing of it
 * is the host's, and no user namespace is needed. */
static void add_program(struct words *words, const struct emulator *emulator)
{
    if (emulator->program) {
        add(words, "%s", emulator->program);
        return;
    }
    const char *directory = emulator->stock->directory;
    add(words, "%s/root/lib64/ld-linux-x86-64.so.2", directory);
    add(words, "--library-path");
    add(words, "%s/root" LIBRARIES ":%s/root" LIBRARIES "/pulseaudio", directory, directory);
    add(words, "%s/root/usr/bin/qemu-system-x86_64", directory);
    add(words, "-L");
    add(words, "%s/root/usr/share/qemu", directory);
    add(words, "-L");
    add(words, "%s/root/usr/share/seabios", directory);
}

/* "QEMU emulator version 11.1.2 (Debian ...)" */
static int read_version(struct emulator *emulator, struct error *err)
{
    static const char version_words[] = "QEMU emulator version ";
    CLEANUP(words_done) struct words words = {0};
    add_program(&words, emulator);
    add(&words, "--version");
    CLEANUP_FREE char *text = NULL;
    int rc = process_check((const char *const *)words.items, VERSION_NS, &text, err);
    const char *at = rc < 0 ? NULL : strstr(text, version_words);
    if (rc == 0 && !at)
        rc = error_set(err, ERROR_USAGE, -EINVAL, "it is no QEMU");
    if (rc < 0)
        return error_prefix(err, "ask QEMU '%s' for its version",
                            emulator->program ? emulator->program : emulator->stock->directory);
    at += strlen(version_words);
    emulator->version = mem_strndup(at, strcspn(at, " \n("));
    return 0;
}

/* Can this QEMU load the plugin? One of another version cannot. */
static void find_counter(struct emulator *emulator)
{
    struct error cause = {0};
    CLEANUP_FREE char *path = NULL;
    CLEANUP(words_done) struct words words = {0};
    int rc = counter_find(COUNTER_FILE, &path, &cause);
    if (rc == 0) {
        CLEANUP_FREE char *quoted = quote_commas(path);
        add_program(&words, emulator);
        add(&words, "-nodefaults");
        add(&words, "-display");
        add(&words, "none");
        add(&words, "-plugin");
        add(&words, "file=%s,check=on", quoted);
        rc = process_check((const char *const *)words.items, VERSION_NS, NULL, &cause);
    }
    if (rc < 0)
        emulator->uncounted = mem_printf("%.*s", (int)strcspn(cause.text, "\n"), cause.text);
    else
        emulator->counter = TAKE_PTR(path);
}

int emulator_open(const char *program, const char *mirror, struct progress *progress,
                  struct emulator *out_emulator, struct error *err)
{
    CLEANUP_EMULATOR struct emulator emulator = {.program = program ? mem_strdup(program) : NULL};
    const struct stock_options options = {
        .name = STOCK_EMULATOR, .mirror = mirror, .progress = progress};
    int rc = program ? 0 : stock_build(&options, &emulator.stock, err);
    if (rc == 0)
        rc = read_version(&emulator, err);
    if (rc < 0)
        return rc;
    find_counter(&emulator);
    *out_emulator = emulator;
    emulator = (struct emulator){0};
    return 0;
}

void emulator_close(struct emulator *emulator)
{
    free(emulator->program);
    free(emulator->version);
    free(emulator->counter);
    free(emulator->uncounted);
    emulator->stock = stock_free(emulator->stock);
}

/* When this host's disk is full the server has to see a fault: by default QEMU would stop it and
 * wait for somebody to make room. */
static void add_drive(struct words *words, const char *path, const char *settings)
{
    CLEANUP_FREE char *quoted = quote_commas(path);
    add(words, "-drive");
    add(words, "file=%s,if=virtio,format=raw,werror=report,rerror=report,%s", quoted, settings);
}

/* QEMU (11.1, too) clears a flag of its first CPU whenever any CPU loads the state of the FPU
 * (FXRSTOR, XRSTOR: IGNNE#), without a lock. What that CPU changes among these flags in the same
 * moment is lost, as that it has left nested paging at #VMEXIT: what it does next then looks like
 * another exit, and puts the server's registers in the place of the guest's. A guest on the first
 * CPU died in seconds beside a loop of FXRSTOR on the second. So the first of several CPUs is one
 * more, on which nothing runs but the kernel's own work. */
static bool spares_first_cpu(const struct server_options *options)
{
    return options->cpus > 1;
}

/* A panic of the server's kernel ends it: panic=-1 with -no-reboot. */
static void add_boot(struct words *words, const struct server_options *options)
{
    const struct hypervisor *hypervisor = options->hypervisor;
    CLEANUP_FREE char *kernel = stock_path(options->image, "kernel");
    CLEANUP_FREE char *initrd = stock_path(options->image, "initrd");
    CLEANUP_FREE char *line = mem_printf(
        "console=%s quiet panic=-1 cryptomgr.notests root=/dev/vda rw init=/sbin/vtax-lab-boot "
        "vtax.lab=%s vtax.job=%s%s%s",
        hypervisor->console, hypervisor->family, options->shell ? "shell" : "run",
        spares_first_cpu(options) ? " isolcpus=0" : "",
        options->kernel_words ? options->kernel_words : "");
    add(words, "-kernel");
    if (!hypervisor->boot_image) {
        add(words, "%s", kernel);
        add(words, "-initrd");
        add(words, "%s", initrd);
        add(words, "-append");
        add(words, "%s", line);
        return;
    }
    CLEANUP_FREE char *boot_image = stock_path(options->image, "boot-image");
    CLEANUP_FREE char *kernel_quoted = quote_commas(kernel);
    CLEANUP_FREE char *initrd_quoted = quote_commas(initrd);
    add(words, "%s", boot_image);
    add(words, "-append");
    add(words, "%s dom0_max_vcpus=%u", hypervisor->boot_options, options->cpus);
    add(words, "-initrd");
    add(words, "%s %s,%s", kernel_quoted, line, initrd_quoted);
}

static void add_machine(struct words *words, const struct server_options *options)
{
    add(words, "-nodefaults");
    add(words, "-no-user-config");
    add(words, "-no-reboot");
    add(words, "-display");
    add(words, "none");
    add(words, "-machine");
    add(words, "q35");
    add(words, "-accel");
    add(words, "tcg,thread=multi");
    add(words, "-cpu");
    add(words, "max,%s", options->hypervisor->cpu_features);
    add(words, "-smp");
    add(words, "%u", options->cpus + spares_first_cpu(options));
    add(words, "-m");
    add(words, "%" PRIu64 "M", options->memory_bytes >> 20);
    add(words, "-device");
    add(words, "virtio-rng-pci");
    if (options->plugin) {
        add(words, "-plugin");
        add(words, "%s", options->plugin);
    }
}

/* Losing power is no concern of a server that exists for one job, so nothing waits for the disk. */
static void add_devices(struct words *words, const struct server_options *options)
{
    CLEANUP_FREE char *disk = stock_path(options->image, "disk.raw");
    add_drive(words, disk, "snapshot=on,cache=unsafe");
    add_drive(words, options->job_disk, "cache=unsafe");
    add_drive(words, options->guest_disk, "readonly=on");
    if (options->shell) {
        add(words, "-serial");
        add(words, "mon:stdio");
        return;
    }
    CLEANUP_FREE char *directory = quote_commas(options->directory);
    add(words, "-chardev");
    add(words, "file,id=console,path=%s/console.log", directory);
    add(words, "-serial");
    add(words, "chardev:console");
    add(words, "-chardev");
    /* Not "stdio", which would be closed to the server by the end of standard input. */
    add(words, "file,id=port,path=/dev/stdout");
    add(words, "-device");
    add(words, "virtio-serial-pci");
    add(words, "-device");
    add(words, "virtserialport,chardev=port,name=vtax");
}

static void add_counter(struct words *words, const struct emulator *emulator,
                        const struct hypervisor *hypervisor)
{
    if (!emulator->counter)
        return;
    CLEANUP_FREE char *quoted = quote_commas(emulator->counter);
    add(words, "-plugin");
    add(words, "file=%s%s", quoted, hypervisor->counter_options ? hypervisor->counter_options : "");
}

static pid_t start(const struct words *words, const struct emulator *emulator,
                   const struct server_options *options, int port_fd, int log_fd, struct error *err)
{
    CLEANUP_FREE char *temporary = mem_printf("TMPDIR=%s", options->directory);
    CLEANUP_FREE char *modules =
        emulator->stock
            ? mem_printf("QEMU_MODULE_DIR=%s/root" LIBRARIES "/qemu", emulator->stock->directory)
            : mem_strdup("LC_ALL=C.UTF-8");
    CLEANUP_FD int terminal = -1;
    int input = 0; /* none: 0 would not be standard input but nothing */
    if (options->shell) {
        input = terminal = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (terminal < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "hand over standard input");
    }
    const char *environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", temporary, modules,
        NULL};
    const struct process_options process = {
        .argv = (const char *const *)words->items,
        .environment = environment,
        .stdin_fd = input,
        .stdout_fd = port_fd,
        .stderr_fd = log_fd,
        .own_group = !options->shell,
        .dies_with_parent = true,
    };
    return process_start(&process, err);
}

pid_t emulator_start(const struct emulator *emulator, const struct server_options *options,
                     int *out_port_fd, struct error *err)
{
    CLEANUP(words_done) struct words words = {0};
    CLEANUP_FREE char *log = mem_printf("%s/qemu.log", options->directory);
    add_program(&words, emulator);
    add_machine(&words, options);
    add_boot(&words, options);
    add_devices(&words, options);
    add_counter(&words, emulator, options->hypervisor);
    if (options->shell)
        return start(&words, emulator, options, 0, 0, err);
    CLEANUP_FD int log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int ends[2];
    if (log_fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "start QEMU with log '%s'", log);
    CLEANUP_FD int read_end = ends[0];
    pid_t pid = start(&words, emulator, options, ends[1], log_fd, err);
    close(ends[1]);
    if (pid >= 0)
        *out_port_fd = TAKE_FD(read_end);
    return pid;
}
