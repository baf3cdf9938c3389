/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/ops/bench.h"

#include <emmintrin.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)
#define MIB ((size_t)1 << 20)
#define LINE ((size_t)64)
#define LINES_IN_MIB (MIB / LINE)

static char *map_pages(struct bench *bench, size_t bytes)
{
    char *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages != MAP_FAILED)
        return pages;
    bench_complain(bench, "mmap");
    return NULL;
}

static int64_t touch(char *pages, uint64_t count, size_t step)
{
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        *(volatile char *)(pages + i * step) = 1;
    return bench_now() - start;
}

/* Mapping and unmapping are outside of the measured time. */
int64_t bench_fault_4k(struct bench *bench, uint64_t count)
{
    char *pages = map_pages(bench, count * PAGE);
    if (!pages)
        return BENCH_FAILED;
    /* EINVAL: a kernel without huge pages, which is just as well */
    madvise(pages, count * PAGE, MADV_NOHUGEPAGE);
    int64_t ns = touch(pages, count, PAGE);
    munmap(pages, count * PAGE);
    return ns;
}

/* KiB of this process's anonymous memory that lie in huge pages; 0 where the kernel does not say.
 */
static long read_huge_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *rollup = fopen("/proc/self/smaps_rollup", "re");
    while (rollup && fgets(line, sizeof(line), rollup))
        if (strncmp(line, "AnonHugePages:", 14) == 0)
            kib = strtol(line + 14, NULL, 10);
    if (rollup)
        fclose(rollup);
    return kib;
}

static void explain_no_huge(struct bench *bench)
{
    char state[64] = "";
    FILE *enabled = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (!enabled || !fgets(state, sizeof(state), enabled))
        snprintf(bench->reason, sizeof(bench->reason), "the kernel has no transparent huge pages");
    else
        snprintf(bench->reason, sizeof(bench->reason),
                 "no huge page was got, transparent_hugepage/enabled says '%.*s'",
                 (int)strcspn(state, "\n"), state);
    if (enabled)
        fclose(enabled);
}

/* The kernel gives a huge page where it has one: a batch counts when all of it came in huge pages.
 */
int64_t bench_fault_2m(struct bench *bench, uint64_t count)
{
    size_t bytes = (count + 1) * HUGE;
    char *pages = map_pages(bench, bytes);
    if (!pages)
        return BENCH_FAILED;
    char *first = pages + (HUGE - (uintptr_t)pages % HUGE) % HUGE;
    madvise(first, count * HUGE, MADV_HUGEPAGE);
    long before = read_huge_kib();
    int64_t ns = touch(first, count, HUGE);
    long got = read_huge_kib() - before;
    munmap(pages, bytes);
    if (got >= (long)(count * HUGE / 1024))
        return ns;
    explain_no_huge(bench);
    return BENCH_SKIP;
}

int64_t bench_map(struct bench *bench, uint64_t count)
{
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        char *page = map_pages(bench, PAGE);
        if (!page)
            return BENCH_FAILED;
        *(volatile char *)page = 1;
        munmap(page, PAGE);
    }
    return bench_now() - start;
}

/* As long as it runs, the other CPU has this address space loaded, and is told of each munmap. */
static void *spin(void *argument)
{
    struct bench *bench = argument;
    while (!__atomic_load_n(&bench->stop, __ATOMIC_RELAXED))
        _mm_pause();
    return NULL;
}

int bench_shootdown_open(struct bench *bench)
{
    return bench_start_thread(bench, spin);
}

void bench_shootdown_close(struct bench *bench)
{
    __atomic_store_n(&bench->stop, 1, __ATOMIC_RELAXED);
}

/* One cycle through all lines in random order (Sattolo, 1986), first as numbers of lines, then as
 * pointers. */
int bench_chase_open(struct bench *bench)
{
    size_t lines = bench->memory_bytes / LINE;
    for (size_t i = 0; i < lines; i++)
        *(uint64_t *)(bench->memory + i * LINE) = i;
    for (size_t i = lines - 1; i > 0; i--) {
        uint64_t *a = (uint64_t *)(bench->memory + i * LINE);
        uint64_t *b = (uint64_t *)(bench->memory + bench_random(bench) % i * LINE);
        uint64_t kept = *a;
        *a = *b;
        *b = kept;
    }
    for (size_t i = 0; i < lines; i++) {
        uint64_t *line = (uint64_t *)(bench->memory + i * LINE);
        *(char **)line = bench->memory + *line * LINE;
    }
    bench->at = bench->memory;
    return 0;
}

int64_t bench_chase(struct bench *bench, uint64_t count)
{
    void *at = bench->at;
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        at = *(void *volatile *)at;
    int64_t ns = bench_now() - start;
    bench->at = at;
    return ns;
}

/* Every page is there before it is read. word is the next MiB. */
int bench_stream_open(struct bench *bench)
{
    memset(bench->memory, 1, bench->memory_bytes);
    return 0;
}

static size_t next_offset(struct bench *bench, size_t bytes)
{
    return bench->word++ % (bytes / MIB) * MIB;
}

/* SSE2, which every x86-64 has: the same instructions everywhere. */
int64_t bench_read_memory(struct bench *bench, uint64_t count)
{
    __m128i sum = _mm_setzero_si128();
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        const __m128i *at =
            (const __m128i *)(bench->memory + next_offset(bench, bench->memory_bytes));
        for (size_t j = 0; j < LINES_IN_MIB; j++, at += 4) {
            sum = _mm_xor_si128(sum, _mm_xor_si128(_mm_load_si128(at), _mm_load_si128(at + 1)));
            sum = _mm_xor_si128(sum, _mm_xor_si128(_mm_load_si128(at + 2), _mm_load_si128(at + 3)));
        }
    }
    int64_t ns = bench_now() - start;
    _mm_store_si128((__m128i *)bench->memory, sum); /* so that it is wanted */
    return ns;
}

int64_t bench_copy_memory(struct bench *bench, uint64_t count)
{
    size_t half = bench->memory_bytes / 2;
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        const __m128i *from = (const __m128i *)(bench->memory + next_offset(bench, half));
        __m128i *to = (__m128i *)((char *)from + half);
        for (size_t j = 0; j < LINES_IN_MIB; j++, from += 4, to += 4) {
            _mm_store_si128(to, _mm_load_si128(from));
            _mm_store_si128(to + 1, _mm_load_si128(from + 1));
            _mm_store_si128(to + 2, _mm_load_si128(from + 2));
            _mm_store_si128(to + 3, _mm_load_si128(from + 3));
        }
    }
    return bench_now() - start;
}
