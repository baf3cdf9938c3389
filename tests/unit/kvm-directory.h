/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Files as KVM shows them in debugfs: a directory PID-FD for each machine, a count in each file.
 */
#pragma once

#include <string.h>

#include "base/file.h"

static inline void kvm_directory_put(const char *root, const char *machine, const char *name,
                                     const char *value)
{
    CLEANUP_FREE char *directory = mem_printf("%s/%s", root, machine);
    CLEANUP_FREE char *path = mem_printf("%s/%s", directory, name);
    assert_int_equal(file_make_directories(directory, 0700, NULL), 0);
    assert_int_equal(file_write_atomic(path, value, strlen(value), 0600, NULL), 0);
}
