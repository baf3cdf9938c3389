/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/versions.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "machine/list.h"
#include "machine/virtualbox_tools.h"
#include "machine/xen_tools.h"

#define TIMEOUT_NS (10 * NS_PER_S)

static const struct {
    const char *name;
    const char *program;
} rows[] = {
    {"version.qemu", "qemu-system-x86_64"},
    {"version.bubblewrap", "bwrap"},
    {"version.libvirt", "libvirtd"},
};

static bool is_among(const struct plan_kind *kind, const struct platform *const *wanted)
{
    while (*wanted && &(*wanted)->kind != kind)
        wanted++;
    return *wanted;
}

/* The hypervisors that are asked in ways of their own, and only where the plan has them. */
static void add_hypervisors(const struct plan *plan, struct host_facts *facts)
{
    static const struct platform *const xen[] = {&platform_xen_pv, &platform_xen_pvh,
                                                 &platform_xen_hvm, NULL};
    static const struct platform *const virtualbox[] = {&platform_virtualbox, NULL};
    bool uses_xen = false, uses_virtualbox = false;
    for (size_t i = 0; i < plan->platform_count; i++) {
        uses_xen |= is_among(plan->platforms[i].kind, xen);
        uses_virtualbox |= is_among(plan->platforms[i].kind, virtualbox);
    }
    CLEANUP_FREE char *xen_version = uses_xen ? xen_tools_read_version(NULL) : NULL;
    CLEANUP_FREE char *virtualbox_version = uses_virtualbox ? virtualbox_read_version() : NULL;
    if (xen_version)
        host_facts_add(facts, "version.xen", "%s", xen_version);
    if (virtualbox_version)
        host_facts_add(facts, "version.virtualbox", "%s", virtualbox_version);
}

void versions_read(const struct plan *plan, struct host_facts *facts)
{
    add_hypervisors(plan, facts);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const argv[] = {rows[i].program, "--version", NULL};
        CLEANUP_FREE char *text = NULL;
        if (process_check(argv, TIMEOUT_NS, &text, NULL) >= 0)
            host_facts_add(facts, rows[i].name, "%.*s", (int)strcspn(text, "\n"), text);
    }
}
