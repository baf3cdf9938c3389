/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define ENTRY_NAME "entry_SYSCALL_64"
#define KASLR_ALIGN (UINT64_C(2) << 20)
#define SPACE_MASK (~UINT64_C(0xfff)) /* CR3 without PCID and flags */
#define IS_USER(sample) ((sample)->bucket & 1)

/* A VM, or the hypervisor (number 0). */
struct world {
    size_t root; /* of the result */
    const struct symbols *kernel;
    uint64_t shift; /* where it is, less where the symbols say */
    const char *label;
    uint64_t entry;
    unsigned vcpus;
    bool is_met;
};

/* A virtual CPU's life. */
struct member {
    uint32_t vm;
    size_t group;       /* index of a member; its own when it is the first */
    size_t first, last; /* numbers of its samples; last 0: none */
};

struct space {
    bool is_used;
    const struct world *world;
    uint64_t space;
    const struct library_file *first, *program;
};

struct resolver {
    const struct resolve_input *input;
    struct resolve_result *result;
    struct member *members; /* [0] is the hypervisor */
    size_t member_count;
    struct world *worlds; /* one for each member; that of its group is used */
    struct space *spaces; /* a power of two */
    size_t space_count, space_capacity;
};

/* What is known of one address. */
struct spot {
    const struct symbol *symbol;
    const struct library_file *file;
    uint64_t offset; /* in the file */
};

const char *resolve_leaf_text(enum resolve_leaf leaf)
{
    static const char *const texts[RESOLVE_LEAF_COUNT] = {
        "function named",
        "in a known file, but in no function that it names",
        "code that is in no known file",
        "user code that could not be read",
        "guest kernel whose symbols are not known",
        "kernel address in no known function",
        "firmware, boot loader, early kernel",
    };
    return texts[leaf];
}

const char *resolve_caller_text(enum resolve_caller caller)
{
    static const char *const texts[RESOLVE_CALLER_COUNT] = {
        "caller certain: a direct call of that function",
        "caller likely: an indirect call",
        "nothing on the stack that is good enough",
        "another stack by then (interrupt, exit, return)",
        "stack not readable",
    };
    return texts[caller];
}

