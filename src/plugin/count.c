/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "plugin/book.h"
#include "plugin/plugin.h"

/* How many instructions a guest may execute before it is looked at again. */
enum { RETRY = 200 };

static void add_back(struct slot *slot, struct block_rest rest, unsigned bucket)
{
    slot->counts.events[bucket][PMU_INSTRUCTIONS] += rest.instructions;
    slot->counts.events[bucket][PMU_BRANCHES] += rest.branches;
    slot->clock += rest.instructions;
}

void count_take_back(struct vcpu *vcpu, struct block_rest rest)
{
    struct slot *slot = vcpu->slot;
    slot->counts.events[slot->block->bucket][PMU_INSTRUCTIONS] -= rest.instructions;
    slot->counts.events[slot->block->bucket][PMU_BRANCHES] -= rest.branches;
    slot->clock -= rest.instructions;
    sample_note_cut(vcpu, rest);
}

struct block_rest count_pause(struct vcpu *vcpu, const struct site *site)
{
    struct block_rest rest = block_rest_from(site->block, site->index);
    count_take_back(vcpu, rest);
    return rest;
}

void count_resume(struct vcpu *vcpu, struct block_rest rest)
{
    add_back(vcpu->slot, rest, vcpu->slot->block->bucket);
}

void count_advance(struct vcpu *vcpu)
{
    if (!pmu_cpu_advance(&vcpu->cpu, vcpu_counts(vcpu)))
        return;
    if (vcpu->cpu.switched)
        pmi_raise_guest(vcpu);
    else
        pmi_raise_host(vcpu);
}

void count_arm(struct vcpu *vcpu)
{
    uint64_t distance = pmu_distance(&vcpu->cpu.pmu), sample = sample_distance(vcpu);
    distance = sample < distance ? sample : distance;
    uint64_t most = vcpu->deferred && vcpu->cpu.switched ? RETRY : LEDGER_LAG;
    vcpu->slot->clock = CLOCK_DUE - (distance < most ? distance : most);
}

void count_finish(struct vcpu *vcpu, const struct site *site)
{
    vcpu->slot->counts.events[site->block->bucket][PMU_INSTRUCTIONS]++;
    count_arm(vcpu);
    vcpu->slot->clock++;
    qemu_plugin_set_pc(site->next);
}

void count_arm_now(struct vcpu *vcpu)
{
    vcpu->slot->clock = CLOCK_DUE;
}

void count_tick(unsigned index, void *userdata)
{
    struct plugin *plugin = userdata;
    struct vcpu *vcpu = &plugin->vcpus[index];

    vcpu->stats.ticks++;
    if (vcpu->amend_cpuid)
        cpuid_finish(plugin, vcpu);
    count_advance(vcpu);
    pmi_retry(vcpu);
    book_publish(vcpu);
    sample_take(vcpu);
    count_arm(vcpu);
}

/* The vCPU has nothing to do; the thread tells which one it is. */
void count_idle(unsigned index, void *userdata)
{
    (void)index;
    (void)userdata;
    struct vcpu *vcpu = translate_vcpu();
    if (vcpu)
        book_publish(vcpu);
}

/* The handler's stack holds the error code, and above it where the fault came from. */
static void restore_address(struct vcpu *vcpu)
{
    uint64_t stack = vcpu_read(vcpu, VCPU_RSP);
    g_byte_array_set_size(vcpu->bytes, sizeof(vcpu->fault_address));
    memcpy(vcpu->bytes->data, &vcpu->fault_address, sizeof(vcpu->fault_address));
    qemu_plugin_write_memory_vaddr(stack + 8, vcpu->bytes);
}

/* An event was delivered at this address: after a fault in the middle of a block, or between two
 * instructions. A page fault of a fetch comes before the block that it would have begun, and leaves
 * the block on record whole: its address is not in that one, which ends at the page that could not
 * be fetched. (CR2 does not tell: it keeps the address of an earlier fault.) */
static void deliver(struct vcpu *vcpu, const struct block *block, uint64_t from, bool fault)
{
    if (!fault) {
        count_take_back(vcpu, block_rest_at_interrupt(block, from));
        return;
    }
    msr_settle_fault(vcpu);
    if (vcpu->restore_address) {
        vcpu->restore_address = false;
        restore_address(vcpu);
    }
    /* VMRUN is of the host's block; the guest may have an instruction at the same address */
    if (vcpu->cpu.in_guest && from == vcpu->run_address && block->bucket < PMU_GUEST_KERNEL)
        switch_cancel(vcpu);
    count_take_back(vcpu, block_rest_at_fault(block, from));
}

/* QEMU 11.1 on x86 calls twice for an exception: as an exception when it is raised, with an address
 * that may be no more than the block's, and as an interrupt when it is delivered, with the
 * instruction's. A hardware interrupt has the second call only. */
