/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Events as tracepoints tell them, and what they add up to.
 */
#include "test.h"

#include "base/mem.h"
#include "probe/exit_reason.h"
#include "probe/exits_account.h"

#define HLT 0x78
#define IO 0x7b
#define MSR 0x7c
#define NPF 0x400

/* Threads 100 to 199 are of process 100, and so on; those from 900 have ended. */
static pid_t process_of(pid_t thread, void *context)
{
    (*(unsigned *)context)++;
    return thread < 900 ? thread / 100 * 100 : 0;
}

static void take(struct exits_account *account, const struct exits_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        exits_account_take(account, &events[i]);
}
#define TAKE(account, ...)                                                                         \
    take(account, (const struct exits_event[]){__VA_ARGS__},                                       \
         COUNT_OF(((const struct exits_event[]){__VA_ARGS__})))

#define LEAVE(at, who, why)                                                                        \
    {                                                                                              \
        .time_ns = (at), .kind = EXITS_LEAVE, .thread = (who), .reason = (why),                    \
        .isa = EXIT_ISA_AMD                                                                        \
    }
#define USER(at, who)                                                                              \
    {                                                                                              \
        .time_ns = (at), .kind = EXITS_USER, .thread = (who)                                       \
    }
#define ENTER(at, who)                                                                             \
    {                                                                                              \
        .time_ns = (at), .kind = EXITS_ENTER, .thread = (who)                                      \
    }
#define SWITCH(at, from, to)                                                                       \
    {                                                                                              \
        .time_ns = (at), .kind = EXITS_SWITCH, .thread = (from), .next = (to)                      \
    }
#define ACCESS(at, who, which)                                                                     \
    {                                                                                              \
        .time_ns = (at), .kind = EXITS_MSR, .thread = (who), .msr = (which)                        \
    }
#define MARK(at, what)                                                                             \
    {                                                                                              \
        .time_ns = (at), .kind = (what)                                                            \
    }

struct wanted {
    struct exits_key key;
    struct exits_sum sum;
    size_t found;
};

static void find(const struct exits_key *key, const struct exits_sum *sum, void *context)
{
    struct wanted *wanted = context;
    if (memcmp(key, &wanted->key, sizeof(*key)) != 0)
        return;
    wanted->sum = *sum;
    wanted->found++;
}

static struct exits_sum sum_of(const struct exits_account *account, uint32_t process,
                               uint32_t reason)
{
    struct wanted wanted = {.key = {process, EXIT_ISA_AMD, reason}};
    exits_account_each(account, (pid_t)process, find, &wanted);
    assert_true(wanted.found <= 1);
    return wanted.sum;
}

static void assert_sum(const struct exits_account *account, uint32_t process, uint32_t reason,
                       const struct exits_sum *expected)
{
    struct exits_sum sum = sum_of(account, process, reason);
    assert_int_equal(sum.count, expected->count);
    assert_int_equal(sum.kernel_ns, expected->kernel_ns);
    assert_int_equal(sum.user_ns, expected->user_ns);
    assert_int_equal(sum.off_ns, expected->off_ns);
}

static void test_time_by_phase(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    /* In the kernel 30, off 1000, in the kernel 5; then to user space 40, off 200, there 60. */
    TAKE(account, LEAVE(1000, 101, IO), SWITCH(1030, 101, 7), SWITCH(2030, 7, 101), USER(2035, 101),
         SWITCH(2075, 101, 0), SWITCH(2275, 0, 101), ENTER(2335, 101),
         /* In guest mode neither a switch nor a second entry is an exit. */
         SWITCH(3000, 101, 7), SWITCH(4000, 7, 101), ENTER(4001, 101));
    struct exits_sum sum = sum_of(account, 100, IO);
    assert_sum(account, 100, IO,
               &(struct exits_sum){.count = 1, .kernel_ns = 35, .user_ns = 100, .off_ns = 1200});
    assert_int_equal(sum.buckets[10], 1); /* 1335 ns */
    assert_int_equal(asked, 1);
    assert_int_equal(exits_account_lost(account), 0);
    exits_account_free(account);
}

/* Who was switched out and does something has come back, whether or not that was told. */
static void test_untold_switches(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    TAKE(account, LEAVE(1000, 101, HLT), SWITCH(1010, 101, 0), ENTER(1500, 101),
         LEAVE(2000, 101, HLT), SWITCH(2300, 0, 101), ENTER(2305, 101));
    assert_sum(account, 100, HLT, &(struct exits_sum){.count = 2, .kernel_ns = 15, .off_ns = 790});
    exits_account_free(account);
}

