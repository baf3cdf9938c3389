/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plugin/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "plugin/callsite.h"
#include "plugin/vcpu.h"
#include "plugin/walk.h"
#include "profile/format.h"

enum {
    BUFFER_BYTES = 1 << 16,
    LIVES = 4096,      /* control blocks; a power of two */
    STACK_WORDS = 64,  /* that are looked at */
    LOOKS_MAX = 24,    /* of these, whose code is read */
    FRAME_MAX = 65536, /* bytes from RSP to a frame that RBP may point to */
    USER_FIRST = 65536,
    NESTED_ENABLE = 0x090, /* control and save area: APM vol. 2, appendix B */
    NESTED_ROOT = 0x0B0,
    SAVE_EFER = PMU_VMCB_SAVE_AREA + 0x0D0,
    SAVE_CR4 = PMU_VMCB_SAVE_AREA + 0x148,
    SAVE_CR3 = PMU_VMCB_SAVE_AREA + 0x150,
    SAVE_CR0 = PMU_VMCB_SAVE_AREA + 0x158,
    SAVE_LSTAR = PMU_VMCB_SAVE_AREA + 0x208,
};
#define CR0_PROTECTED (UINT64_C(1) << 0)
#define CR4_LA57 (UINT64_C(1) << 12)
#define EFER_LONG_ACTIVE (UINT64_C(1) << 10)
#define USER_END (UINT64_C(1) << 56)
#define KERNEL_REACH (UINT64_C(1) << 31)

/* One control block, and what was last told of it. Touched by the vCPU that runs it. */
struct life {
    uint64_t vmcb; /* 0: free */
    uint32_t vm;
    bool was_long; /* it has reached 64-bit mode */
    uint64_t nested, entry;
};

struct sampler {
    int fd;
    uint64_t period;
    pthread_mutex_t lock; /* for writing, and for adding a life */
    struct life lives[LIVES];
    uint32_t vm_count;
};

struct sampling {
    struct sampler *sampler;
    uint64_t next; /* instructions of this vCPU with which the next period is full */
    uint64_t samples, lost;
    uint64_t cut_total; /* the count after the last block that was cut short */
    const struct block *cut_block;
    unsigned cut_rest;
    struct life *life; /* of the guest entered last; NULL: none, or too many */
    uint64_t nested, entry;
    unsigned nested_levels;
    uint64_t host_cr3;
    unsigned host_levels;
    uint32_t buffered, buffered_weight;
    uint8_t buffer[BUFFER_BYTES];
};

/* Where a sample's addresses are looked up. */
struct place {
    struct vcpu *vcpu;
    struct walk walk, nested;
    bool is_long;
    uint64_t page, physical; /* the translation that was found last; page 0: none */
};

static uint64_t count_retired(const struct vcpu *vcpu)
{
    uint64_t sum = 0;
    for (unsigned b = 0; b < PMU_BUCKET_COUNT; b++)
        sum += vcpu_counts(vcpu)->events[b][PMU_INSTRUCTIONS];
    return sum;
}

static void flush(struct sampling *sampling)
{
    struct sampler *sampler = sampling->sampler;
    pthread_mutex_lock(&sampler->lock);
    int r = fd_write_all(sampler->fd, sampling->buffer, sampling->buffered);
    pthread_mutex_unlock(&sampler->lock);
    if (r < 0) {
        if (!sampling->lost)
            fprintf(stderr, "vtax-pmu: write samples: %s\n", strerror(-r));
        sampling->lost += sampling->buffered_weight;
    }
    sampling->buffered = 0;
    sampling->buffered_weight = 0;
}

static void put(struct sampling *sampling, const void *record, size_t bytes)
{
    if (sampling->buffered + bytes > sizeof(sampling->buffer))
        flush(sampling);
    memcpy(sampling->buffer + sampling->buffered, record, bytes);
    sampling->buffered += bytes;
}

static int write_header(int fd, uint64_t period, unsigned vcpus)
{
    struct profile_header header = {.magic = PROFILE_MAGIC,
                                    .version = PROFILE_VERSION,
                                    .bytes = sizeof(header),
                                    .period = period,
                                    .vcpus = vcpus};
    return fd_write_all(fd, &header, sizeof(header));
}

int sampler_open(const char *path, uint64_t period, unsigned vcpus, struct sampler **out_sampler,
                 struct error *err)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int r = fd < 0 ? -errno : write_header(fd, period, vcpus);
    if (r < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, r, "write samples to '%s'", path);
    struct sampler *sampler = mem_zalloc(sizeof(*sampler)); /* lives as long as QEMU */
    sampler->fd = TAKE_FD(fd);
    sampler->period = period;
    pthread_mutex_init(&sampler->lock, NULL);
    *out_sampler = sampler;
    return 0;
}

