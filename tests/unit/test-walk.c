/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "plugin/callsite.h"
#include "plugin/walk.h"

enum { PAGES = 64, PRESENT = 1, LARGE = 1 << 7 };

/* A small physical memory: page n is at n * 4096. */
static uint64_t memory[PAGES][512];

static bool load(void *context, uint64_t address, void *to, size_t bytes)
{
    (void)context;
    if (address + bytes > sizeof(memory))
        return false;
    memcpy(to, (const char *)memory + address, bytes);
    return true;
}

static struct walk walk_at(unsigned page, unsigned levels)
{
    return (struct walk){.load = load, .root = page * 4096u, .levels = levels};
}

static void expect(const struct walk *walk, uint64_t address, uint64_t physical)
{
    uint64_t found = 0;
    assert_true(walk_translate(walk, address, &found));
    assert_int_equal(found, physical);
}

static void test_four_levels(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    struct walk walk = walk_at(1, WALK_LEVELS);
    memory[1][1] = 2 * 4096 | PRESENT;
    memory[2][2] = 3 * 4096 | PRESENT;
    memory[3][3] = 4 * 4096 | PRESENT;
    memory[4][4] = UINT64_C(0x8000000000123000) | PRESENT; /* with the no-execute bit */
    memory[3][5] = 0xa00000 | PRESENT | LARGE;
    memory[2][6] = UINT64_C(0x40000000) | PRESENT | LARGE;
    uint64_t base = UINT64_C(1) << 39 | UINT64_C(2) << 30;
    expect(&walk, base | 3 << 21 | 4 << 12 | 0x567, 0x123567);
    expect(&walk, base | 5 << 21 | 0x12345, 0xa12345);
    expect(&walk, UINT64_C(1) << 39 | UINT64_C(6) << 30 | 0x1234567, 0x41234567);
    walk.root |= 0xfff; /* flags and PCID do not matter */
    expect(&walk, base | 3 << 21 | 4 << 12, 0x123000);
    uint64_t found;
    assert_false(walk_translate(&walk, base, &found));
    assert_false(walk_translate(&walk, 0, &found));
    memory[3][3] = UINT64_C(0x7f000000000) | PRESENT; /* a table where there is no memory */
    assert_false(walk_translate(&walk, base | 3 << 21, &found));
}

static void test_five_levels(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    const struct walk walk = walk_at(1, WALK_LEVELS_LA57);
    memory[1][7] = 2 * 4096 | PRESENT;
    memory[2][511] = 3 * 4096 | PRESENT;
    memory[3][0] = UINT64_C(0x80000000) | PRESENT | LARGE;
    expect(&walk, UINT64_C(7) << 48 | UINT64_C(511) << 39 | 0x42, 0x80000042);
}

/* The guest's tables are at guest-physical pages 0x10..; the nested tables put them at 20... */
static void test_nested(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    struct walk nested = walk_at(1, WALK_LEVELS);
    memory[1][0] = 2 * 4096 | PRESENT;
    memory[2][0] = 3 * 4096 | PRESENT;
    memory[3][0] = 4 * 4096 | PRESENT;
    for (unsigned i = 0; i < 8; i++)
        memory[4][0x10 + i] = (20 + i) * 4096 | PRESENT;
    const struct walk walk = {
        .load = load, .root = 0x10000, .levels = WALK_LEVELS, .nested = &nested};
    memory[20][0] = 0x11000 | PRESENT;
    memory[21][0] = 0x12000 | PRESENT;
    memory[22][0] = 0x13000 | PRESENT;
    memory[23][9] = 0x14000 | PRESENT;
    memory[23][10] = 0x20000 | PRESENT; /* which the hypervisor has not mapped */
    expect(&walk, 9 << 12 | 0x123, 24 * 4096 + 0x123);
    uint64_t found;
    assert_false(walk_translate(&walk, 10 << 12, &found));
    memory[4][0x12] = 0; /* a table of the guest's is swapped out */
    assert_false(walk_translate(&walk, 9 << 12, &found));
}

static void expect_call(const char *bytes, size_t length, bool found, uint64_t target)
{
    uint64_t got = 1;
    assert_int_equal(callsite_find((const uint8_t *)bytes, length, 0x401000, &got), found);
    if (found)
        assert_int_equal(got, target);
}

static void test_callsite(void **state)
{
    (void)state;
    expect_call("\x90\x90\xe8\x10\x00\x00\x00", 7, true, 0x401010);
    expect_call("\xe8\xf0\xff\xff\xff", 5, true, 0x400ff0);
    expect_call("\xff\xd0", 2, true, 0);                      /* call *%rax */
    expect_call("\x90\x90\x90\x90\x41\xff\xd3", 7, true, 0);  /* call *%r11 */
    expect_call("\x90\xff\x15\x10\x20\x30\x40", 7, true, 0);  /* call *disp(%rip) */
    expect_call("\x90\x90\x90\x90\xff\x50\x18", 7, true, 0);  /* call *0x18(%rax) */
    expect_call("\xff\x14\xc5\x00\x10\x20\x30", 7, true, 0);  /* call *table(,%rax,8) */
    expect_call("\x90\x90\x90\xff\x54\x24\x08", 7, true, 0);  /* call *8(%rsp) */
    expect_call("\x90\x90\x90\x90\x90\xff\xe0", 7, false, 0); /* jmp *%rax */
    expect_call("\x90\x90\x90\x90\x90\x90\x90", 7, false, 0);
    expect_call("\x00\x00\x00\x00", 4, false, 0);
    expect_call("", 0, false, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_levels),
        cmocka_unit_test(test_five_levels),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_callsite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