/* One code of the hardware, two things that it is for. */
static void test_purposes(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    struct exits_event of_device = LEAVE(10, 101, NPF), of_memory = LEAVE(30, 101, NPF);
    of_device.info = 13; /* present, user, reserved */
    of_memory.info = 0x6;
    TAKE(account, of_device, ENTER(12, 101), of_memory, ENTER(35, 101));
    assert_sum(account, 100, NPF | EXIT_FOR_DEVICE,
               &(struct exits_sum){.count = 1, .kernel_ns = 2});
    assert_sum(account, 100, NPF, &(struct exits_sum){.count = 1, .kernel_ns = 5});
    /* EOI, the timer's deadline and a clock's MSR; KVM tells of a quick IPI before its exit. */
    TAKE(account, LEAVE(40, 101, MSR), ACCESS(41, 101, 0x80b), ENTER(43, 101), /* 3 */
         LEAVE(50, 101, MSR), ACCESS(51, 101, 0x6e0), ENTER(54, 101),          /* 4 */
         LEAVE(60, 101, MSR), ACCESS(61, 101, 0x4b564d01), ENTER(65, 101),     /* 5 */
         ACCESS(69, 101, 0x830), LEAVE(70, 101, MSR), ENTER(76, 101),          /* 6 */
         LEAVE(80, 101, MSR), ENTER(87, 101));                                 /* 7 */
    assert_sum(account, 100, MSR | EXIT_FOR_APIC,
               &(struct exits_sum){.count = 3, .kernel_ns = 3 + 4 + 6});
    assert_sum(account, 100, MSR, &(struct exits_sum){.count = 2, .kernel_ns = 5 + 7});
    TAKE(account, LEAVE(90, 101, IO), ACCESS(91, 101, 0x80b), ENTER(92, 101));
    assert_sum(account, 100, IO, &(struct exits_sum){.count = 1, .kernel_ns = 2});
    exits_account_free(account);
}

static void test_purposes_have_names(void **state)
{
    (void)state;
    const uint32_t intel = EXIT_ISA_INTEL, amd = EXIT_ISA_AMD;
    assert_int_equal(exit_reason_for_apic(intel, 31), 31 | EXIT_FOR_APIC);
    assert_int_equal(exit_reason_for_apic(intel, MSR), MSR);
    assert_string_equal(exit_reason_name(intel, 32 | EXIT_FOR_APIC), "msr-write-apic");
    assert_string_equal(exit_reason_name(amd, MSR | EXIT_FOR_APIC), "msr-apic");
    assert_string_equal(exit_reason_name(amd, NPF | EXIT_FOR_DEVICE), "npf-mmio");
    assert_int_equal(exit_reason_class_of("npf-mmio"), EXIT_DEVICE);
    assert_int_equal(exit_reason_class_of("msr-apic"), EXIT_INTERRUPT);
    assert_int_equal(exit_reason_of_fields(intel, 48, 8), 48);
}

static void test_threads_are_apart(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    TAKE(account, LEAVE(10, 101, HLT), LEAVE(12, 102, HLT), LEAVE(14, 201, HLT), LEAVE(16, 105, IO),
         ENTER(20, 101), ENTER(32, 102), ENTER(54, 201), ENTER(17, 105));
    assert_sum(account, 100, HLT, &(struct exits_sum){.count = 2, .kernel_ns = 30});
    assert_sum(account, 200, HLT, &(struct exits_sum){.count = 1, .kernel_ns = 40});
    assert_sum(account, 100, IO, &(struct exits_sum){.count = 1, .kernel_ns = 1});
    exits_account_free(account);
}

static void test_histogram(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    const struct {
        uint64_t took_ns;
        unsigned bucket;
    } rows[] = {{0, 0},
                {1, 0},
                {2, 1},
                {3, 1},
                {1023, 9},
                {1024, 10},
                {UINT64_C(1) << 31, 31},
                {UINT64_C(1) << 40, 31}};
    uint64_t buckets[EXITS_BUCKETS] = {0}, at = 5;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        TAKE(account, LEAVE(at, 101, HLT), ENTER(at + rows[i].took_ns, 101));
        at += rows[i].took_ns;
        buckets[rows[i].bucket]++;
    }
    struct exits_sum sum = sum_of(account, 100, HLT);
    assert_memory_equal(sum.buckets, buckets, sizeof(buckets));
    exits_account_free(account);
}

/* Another CPU's clock is a little behind: nothing goes below 0. */
static void test_clock_goes_back(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    TAKE(account, LEAVE(1000, 101, IO), USER(990, 101), SWITCH(1010, 101, 0), SWITCH(1005, 0, 101),
         ENTER(1020, 101));
    assert_sum(account, 100, IO, &(struct exits_sum){.count = 1, .user_ns = 20});
    exits_account_free(account);
}