void sampler_add(struct sampler *sampler, struct vcpu *vcpu)
{
    vcpu->sampling = mem_zalloc(sizeof(*vcpu->sampling));
    vcpu->sampling->sampler = sampler;
    vcpu->sampling->next = sampler->period;
}

static void put_total(const struct vcpu *vcpu)
{
    struct sampling *sampling = vcpu->sampling;
    flush(sampling);
    struct profile_total total = {.record = {PROFILE_RECORD_TOTAL, sizeof(total)},
                                  .vcpu = vcpu->index,
                                  .samples = sampling->samples,
                                  .lost = sampling->lost};
    for (unsigned b = 0; b < PMU_BUCKET_COUNT; b++)
        total.retired[b] = vcpu_counts(vcpu)->events[b][PMU_INSTRUCTIONS];
    put(sampling, &total, sizeof(total));
    flush(sampling);
}

void sampler_close(struct sampler *sampler, struct vcpu *vcpus, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (vcpus[i].sampling)
            put_total(&vcpus[i]);
    close(sampler->fd);
    sampler->fd = -1;
}

uint64_t sample_distance(const struct vcpu *vcpu)
{
    if (!vcpu->sampling)
        return UINT64_MAX;
    uint64_t retired = count_retired(vcpu);
    return retired < vcpu->sampling->next ? vcpu->sampling->next - retired : 0;
}

void sample_note_cut(struct vcpu *vcpu, struct block_rest rest)
{
    struct sampling *sampling = vcpu->sampling;
    if (!sampling || !rest.instructions)
        return;
    sampling->cut_total = count_retired(vcpu);
    sampling->cut_block = vcpu->slot->block;
    sampling->cut_rest = rest.instructions;
}

/* NULL: the table is full. */
static struct life *find_life(struct sampler *sampler, uint64_t vmcb)
{
    unsigned at = (vmcb >> 12) * 0x9e3779b1u & (LIVES - 1);
    for (unsigned tried = 0; tried < LIVES; tried++, at = (at + 1) & (LIVES - 1)) {
        struct life *life = &sampler->lives[at];
        if (__atomic_load_n(&life->vmcb, __ATOMIC_ACQUIRE) == vmcb)
            return life;
        if (life->vmcb)
            continue;
        pthread_mutex_lock(&sampler->lock);
        bool is_free = !life->vmcb;
        if (is_free) {
            life->vm = ++sampler->vm_count;
            __atomic_store_n(&life->vmcb, vmcb, __ATOMIC_RELEASE);
        }
        pthread_mutex_unlock(&sampler->lock);
        if (is_free || life->vmcb == vmcb)
            return life;
    }
    return NULL;
}

/* A vCPU that was in 64-bit mode and is now in real mode has been reset, or is a new one in the
 * memory of one that is gone: firmware switches to and fro before 64-bit mode, kernels do not. */
static void note_life(struct sampler *sampler, struct life *life, const uint8_t *page)
{
    bool is_real = !(pmu_vmcb_read64(page, SAVE_CR0) & CR0_PROTECTED);
    if (pmu_vmcb_read64(page, SAVE_EFER) & EFER_LONG_ACTIVE)
        life->was_long = true;
    if (!is_real || !life->was_long)
        return;
    life->was_long = false;
    life->nested = life->entry = 0;
    life->vm = __atomic_add_fetch(&sampler->vm_count, 1, __ATOMIC_RELAXED);
}

static unsigned count_levels(uint64_t cr4)
{
    return cr4 & CR4_LA57 ? WALK_LEVELS_LA57 : WALK_LEVELS;
}

void sample_note_entry(struct vcpu *vcpu, uint64_t vmcb)
{
    struct sampling *sampling = vcpu->sampling;
    if (!sampling)
        return;
    bool is_nested = pmu_vmcb_read64(vcpu->page, NESTED_ENABLE) & 1;
    sampling->life = find_life(sampling->sampler, vmcb);
    if (sampling->life)
        note_life(sampling->sampler, sampling->life, vcpu->page);
    sampling->nested = is_nested ? pmu_vmcb_read64(vcpu->page, NESTED_ROOT) : 0;
    sampling->entry = pmu_vmcb_read64(vcpu->page, SAVE_LSTAR);
    sampling->host_cr3 = vcpu_read(vcpu, VCPU_CR3);
    /* the nested tables have the form of the host's (15.25.3) */
    sampling->host_levels = sampling->nested_levels = count_levels(vcpu_read(vcpu, VCPU_CR4));
}

