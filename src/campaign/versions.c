/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/versions.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"

#define TIMEOUT_NS (10 * NS_PER_S)

static const struct {
    const char *name;
    const char *program;
} rows[] = {
    {"version.qemu", "qemu-system-x86_64"},
    {"version.bubblewrap", "bwrap"},
    {"version.libvirt", "libvirtd"},
};

void versions_read(struct host_facts *facts)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const argv[] = {rows[i].program, "--version", NULL};
        CLEANUP_FREE char *text = NULL;
        if (process_check(argv, TIMEOUT_NS, &text, NULL) >= 0)
            host_facts_add(facts, rows[i].name, "%.*s", (int)strcspn(text, "\n"), text);
    }
}
