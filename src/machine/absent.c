/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * absent: hypervisors that plans may name and that this version does not drive. The probe says what
 * the host has of them.
 */
#include <errno.h>

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
    static const char instead[] = "this version of vtax measures native, qemu-tcg, kvm and xen";
    if (lack)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "%s; besides, %s", lack, instead);
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                     "the host has it, but vtax " VTAX_VERSION " does not drive %s yet: %s", kind,
                     instead);
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

const struct platform platform_virtualbox =
    ABSENT("virtualbox", "Oracle VirtualBox: not driven by this version.", probe_virtualbox);