/* Tells of the VM what has changed. */
static uint32_t name_vm(struct sampling *sampling)
{
    struct life *life = sampling->life;
    if (!life)
        return UINT32_MAX;
    if (life->nested == sampling->nested && life->entry == sampling->entry)
        return life->vm;
    life->nested = sampling->nested;
    life->entry = sampling->entry;
    struct profile_vm vm = {.record = {PROFILE_RECORD_VM, sizeof(vm)},
                            .vm = life->vm,
                            .vmcb = life->vmcb,
                            .nested = life->nested,
                            .entry = life->entry};
    put(sampling, &vm, sizeof(vm));
    return life->vm;
}

static bool load_physical(void *context, uint64_t address, void *to, size_t bytes)
{
    return vcpu_load(context, address, to, bytes);
}

/* The guest's tables when `guest`, seen from wherever the CPU is now. */
static void find_place(struct place *place, struct vcpu *vcpu, bool guest)
{
    struct sampling *sampling = vcpu->sampling;
    uint64_t cr3, efer = EFER_LONG_ACTIVE;
    unsigned levels;
    if (guest == vcpu->cpu.in_guest) {
        cr3 = vcpu_read(vcpu, VCPU_CR3);
        efer = vcpu_read(vcpu, VCPU_EFER);
        levels = count_levels(vcpu_read(vcpu, VCPU_CR4));
    } else if (guest) { /* an exit has just put its state there */
        cr3 = pmu_vmcb_read64(vcpu->page, SAVE_CR3);
        efer = pmu_vmcb_read64(vcpu->page, SAVE_EFER);
        levels = count_levels(pmu_vmcb_read64(vcpu->page, SAVE_CR4));
    } else {
        cr3 = sampling->host_cr3;
        levels = sampling->host_levels;
    }
    place->vcpu = vcpu;
    place->is_long = efer & EFER_LONG_ACTIVE;
    place->page = 0;
    place->nested =
        (struct walk){load_physical, vcpu, sampling->nested, sampling->nested_levels, NULL};
    place->walk = (struct walk){load_physical, vcpu, cr3, levels,
                                guest && sampling->nested ? &place->nested : NULL};
}

/* bytes must not cross a page. */
static bool load_virtual(struct place *place, uint64_t address, void *to, size_t bytes)
{
    uint64_t page = address - address % WALK_PAGE_BYTES;
    if (!place->page || place->page != page) {
        place->page = 0;
        if (!walk_translate(&place->walk, page, &place->physical))
            return false;
        place->page = page;
    }
    return vcpu_load(place->vcpu, place->physical + (address - page), to, bytes);
}

/* 0: it cannot be read. */
static uint64_t hash_page(struct place *place, uint64_t address)
{
    uint8_t bytes[PROFILE_PAGE_BYTES];
    address -= address % PROFILE_PAGE_BYTES;
    if (!place->is_long || !load_virtual(place, address, bytes, sizeof(bytes)))
        return 0;
    return profile_page_hash(bytes);
}

/* QEMU shares a block between all mappings of its memory, so its address may be that of another
 * process: the memory itself tells the page. Only the second page of a block has to be looked up.
 */
static uint64_t hash_code(struct place *place, const struct block *block, uint64_t ip)
{
    uint64_t inside = block->address % PROFILE_PAGE_BYTES;
    if (!block_details(block)->code || ip - (block->address - inside) >= PROFILE_PAGE_BYTES)
        return hash_page(place, ip);
    return profile_page_hash(block_details(block)->code - inside);
}

static bool may_be_code(const struct profile_sample *sample, uint64_t address)
{
    if (sample->bucket & 1)
        return address > USER_FIRST && address < USER_END;
    return address >> 63 && address - sample->ip + KERNEL_REACH < 2 * KERNEL_REACH;
}

static bool look(struct place *place, const struct profile_sample *sample, uint64_t address,
                 struct profile_caller *out_caller)
{
    uint8_t code[CALLSITE_BYTES];
    uint64_t inside = address % WALK_PAGE_BYTES;
    size_t bytes = inside < sizeof(code) ? inside : sizeof(code);
    if (!bytes || !may_be_code(sample, address) ||
        !load_virtual(place, address - bytes, code, bytes) ||
        !callsite_find(code, bytes, address, &out_caller->target))
        return false;
    out_caller->address = address;
    out_caller->page = sample->bucket & 1 ? hash_page(place, address - 1) : 0;
    return true;
}

