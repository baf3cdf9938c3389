/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * virtualbox: where the time of a machine's virtual CPUs went as VirtualBox accounts it: in guest
 * mode, halted, or in VirtualBox and the kernel. Its packages count no exits by reason: those
 * statistics are in debug builds only.
 */
#include <errno.h>
#include <string.h>

#include "probe/probe_list.h"
#include "probe/vbox_times.h"

static int open_virtualbox(const struct probe_target *targets, size_t count, void **out_state,
                           struct error *err)
{
    (void)out_state;
    for (size_t i = 0; i < count; i++)
        if (targets[i].is_virtualbox)
            return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine here is VirtualBox's");
}

static void read_virtualbox(void *state, const struct probe_target *target,
                            struct probe_readings *out)
{
    (void)state;
    int index = (int)target->index;
    CLEANUP_FREE char *text = NULL;
    struct vbox_times times;
    struct error err = {0};
    if (!target->is_virtualbox)
        return;
    if (machine_ask_monitor(target->machine, &text, &err) < 0) {
        probe_readings_miss(out, index, "virtualbox", "%s", err.text);
        return;
    }
    if (vbox_times_parse(text, strlen(text), &times) < 0) {
        probe_readings_miss(out, index, "virtualbox",
                            "this VirtualBox does not tell the times of its virtual CPUs");
        return;
    }
    probe_readings_add(out, index, times.executing_ns, "virtualbox:executing_ns");
    probe_readings_add(out, index, times.halted_ns, "virtualbox:halted_ns");
    probe_readings_add(out, index, times.other_ns, "virtualbox:other_ns");
    probe_readings_add(out, index, times.entries, "virtualbox:entries");
    probe_readings_add(out, index, times.halts, "virtualbox:halts");
}

const struct probe probe_virtualbox = {
    .name = "virtualbox",
    .help = "VirtualBox's own account of its virtual CPUs: in guest mode, halted, elsewhere.",
    .open = open_virtualbox,
    .read = read_virtualbox,
};
