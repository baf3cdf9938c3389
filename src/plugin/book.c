/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/book.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* "vtaxVM01" */
#define MARK_MAGIC UINT64_C(0x31304d5678617476)

enum {
    MARK_AT = 0xFC0, /* in the VMCB page: magic, address, number */
    VMCB_NESTED_CR3 = 0x0B0,
};

static int map_file(const char *path, struct ledger **out_ledger, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct ledger)) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make ledger '%s'", path);
    void *at = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "map ledger '%s'", path);
    *out_ledger = at;
    return 0;
}

int book_open(struct plugin *plugin, struct error *err)
{
    struct ledger *ledger = NULL;
    if (plugin->vcpu_count > LEDGER_CPUS)
        return error_set(err, ERROR_USAGE, -ERANGE,
                         "a machine with %u CPUs: at most %d are counted", plugin->vcpu_count,
                         LEDGER_CPUS);
    int r = plugin->options.ledger ? map_file(plugin->options.ledger, &ledger, err) : 0;
    if (r < 0)
        return r;
    if (!ledger)
        ledger = mem_zalloc(sizeof(*ledger));
    ledger->cpus = plugin->vcpu_count;
    ledger->vms = 1;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        ledger->penalty[i] = plugin->config.cycles.penalty[i];
    ledger->uncounted = plugin->config.uncounted;
    __atomic_store_n(&ledger->magic, LEDGER_MAGIC, __ATOMIC_RELEASE);
    plugin->ledger = ledger;
    return 0;
}

static void begin(struct ledger_cpu *cpu)
{
    __atomic_store_n(&cpu->sequence, cpu->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end(struct ledger_cpu *cpu)
{
    __atomic_store_n(&cpu->sequence, cpu->sequence + 1, __ATOMIC_RELEASE);
}

/* The hypervisor's instructions go to the exit that it is working on, too. The CPU's total is taken
 * as it is, so that it tells when something was not entered. */
static void charge(struct vcpu *vcpu)
{
    struct book *book = &vcpu->book;
    struct ledger_cpu *cpu = book->cpu;
    const struct pmu_counts *now = vcpu_counts(vcpu);

    for (unsigned level = 0; level < 2; level++)
        for (unsigned i = 0; i < PMU_EVENT_COUNT; i++) {
            uint64_t host = now->events[PMU_HOST_KERNEL + level][i] -
                            book->charged.events[PMU_HOST_KERNEL + level][i];
            uint64_t guest = now->events[PMU_GUEST_KERNEL + level][i] -
                             book->charged.events[PMU_GUEST_KERNEL + level][i];
            cpu->rows[0].events[level][i] += host;
            cpu->rows[book->vm].events[level][i] += guest;
            cpu->machine[level][i] =
                now->events[PMU_HOST_KERNEL + level][i] + now->events[PMU_GUEST_KERNEL + level][i];
            if (i == PMU_INSTRUCTIONS && book->exit)
                book->exit->instructions[level] += host;
        }
    book->charged = *now;
    cpu->accesses = vcpu->stats.accesses;
    cpu->present = 1;
}

void book_publish(struct vcpu *vcpu)
{
    begin(vcpu->book.cpu);
    charge(vcpu);
    end(vcpu->book.cpu);
}

static unsigned find_by_table(const struct ledger *ledger, uint64_t nested_cr3)
{
    for (unsigned i = 1; nested_cr3 && i < ledger->vms; i++)
        if (ledger->vm[i].nested_cr3 == nested_cr3)
            return i;
    return 0;
}

/* A VMCB that was not entered before: of a VM whose nested page table it shares, or of a new one.
 */
static unsigned admit(struct plugin *plugin, uint64_t nested_cr3)
{
    struct ledger *ledger = plugin->ledger;
    unsigned vm = find_by_table(ledger, nested_cr3);
    if (!vm) {
        vm = ledger->vms < LEDGER_VMS ? (unsigned)ledger->vms : LEDGER_VMS - 1;
        ledger->vm[vm].nested_cr3 = nested_cr3 ? nested_cr3 : ~UINT64_C(0);
        __atomic_store_n(&ledger->vms, vm + 1, __ATOMIC_RELEASE);
    }
    ledger->vm[vm].vcpus++;
    return vm;
}

static unsigned find_vm(struct plugin *plugin, struct vcpu *vcpu, uint64_t vmcb)
{
    uint64_t nested_cr3 = pmu_vmcb_read64(vcpu->page, VMCB_NESTED_CR3);
    uint64_t vm = pmu_vmcb_read64(vcpu->page, MARK_AT + 16);
    bool known = pmu_vmcb_read64(vcpu->page, MARK_AT) == MARK_MAGIC &&
                 pmu_vmcb_read64(vcpu->page, MARK_AT + 8) == vmcb && vm >= 1 &&
                 vm < plugin->ledger->vms;
    if (known && (!nested_cr3 || plugin->ledger->vm[vm].nested_cr3 == nested_cr3))
        return (unsigned)vm;
    pthread_mutex_lock(&plugin->lock);
    if (known) /* the hypervisor has built the VM's table anew */
        plugin->ledger->vm[vm].nested_cr3 = nested_cr3;
    else
        vm = admit(plugin, nested_cr3);
    pthread_mutex_unlock(&plugin->lock);
    uint64_t mark[] = {MARK_MAGIC, vmcb, vm};
    if (!known)
        vcpu_store(vcpu, vmcb + MARK_AT, mark, sizeof(mark));
    return (unsigned)vm;
}

void book_enter(struct plugin *plugin, struct vcpu *vcpu, uint64_t vmcb)
{
    struct book *book = &vcpu->book;
    unsigned vm = find_vm(plugin, vcpu, vmcb);
    begin(book->cpu);
    charge(vcpu);
    book->vm = vm;
    book->exit = NULL;
    book->cpu->rows[vm].runs++;
    end(book->cpu);
}

void book_leave(struct vcpu *vcpu, uint64_t exit_code)
{
    struct book *book = &vcpu->book;
    begin(book->cpu);
    charge(vcpu);
    book->exit = &book->cpu->rows[book->vm].exits[ledger_exit_slot(exit_code)];
    book->exit->count++;
    end(book->cpu);
}

void book_cancel(struct vcpu *vcpu)
{
    vcpu->book.cpu->rows[vcpu->book.vm].runs--;
}

bool book_read(struct vcpu *vcpu, uint32_t msr, uint64_t *out_value)
{
    struct book *book = &vcpu->book;
    if (!book->frozen)
        book->frozen = mem_zalloc(sizeof(*book->frozen));
    if (msr == ledger_msr(0, LEDGER_ITEM_FREEZE)) {
        *out_value = 1;
        book_publish(vcpu);
        return ledger_copy(book->ledger, book->frozen);
    }
    if (msr != ledger_msr(0, LEDGER_ITEM_MAGIC))
        return ledger_read_msr(book->frozen, msr, out_value);
    *out_value = LEDGER_MAGIC;
    return true;
}
