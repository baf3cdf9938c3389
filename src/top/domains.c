/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/domains.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "machine/xen_tools.h"
#include "top/parse.h"
#include "top/read.h"

#define SECTOR_BYTES 512
#define CARDS_MAX 8
#define BACKEND_DIRECTORY "/sys/bus/xen-backend/devices"

static const char no_mode[] =
    "Xen tells the CPU time of a guest, not what of it is the guest's own";
static const char no_wait[] = "libxenstat does not tell for how long a vCPU was runnable";
static const char no_trace[] = "Xen counts exits only in its trace (xentrace)";

struct domains {
    struct xen_tools *tools; /* NULL: could not be opened */
    struct error why;
};

struct domains *domains_open(void)
{
    char text[16];
    if (read_at(AT_FDCWD, text, sizeof(text), XEN_SYSFS "/type") < 3 ||
        strncmp(text, "xen", 3) != 0)
        return NULL;
    struct domains *domains = mem_zalloc(sizeof(*domains));
    if (xen_tools_open(&domains->tools, &domains->why) < 0)
        domains->tools = NULL;
    return domains;
}

/* The cards of a guest are vifDOMAIN.N here; what they receive the guest has sent. */
static void fill_network(struct networks *networks, int proc_fd, struct vm *vm)
{
    uint64_t sent = 0, received = 0, from, to;
    bool found = false;
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        char name[PARSE_INTERFACE_MAX];
        snprintf(name, sizeof(name), "vif%u.%u", vm->domain, i);
        if (networks_find(networks, proc_fd, "self", name, &from, &to) < 0)
            continue;
        sent += from;
        received += to;
        found = true;
    }
    static const char lack[] = "it has no card in this network namespace";
    vm->figures[FIGURE_SEND] = found ? figure_of(sent) : figure_missing(lack);
    vm->figures[FIGURE_RECEIVE] = found ? figure_of(received) : figure_missing(lack);
}

static bool add_sectors(int directory_fd, const char *device, const char *file, uint64_t *sum)
{
    char text[64];
    uint64_t count;
    ssize_t length =
        read_at(directory_fd, text, sizeof(text), "%.200s/statistics/%s", device, file);
    if (length < 0 || parse_number(text, (size_t)length, &count) < 0)
        return false;
    *sum += count * SECTOR_BYTES;
    return true;
}

static void fill_disk(struct vm *vm)
{
    CLEANUP_DIRECTORY DIR *directory = read_open_directory(AT_FDCWD, BACKEND_DIRECTORY);
    char start[32];
    int length = snprintf(start, sizeof(start), "vbd-%u-", vm->domain);
    uint64_t read = 0, written = 0;
    bool found = false;
    for (const struct dirent *entry; directory && (entry = readdir(directory));)
        if (strncmp(entry->d_name, start, (size_t)length) == 0)
            found |= add_sectors(dirfd(directory), entry->d_name, "rd_sect", &read) &&
                     add_sectors(dirfd(directory), entry->d_name, "wr_sect", &written);
    static const char lack[] = "no disk of it is served by this kernel (blkback)";
    vm->figures[FIGURE_READ] = found ? figure_of(read) : figure_missing(lack);
    vm->figures[FIGURE_WRITE] = found ? figure_of(written) : figure_missing(lack);
}

static void fill_vcpus(const struct xen_guest *guest, struct vm *vm)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < guest->vcpus; i++) {
        struct vm_vcpu *vcpu = vm_add_vcpu(vm);
        vcpu->number = i;
        vcpu->run = figure_of(guest->vcpu_ns[i]);
        vcpu->wait = figure_missing(no_wait);
        vcpu->guest = figure_missing(no_mode);
        vcpu->migrations = figure_missing("Xen does not count them");
        sum += guest->vcpu_ns[i];
    }
    vm->figures[FIGURE_VCPU_RUN] = figure_of(sum);
}

static void add_guest(const struct xen_guest *guest, int proc_fd, struct networks *networks,
                      struct snapshot *snapshot)
{
    struct vm *vm = snapshot_add(snapshot);
    vm->name = guest->name && *guest->name ? mem_strdup(guest->name)
                                           : mem_printf("domain %u", guest->domain.id);
    vm->kind = VM_XEN;
    vm->domain = guest->domain.id;
    vm->identity = guest->domain.id; /* Xen does not use a number twice */
    vm->time_ns = clock_monotonic_ns();
    vm->vcpu_count = guest->vcpus;
    vm->figures[FIGURE_CPU] = figure_of(guest->domain.cpu_ns);
    vm->figures[FIGURE_GUEST] = figure_missing(no_mode);
    vm->figures[FIGURE_WAIT] = vm->figures[FIGURE_VCPU_WAIT] = figure_missing(no_wait);
    vm->figures[FIGURE_STEAL] =
        figure_missing("only the guest knows it, and it has no guest agent to ask");
    vm->figures[FIGURE_EXITS] = vm->figures[FIGURE_EXIT_TIME] = figure_missing(no_trace);
    vm->figures[FIGURE_MIGRATIONS] = figure_missing("Xen does not count them");
    vm->figures[FIGURE_FAULTS] = figure_missing("the guest's memory is not paged");
    for (size_t i = FIGURE_GUEST_INSTRUCTIONS; i <= FIGURE_HOST_CYCLES; i++)
        vm->figures[i] = figure_missing("the control domain's counters do not count other domains");
    fill_vcpus(guest, vm);
    fill_network(networks, proc_fd, vm);
    fill_disk(vm);
}

/* The time of a QEMU that serves a domain is the domain's as well. */
static void take_in_device_models(struct snapshot *snapshot)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        struct vm *served = NULL, *model = &snapshot->vms[i];
        for (size_t j = 0; j < snapshot->count && model->device_model_of; j++)
            if (snapshot->vms[j].domain == model->device_model_of)
                served = &snapshot->vms[j];
        if (!served) {
            snapshot->vms[kept++] = *model;
            continue;
        }
        served->figures[FIGURE_CPU].value += model->figures[FIGURE_CPU].value;
        if (served->figures[FIGURE_READ].missing) {
            served->figures[FIGURE_READ] = model->figures[FIGURE_READ];
            served->figures[FIGURE_WRITE] = model->figures[FIGURE_WRITE];
        }
        vm_done(model);
    }
    snapshot->count = kept;
}

void domains_read(struct domains *domains, int proc_fd, struct networks *networks,
                  struct snapshot *snapshot)
{
    struct xen_guest *guests = NULL;
    size_t count = 0;
    if (!domains->tools || xen_tools_list(domains->tools, &guests, &count, &domains->why) < 0) {
        snapshot_add_note(snapshot, domains->why.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (guests[i].domain.id != 0) /* that is this Linux */
            add_guest(&guests[i], proc_fd, networks, snapshot);
    xen_tools_free_guests(guests, count);
    take_in_device_models(snapshot);
}

struct domains *domains_close(struct domains *domains)
{
    if (domains)
        xen_tools_close(domains->tools);
    free(domains);
    return NULL;
}
