/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mem.h"
#include "plugin/plugin.h"

enum { INSTRUCTION_BYTES = 15 };

/* The translation callback is the only one that is not told the vCPU. With thread=multi each vCPU
 * has a thread of its own, and translates in it. */
static __thread struct vcpu *translating;

void translate_set_vcpu(struct vcpu *vcpu)
{
    translating = vcpu;
}

struct vcpu *translate_vcpu(void)
{
    return translating;
}

/* Does an exit continue with this instruction? The byte's place in QEMU's memory tells it from one
 * of a guest at the same address. */
static bool is_landing(struct plugin *plugin, const struct qemu_plugin_insn *insn)
{
    const struct plugin_landing *at = __atomic_load_n(&plugin->landings, __ATOMIC_ACQUIRE);
    if (!at)
        return false;
    const void *host = qemu_plugin_insn_haddr(insn);
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    while (at && (at->host != host || at->address != address))
        at = at->next;
    return at;
}

static void add_landing(struct plugin *plugin, const void *host, uint64_t address)
{
    pthread_mutex_lock(&plugin->lock);
    struct plugin_landing *at = plugin->landings;
    while (at && (at->host != host || at->address != address))
        at = at->next;
    if (!at) {
        at = mem_zalloc(sizeof(*at));
        *at = (struct plugin_landing){.next = plugin->landings, .host = host, .address = address};
        __atomic_store_n(&plugin->landings, at, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&plugin->lock);
}

static enum decode_kind kind_of(const struct qemu_plugin_insn *insn, size_t *out_length)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    *out_length = qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
    return decode_instruction(bytes, *out_length);
}

/* A block is on two pages at most: QEMU ends it there. The caches alone want to know. */
static void locate(struct block *block)
{
    enum { PAGE = 4096 };
    uint64_t end = block->address + block->bytes - 1, physical;
    uint64_t second = end - end % PAGE;
    if (qemu_plugin_translate_vaddr(block->address, &physical))
        block->frames[0] = (uint32_t)(physical / PAGE);
    if (block->address < second && qemu_plugin_translate_vaddr(second, &physical))
        block->frames[1] = (uint32_t)(physical / PAGE);
}

static struct block *make_block(struct block_arena *arena, const struct qemu_plugin_tb *tb,
                                enum pmu_bucket bucket, enum decode_kind *kinds)
{
    size_t count = qemu_plugin_tb_n_insns(tb), length = 0;
    struct block_details *details = block_new_details((unsigned)count);
    struct block *block = block_new(arena, details);

    block->address = qemu_plugin_tb_vaddr(tb);
    details->code = qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0));
    block->instructions = count;
    block->bucket = bucket;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        kinds[i] = kind_of(insn, &length);
        details->offsets[i] = qemu_plugin_insn_vaddr(insn) - block->address;
    }
    enum decode_kind last = kinds[count - 1];
    block->last_offset = details->offsets[count - 1];
    block->bytes = block->last_offset + length;
    block->is_conditional = last == DECODE_BRANCH_CONDITIONAL;
    block->ends_in_branch =
        last == DECODE_BRANCH || last == DECODE_IRET || last == DECODE_BRANCH_CONDITIONAL;
    block->ends_in_trap = last == DECODE_TRAP;
    block->ends_in_repeat = last == DECODE_REPEATED;
    return block;
}

static struct site *make_site(struct plugin *plugin, const struct block *block, unsigned index,
                              enum decode_kind kind)
{
    bool last = index + 1u == block->instructions;
    struct site *site = mem_zalloc(sizeof(*site));
    *site = (struct site){.plugin = plugin,
                          .block = block,
                          .index = index,
                          .kind = kind,
                          .address = block->address + block_details(block)->offsets[index],
                          .next = block->address +
                                  (last ? block->bytes : block_details(block)->offsets[index + 1])};
    return site;
}

static void instrument_vmrun(struct plugin *plugin, struct qemu_plugin_insn *insn,
                             struct site *site)
{
    const uint8_t *host = qemu_plugin_insn_haddr(insn);
    if (site->block->bucket >= PMU_GUEST_KERNEL)
        return;
    add_landing(plugin, host + (site->next - site->address), site->next);
    qemu_plugin_register_vcpu_insn_exec_cb(insn, switch_run, QEMU_CB_RW_REGS_PC, site);
}