void count_discontinuity(unsigned index, int type, uint64_t from, uint64_t to, void *userdata)
{
    (void)to;
    struct plugin *plugin = userdata;
    struct vcpu *vcpu = &plugin->vcpus[index];
    const struct block *block = vcpu->slot ? vcpu->slot->block : NULL;
    bool fault = vcpu->raised;

    vcpu->raised = type == QEMU_DISCON_EXCEPTION;
    if (block && !vcpu->raised)
        deliver(vcpu, block, from, fault);
}

/* QEMU leaves a long string instruction now and then to look for interrupts, and comes back with a
 * block that begins with it: the one before was not completed. */
void count_repeat(unsigned index, void *userdata)
{
    const struct site *site = userdata;
    struct vcpu *vcpu = &site->plugin->vcpus[index];
    const struct block *block = vcpu->slot->block;

    if (!block || !block->ends_in_repeat || block->bucket != site->block->bucket)
        return;
    int last = block->instructions - 1;
    if (block_find(block, site->address) == last)
        count_take_back(vcpu, block_rest_from(block, last));
}

/* The block before ended in a conditional branch: where this one begins tells which way it went. An
 * interrupt in between, at the same privilege level, is taken for the branch's target. */
static inline void resolve_branch(const struct plugin_lane *lane, const struct block *block)
{
    const struct block *before = lane->slot->block;

    if (!before || before->bucket != block->bucket)
        return;
    bool taken = block->address != before->address + before->bytes;
    lane->slot->counts.events[before->bucket][PMU_BRANCH_MISSES] +=
        predictor_resolve(&lane->memory->predictor, before->address + before->last_offset, taken,
                          before->is_conditional);
}

static inline void fetch(const struct plugin_lane *lane, const struct block *block)
{
    uint64_t *events = lane->slot->counts.events[block->bucket];
    if (memory_fetch_recent(lane->memory, block->address, block->bytes, block->frames[0], events))
        return;
    const struct memory_block fetched = {.address = block->address,
                                         .bytes = block->bytes,
                                         .frames = {block->frames[0], block->frames[1]}};
    memory_fetch(lane->memory, &fetched, events);
}

/* One call costs less than four operations of the generated code. */
static inline void begin(const struct plugin_lane *lane, const struct block *block, unsigned index)
{
    struct slot *slot = lane->slot;
    if (slot->clock >= CLOCK_DUE)
        count_tick(index, lane->plugin);
    slot->block = block;
    slot->clock += block->instructions;
    slot->blocks[block->bucket] += block->instructions | (uint64_t)block->ends_in_branch
                                                             << SLOT_BRANCH_SHIFT;
}

void count_block(unsigned index, void *userdata)
{
    const struct block *block = userdata;
    begin(&block->lanes[index], block, index);
}

void count_branch(unsigned index, void *userdata)
{
    const struct block *block = userdata;
    const struct plugin_lane *lane = &block->lanes[index];
    resolve_branch(lane, block);
    begin(lane, block, index);
}

void count_fetch(unsigned index, void *userdata)
{
    const struct block *block = userdata;
    const struct plugin_lane *lane = &block->lanes[index];
    fetch(lane, block);
    begin(lane, block, index);
}

void count_fetch_and_branch(unsigned index, void *userdata)
{
    const struct block *block = userdata;
    const struct plugin_lane *lane = &block->lanes[index];
    fetch(lane, block);
    resolve_branch(lane, block);
    begin(lane, block, index);
}

/* Asks QEMU where the address is, unless that is known of its page. */
static void look_up(struct memory *memory, uint32_t info, uint64_t address,
                    uint64_t events[PMU_EVENT_COUNT])
{
    struct memory_frame *frame = memory_find_frame(memory, address);
    uint64_t page = address >> MEMORY_PAGE_BITS;
    if (frame->page != page) {
        struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, address);
        bool is_ram = where && !qemu_plugin_hwaddr_is_io(where);
        uint64_t inside = address % (1u << MEMORY_PAGE_BITS);
        frame->physical = is_ram ? qemu_plugin_hwaddr_phys_addr(where) - inside : MEMORY_DEVICE;
        frame->page = page;
    }
    memory_access(memory, address, frame, events);
}

static inline void count_access(const struct plugin_port *port, unsigned index, uint32_t info,
                                uint64_t address, enum pmu_event event)
{
    const struct plugin_lane *lane = &port->lanes[index];
    uint64_t *events = lane->slot->counts.events[port->bucket];

    events[event]++;
    if (!memory_is_settled(lane->memory, address))
        look_up(lane->memory, info, address, events);
}

void count_load(unsigned index, uint32_t info, uint64_t address, void *port)
{
    count_access(port, index, info, address, PMU_LOADS);
}

void count_store(unsigned index, uint32_t info, uint64_t address, void *port)
{
    count_access(port, index, info, address, PMU_STORES);
}

void count_remap(unsigned index, void *userdata)
{
    const struct plugin *plugin = userdata;
    memory_forget(plugin->lanes[index].memory);
}
