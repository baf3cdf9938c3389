/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The memory model's short cuts against a naive model that looks everything up each time: the same
 * events, whatever the accesses, the aliases and the changes of the address space.
 */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "plugin/memory.h"

enum { LINE = 64, PAGE = 4096, PAGES = 24, SPACES = 3, ROUNDS = 200000 };

/* Least recently used by time stamps. */
struct naive_cache {
    unsigned sets, ways;
    uint64_t line[2048 * 16], used[2048 * 16];
};

struct naive {
    struct naive_cache data, last, pages, code, code_pages;
    uint64_t fetched, clock;
    uint64_t events[PMU_EVENT_COUNT];
};

static struct naive *naive_new(void)
{
    struct naive *naive = mem_zalloc(sizeof(*naive));
    naive->data.sets = naive->code.sets = 64;
    naive->data.ways = naive->code.ways = 8;
    naive->pages.sets = naive->code_pages.sets = 16;
    naive->pages.ways = naive->code_pages.ways = 4;
    naive->last.sets = 2048;
    naive->last.ways = 16;
    naive->fetched = UINT64_MAX;
    return naive;
}

static bool look_up(struct naive *naive, struct naive_cache *cache, uint64_t line)
{
    size_t first = line % cache->sets * cache->ways, oldest = first;
    naive->clock++;
    for (size_t i = first; i < first + cache->ways; i++) {
        if (cache->used[i] && cache->line[i] == line) {
            cache->used[i] = naive->clock;
            return true;
        }
        oldest = cache->used[i] < cache->used[oldest] ? i : oldest;
    }
    cache->line[oldest] = line;
    cache->used[oldest] = naive->clock;
    return false;
}

static void look_up_lines(struct naive *naive, struct naive_cache *first, enum pmu_event miss,
                          uint64_t physical)
{
    if (look_up(naive, first, physical / LINE))
        return;
    naive->events[miss]++;
    naive->events[PMU_LLC_REFERENCES]++;
    naive->events[PMU_LLC_MISSES] += !look_up(naive, &naive->last, physical / LINE);
}

static void naive_access(struct naive *naive, uint64_t address, uint64_t physical)
{
    naive->events[PMU_DTLB_MISSES] += !look_up(naive, &naive->pages, address / PAGE);
    if (physical != MEMORY_DEVICE)
        look_up_lines(naive, &naive->data, PMU_L1D_MISSES, physical);
}

static void naive_fetch(struct naive *naive, const struct memory_block *block)
{
    for (uint64_t byte = 0; byte < block->bytes; byte++) {
        uint64_t address = block->address + byte;
        bool second = address / PAGE != block->address / PAGE;
        uint64_t physical = (uint64_t)block->frames[second] * PAGE + address % PAGE;
        if (address / LINE == naive->fetched)
            continue;
        naive->fetched = address / LINE;
        naive->events[PMU_L1I_REFERENCES]++;
        naive->events[PMU_ITLB_MISSES] += !look_up(naive, &naive->code_pages, address / PAGE);
        look_up_lines(naive, &naive->code, PMU_L1I_MISSES, physical);
    }
}

/* Some pages are the same in two address spaces, some have two addresses, the last is a device. */
static uint64_t frame_of(unsigned space, uint64_t page)
{
    if (page == PAGES - 1)
        return MEMORY_DEVICE;
    return ((page % 5 ? page : page / 2) + (page % 3 ? 64 * space : 0)) * PAGE;
}

static void access_data(struct memory *memory, struct naive *naive, unsigned space,
                        uint64_t address, uint64_t events[PMU_EVENT_COUNT])
{
    uint64_t base = frame_of(space, address / PAGE);
    naive_access(naive, address, base == MEMORY_DEVICE ? base : base + address % PAGE);
    if (memory_is_settled(memory, address))
        return;
    struct memory_frame *frame = memory_find_frame(memory, address);
    if (frame->page != address / PAGE)
        *frame = (struct memory_frame){address / PAGE, base};
    memory_access(memory, address, frame, events);
}

static void fetch_code(struct memory *memory, struct naive *naive, unsigned space, uint64_t address,
                       uint64_t bytes, uint64_t events[PMU_EVENT_COUNT])
{
    uint32_t first = (uint32_t)(frame_of(space, address / PAGE) / PAGE);
    uint32_t second = (uint32_t)(frame_of(space, address / PAGE + 1) / PAGE);
    const struct memory_block block = {address, bytes, {first, second}};
    naive_fetch(naive, &block);
    if (!memory_fetch_recent(memory, address, bytes, first, events))
        memory_fetch(memory, &block, events);
}

/* Mostly near to the last one, as programs do. */
static uint64_t next_address(struct rng *rng, uint64_t last)
{
    uint64_t most = (uint64_t)PAGE * PAGES;
    return rng_below(rng, 8) ? (last + rng_below(rng, 40)) % most : rng_below(rng, most);
}

static void test_against_naive(void **state)
{
    (void)state;
    struct rng rng;
    struct memory *memory = memory_new();
    CLEANUP_FREE struct naive *naive = naive_new();
    uint64_t events[PMU_EVENT_COUNT] = {0}, data = 0, code = 0;
    unsigned space = 0, settled = 0;
    rng_init(&rng, 11, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (rng_below(&rng, 500) == 0) {
            space = (unsigned)rng_below(&rng, SPACES);
            memory_forget(memory);
        }
        data = next_address(&rng, data);
        settled += memory_is_settled(memory, data);
        access_data(memory, naive, space, data, events);
        code = next_address(&rng, code) % ((uint64_t)PAGE * (PAGES - 3));
        fetch_code(memory, naive, space, code, 1 + rng_below(&rng, 200), events);
        assert_memory_equal(events, naive->events, sizeof(events));
    }
    assert_in_range(settled, ROUNDS / 4, ROUNDS);
    for (unsigned i = PMU_L1D_MISSES; i < PMU_EVENT_COUNT; i++)
        assert_int_not_equal(events[i], 0);
    memory_free(memory);
}

/* An address that stood for one line stands for another behind a change. */
static void test_change_of_space(void **state)
{
    (void)state;
    struct memory *memory = memory_new();
    uint64_t events[PMU_EVENT_COUNT] = {0};
    memory_access(memory, 0x5008, &(struct memory_frame){5, 0x10000}, events);
    assert_int_equal(events[PMU_L1D_MISSES], 1);
    assert_true(memory_is_settled(memory, 0x5030));
    assert_false(memory_is_settled(memory, 0x5040));
    memory_find_frame(memory, 0x5008)->page = 5;
    memory_forget(memory);
    assert_false(memory_is_settled(memory, 0x5030));
    assert_int_not_equal(memory_find_frame(memory, 0x5008)->page, 5);
    memory_access(memory, 0x5008, &(struct memory_frame){5, 0x20000}, events);
    assert_int_equal(events[PMU_L1D_MISSES], 2);
    assert_int_equal(events[PMU_DTLB_MISSES], 1);
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_naive),
        cmocka_unit_test(test_change_of_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
