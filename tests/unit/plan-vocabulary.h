/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A vocabulary for tests of plans: kinds with an option of every type.
 */
#pragma once

#include "base/clock.h"
#include "plan/plan.h"

struct test_settings {
    bool flag;
    char *text;
    unsigned word;
    uint64_t count;
    double number;
    double share;
    uint64_t size;
    uint64_t duration;
    struct option_texts texts;
    struct option_counts counts;
    struct option_counts sizes;
    struct option_counts cpus;
    uint64_t max_vms;
};

static const char *const test_words[] = {"stream", "rr", NULL};

#define TEST_AT(field) .offset = offsetof(struct test_settings, field)
static const struct option test_options[] = {
    {"hugepages", 0, OPTION_FLAG, TEST_AT(flag)},
    {"comment", 0, OPTION_TEXT, TEST_AT(text)},
    {"test", 0, OPTION_WORD, TEST_AT(word), .words = test_words},
    {"streams", 0, OPTION_COUNT, TEST_AT(count), .fallback = "1", .min = 1, .max = 100},
    {"slowdown", 0, OPTION_NUMBER, TEST_AT(number), .fallback = "1", .min = 0.001, .max = 1000},
    {"noise", 0, OPTION_SHARE, TEST_AT(share)},
    {"input", 0, OPTION_SIZE, TEST_AT(size), .fallback = "64MiB", .min = 1024, .max = 0x1p40},
    {"time", 0, OPTION_DURATION, TEST_AT(duration), .fallback = "10s", .min = 1e9, .max = 1e13},
    {"tests", 0, OPTION_TEXTS, TEST_AT(texts)},
    {"sizes-list", 0, OPTION_SIZES, TEST_AT(sizes)},
    {"counts", 0, OPTION_COUNTS, TEST_AT(counts), .min = 1, .max = 64},
    {"cpus", 0, OPTION_CPUS, TEST_AT(cpus)},
    {PLAN_MAX_VMS, 0, OPTION_COUNT, TEST_AT(max_vms), .min = 1, .max = PLAN_VMS_MAX},
};

#define TEST_TABLE                                                                                 \
    {                                                                                              \
        test_options, COUNT_OF(test_options), sizeof(struct test_settings)                         \
    }
static const struct plan_kind test_native = {"native", "Plain Linux.", .estimate_ns = 0};
static const struct plan_kind test_tcg = {"qemu-tcg", "QEMU.", TEST_TABLE, 6 * NS_PER_S};
static const struct plan_kind test_kvm = {"kvm", "KVM.", TEST_TABLE, 3 * NS_PER_S};
static const struct plan_kind test_fake = {"fake", "Nothing.", TEST_TABLE};
static const struct plan_kind test_bzip2 = {"bzip2", "CPU.", TEST_TABLE, 10 * NS_PER_S};
static const struct plan_kind test_netperf = {"netperf", "Network.", TEST_TABLE, 20 * NS_PER_S};
static const struct plan_kind test_plain = {"plain", "No options."};

static const struct plan_kind *const test_platforms[] = {&test_native, &test_tcg, &test_kvm,
                                                         &test_fake, NULL};
static const struct plan_kind *const test_workloads[] = {&test_bzip2, &test_netperf, &test_plain,
                                                         &test_fake, NULL};
static const struct plan_vocabulary test_vocabulary = {test_platforms, test_workloads};