/* Words from the one below RSP on: a return that was just executed has left its address there. */
static unsigned load_stack(struct place *place, uint64_t rsp, uint64_t words[STACK_WORDS])
{
    unsigned count = 0;
    rsp -= 8;
    while (count < STACK_WORDS) {
        uint64_t at = rsp + 8u * count;
        unsigned room = (WALK_PAGE_BYTES - at % WALK_PAGE_BYTES) / 8;
        unsigned more = room < STACK_WORDS - count ? room : STACK_WORDS - count;
        if (!load_virtual(place, at, words + count, 8u * more))
            break;
        count += more;
    }
    return count;
}

static unsigned find_frame(struct place *place, const struct profile_sample *sample, uint64_t rsp,
                           struct profile_caller *out_caller)
{
    uint64_t rbp = vcpu_read(place->vcpu, VCPU_RBP), address;
    if (rbp % 8 || rbp - rsp >= FRAME_MAX || rbp % WALK_PAGE_BYTES > WALK_PAGE_BYTES - 16 ||
        !load_virtual(place, rbp + 8, &address, sizeof(address)) ||
        !look(place, sample, address, out_caller))
        return 0;
    out_caller->kind = PROFILE_CALLER_FRAME;
    return 1;
}

static unsigned find_callers(struct place *place, struct profile_sample *sample,
                             struct profile_caller callers[PROFILE_CALLERS_MAX])
{
    uint64_t words[STACK_WORDS], rsp = vcpu_read(place->vcpu, VCPU_RSP);
    unsigned words_count = rsp % 8 ? 0 : load_stack(place, rsp, words), looks = 0;
    if (!words_count) {
        sample->stack = PROFILE_STACK_UNMAPPED;
        return 0;
    }
    unsigned count = find_frame(place, sample, rsp, &callers[0]);
    for (unsigned i = 0; i < words_count && count < PROFILE_CALLERS_MAX && looks < LOOKS_MAX; i++) {
        if (!may_be_code(sample, words[i]))
            continue;
        looks++;
        callers[count].kind = PROFILE_CALLER_STACK;
        count += look(place, sample, words[i], &callers[count]);
    }
    return count;
}

/* The instruction that was number `next`: `over` have retired behind it. */
static uint64_t find_instruction(const struct vcpu *vcpu, uint64_t retired, uint64_t over)
{
    const struct sampling *sampling = vcpu->sampling;
    const struct block *block = vcpu->slot->block;
    uint64_t executed = block->instructions;
    if (sampling->cut_block == block && sampling->cut_total == retired)
        executed -= sampling->cut_rest;
    uint64_t index = over < executed ? executed - 1 - over : 0;
    return block->address + block_details(block)->offsets[index];
}

static void put_sample(struct vcpu *vcpu, struct profile_sample *sample)
{
    struct {
        struct profile_sample sample;
        struct profile_caller callers[PROFILE_CALLERS_MAX];
    } record;
    struct place place;
    struct sampling *sampling = vcpu->sampling;
    unsigned now = 2u * vcpu->cpu.in_guest + vcpu_is_user(vcpu), count = 0;
    bool guest = sample->bucket >= PMU_GUEST_KERNEL;

    find_place(&place, vcpu, guest);
    sample->space = place.walk.root;
    sample->vm = guest ? name_vm(sampling) : 0;
    if (sample->bucket & 1)
        sample->page = hash_code(&place, vcpu->slot->block, sample->ip);
    if (!place.is_long)
        sample->stack = PROFILE_STACK_NO_LONG;
    else if (now != sample->bucket)
        sample->stack = PROFILE_STACK_LEFT;
    else
        count = find_callers(&place, sample, record.callers);
    size_t bytes = sizeof(*sample) + count * sizeof(record.callers[0]);
    sample->record = (struct profile_record){PROFILE_RECORD_SAMPLE, bytes};
    record.sample = *sample;
    put(sampling, &record, bytes);
    sampling->buffered_weight += sample->weight;
}

void sample_take(struct vcpu *vcpu)
{
    struct sampling *sampling = vcpu->sampling;
    if (!sampling)
        return;
    uint64_t retired = count_retired(vcpu), period = sampling->sampler->period;
    if (retired < sampling->next || !vcpu->slot->block)
        return;
    uint64_t over = retired - sampling->next;
    struct profile_sample sample = {.bucket = vcpu->slot->block->bucket,
                                    .vcpu = vcpu->index,
                                    .weight = over / period + 1,
                                    .ip = find_instruction(vcpu, retired, over)};
    sampling->next += sample.weight * period;
    sampling->samples += sample.weight;
    put_sample(vcpu, &sample);
}
