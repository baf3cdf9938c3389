/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parts of the QEMU adapter that need no QEMU: decoder, blocks, options.
 */
#include "test.h"

#include <stdlib.h>

#include "base/mem.h"
#include "plugin/block.h"
#include "plugin/decode.h"
#include "plugin/open_exits.h"
#include "plugin/options.h"
#include "pmu/world.h"

static void test_decode(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        enum decode_kind expected;
    } rows[] = {
        {"\x0f\x30", 2, DECODE_WRMSR},
        {"\x0f\x32", 2, DECODE_RDMSR},
        {"\x0f\x33", 2, DECODE_RDPMC},
        {"\x0f\xa2", 2, DECODE_CPUID},
        {"\x0f\x20\xd7", 3, DECODE_READ_CR2},
        {"\x41\x0f\x20\xd7", 4, DECODE_READ_CR2},
        {"\x44\x0f\x20\xd7", 4, DECODE_OTHER}, /* CR10 */
        {"\x0f\x20\xdf", 3, DECODE_OTHER},     /* CR3 */
        {"\x0f\x22\xdf", 3, DECODE_REMAP},
        {"\x0f\x01\x38", 3, DECODE_REMAP},         /* INVLPG */
        {"\x0f\x01\xf8", 3, DECODE_OTHER},         /* SWAPGS */
        {"\x0f\x01\xdf", 3, DECODE_REMAP},         /* INVLPGA */
        {"\x0f\x01\x10", 3, DECODE_OTHER},         /* LGDT */
        {"\x66\x0f\x38\x82\x08", 5, DECODE_REMAP}, /* INVPCID */
        {"\x66\x0f\x38\x00\xc1", 5, DECODE_OTHER}, /* PSHUFB */
        {"\x0f\xaa", 2, DECODE_REMAP},             /* RSM */
        {"\x0f\x20", 2, DECODE_OTHER},
        {"\x0f\x01\xd8", 3, DECODE_VMRUN},
        {"\x0f\x01\xd9", 3, DECODE_OTHER}, /* VMMCALL */
        {"\x0f\x01", 2, DECODE_OTHER},
        {"\x0f", 1, DECODE_OTHER},
        {"\x48\x0f\x33", 3, DECODE_RDPMC},
        {"\x66\x0f\x30", 3, DECODE_WRMSR},
        {"\x74\x02", 2, DECODE_BRANCH_CONDITIONAL},
        {"\x0f\x84\0\0\0\0", 6, DECODE_BRANCH_CONDITIONAL},
        {"\xe2\xfe", 2, DECODE_BRANCH_CONDITIONAL},
        {"\xc3", 1, DECODE_BRANCH},
        {"\xf3\xc3", 2, DECODE_BRANCH}, /* the REP prefix of a return repeats nothing */
        {"\x48\xcf", 2, DECODE_IRET},
        {"\xe8\0\0\0\0", 5, DECODE_BRANCH},
        {"\xff\xd0", 2, DECODE_BRANCH},
        {"\xff\xe0", 2, DECODE_BRANCH},
        {"\xff\xc0", 2, DECODE_OTHER}, /* INC */
        {"\xff\xf0", 2, DECODE_OTHER}, /* PUSH */
        {"\x0f\x05", 2, DECODE_BRANCH},
        {"\xcc", 1, DECODE_TRAP},
        {"\xcd\x80", 2, DECODE_TRAP},
        {"\xf3\x48\xa5", 3, DECODE_REPEATED},
        {"\xf3\xaa", 2, DECODE_REPEATED},
        {"\xf2\xae", 2, DECODE_REPEATED},
        {"\xa4", 1, DECODE_OTHER},
        {"\xf3\x90", 2, DECODE_OTHER}, /* PAUSE */
        {"\x40", 1, DECODE_OTHER},     /* INC in 32-bit code */
        {"\x90", 1, DECODE_OTHER},
        {"\xf3", 1, DECODE_OTHER},
        {"", 0, DECODE_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(decode_instruction((const uint8_t *)rows[i].bytes, rows[i].length),
                         rows[i].expected);
}

static void test_decode_cr2(void **state)
{
    (void)state;
    assert_int_equal(decode_cr2_target((const uint8_t *)"\x0f\x20\xd7", 3), 7);      /* %rdi */
    assert_int_equal(decode_cr2_target((const uint8_t *)"\x41\x0f\x20\xd4", 4), 12); /* %r12 */
    assert_int_equal(decode_cr2_target((const uint8_t *)"\x66\x48\x0f\x20\xd0", 5), 0);
}

static void test_decode_thread_switch(void **state)
{
    (void)state;
    static const uint8_t other[] = {0x48, 0x8b, 0xa6, 0x58, 0x15, 0, 0},
                         own[] = {0x48, 0x89, 0xa7, 0x58, 0x15, 0, 0}, /* MOV %rsp,disp32(%rdi) */
        entry[] = {0x65, 0x48, 0x8b, 0x24, 0x25, 0, 0, 0, 0};          /* MOV %gs:disp32,%rsp */
    assert_true(decode_is_thread_switch(other, sizeof(other)));
    assert_false(decode_is_thread_switch(other, sizeof(other) - 1));
    assert_false(decode_is_thread_switch(own, sizeof(own)));
    assert_false(decode_is_thread_switch(entry, sizeof(entry)));
}

#define STACK UINT64_C(0xffffc90000100000) /* 16 KiB from here */

static void test_open_exits(void **state)
{
    (void)state;
    struct open_exits exits = {0};
    unsigned exit = 99;
    assert_false(open_exits_take(&exits, STACK + 0x1000, &exit));
    open_exits_put(&exits, STACK + 0x3d00, 7);
    open_exits_put(&exits, STACK + 0x4000 + 0x3d00, 8);
    assert_false(open_exits_take(&exits, STACK - 8, &exit));
    /* anywhere on its stack, once */
    assert_true(open_exits_take(&exits, STACK + 0x2000, &exit));
    assert_int_equal(exit, 7);
    assert_false(open_exits_take(&exits, STACK + 0x2000, &exit));
    open_exits_put(&exits, STACK + 0x4000 + 0x3c00, 9);
    assert_int_equal(exits.count, 1);
    assert_true(open_exits_take(&exits, STACK + 0x4000 + 0x3d00, &exit));
    assert_int_equal(exit, 9);
    /* its thread ended in an exit, and the stack is another's */
    open_exits_put(&exits, STACK + 0x3d00, 7);
    assert_false(open_exits_take(&exits, STACK + 0x4000 - 232, &exit));
    assert_int_equal(exits.count, 0);
    for (unsigned i = 0; i < 2 * OPEN_EXITS_MAX; i++)
        open_exits_put(&exits, STACK + i * UINT64_C(0x4000) + 0x100, i);
    assert_int_equal(exits.count, OPEN_EXITS_MAX);
    assert_false(open_exits_take(&exits, STACK + OPEN_EXITS_MAX * UINT64_C(0x4000), &exit));
    assert_true(open_exits_take(&exits, STACK, &exit));
    assert_int_equal(exit, 0);
}

static void test_decode_store(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        bool known;
        uint32_t expected;
    } rows[] = {
        {"\x89\x3f", 2, true, 0x70},                                /* mov %edi,(%rdi) */
        {"\x44\x89\x07", 3, true, 0x80},                            /* mov %r8d,(%rdi) */
        {"\x89\x3c\x25\x40\xd3\x5f\xff", 7, true, 0x70},            /* mov %edi,abs */
        {"\x87\x07", 2, true, 0},                                   /* xchg %eax,(%rdi) */
        {"\xc7\x07\x78\x56\x34\x12", 6, true, 0x12345678},          /* movl $,(%rdi) */
        {"\xc7\x47\x08\x78\x56\x34\x12", 7, true, 0x12345678},      /* movl $,8(%rdi) */
        {"\xc7\x87\0\0\0\0\x78\x56\x34\x12", 10, true, 0x12345678}, /* movl $,0(%rdi) */
        {"\xc7\x04\x25\0\0\0\0\x78\x56\x34\x12", 11, true, 0x12345678},
        {"\xc7\x05\0\0\0\0\x78\x56\x34\x12", 10, true, 0x12345678}, /* rip-relative */
        {"\xc7\x05\0\0\0\0\x78\x56\x34", 9, false, 0},
        {"\x48\x89\x3f", 3, false, 0}, /* 64 bits */
        {"\x89\xf8", 2, false, 0},     /* to a register */
        {"\x8b\x07", 2, false, 0},     /* a load */
        {"\x89", 1, false, 0},
    };
    uint64_t registers[16];
    for (unsigned i = 0; i < 16; i++)
        registers[i] = 0xf00000000 + 0x10 * i;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t value = 0;
        assert_int_equal(
            decode_store32((const uint8_t *)rows[i].bytes, rows[i].length, registers, &value),
            rows[i].known);
        assert_int_equal(value, rows[i].expected);
    }
}

