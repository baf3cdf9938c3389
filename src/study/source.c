/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"

#define DEVICE "/dev/cpu/0/msr"
#define MODPROBE_NS (30 * NS_PER_S)

struct source {
    int fd;                      /* of the device; -1: a file */
    const struct ledger *ledger; /* mapped; NULL: the registers */
};

struct source *source_close(struct source *source)
{
    if (!source)
        return NULL;
    if (source->ledger)
        munmap((void *)source->ledger, sizeof(*source->ledger));
    fd_cleanup(&source->fd);
    free(source);
    return NULL;
}

DEFINE_CLEANUP(struct source *, source_close);

static int read_register(const struct source *source, unsigned vm, unsigned item,
                         uint64_t *out_value)
{
    ssize_t got = pread(source->fd, out_value, sizeof(*out_value), (off_t)ledger_msr(vm, item));
    return got == (ssize_t)sizeof(*out_value) ? 0 : got < 0 ? -errno : -EIO;
}

static int open_device(struct source *source, struct error *err)
{
    const char *argv[] = {"modprobe", "msr", NULL};
    uint64_t magic = 0;
    /* A kernel that has it built in has no such module: what counts is the device. */
    int loaded = file_exists(DEVICE) ? 0 : process_check(argv, MODPROBE_NS, NULL, err);
    source->fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0)
        return loaded < 0 ? loaded
                          : error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '" DEVICE "'");
    if (read_register(source, 0, LEDGER_ITEM_MAGIC, &magic) < 0 || magic != LEDGER_MAGIC)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "read the counters of VMs: this CPU has none; they are in the lab "
                         "(`vtax lab run kvm --pmu hardware`)");
    return 0;
}

static int open_file(struct source *source, const char *path, struct error *err)
{
    struct stat st;
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open ledger '%s'", path);
    if (st.st_size != (off_t)sizeof(struct ledger))
        return error_set(err, ERROR_USAGE, -EINVAL, "open ledger '%s': it is none of this version",
                         path);
    void *at = mmap(NULL, sizeof(struct ledger), PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "map ledger '%s'", path);
    source->ledger = at;
    return 0;
}

int source_open(const char *file, struct source **out_source, struct error *err)
{
    CLEANUP(source_close_cleanup) struct source *source = mem_zalloc(sizeof(*source));
    source->fd = -1;
    int rc = file ? open_file(source, file, err) : open_device(source, err);
    if (rc == 0)
        *out_source = TAKE_PTR(source);
    return rc;
}

static int read_many(const struct source *source, unsigned vm, unsigned item, uint64_t *to,
                     size_t count)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = read_register(source, vm, item + i, &to[i]);
    return rc;
}

static int read_exits(const struct source *source, unsigned vm, struct ledger_row *row)
{
    int rc = 0;
    for (unsigned slot = 0; rc == 0 && slot < LEDGER_EXITS; slot++) {
        struct ledger_exit *exit = &row->exits[slot];
        rc = read_register(source, vm, LEDGER_ITEM_EXIT_COUNT + slot, &exit->count);
        if (rc < 0 || exit->count == 0)
            continue;
        rc = read_register(source, vm, LEDGER_ITEM_EXIT_KERNEL + slot, &exit->instructions[0]);
        if (rc == 0)
            rc = read_register(source, vm, LEDGER_ITEM_EXIT_USER + slot, &exit->instructions[1]);
    }
    return rc;
}

static int read_row(const struct source *source, unsigned vm, struct ledger_view *view)
{
    struct ledger_row *row = &view->rows[vm];
    int rc = read_many(source, vm, LEDGER_ITEM_KERNEL, row->events[0], PMU_EVENT_COUNT);
    if (rc == 0)
        rc = read_many(source, vm, LEDGER_ITEM_USER, row->events[1], PMU_EVENT_COUNT);
    if (rc < 0 || vm == 0)
        return rc;
    rc = read_register(source, vm, LEDGER_ITEM_RUNS, &row->runs);
    if (rc == 0)
        rc = read_register(source, vm, LEDGER_ITEM_MAGIC, &view->vm[vm].nested_cr3);
    if (rc == 0)
        rc = read_register(source, vm, LEDGER_ITEM_VMS, &view->vm[vm].vcpus);
    return rc == 0 ? read_exits(source, vm, row) : rc;
}

static int read_machine(const struct source *source, struct ledger_view *view)
{
    int rc = read_many(source, 0, LEDGER_ITEM_MACHINE_KERNEL, view->machine[0], PMU_EVENT_COUNT);
    if (rc == 0)
        rc = read_many(source, 0, LEDGER_ITEM_MACHINE_USER, view->machine[1], PMU_EVENT_COUNT);
    if (rc == 0)
        rc = read_many(source, 0, LEDGER_ITEM_PENALTY, view->penalty, PMU_EVENT_COUNT);
    if (rc == 0)
        rc = read_register(source, 0, LEDGER_ITEM_UNCOUNTED, &view->uncounted);
    if (rc == 0)
        rc = read_many(source, 0, LEDGER_ITEM_ACCESS, (uint64_t *)&view->accesses,
                       sizeof(view->accesses) / sizeof(uint64_t));
    return rc;
}

static int read_registers(struct source *source, struct ledger_view *view)
{
    uint64_t frozen;
    memset(view, 0, sizeof(*view));
    int rc = read_register(source, 0, LEDGER_ITEM_FREEZE, &frozen);
    if (rc == 0)
        rc = read_register(source, 0, LEDGER_ITEM_VMS, &view->vms);
    if (rc == 0 && (view->vms < 1 || view->vms > LEDGER_VMS))
        rc = -EBADMSG;
    if (rc == 0)
        rc = read_machine(source, view);
    for (unsigned vm = 0; rc == 0 && vm < view->vms; vm++)
        rc = read_row(source, vm, view);
    return rc;
}

int source_read(struct source *source, struct ledger_view *out_view, struct error *err)
{
    if (source->ledger)
        return ledger_copy(source->ledger, out_view)
                   ? 0
                   : error_set(err, ERROR_USAGE, -EBADMSG, "read the ledger: it is none");
    /* What is frozen is one reader's. */
    if (flock(source->fd, LOCK_EX) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "lock '" DEVICE "'");
    int rc = read_registers(source, out_view);
    flock(source->fd, LOCK_UN);
    return rc < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, rc, "read '" DEVICE "'") : 0;
}

static void subtract(uint64_t *from, const uint64_t *what, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof(*from); i++)
        from[i] -= what[i];
}

void source_subtract(struct ledger_view *later, const struct ledger_view *earlier)
{
    subtract(&later->machine[0][0], &earlier->machine[0][0], sizeof(later->machine));
    subtract((uint64_t *)&later->accesses, (const uint64_t *)&earlier->accesses,
             sizeof(later->accesses));
    subtract((uint64_t *)later->rows, (const uint64_t *)earlier->rows, sizeof(later->rows));
}