static void instrument_cpuid(struct plugin *plugin, struct qemu_plugin_tb *tb, struct site *site)
{
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, site->index);
    qemu_plugin_register_vcpu_insn_exec_cb(insn, cpuid_note, QEMU_CB_R_REGS, site);
    if (site->index + 1u < site->block->instructions) {
        insn = qemu_plugin_tb_get_insn(tb, site->index + 1u);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, cpuid_patch, QEMU_CB_RW_REGS, plugin);
    }
}

static void instrument_cr2_read(struct qemu_plugin_insn *insn, struct site *site)
{
    uint8_t bytes[INSTRUCTION_BYTES];
    size_t length = qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
    site->target = decode_cr2_target(bytes, length);
    qemu_plugin_register_vcpu_insn_exec_cb(insn, cr2_read, QEMU_CB_RW_REGS_PC, site);
}

static void instrument_accesses(struct plugin *plugin, struct qemu_plugin_insn *insn,
                                const struct block *block)
{
    struct plugin_port *port = &plugin->ports[block->bucket];
    qemu_plugin_register_vcpu_mem_cb(insn, count_load, QEMU_CB_NO_REGS, QEMU_MEM_R, port);
    qemu_plugin_register_vcpu_mem_cb(insn, count_store, QEMU_CB_NO_REGS, QEMU_MEM_W, port);
}

static void instrument_instruction(struct plugin *plugin, struct qemu_plugin_tb *tb,
                                   const struct block *block, unsigned index, enum decode_kind kind)
{
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, index);
    if (plugin->options.memory)
        instrument_accesses(plugin, insn, block);
    switch (kind) {
    case DECODE_RDMSR:
    case DECODE_WRMSR:
    case DECODE_RDPMC:
        qemu_plugin_register_vcpu_insn_exec_cb(insn, msr_execute, QEMU_CB_RW_REGS_PC,
                                               make_site(plugin, block, index, kind));
        break;
    case DECODE_CPUID:
        instrument_cpuid(plugin, tb, make_site(plugin, block, index, kind));
        break;
    case DECODE_REMAP:
        if (plugin->options.memory)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, count_remap, QEMU_CB_NO_REGS, plugin);
        break;
    case DECODE_IRET:
        if (plugin->options.design == PMU_SWITCH_ARCHITECTURAL && block->bucket >= PMU_GUEST_KERNEL)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, vnmi_return, QEMU_CB_RW_REGS, plugin);
        break;
    case DECODE_READ_CR2:
        if (block->bucket == PMU_GUEST_KERNEL)
            instrument_cr2_read(insn, make_site(plugin, block, index, kind));
        break;
    case DECODE_VMRUN:
        instrument_vmrun(plugin, insn, make_site(plugin, block, index, kind));
        break;
    default:
        break;
    }
}

/* The order in them matters: what looks at the block that went before comes first, and the overflow
 * check sees counts that hold whole blocks only. */
static qemu_vcpu_cb choose_start(const struct options *options)
{
    if (options->memory)
        return options->predictor ? count_fetch_and_branch : count_fetch;
    return options->predictor ? count_branch : count_block;
}

static void instrument_start(struct plugin *plugin, struct qemu_plugin_tb *tb, struct block *block,
                             bool landing, bool starts_in_repeat)
{
    if (landing)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, switch_exit, QEMU_CB_RW_REGS, plugin);
    if (starts_in_repeat)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, count_repeat, QEMU_CB_NO_REGS,
                                             make_site(plugin, block, 0, DECODE_REPEATED));
    qemu_plugin_register_vcpu_tb_exec_cb(tb, choose_start(&plugin->options), QEMU_CB_RW_REGS,
                                         block);
}

void translate_block(struct qemu_plugin_tb *tb, void *userdata)
{
    struct plugin *plugin = userdata;
    struct vcpu *vcpu = translating;
    size_t count = qemu_plugin_tb_n_insns(tb);
    if (!vcpu || !count)
        return;
    /* the landing is translated while the exit that leads to it has not been noticed yet */
    bool landing = is_landing(plugin, qemu_plugin_tb_get_insn(tb, 0));
    bool guest = vcpu->cpu.in_guest && !landing;
    enum pmu_bucket bucket = 2u * guest + vcpu_is_user(vcpu);
    CLEANUP_FREE enum decode_kind *kinds = mem_array(count, sizeof(*kinds));
    struct block *block = make_block(&vcpu->arena, tb, bucket, kinds);

    if (plugin->options.memory)
        locate(block);
    instrument_start(plugin, tb, block, landing, kinds[0] == DECODE_REPEATED);
    for (size_t i = 0; i < count; i++)
        instrument_instruction(plugin, tb, block, i, kinds[i]);
}
