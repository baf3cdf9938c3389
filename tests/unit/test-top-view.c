/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What keys make of the state, and what the state makes of the screen.
 */
#include "test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "top/screen.h"
#include "top/ui.h"
#include "top/view.h"

#define S UINT64_C(1000000000)
#define MACHINES 40

struct world {
    struct snapshot before, after;
    struct top top;
    struct ui ui;
};

static void fill(struct snapshot *snapshot, uint64_t k)
{
    snapshot->host = (struct host_sample){
        .time_ns = (1 + k) * S, .cpus = 8, .busy = figure_of(k * 8 * S), .wait = figure_of(0)};
    for (uint64_t i = 0; i < MACHINES; i++) {
        struct vm *vm = snapshot_add(snapshot);
        vm->name = mem_printf("vm%02d", (int)i);
        vm->pid = 100 + (pid_t)i;
        vm->identity = 1;
        vm->time_ns = (1 + k) * S;
        vm->vcpu_count = 1;
        vm->figures[FIGURE_CPU] = figure_of(k * (MACHINES - i) * S / 100);
        vm->figures[FIGURE_WAIT] = figure_of(k * i * S / 100);
        vm->figures[FIGURE_VCPU_WAIT] = figure_of(k * i * S / 100);
        struct vm_reason *reason = vm_add_reason(vm, "hlt", 3);
        reason->count = k * 1000;
        reason->time = figure_of(k * S / 4);
        reason->buckets[11] = k * 900;
        reason->buckets[13] = k * 100;
        struct vm_vcpu *vcpu = vm_add_vcpu(vm);
        vcpu->tid = 7;
        vcpu->cpu = 3;
        vcpu->run = vcpu->wait = vcpu->guest = figure_of(k * S / 2);
        vcpu->migrations = figure_of(k * 5);
        struct vm_task *task = vm_add_task(vm);
        task->tid = 8;
        snprintf(task->name, sizeof(task->name), "iothread");
        task->run = task->wait = figure_of(k * S / 8);
    }
}

static void compare(struct world *world)
{
    const struct top_options options = ui_options(&world->ui);
    top_done(&world->top);
    top_compare(&world->before, &world->after, &options, &world->top);
    ui_follow(&world->ui, &world->top);
}

