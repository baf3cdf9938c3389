/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/kvm_exits.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

static bool read_count(const char *path, uint64_t *out_count)
{
    CLEANUP_FREE char *text = NULL;
    if (file_read(path, 64, &text, NULL, NULL) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    return units_parse_count(text, out_count) == 0;
}

const char *kvm_exits_read(const char *directory, pid_t pid, uint64_t *out_count)
{
    char prefix[32];
    int length = snprintf(prefix, sizeof(prefix), "%d-", (int)pid);
    DIR *list = opendir(directory);
    if (!list && errno == EACCES)
        return "only root may read KVM's counts (debugfs)";
    if (!list)
        return "KVM's counts are not there: mount -t debugfs debugfs /sys/kernel/debug";
    uint64_t sum = 0;
    bool found = false;
    for (struct dirent *entry; (entry = readdir(list));) {
        CLEANUP_FREE char *path = mem_printf("%s/%s/exits", directory, entry->d_name);
        uint64_t count;
        if (strncmp(entry->d_name, prefix, (size_t)length) != 0 || !read_count(path, &count))
            continue;
        sum += count;
        found = true;
    }
    closedir(list);
    if (!found)
        return "KVM counts nothing for this process";
    *out_count = sum;
    return NULL;
}
