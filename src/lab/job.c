/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "base/xdg.h"
#include "image/cache.h"
#include "image/disk.h"

#include "lab/programs.h"
#include "lab/recording.h"
#include "lab/stock.h"

#define GUEST_DISK_BYTES (UINT64_C(12) << 30)
#define GUEST_DISK_INODES UINT32_C(131072)
#define JOB_DISK "64G" /* sparse: what guests write is what it takes */
#define MKE2FS_NS (300 * NS_PER_S)

/* The name of the cached disk says which image, with which keys, is on it. */
static int name_guest_disk(const struct image *image, char **out_name, struct error *err)
{
    char digest[DIGEST_TEXT_BYTES];
    int rc = digest_file(image->key, digest, err);
    if (rc == 0)
        *out_name = mem_printf(STOCK_GUEST_PREFIX "%.*s-%.8s.raw", CACHE_NAME_DIGITS, image->digest,
                               digest);
    return rc;
}

static int make_guest_disk(const struct image *image, const char *cache, const char *path,
                           struct error *err)
{
    CLEANUP_FREE char *draft = mem_printf("%s/" CACHE_DRAFT_PREFIX "guest", cache);
    struct disk_options options = {.tree = image->directory,
                                   .owned = "",
                                   .path = draft,
                                   .bytes = GUEST_DISK_BYTES,
                                   .inodes = GUEST_DISK_INODES};
    stock_remove_guest_disks(cache); /* those of former images */
    unlink(draft);
    int rc = disk_make(&options, err);
    if (rc == 0 && rename(draft, path) < 0)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make '%s'", path);
    if (rc < 0)
        unlink(draft);
    return rc < 0 ? error_prefix(err, "make the disk with the guest image for the lab") : 0;
}

int job_find_guest_disk(const struct image *image, struct progress *progress, char **out_path,
                        struct error *err)
{
    CLEANUP_FREE char *cache = xdg_cache_path("lab");
    CLEANUP_FREE char *name = NULL;
    int rc = name_guest_disk(image, &name, err);
    if (rc < 0)
        return rc;
    CLEANUP_FREE char *path = mem_printf("%s/%s", cache, name);
    /* One that is there is whole; only making one must wait for others that build. */
    CLEANUP_FD int lock = file_exists(path) ? -1 : cache_lock(cache, progress, err);
    if (lock < 0 && !file_exists(path))
        return lock;
    if (!file_exists(path)) {
        if (progress)
            progress_show(progress, -1, 0, "lab: making a disk of the guest image");
        rc = make_guest_disk(image, cache, path, err);
    }
    if (rc == 0)
        *out_path = TAKE_PTR(path);
    return rc;
}

static int copy_program(const char *to, struct error *err)
{
    CLEANUP_FD int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CLEANUP_FD int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    struct stat st;
    if (in < 0 || out < 0 || fstat(in, &st) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "copy vtax to '%s'", to);
    for (off_t left = st.st_size; left > 0;) {
        ssize_t done = sendfile(out, in, NULL, (size_t)left);
        if (done <= 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, done < 0 ? -errno : -EIO,
                                   "copy vtax to '%s'", to);
        left -= done;
    }
    return 0;
}

static int write_script(const char *tree, const char *name, const unsigned char *bytes,
                        const unsigned char *end, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/bin/%s", tree, name);
    return file_write_atomic(path, bytes, (size_t)(end - bytes), 0755, err);
}

static int write_arguments(const char *path, const struct job_options *options, struct error *err)
{
    static const char *const fixed[] = {"run", "/job/plan/plan.yaml", "--store", "/job" JOB_STORE,
                                        NULL};
    static const char kallsyms[] = "--kallsyms=/job" RECORDING_JOB "/guests";
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    for (const char *const *at = options->command ? options->command : fixed; *at; at++)
        strbuf_add(&buf, *at, strlen(*at) + 1);
    for (const char *const *at = options->arguments; at && *at; at++)
        strbuf_add(&buf, *at, strlen(*at) + 1);
    if (options->record)
        strbuf_add(&buf, kallsyms, sizeof(kallsyms));
    return file_write_atomic(path, buf.text, buf.length, 0644, err);
}

/* The job draws its progress as wide as our terminal is. */
static int write_terminal(const char *path, struct error *err)
{
    struct winsize size = {0};
    if (!isatty(STDERR_FILENO) || ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0)
        return 0;
    CLEANUP_FREE char *text =
        mem_printf("%u %u\n", size.ws_col ? size.ws_col : 80u, size.ws_row ? size.ws_row : 24u);
    return file_write_atomic(path, text, strlen(text), 0644, err);
}

static int make_tree(const char *tree, const struct job_options *options, struct error *err)
{
    static const char *const directories[] = {"bin", "plan", "data", "logs"};
    CLEANUP_FREE char *program = mem_printf("%s/bin/vtax", tree);
    CLEANUP_FREE char *plan = mem_printf("%s/plan/plan.yaml", tree);
    CLEANUP_FREE char *arguments = mem_printf("%s/arguments", tree);
    CLEANUP_FREE char *symbols = mem_printf("%s" RECORDING_JOB "/guests", tree);
    CLEANUP_FREE char *terminal = mem_printf("%s/terminal", tree);
    CLEANUP_FREE char *uncounted = mem_printf("%s/uncounted", tree);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(directories); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", tree, directories[i]);
        rc = file_make_directories(path, 0755, err);
    }
    if (rc == 0 && options->record)
        rc = file_make_directories(symbols, 0755, err);
    if (rc == 0)
        rc = copy_program(program, err);
    if (rc == 0)
        rc = write_script(tree, "init", lab_init, lab_init_end, err);
    if (rc == 0)
        rc = write_script(tree, "job", lab_job, lab_job_end, err);
    if (rc == 0 && options->plan_text)
        rc = file_write_atomic(plan, options->plan_text, strlen(options->plan_text), 0644, err);
    if (rc == 0 && (options->plan_text || options->command))
        rc = write_arguments(arguments, options, err);
    if (rc == 0 && options->uncounted)
        rc =
            file_write_atomic(uncounted, options->uncounted, strlen(options->uncounted), 0644, err);
    return rc == 0 ? write_terminal(terminal, err) : rc;
}

int job_make_disk(const struct job_options *options, char **out_path, struct error *err)
{
    CLEANUP_FREE char *tree = mem_printf("%s/job", options->directory);
    CLEANUP_FREE char *path = mem_printf("%s/job.raw", options->directory);
    int rc = make_tree(tree, options, err);
    if (rc < 0)
        return rc;
    /* What is not initialised now is never written by the short-lived server either. */
    const char *argv[] = {"mke2fs",
                          "-q",
                          "-F",
                          "-t",
                          "ext4",
                          "-m",
                          "0",
                          "-O",
                          "^has_journal",
                          "-E",
                          "root_owner=0:0,lazy_itable_init=1,nodiscard",
                          "-d",
                          tree,
                          path,
                          JOB_DISK,
                          NULL};
    rc = process_check(argv, MKE2FS_NS, NULL, err);
    if (rc == 0)
        rc = file_remove_tree(tree, err);
    if (rc < 0)
        return error_prefix(err, "make the job disk");
    *out_path = TAKE_PTR(path);
    return 0;
}
