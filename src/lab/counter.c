/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/counter.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

int counter_find(const char *file, char **out_path, struct error *err)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "find '%s'", file);
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    CLEANUP_FREE char *built = mem_printf("%s/src/plugin/%s", self, file);
    CLEANUP_FREE char *installed =
        mem_printf("%s/../" COUNTER_LIBRARY_DIRECTORY "/vtax/%s", self, file);
    if (!file_exists(built) && !file_exists(installed))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "the plugin %s is not built or not installed: neither "
                         "'%s' nor '%s' is there",
                         file, built, installed);
    *out_path = file_exists(built) ? TAKE_PTR(built) : TAKE_PTR(installed);
    return 0;
}
