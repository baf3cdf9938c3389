/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * devices: what each network card and each disk of a machine moved, as the host has it: taps from
 * the kernel, a virtual machine's disks from its hypervisor, the host's block devices from the
 * machine's cgroup. A guest's own counts of the same are the probe `guest`'s.
 */
#include <errno.h>
#include <stdlib.h>

#include "probe/card.h"
#include "probe/disk_io.h"
#include "probe/probe_list.h"
#include "probe/process.h"

#define NATIVE_CARD "eth0" /* of an instance, network_add_instance() */

static int open_devices(const struct probe_target *targets, size_t count, void **out_state,
                        struct error *err)
{
    (void)out_state;
    for (size_t i = 0; i < count; i++)
        if (targets[i].pid > 0)
            return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "no machine has a process on this host");
}

/* Numbers, since names of taps differ from trial to trial. */
static void say_card(const struct card *card, size_t number, int machine,
                     struct probe_readings *out)
{
    probe_readings_add(out, machine, card->received_bytes, "devices:net%zu_received_bytes", number);
    probe_readings_add(out, machine, card->received, "devices:net%zu_received", number);
    probe_readings_add(out, machine, card->sent_bytes, "devices:net%zu_sent_bytes", number);
    probe_readings_add(out, machine, card->sent, "devices:net%zu_sent", number);
}

static void read_cards(const struct probe_target *target, struct probe_readings *out)
{
    CLEANUP_FREE struct card *cards = NULL;
    struct card own;
    struct error err = {0};
    size_t count = 1;
    int rc = target->is_virtual ? card_read_taps("/proc", target->pid, &cards, &count, &err)
                                : card_read_own("/proc", target->pid, NATIVE_CARD, &own, &err);
    if (rc < 0)
        probe_readings_miss(out, (int)target->index, "devices:net", "%s", err.text);
    for (size_t i = 0; rc >= 0 && i < count; i++)
        say_card(cards ? &cards[i] : &own, i, (int)target->index, out);
}

struct moved {
    uint64_t reads, read_bytes, writes, write_bytes;
};

/* name: "disk_vda" */
static void say_disk(const struct moved *moved, const char *name, int machine,
                     struct probe_readings *out)
{
    probe_readings_add(out, machine, moved->reads, "devices:%s_reads", name);
    probe_readings_add(out, machine, moved->read_bytes, "devices:%s_read_bytes", name);
    probe_readings_add(out, machine, moved->writes, "devices:%s_writes", name);
    probe_readings_add(out, machine, moved->write_bytes, "devices:%s_write_bytes", name);
}

static void read_disks(const struct probe_target *target, struct probe_readings *out)
{
    struct machine_disk disk;
    struct error err = {0};
    int rc;
    for (unsigned i = 0; (rc = machine_read_disk(target->machine, i, &disk, &err)) >= 0; i++) {
        CLEANUP_FREE char *name = mem_printf("disk_%s", disk.name);
        say_disk(&(struct moved){disk.reads, disk.read_bytes, disk.writes, disk.write_bytes}, name,
                 (int)target->index, out);
    }
    if (rc != -ENOENT)
        probe_readings_miss(out, (int)target->index, "devices:disk", "%s", err.text);
}

struct finding {
    int machine;
    struct probe_readings *out;
};

static void add_io(const struct disk_io *io, void *context)
{
    const struct finding *finding = context;
    CLEANUP_FREE char *device = disk_io_name(&disk_io_roots, io);
    CLEANUP_FREE char *name = mem_printf("io_%s", device);
    say_disk(&(struct moved){io->reads, io->read_bytes, io->writes, io->write_bytes}, name,
             finding->machine, finding->out);
}

static void read_cgroup(const struct probe_target *target, struct probe_readings *out)
{
    CLEANUP_FREE pid_t *pids = NULL;
    size_t count = process_find_tree(target->pid, &pids);
    struct finding finding = {(int)target->index, out};
    struct error err = {0};
    if (disk_io_read(&disk_io_roots, pids, count, add_io, &finding, &err) < 0)
        probe_readings_miss(out, (int)target->index, "devices:io", "%s", err.text);
}

static void read_devices(void *state, const struct probe_target *target, struct probe_readings *out)
{
    (void)state;
    if (target->pid <= 0)
        return;
    read_cards(target, out);
    if (target->is_virtual && target->machine)
        read_disks(target, out);
    read_cgroup(target, out);
}

const struct probe probe_devices = {
    .name = "devices",
    .help = "Bytes and packets of each network card, bytes and requests of each disk, as the host "
            "has them.",
    .open = open_devices,
    .read = read_devices,
};