static int compare_ids(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void find_members(struct resolver *resolver)
{
    const struct samples *samples = resolver->input->samples;
    size_t count = 0, capacity = samples->count + samples->vm_count + 1;
    CLEANUP_FREE uint32_t *ids = mem_array(capacity, sizeof(ids[0]));
    ids[count++] = 0;
    for (size_t i = 0; i < samples->count; i++)
        if (samples->items[i].sample.vm != ids[count - 1])
            ids[count++] = samples->items[i].sample.vm;
    for (size_t i = 0; i < samples->vm_count; i++)
        ids[count++] = samples->vms[i].vm;
    qsort(ids, count, sizeof(ids[0]), compare_ids);
    resolver->members = mem_array(count, sizeof(resolver->members[0]));
    for (size_t i = 0; i < count; i++)
        if (i == 0 || ids[i] != ids[i - 1]) {
            size_t index = resolver->member_count++;
            resolver->members[index] = (struct member){.vm = ids[i], .group = index};
        }
    resolver->worlds = mem_array(resolver->member_count, sizeof(resolver->worlds[0]));
}

static size_t find_member(const struct resolver *resolver, uint32_t vm)
{
    size_t low = 0, high = resolver->member_count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (resolver->members[middle].vm <= vm)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t find_group(const struct resolver *resolver, size_t index)
{
    while (resolver->members[index].group != index)
        index = resolver->members[index].group;
    return index;
}

static int compare_vms(const void *left, const void *right)
{
    const struct profile_vm *a = left, *b = right;
    if (a->nested != b->nested)
        return a->nested < b->nested ? -1 : 1;
    if (a->entry != b->entry)
        return a->entry < b->entry ? -1 : 1;
    return a->vm < b->vm ? -1 : a->vm > b->vm;
}

static void find_times(struct resolver *resolver)
{
    const struct samples *samples = resolver->input->samples;
    for (size_t i = 0; i < samples->count; i++) {
        struct member *member =
            &resolver->members[find_member(resolver, samples->items[i].sample.vm)];
        if (!member->last)
            member->first = i + 1;
        member->last = i + 1;
    }
}

/* At least half of the shorter life: the file mixes the CPUs' samples by some hundreds. */
static bool lived_together(const struct member *a, const struct member *b)
{
    size_t from = a->first > b->first ? a->first : b->first;
    size_t to = a->last < b->last ? a->last : b->last;
    size_t life_a = a->last - a->first, life_b = b->last - b->first;
    return a->last && b->last && from <= to &&
           2 * (to - from) >= (life_a < life_b ? life_a : life_b);
}

/* Virtual CPUs are of one VM when they had the same nested tables and the same kernel at the same
 * time: a later VM may get the same memory for its tables. */
static void join_members(struct resolver *resolver)
{
    const struct samples *samples = resolver->input->samples;
    size_t count = samples->vm_count;
    if (count == 0)
        return;
    CLEANUP_FREE struct profile_vm *vms = mem_copy(samples->vms, count * sizeof(vms[0]));
    qsort(vms, count, sizeof(vms[0]), compare_vms);
    for (size_t i = 1; i < count; i++) {
        if (!vms[i].nested || !vms[i].entry || vms[i].nested != vms[i - 1].nested ||
            vms[i].entry != vms[i - 1].entry)
            continue;
        size_t left = find_member(resolver, vms[i - 1].vm),
               right = find_member(resolver, vms[i].vm);
        if (!lived_together(&resolver->members[left], &resolver->members[right]))
            continue;
        size_t a = find_group(resolver, left), b = find_group(resolver, right);
        resolver->members[a > b ? a : b].group = a > b ? b : a;
    }
}

static struct world *find_world(const struct resolver *resolver, uint32_t vm)
{
    return &resolver->worlds[find_group(resolver, find_member(resolver, vm))];
}

/* The kernel whose entry point is there, or would be there if it had been loaded elsewhere. Which
 * machine it was is known when only one had it there. */
static void choose_kernel(const struct resolve_input *input, struct world *world)
{
    unsigned exact = 0;
    for (size_t i = 0; i < input->kernel_count && world->entry; i++) {
        const struct symbol *entry = symbols_find_name(input->kernels[i].symbols, ENTRY_NAME);
        uint64_t shift = entry ? world->entry - entry->start : 1;
        exact += shift == 0;
        if (shift % KASLR_ALIGN || (world->kernel && (shift || exact > 1)))
            continue;
        world->kernel = input->kernels[i].symbols;
        world->shift = shift;
        world->label = input->kernels[i].label;
    }
    if (exact != 1)
        world->label = NULL;
}

/* A machine is one VM: a name that several would get says nothing. */
static void drop_shared_labels(struct resolver *resolver)
{
    for (size_t k = 0; k < resolver->input->kernel_count; k++) {
        const char *label = resolver->input->kernels[k].label;
        unsigned users = 0;
        for (size_t i = 1; i < resolver->member_count; i++)
            users += find_group(resolver, i) == i && resolver->worlds[i].label == label;
        for (size_t i = 1; i < resolver->member_count && users > 1; i++)
            if (resolver->worlds[i].label == label)
                resolver->worlds[i].label = NULL;
    }
}

static void describe_worlds(struct resolver *resolver)
{
    const struct samples *samples = resolver->input->samples;
    for (size_t i = 0; i < samples->vm_count; i++)
        if (samples->vms[i].entry)
            find_world(resolver, samples->vms[i].vm)->entry = samples->vms[i].entry;
    for (size_t i = 1; i < resolver->member_count; i++) {
        resolver->worlds[find_group(resolver, i)].vcpus++;
        choose_kernel(resolver->input, &resolver->worlds[i]);
    }
    drop_shared_labels(resolver);
    resolver->worlds[0].kernel = resolver->input->host;
}

static size_t add_root(struct resolve_result *result, char *name)
{
    MEM_GROW(result->roots, result->root_count, result->root_capacity);
    result->roots[result->root_count] = (struct resolve_root){.name = name};
    return result->root_count++;
}

/* Roots are numbered as they are met. */
static struct world *meet_world(struct resolver *resolver, uint32_t vm)
{
    struct world *world = find_world(resolver, vm);
    struct resolve_result *result = resolver->result;
    if (world->is_met || world == &resolver->worlds[0])
        return world;
    CLEANUP_STRBUF struct strbuf name;
    strbuf_init(&name);
    strbuf_addf(&name, "VM %zu", result->root_count);
    if (world->label)
        strbuf_addf(&name, " %s", world->label);
    if (world->vcpus > 1)
        strbuf_addf(&name, " (%u vCPUs)", world->vcpus);
    world->root = add_root(result, symbols_clean_name(name.text, name.length));
    world->is_met = true;
    return world;
}

static struct space *find_slot(struct space *spaces, size_t capacity, const struct world *world,
                               uint64_t space)
{
    size_t at = ((space >> 12) * 0x9e3779b1u + ((uintptr_t)world >> 4)) & (capacity - 1);
    while (spaces[at].is_used && (spaces[at].world != world || spaces[at].space != space))
        at = (at + 1) & (capacity - 1);
    return &spaces[at];
}

static struct space *find_space(struct resolver *resolver, const struct world *world,
                                uint64_t space)
{
    if (resolver->space_count * 2 >= resolver->space_capacity) {
        size_t capacity = resolver->space_capacity ? resolver->space_capacity * 2 : 1024;
        struct space *spaces = mem_array(capacity, sizeof(spaces[0]));
        for (size_t i = 0; i < resolver->space_capacity; i++)
            if (resolver->spaces[i].is_used)
                *find_slot(spaces, capacity, resolver->spaces[i].world, resolver->spaces[i].space) =
                    resolver->spaces[i];
        free(resolver->spaces);
        resolver->spaces = spaces;
        resolver->space_capacity = capacity;
    }
    struct space *found =
        find_slot(resolver->spaces, resolver->space_capacity, world, space & SPACE_MASK);
    resolver->space_count += !found->is_used;
    found->is_used = true;
    found->world = world;
    found->space = space & SPACE_MASK;
    return found;
}

static void look_up_user(const struct resolver *resolver, uint64_t address, uint64_t page,
                         struct spot *out_spot)
{
    struct library_spot found;
    *out_spot = (struct spot){0};
    if (!library_find(resolver->input->library, page, &found))
        return;
    out_spot->file = found.file;
    out_spot->offset = found.offset + address % PROFILE_PAGE_BYTES;
    out_spot->symbol = elf_file_find(found.file->elf, out_spot->offset);
}

/* A module of a kernel that was loaded elsewhere is somewhere else again. */
static void look_up_kernel(const struct world *world, uint64_t address, struct spot *out_spot)
{
    *out_spot = (struct spot){0};
    const struct symbol *symbol =
        world->kernel ? symbols_find(world->kernel, address - world->shift) : NULL;
    if (symbol && !(world->shift && strchr(symbol->name, '[')))
        out_spot->symbol = symbol;
}

/* Code of a library says that the space is no longer that of a program that loads none. */
static void note_program(struct resolver *resolver, const struct profile_sample *sample)
{
    struct spot spot;
    if (!IS_USER(sample))
        return;
    look_up_user(resolver, sample->ip, sample->page, &spot);
    if (!spot.file)
        return;
    struct space *space = find_space(resolver, find_world(resolver, sample->vm), sample->space);
    if (spot.file->elf->is_program)
        space->program = spot.file;
    else if (space->program && space->program->elf->is_static)
        space->program = NULL;
    if (!space->first)
        space->first = space->program;
}

/* Before the first sample of its program a space is named by that one, too. */
static const char *name_process(struct resolver *resolver, const struct world *world,
                                const struct profile_sample *sample)
{
    note_program(resolver, sample);
    const struct space *space = find_space(resolver, world, sample->space);
    if (space->program)
        return space->program->name;
    return IS_USER(sample) ? "unknown program" : "kernel";
}

static enum resolve_leaf judge(const struct resolver *resolver, const struct world *world,
                               const struct profile_sample *sample, const struct spot *spot)
{
    if (spot->symbol)
        return RESOLVE_LEAF_FUNCTION;
    if (IS_USER(sample))
        return spot->file     ? RESOLVE_LEAF_STRIPPED
               : sample->page ? RESOLVE_LEAF_UNKNOWN_CODE
                              : RESOLVE_LEAF_UNREADABLE;
    if (!(sample->ip >> 63))
        return RESOLVE_LEAF_FIRMWARE;
    return world->kernel || world == &resolver->worlds[0] ? RESOLVE_LEAF_NO_FUNCTION
                                                          : RESOLVE_LEAF_NO_KERNEL;
}

static bool is_thunk(const struct symbol *symbol)
{
    return strncmp(symbol->name, "__x86_indirect_thunk", 20) == 0;
}

/* What a call at this spot says of the function: it calls it, or it may call it. */
static enum resolve_caller judge_call(const struct world *world,
                                      const struct profile_sample *sample,
                                      const struct profile_caller *caller, const struct spot *at,
                                      const struct spot *leaf)
{
    struct spot target = {0};
    if (!at->symbol || (at->symbol == leaf->symbol && caller->target == 0))
        return RESOLVE_CALLER_NONE;
    if (caller->target == 0)
        return RESOLVE_CALLER_LIKELY;
    if (!IS_USER(sample))
        look_up_kernel(world, caller->target, &target);
    else
        target.symbol =
            elf_file_find(at->file->elf, at->offset + 1 + (caller->target - caller->address));
    if (target.symbol && target.symbol == leaf->symbol)
        return RESOLVE_CALLER_CERTAIN;
    /* a linkage table has no functions */
    return !target.symbol || is_thunk(target.symbol) ? RESOLVE_CALLER_LIKELY : RESOLVE_CALLER_NONE;
}

static enum resolve_caller find_caller(const struct resolver *resolver, const struct world *world,
                                       const struct samples_item *item, const struct spot *leaf,
                                       struct spot *out_spot)
{
    enum resolve_caller best = RESOLVE_CALLER_NONE;
    if (item->sample.stack == PROFILE_STACK_LEFT)
        return RESOLVE_CALLER_LEFT;
    if (item->sample.stack != PROFILE_STACK_READ)
        return RESOLVE_CALLER_UNREAD;
    for (unsigned i = 0; i < item->caller_count && leaf->symbol; i++) {
        const struct profile_caller *caller = &item->callers[i];
        struct spot spot;
        if (IS_USER(&item->sample))
            look_up_user(resolver, caller->address - 1, caller->page, &spot);
        else
            look_up_kernel(world, caller->address - 1, &spot);
        enum resolve_caller judged = judge_call(world, &item->sample, caller, &spot, leaf);
        if (judged < best) {
            best = judged;
            *out_spot = spot;
        }
    }
    return best;
}

/* "BZ2_blockSort (libbz2.so.1.0.4)", "svm_vcpu_run [kvm_amd]" */
static struct fold_frame make_frame(const struct spot *spot, bool is_user, char *text, size_t size)
{
    if (is_user)
        snprintf(text, size, "%s (%s)", spot->symbol->name, spot->file->name);
    else
        snprintf(text, size, "%s", spot->symbol->name);
    return (struct fold_frame){text, is_user ? FOLD_USER : FOLD_KERNEL};
}

static struct fold_frame make_unresolved(const struct spot *spot, enum resolve_leaf leaf,
                                         char *text, size_t size)
{
    static const char *const names[RESOLVE_LEAF_COUNT] = {
        "",
        "no symbol",
        "unknown code",
        "unreadable code",
        "unknown kernel",
        "unknown kernel function",
        "firmware or early kernel",
    };
    if (spot->file)
        snprintf(text, size, "%s (%s)", names[leaf], spot->file->name);
    else
        snprintf(text, size, "%s", names[leaf]);
    return (struct fold_frame){text, FOLD_UNRESOLVED};
}

static void add_item(struct resolver *resolver, const struct samples_item *item)
{
    enum { TEXT = 1100, FRAMES = 4 };
    const struct profile_sample *sample = &item->sample;
    char leaf_text[TEXT], caller_text[TEXT];
    struct fold_frame frames[FRAMES];
    struct spot spot, caller_spot = {0};
    size_t count = 0;

    const struct world *world = meet_world(resolver, sample->vm);
    if (IS_USER(sample))
        look_up_user(resolver, sample->ip, sample->page, &spot);
    else
        look_up_kernel(world, sample->ip, &spot);
    enum resolve_leaf leaf = judge(resolver, world, sample, &spot);
    enum resolve_caller caller = find_caller(resolver, world, item, &spot, &caller_spot);
    struct resolve_root *root = &resolver->result->roots[world->root];
    frames[count++] = (struct fold_frame){root->name, FOLD_ROOT};
    frames[count++] = (struct fold_frame){name_process(resolver, world, sample), FOLD_PROCESS};
    if (caller_spot.symbol)
        frames[count++] = make_frame(&caller_spot, IS_USER(sample), caller_text, TEXT);
    frames[count++] = spot.symbol ? make_frame(&spot, IS_USER(sample), leaf_text, TEXT)
                                  : make_unresolved(&spot, leaf, leaf_text, TEXT);
    uint64_t weight = sample->weight * resolver->input->samples->period;
    root->instructions += weight;
    root->leaves[leaf] += weight;
    root->callers[caller] += weight;
    resolver->result->instructions += weight;
    fold_add(resolver->result->fold, frames, count, weight);
}

void resolve_samples(const struct resolve_input *input, struct resolve_result *out_result)
{
    struct resolve_result result = {.fold = fold_new()};
    struct resolver resolver = {.input = input, .result = &result};
    add_root(&result, mem_strdup("hypervisor"));
    find_members(&resolver);
    find_times(&resolver);
    join_members(&resolver);
    describe_worlds(&resolver);
    for (size_t i = 0; i < input->samples->count; i++)
        note_program(&resolver, &input->samples->items[i].sample);
    for (size_t i = 0; i < resolver.space_capacity; i++)
        resolver.spaces[i].program = resolver.spaces[i].first;
    for (size_t i = 0; i < input->samples->count; i++)
        add_item(&resolver, &input->samples->items[i]);
    result.top = fold_finish(result.fold);
    free(resolver.members);
    free(resolver.worlds);
    free(resolver.spaces);
    *out_result = result;
}

void resolve_result_done(struct resolve_result *result)
{
    for (size_t i = 0; i < result->root_count; i++)
        free(result->roots[i].name);
    free(result->roots);
    fold_free(result->fold);
    *result = (struct resolve_result){0};
}
