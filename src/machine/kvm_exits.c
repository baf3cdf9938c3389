/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/kvm_exits.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

static const struct {
    const char *file;
    const char *name;
} reasons[] = {
    {"io_exits", "exits.io"},
    {"mmio_exits", "exits.mmio"},
    {"halt_exits", "exits.halt"},
    {"irq_exits", "exits.irq"},
    {"irq_window_exits", "exits.irq-window"},
    {"nmi_window_exits", "exits.nmi-window"},
    {"request_irq_exits", "exits.request-irq"},
    {"signal_exits", "exits.signal"},
    {"hypercalls", "exits.hypercall"},
};
_Static_assert(COUNT_OF(reasons) <= MACHINE_PARTS_MAX, "room for all reasons");

const char *kvm_exits_name(const char *counter)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (strcmp(reasons[i].file, counter) == 0)
            return reasons[i].name;
    return NULL;
}

static bool read_count(const char *directory, const char *machine, const char *file,
                       uint64_t *out_count)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s/%s", directory, machine, file);
    CLEANUP_FREE char *text = NULL;
    if (file_read(path, 64, &text, NULL, NULL) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    return units_parse_count(text, out_count) == 0;
}

static void add_part(struct machine_usage *usage, const char *name, uint64_t count)
{
    size_t i = 0;
    while (i < usage->exit_part_count && usage->exit_parts[i].name != name)
        i++;
    if (i == usage->exit_part_count)
        usage->exit_parts[usage->exit_part_count++] = (struct machine_part){.name = name};
    usage->exit_parts[i].value += count;
}

bool kvm_exits_count(const char *directory, const char *machine, uint64_t *out_count)
{
    return read_count(directory, machine, "exits", out_count);
}

bool kvm_exits_add(const char *directory, const char *machine, struct machine_usage *usage)
{
    uint64_t count;
    if (!kvm_exits_count(directory, machine, &count))
        return false;
    usage->exits.value += count;
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (read_count(directory, machine, reasons[i].file, &count))
            add_part(usage, reasons[i].name, count);
    return true;
}

void kvm_exits_read(const char *directory, pid_t pid, struct machine_usage *usage)
{
    char prefix[32];
    int length = snprintf(prefix, sizeof(prefix), "%d-", (int)pid);
    usage->exits = (struct machine_figure){.missing = NULL};
    usage->exit_part_count = 0;
    DIR *list = opendir(directory);
    if (!list) {
        usage->exits.missing =
            errno == EACCES
                ? "only root may read KVM's counts (debugfs)"
                : "KVM's counts are not there: mount -t debugfs debugfs /sys/kernel/debug";
        return;
    }
    bool found = false;
    for (struct dirent *entry; (entry = readdir(list));)
        if (strncmp(entry->d_name, prefix, (size_t)length) == 0)
            found |= kvm_exits_add(directory, entry->d_name, usage);
    closedir(list);
    if (!found)
        usage->exits.missing = "KVM counts nothing for this process";
}