/* 1000h: three instructions of 2, 5 and 1 bytes. */
static struct block *make_block(struct block_arena *arena)
{
    struct block_details *details = block_new_details(3);
    struct block *block = block_new(arena, details);
    block->address = 0x1000;
    block->instructions = 3;
    block->bytes = 8;
    details->offsets[1] = 2;
    details->offsets[2] = 7;
    return block;
}

static void drop_block(struct block_arena *arena, struct block *block)
{
    free((void *)block_details(block));
    free(arena->chunk->details);
    free(arena->chunk);
}

static void test_block_find(void **state)
{
    (void)state;
    struct block_arena arena = {0};
    struct block *block = make_block(&arena);
    assert_int_equal(block_find(block, 0x1000), 0);
    assert_int_equal(block_find(block, 0x1002), 1);
    assert_int_equal(block_find(block, 0x1007), 2);
    assert_int_equal(block_find(block, 0x1001), -1);
    assert_int_equal(block_find(block, 0x1008), -1);
    assert_int_equal(block_find(block, 0xfff), -1);
    assert_int_equal(block_find(block, 0), -1);
    drop_block(&arena, block);
}

/* More blocks than a chunk holds, each with its lanes. */
static void test_block_arena(void **state)
{
    (void)state;
    struct block_arena arena = {.lanes = (const struct plugin_lane *)state};
    struct block_chunk *first = NULL;
    struct block_details *details = block_new_details(1);
    for (unsigned i = 0; i <= BLOCK_CHUNK_BLOCKS; i++) {
        struct block *block = block_new(&arena, details);
        first = first ? first : arena.chunk;
        assert_ptr_equal(block->lanes, arena.lanes);
        assert_ptr_equal(block_details(block), details);
        assert_int_equal(block->instructions, 0);
        block->instructions = 1;
    }
    assert_ptr_not_equal(first, arena.chunk);
    free(first->details);
    free(first);
    free(arena.chunk->details);
    free(arena.chunk);
    free(details);
}

