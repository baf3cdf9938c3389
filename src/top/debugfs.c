/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/debugfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "top/parse.h"
#include "top/read.h"

/* Counters of an exit each (arch/x86/kvm, since Linux 5.14 for all vendors) -> what we call it. The
 * others count parts of these, or work that follows from them. */
static const struct {
    const char *file;
    const char *name;
} reasons[] = {
    {"io_exits", "io"},
    {"mmio_exits", "mmio"},
    {"halt_exits", "halt"},
    {"irq_exits", "interrupt"},
    {"irq_window_exits", "irq-window"},
    {"nmi_window_exits", "nmi-window"},
    {"pf_taken", "page-fault"},
    {"hypercalls", "hypercall"},
};

void debugfs_open(const char *sys, struct debugfs *out_debugfs)
{
    CLEANUP_FREE char *path = mem_printf("%s/kernel/debug/kvm", sys);
    *out_debugfs = (struct debugfs){.directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (out_debugfs->directory_fd >= 0)
        return;
    out_debugfs->missing =
        errno == EACCES || errno == EPERM
            ? "only root may read KVM's counts (debugfs)"
            : "KVM's counts are not there: mount -t debugfs debugfs /sys/kernel/debug";
}

void debugfs_look(struct debugfs *debugfs)
{
    debugfs->count = 0;
    if (debugfs->directory_fd < 0)
        return;
    CLEANUP_DIRECTORY DIR *directory = read_open_directory(debugfs->directory_fd, ".");
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid <= 0 || *end != '-' ||
            strlen(entry->d_name) >= sizeof(debugfs->machines->directory))
            continue;
        MEM_GROW(debugfs->machines, debugfs->count, debugfs->capacity);
        struct debugfs_machine *machine = &debugfs->machines[debugfs->count++];
        *machine = (struct debugfs_machine){.pid = (pid_t)pid};
        memcpy(machine->directory, entry->d_name, strlen(entry->d_name) + 1);
    }
}

static bool read_count(int directory_fd, const char *directory, const char *file,
                       uint64_t *out_count)
{
    char text[64];
    ssize_t length = read_at(directory_fd, text, sizeof(text), "%s/%s", directory, file);
    return length > 0 && parse_number(text, (size_t)length, out_count) == 0;
}

static void add_reason(struct vm *vm, const char *name, uint64_t count)
{
    for (size_t i = 0; i < vm->reason_count; i++)
        if (strcmp(vm->reasons[i].name, name) == 0) {
            vm->reasons[i].count += count;
            return;
        }
    struct vm_reason *reason = vm_add_reason(vm, name, strlen(name));
    reason->count = count;
    reason->time = figure_missing("debugfs counts exits and does not time them");
}

/* A process may have several machines: vtax counts them as one. */
static bool add_machine(const struct debugfs *debugfs, const char *directory, struct vm *vm,
                        uint64_t *sum)
{
    uint64_t count;
    if (!read_count(debugfs->directory_fd, directory, "exits", &count))
        return false;
    *sum += count;
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (read_count(debugfs->directory_fd, directory, reasons[i].file, &count))
            add_reason(vm, reasons[i].name, count);
    return true;
}

void debugfs_fill(const struct debugfs *debugfs, struct vm *vm)
{
    uint64_t sum = 0;
    bool found = false;
    vm->figures[FIGURE_EXIT_TIME] = figure_missing("debugfs counts exits and does not time them");
    if (vm->kind == VM_TCG || vm->kind == VM_VIRTUALBOX) {
        const char *why = vm->kind == VM_TCG ? "QEMU emulates: there is no guest mode to leave"
                                             : "VirtualBox tells its exits only to its debugger";
        vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] = figure_missing(why);
        return;
    }
    for (size_t i = 0; i < debugfs->count; i++)
        if (debugfs->machines[i].pid == vm->pid)
            found |= add_machine(debugfs, debugfs->machines[i].directory, vm, &sum);
    if (found)
        vm->figures[FIGURE_EXITS] = figure_of(sum);
    else
        vm->figures[FIGURE_EXITS] = figure_missing(
            debugfs->missing ? debugfs->missing : "KVM counts nothing for this process");
}

void debugfs_close(struct debugfs *debugfs)
{
    if (debugfs->directory_fd >= 0)
        close(debugfs->directory_fd);
    free(debugfs->machines);
    *debugfs = (struct debugfs){.directory_fd = -1};
}
