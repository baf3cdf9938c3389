/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/kallsyms.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define READ_NS (900 * NS_PER_S) /* a few megabytes; an emulated server can be slow */
#define ENDING ".kallsyms"

void kallsyms_keep(const char *directory, const char *name, struct machine *machine)
{
    /* functions only: half as much to carry */
    static const char *const argv[] = {"env",    "LC_ALL=C",       "grep", "-i",
                                       " [tw] ", "/proc/kallsyms", NULL};
    CLEANUP_FREE char *path = mem_printf("%s/%s" ENDING, directory, name);
    CLEANUP_FREE char *text = NULL;
    struct error err = {0};
    struct channel *channel = machine_channel(machine);
    if (!channel)
        return;
    int rc = channel_check(channel, argv, READ_NS, &text, &err);
    if (rc == 0)
        rc = file_write_atomic(path, text, strlen(text), 0644, &err);
    if (rc < 0 && rc != -EINTR)
        log_warn("keep the kernel's symbols of machine '%s': %s", name, err.text);
}