static void test_block_rest(void **state)
{
    (void)state;
    struct block_arena arena = {0};
    struct block *block = make_block(&arena);
    block->ends_in_branch = true;
    assert_int_equal(block_rest_at_fault(block, 0x1000).instructions, 3);
    assert_int_equal(block_rest_at_fault(block, 0x1002).instructions, 2);
    assert_int_equal(block_rest_at_fault(block, 0x1007).instructions, 1);
    assert_int_equal(block_rest_at_fault(block, 0x1007).branches, 1);
    assert_int_equal(block_rest_at_fault(block, 0x2000).instructions, 0);
    assert_int_equal(block_rest_at_fault(block, 0x2000).branches, 0);
    assert_int_equal(block_rest_at_interrupt(block, 0x1007).instructions, 0);
    block->ends_in_branch = false;
    block->ends_in_trap = true; /* has completed when the exception comes */
    assert_int_equal(block_rest_at_fault(block, 0x1007).instructions, 0);
    assert_int_equal(block_rest_at_fault(block, 0x1002).instructions, 2);
    block->ends_in_trap = false;
    block->ends_in_repeat = true;
    assert_int_equal(block_rest_at_interrupt(block, 0x1007).instructions, 1);
    assert_int_equal(block_rest_at_interrupt(block, 0x1000).instructions, 0);
    assert_int_equal(block_rest_at_fault(block, 0x1007).instructions, 1);
    drop_block(&arena, block);
}

static void test_options(void **state)
{
    (void)state;
    struct options options;
    struct error err = {0};
    static char arguments[][32] = {"switch=architectural", "pmu=v2", "reserved=clear",
                                   "report=/tmp/x"};
    char *good[] = {arguments[0], arguments[1], arguments[2], arguments[3]};
    assert_int_equal(options_parse(&options, 4, good, &err), 0);
    assert_int_equal(options.design, PMU_SWITCH_ARCHITECTURAL);
    assert_int_equal(options.pmu, OPTIONS_PMU_V2);
    assert_int_equal(options.reserved, 1);
    assert_string_equal(options.report, "/tmp/x");
    option_table_done(&options_table, &options);
    assert_int_equal(options_parse(&options, 0, NULL, &err), 0);
    assert_int_equal(options.design, PMU_SWITCH_TRANSPARENT);
    static struct {
        char argument[16];
        const char *says;
    } bad[] = {
        {"colour=red", "colour"}, {"switch", "switch=DESIGN"},
        {"switch=both", "both"},  {"=1", "''"},
        {"pmu=", "pmu"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *one[] = {bad[i].argument};
        assert_true(options_parse(&options, 1, one, &err) < 0);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, bad[i].says));
        option_table_done(&options_table, &options);
    }
}

static void test_options_that_contradict(void **state)
{
    (void)state;
    static struct {
        char design[24], other[24];
        const char *says; /* NULL: they go together */
    } pairs[] = {
        {"switch=none", "pmu=none", NULL},
        {"switch=none", "pmu=legacy", NULL},
        {"switch=transparent", "pmu=legacy", NULL},
        {"switch=architectural", "pmu=v2", NULL},
        {"switch=transparent", "pmu=none", "say switch=none"},
        {"switch=architectural", "pmu=none", "say switch=none"},
        {"switch=architectural", "pmu=legacy", "say pmu=v2"},
        {"switch=architectural", "pmu=core", "say pmu=v2"},
        {"switch=none", "sample=100", "sample-file=PATH"},
        {"switch=none", "sample-file=x", "sample=PERIOD"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct options options;
        struct error err = {0};
        char *both[] = {pairs[i].design, pairs[i].other};
        int r = options_parse(&options, 2, both, &err);
        assert_int_equal(r < 0, pairs[i].says != NULL);
        if (pairs[i].says)
            assert_non_null(strstr(err.text, pairs[i].says));
        option_table_done(&options_table, &options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_store),
        cmocka_unit_test(test_decode_cr2),
        cmocka_unit_test(test_block_find),
        cmocka_unit_test(test_decode_thread_switch),
        cmocka_unit_test(test_open_exits),
        cmocka_unit_test(test_block_rest),
        cmocka_unit_test(test_block_arena),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_options_that_contradict),
    };
    return cmocka_run_group_tests_name("plugin-pure", tests, NULL, NULL);
}