static void test_intel_flags_are_no_reason(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    struct exits_event leave = LEAVE(10, 101, 0x8000000c);
    leave.isa = EXIT_ISA_INTEL;
    TAKE(account, leave, ENTER(20, 101));
    struct wanted wanted = {.key = {100, EXIT_ISA_INTEL, 12}};
    exits_account_each(account, 0, find, &wanted);
    assert_int_equal(wanted.sum.count, 1);
    exits_account_free(account);
}

/* What spans a gap is not counted, nor what is in it, and all of it is lost. */
static void test_gaps(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    TAKE(account, LEAVE(10, 101, IO), LEAVE(11, 102, HLT), ENTER(12, 102), MARK(20, EXITS_BLIND),
         ENTER(30, 101), LEAVE(40, 102, IO), MARK(45, EXITS_BLIND), MARK(50, EXITS_SEEING),
         ENTER(55, 102), LEAVE(56, 101, IO), MARK(60, EXITS_SEEING), ENTER(65, 101), ENTER(66, 102),
         LEAVE(70, 101, IO), ENTER(80, 101));
    assert_sum(account, 100, IO, &(struct exits_sum){.count = 1, .kernel_ns = 10});
    assert_sum(account, 100, HLT, &(struct exits_sum){.count = 1, .kernel_ns = 1});
    assert_int_equal(exits_account_lost(account), 3);
    assert_int_equal(asked, 3); /* the thread may have ended in the gap: asked again */
    exits_account_free(account);
}

static void test_threads_that_end(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct exits_account *account = exits_account_new(process_of, &asked);
    /* Nobody knows any more whose thread this was. */
    TAKE(account, LEAVE(10, 901, IO), ENTER(20, 901));
    struct wanted nobody = {.key = {0, EXIT_ISA_AMD, IO}};
    exits_account_each(account, 0, find, &nobody);
    assert_int_equal(nobody.sum.count, 1);
    assert_int_equal(exits_account_lost(account), 0);
    /* The number may be another's now. */
    struct exits_event end = {.time_ns = 40, .kind = EXITS_END, .thread = 101};
    TAKE(account, LEAVE(30, 101, IO), end, ENTER(50, 101), LEAVE(60, 101, IO), ENTER(61, 101));
    assert_sum(account, 100, IO, &(struct exits_sum){.count = 1, .kernel_ns = 1});
    assert_int_equal(asked, 3);
    exits_account_free(account);
}

static bool is_wanted(pid_t process, void *context)
{
    return process == *(const pid_t *)context;
}

static void test_keep(void **state)
{
    (void)state;
    unsigned asked = 0;
    pid_t wanted = 200;
    struct exits_account *account = exits_account_new(process_of, &asked);
    TAKE(account, LEAVE(10, 101, IO), LEAVE(10, 201, IO), ENTER(20, 101), ENTER(20, 201),
         LEAVE(30, 101, IO), LEAVE(30, 201, IO));
    exits_account_keep(account, is_wanted, &wanted);
    assert_sum(account, 100, IO, &(struct exits_sum){0});
    TAKE(account, ENTER(40, 101), ENTER(40, 201));
    assert_sum(account, 100, IO, &(struct exits_sum){0});
    assert_sum(account, 200, IO, &(struct exits_sum){.count = 2, .kernel_ns = 20});
    exits_account_free(account);
}

static pid_t always_one(pid_t thread, void *context)
{
    (void)thread;
    (void)context;
    return 1;
}

/* More threads than there is room for, each in the middle of an exit. */
static void test_full_table(void **state)
{
    (void)state;
    struct exits_account *account = exits_account_new(always_one, NULL);
    for (uint32_t i = 1; i <= 20000; i++)
        TAKE(account, LEAVE(10, i, IO));
    for (uint32_t i = 1; i <= 20000; i++)
        TAKE(account, ENTER(20, i));
    assert_int_equal(sum_of(account, 1, IO).count + exits_account_lost(account), 20000);
    assert_true(exits_account_lost(account) > 0);
    exits_account_free(account);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_by_phase),
        cmocka_unit_test(test_untold_switches),
        cmocka_unit_test(test_purposes),
        cmocka_unit_test(test_purposes_have_names),
        cmocka_unit_test(test_threads_are_apart),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_clock_goes_back),
        cmocka_unit_test(test_intel_flags_are_no_reason),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_threads_that_end),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_full_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
