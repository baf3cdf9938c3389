/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * absent: hypervisors that plans may name and that this version does not drive. The probe says what
 * the host has of them.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "machine/list.h"

struct absent_options {
    char nothing;
};

/* Both answers end in a refusal; the first names what would have to be done to the host as well. */
static int refuse(const char *kind, const char *lack, struct error *err)
{
    static const char instead[] = "this version of vtax measures native, qemu-tcg and kvm";
    if (lack)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "%s; besides, %s", lack, instead);
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                     "the host has it, but vtax " VTAX_VERSION " does not drive %s yet: %s", kind,
                     instead);
}

static int probe_xen(const struct plan_entry *entry, const char *uri, struct error *err)
{
    (void)uri;
    CLEANUP_FREE char *text = NULL;
    size_t length;
    bool is_xen = file_read("/sys/hypervisor/type", 64, &text, &length, NULL) >= 0 &&
                  strncmp(text, "xen", 3) == 0;
    const char *lack = NULL;
    if (!is_xen)
        lack = "this Linux does not run on Xen: install the package xen-system-amd64 and boot it";
    else if (!file_exists("/proc/xen/privcmd") && !file_exists("/dev/xen/privcmd"))
        lack = "this Linux is a guest of Xen, not its control domain";
    return refuse(entry->kind->name, lack, err);
}

static int probe_virtualbox(const struct plan_entry *entry, const char *uri, struct error *err)
{
    (void)uri;
    const char *lack = NULL;
    if (!process_find_program("VBoxManage"))
        lack = "no program 'VBoxManage': install VirtualBox";
    else if (!file_exists("/dev/vboxdrv"))
        lack = "no '/dev/vboxdrv': modprobe vboxdrv";
    return refuse(entry->kind->name, lack, err);
}

/* For a caller that did not ask the probe first. */
static int open_site(const struct site_options *options, void **out_site, struct error *err)
{
    (void)out_site;
    return refuse(options->entry->kind->name, NULL, err);
}

#define ABSENT(word, sentence, probe_function)                                                     \
    {                                                                                              \
        .kind = {.name = word,                                                                     \
                 .help = sentence,                                                                 \
                 .options = {NULL, 0, sizeof(struct absent_options)},                              \
                 .estimate_ns = 15 * NS_PER_S},                                                    \
        .is_virtual = true, .probe = probe_function, .open = open_site                             \
    }

const struct platform platform_xen_pv =
    ABSENT("xen-pv", "Xen, paravirtualized guests: not driven by this version.", probe_xen);
const struct platform platform_xen_pvh =
    ABSENT("xen-pvh", "Xen, PVH guests: not driven by this version.", probe_xen);
const struct platform platform_xen_hvm =
    ABSENT("xen-hvm", "Xen, hardware-virtualized guests: not driven by this version.", probe_xen);
const struct platform platform_virtualbox =
    ABSENT("virtualbox", "Oracle VirtualBox: not driven by this version.", probe_virtualbox);
