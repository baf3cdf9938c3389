/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tracing: tracefs for a test that is root where nobody has mounted it, seen by this process alone.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>
#include <unistd.h>

#define TRACING_DIRECTORY "/sys/kernel/tracing"

/* False: it cannot be had; the test is to be skipped. */
static inline bool tracing_mount(void)
{
    if (access(TRACING_DIRECTORY "/events", R_OK) == 0)
        return true;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tracefs", TRACING_DIRECTORY, "tracefs", 0, NULL) == 0;
}