static int set_up(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    const struct top_options options = {.sort = VALUE_CPU};
    fill(&world->before, 0);
    fill(&world->after, 1);
    ui_init(&world->ui, &options);
    compare(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    top_done(&world->top);
    snapshot_done(&world->before);
    snapshot_done(&world->after);
    free(world);
    return 0;
}

static void press(struct world *world, const char *keys)
{
    for (; *keys; keys++) {
        ui_press(&world->ui, (unsigned char)*keys, &world->top, 10);
        compare(world);
    }
}

static void assert_row(struct world *world, int rows, int columns, int row, const char *part)
{
    CLEANUP_SCREEN struct screen screen;
    screen_init(&screen, rows, columns, false);
    view_draw(&world->ui, &world->top, &world->after, &screen);
    CLEANUP_FREE char *text = screen_row_text(&screen, row);
    if (!strstr(text, part))
        fail_msg("row %d is '%s', without '%s'", row, text, part);
}

static void test_screen(void **state)
{
    (void)state;
    CLEANUP_SCREEN struct screen screen;
    screen_init(&screen, 2, 6, false);
    assert_int_equal(screen_put(&screen, 0, 0, SCREEN_BAD, "a\x1b\xc3\xa9"), 3);
    assert_int_equal(screen_put(&screen, 1, 4, SCREEN_PLAIN, "xyz"), 6);
    screen_put(&screen, 2, 0, SCREEN_PLAIN, "below");
    screen_put(&screen, -1, 0, SCREEN_PLAIN, "above");
    CLEANUP_FREE char *first = screen_row_text(&screen, 0), *second = screen_row_text(&screen, 1);
    assert_string_equal(first, "a??");
    assert_string_equal(second, "    xy");
    assert_int_equal(screen.cells[0].style, SCREEN_BAD);
    assert_int_equal(screen.cells[3].style, SCREEN_PLAIN);
}

/* Two columns are two cells; half of a character is never shown. */
static void test_wide(void **state)
{
    (void)state;
    CLEANUP_SCREEN struct screen screen;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    screen_init(&screen, 1, 5, true);
    assert_int_equal(screen_put(&screen, 0, 0, SCREEN_PLAIN, "\u4e2d\u6587\u5b57"), 4);
    assert_int_equal(screen.cells[1].character, 0);
    CLEANUP_FREE char *text = screen_row_text(&screen, 0);
    assert_string_equal(text, "\u4e2d\u6587");
}

static void test_list(void **state)
{
    struct world *world = *state;
    assert_row(world, 24, 80, 0, "40 machines, 8 CPUs");
    assert_row(world, 24, 80, 1, "NAME");
    assert_row(world, 24, 80, 2, "(host)");
    assert_row(world, 24, 80, 3, "vm00");
    assert_row(world, 24, 80, 23, "q quit");
    assert_row(world, 50, 200, 3, "hlt 1.0k 25%");
    /* Never outside, however small. */
    for (int rows = 1; rows < 8; rows++)
        for (int columns = 1; columns < 100; columns += 7)
            assert_row(world, rows, columns, rows - 1, columns > 5 ? "q qui" : "");
}

/* In 80 columns the worst reason is seen; all three, and every other column, are some keys away. */
static void test_columns(void **state)
{
    struct world *world = *state;
    assert_row(world, 24, 80, 1, "CPU%   GUEST    WAIT   STL-H EXITS/s WORST REASONS");
    assert_row(world, 24, 80, 3, "hlt 1.0k 25%");
    assert_row(world, 24, 80, 1, ">");
    for (int i = 0; i < 6; i++)
        ui_press(&world->ui, UI_KEY_RIGHT, &world->top, 10);
    assert_row(world, 24, 80, 1, "CPU<EXITS/s   EXIT%   IPC-G   IPC-H  READ/s");
    for (int i = 0; i < 99; i++)
        ui_press(&world->ui, UI_KEY_RIGHT, &world->top, 10);
    assert_int_equal(world->ui.column, VALUE_COUNT);
    assert_row(world, 24, 80, 1, "CPU<WORST REASONS/s");
    for (int i = 0; i < 99; i++)
        ui_press(&world->ui, UI_KEY_LEFT, &world->top, 10);
    assert_int_equal(world->ui.column, 0);
    assert_row(world, 50, 200, 1, "EXITS/s   EXIT%   IPC-G");
}

/* What is too long for a row goes on in the next, and no row is kept for nothing. */
static void test_notes(void **state)
{
    struct world *world = *state;
    snapshot_add_note(&world->after,
                      "a note of more words than one row of this screen has room for, "
                      "which is eighty columns wide");
    press(world, "j");
    assert_row(world, 24, 80, 19, "note: a note of more words");
    assert_row(world, 24, 80, 20, "  eighty columns wide");
    assert_row(world, 24, 80, 21, "- guest, host, steal-guest, exits");
    assert_row(world, 24, 80, 22, "migrations, faults: not sampled");
    assert_row(world, 24, 80, 18, "vm15");
    assert_row(world, 24, 60, 22, "~"); /* and what there is no room for is said to be cut */
    press(world, "\rG");
    assert_row(world, 24, 80, 22, "columns wide");
    press(world, "\x1b/vm39\r");
    assert_row(world, 50, 200, 48, "not sampled");
    assert_row(world, 50, 200, 47, "note: a note");
}

static void test_move(void **state)
{
    struct world *world = *state;
    press(world, "jj");
    assert_int_equal(world->ui.selected, 2);
    press(world, "G");
    assert_int_equal(world->ui.selected, MACHINES);
    assert_row(world, 24, 80, 2, "(host)"); /* stays */
    assert_row(world, 24, 80, 20, "vm39");
    press(world, "gk");
    assert_int_equal(world->ui.selected, 0);
    ui_press(&world->ui, UI_KEY_PAGE_DOWN, &world->top, 10);
    assert_int_equal(world->ui.selected, 9);
}

/* The selection stays on its machine when the order changes. */
static void test_follow(void **state)
{
    struct world *world = *state;
    press(world, "j");
    assert_string_equal(top_name(&world->top.rows[world->ui.selected]), "vm00");
    press(world, "W");
    assert_int_equal(world->ui.sort, VALUE_WAIT);
    assert_string_equal(top_name(&world->top.rows[1]), "vm39");
    assert_string_equal(top_name(&world->top.rows[world->ui.selected]), "vm00");
    press(world, "r");
    assert_int_equal(world->ui.selected, 1);
    press(world, "N>");
    assert_int_equal(world->ui.sort, VALUE_CPU);
    press(world, "<<");
    assert_int_equal(world->ui.sort, VALUE_COUNT - 1);
    assert_row(world, 24, 80, 1, "FAULT/s"); /* what is sorted by is seen */
}

static void test_filter(void **state)
{
    struct world *world = *state;
    press(world, "/vm1x\x7f");
    assert_true(world->ui.is_editing);
    assert_row(world, 24, 80, 23, "Filter: vm1_");
    assert_int_equal(world->top.count, 11);
    press(world, "q\x7f\r");
    assert_false(world->ui.quit); /* a letter of the filter */
    assert_string_equal(world->ui.filter, "vm1");
    assert_row(world, 24, 80, 0, "filter 'vm1'");
    press(world, "/zzz\x1b");
    assert_string_equal(world->ui.filter, "vm1");
    press(world, "\x1b");
    assert_int_equal(world->top.count, MACHINES + 1);
    press(world, "/none");
    assert_row(world, 24, 80, 4, "no machine fits the filter");
    press(world, "\r/\x7f\x7f\x7f\x7f\x7f");
    ui_press(&world->ui, 0x4e2d, &world->top, 10);
    assert_string_equal(world->ui.filter, "\u4e2d");
    press(world, "\x7f");
    assert_string_equal(world->ui.filter, "");
    for (int i = 0; i < 2 * UI_FILTER_MAX; i++)
        press(world, "a");
    assert_int_equal(strlen(world->ui.filter), UI_FILTER_MAX - 1);
}

static void test_zoom(void **state)
{
    struct world *world = *state;
    press(world, "j\r");
    assert_int_equal(world->ui.view, UI_ZOOM);
    assert_row(world, 50, 80, 1, "vm00  kvm  process 100");
    assert_row(world, 50, 80, 9, "hlt                                1.0k   25.00    250 us");
    assert_row(world, 50, 80, 12, "below   2.0 us        900 ######");
    assert_row(world, 50, 80, 13, "below   4.1 us          0");
    assert_row(world, 50, 80, 17, "   0       3    50.0    50.0    50.0       5  7");
    assert_row(world, 50, 80, 20, "8                 iothread            12.5    12.5");
    assert_row(world, 24, 80, 23, "more below");
    press(world, "G");
    assert_row(world, 24, 80, 23, "Esc back");
    assert_row(world, 24, 80, 23, "the end");
    assert_true(world->ui.scroll > 0 && world->ui.scroll < 40); /* to what there is */
    press(world, "/\x1b");
    assert_int_equal(world->ui.view, UI_LIST);
    assert_int_equal(world->ui.selected, 1);
}

static void test_zoom_of_one_that_ends(void **state)
{
    struct world *world = *state;
    press(world, "G\r");
    snapshot_drop(&world->after);
    compare(world);
    assert_null(ui_row(&world->ui, &world->top));
    assert_row(world, 24, 80, 2, "no longer there");
    press(world, "\x1b");
    assert_int_equal(world->ui.selected, MACHINES - 1);
}

static void test_help_pause_quit(void **state)
{
    struct world *world = *state;
    press(world, "\r?");
    assert_int_equal(world->ui.view, UI_HELP);
    assert_row(world, 24, 80, 9, "q, Ctrl-C");
    press(world, "\x1b");
    assert_int_equal(world->ui.view, UI_ZOOM); /* where it came from */
    press(world, "p");
    assert_true(world->ui.paused);
    assert_row(world, 24, 80, 0, "PAUSED");
    press(world, " ");
    assert_false(world->ui.paused);
    press(world, "q");
    assert_true(world->ui.quit);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_screen),
        cmocka_unit_test(test_wide),
        TEST(test_list),
        TEST(test_columns),
        TEST(test_notes),
        TEST(test_move),
        TEST(test_follow),
        TEST(test_filter),
        TEST(test_zoom),
        TEST(test_zoom_of_one_that_ends),
        TEST(test_help_pause_quit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
