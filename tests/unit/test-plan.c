/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/rng.h"
#include "base/strbuf.h"
#include "plan-vocabulary.h"

static struct plan *parse(const char *text, struct error *err)
{
    struct plan *plan = NULL;
    int rc = plan_parse(text, strlen(text), "dir/x.yaml", &test_vocabulary, &plan, err);
    assert_int_equal(rc < 0, plan == NULL);
    return plan;
}

static void assert_formats_as(const struct plan *plan, const char *expected)
{
    CLEANUP_FREE char *text = plan_format(plan);
    assert_string_equal(text, expected);
}

static const char full_text[] = "name: all-of-it\n"
                                "platforms:\n"
                                "  - native\n"
                                "  - {name: tcg-2, kind: qemu-tcg, hugepages: true}\n"
                                "  - fake: {slowdown: 1.25, noise: 5%}\n"
                                "  - fake: {name: fake-2, input: 1GiB}\n"
                                "  - kvm:\n"
                                "baseline: tcg-2\n"
                                "vms: [1, 2]\n"
                                "vcpus: 1..3\n"
                                "memory: [512MiB, 1.5GiB]\n"
                                "workloads: [plain, bzip2: {input: 16MiB, tests: [a, b]}]\n"
                                "until: {ci: 2%, max_blocks: 20, budget: 30min}\n"
                                "seed: 7\n"
                                "placement: {vms: 0-2, load: '3', numa-node: [0, 1]}\n"
                                "image: my image.qcow2\n"
                                "root: /srv/root\n";

static void test_full_plan(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_PLAN struct plan *plan = parse(full_text, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(plan_check(plan, &err), 0);
    assert_string_equal(plan->name, "all-of-it");
    assert_int_equal(plan->platform_count, 5);
    assert_string_equal(plan->platforms[1].name, "tcg-2");
    assert_ptr_equal(plan->platforms[1].kind, &test_tcg);
    assert_true(((struct test_settings *)plan->platforms[1].options)->flag);
    assert_near(((struct test_settings *)plan->platforms[2].options)->number, 1.25, 0);
    assert_string_equal(plan->platforms[3].name, "fake-2");
    assert_int_equal(plan->baseline, 1);
    assert_int_equal(plan->vcpus.count, 3);
    assert_int_equal(plan->memory_bytes.items[1], 1536u << 20);
    const struct test_settings *bzip2 = plan->workloads[1].options;
    assert_int_equal(bzip2->size, 16 << 20);
    assert_string_equal(bzip2->texts.items[1], "b");
    assert_near(plan->until.ci, 0.02, 1e-15);
    assert_int_equal(plan->until.max_blocks, 20);
    assert_int_equal(plan->until.budget_ns, 1800 * NS_PER_S);
    assert_int_equal(plan->seed, 7);
    assert_int_equal(plan->placement.vms.count, 3);
    assert_int_equal(plan->placement.numa_nodes.count, 2);
    assert_int_equal(plan->placement.emulator.count, 0);
    assert_string_equal(plan->image, "my image.qcow2");
}

static void test_defaults(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_PLAN struct plan *plan = parse("platforms: native\nworkloads: plain\n", &err);
    assert_non_null(plan);
    assert_int_equal(plan_check(plan, &err), 0);
    assert_formats_as(plan, "name: x\n"
                            "platforms:\n"
                            "  - {name: native, kind: native}\n"
                            "baseline: native\n"
                            "vms: [1]\n"
                            "vcpus: [1]\n"
                            "memory: [512MiB]\n"
                            "workloads:\n"
                            "  - {name: plain, kind: plain}\n"
                            "blocks: 3\n"
                            "seed: 1\n");
}

#define GOOD "platforms: [native]\nworkloads: [plain]\n" /* so what follows is on line 3 */
#define KNOWN_KEYS                                                                                 \
    "known: name, platforms, baseline, vms, vcpus, memory, workloads, blocks, until, seed, "       \
    "placement, probes, events, image, root"

static const struct {
    const char *text, *error;
} bad[] = {
    {"", "line 1: there is nothing in it"},
    {"# only a comment\n", "line 1: there is nothing in it"},
    {"a", "line 1: a plan is a map of keys, such as 'platforms: [native]', not a word"},
    {"- native\n", "line 1: a plan is a map of keys, such as 'platforms: [native]', not a list"},
    {GOOD "name: a\nname: b\n", "line 4: key 'name' is there twice (first on line 3)"},
    {GOOD "until: {ci: 2%, max-blocks: 3,\n  max_blocks: 4}\n",
     "line 4: key 'max_blocks' is there twice (first on line 3)"},
    {GOOD "vm: 1\n", "line 3: unknown key 'vm' (did you mean 'vms'? " KNOWN_KEYS ")"},
    {GOOD "set: a.b=c\n", "line 3: unknown key 'set' (" KNOWN_KEYS ")"},
    {GOOD "until-ci: 2%\n",
     "line 3: unknown key 'until-ci' (did you mean 'until'? " KNOWN_KEYS ")"},
    {GOOD "until: {cli: 2%}\n",
     "line 3: unknown key of until 'cli' (did you mean 'ci'? known: ci, max-blocks, budget)"},
    {GOOD "until: 5\n", "line 3: 'until' takes a map, such as {ci: 2%, max-blocks: 20}"},
    {GOOD "placement: [0]\n", "line 3: 'placement' takes a map, such as {vms: 0-1}"},
    {GOOD "blocks: 3\nuntil: {budget: 1h}\n",
     "line 4: 'blocks' (line 3) and 'until' exclude each other"},
    {GOOD "vms:\n", "line 3: 'vms' has no value"},
    {GOOD "vms: []\n", "line 3: 'vms' has an empty list"},
    {GOOD "vms: [1, [2]]\n", "line 3: 'vms' takes words in its list, not a list"},
    {GOOD "vms: {a: 1}\n", "line 3: 'vms' takes a word or a list of words, not a map"},
    {GOOD "seed: [1]\n", "line 3: 'seed' takes a word, not a list"},
    {GOOD "vms: 0\n", "line 3: vms '0' is too small: at least 1"},
    {GOOD "vms: [1, 65]\n", "line 3: vms '65' is too large: at most 64"},
    {GOOD "vms: [1, 1]\n", "line 3: vms '1' gives a value twice"},
    {GOOD "blocks: -1\n", "line 3: blocks '-1' is negative or not a whole number"},
    {GOOD "seed: 99999999999999999999\n", "line 3: seed '99999999999999999999' is too large"},
    {GOOD "memory: 512\n", "line 3: memory '512' has no unit (B, KiB, MiB, GiB, TiB): 512MiB, say"},
    {GOOD "memory: 1MiB\n", "line 3: memory '1MiB' is too small: at least 64MiB"},
    {GOOD "until: {budget: 30}\n",
     "line 3: until-budget '30' has no unit (ns, us, ms, s, min, h): 30s, say"},
    {GOOD "baseline: kvm\n", "line 3: baseline 'kvm' is none of the platforms"},
    {GOOD "name: a/b\n", "line 3: name 'a/b' is not 1 to 64 letters, digits, '.', '_' and '-' "
                         "with a letter or digit first"},
    {"workloads: [plain]\n",
     "line 1: key 'platforms' is missing, such as platforms: [native, qemu-tcg]"},
    {"platforms: [native]\n", "line 1: key 'workloads' is missing, such as workloads: [bzip2, dd]"},
    {"platforms: [nativ]\n", "line 1: unknown platform 'nativ' (did you mean 'native'? known: "
                             "native, qemu-tcg, kvm, fake)"},
    {"workloads:\n  - bzip2\n  - bzip3\n",
     "line 3: unknown workload 'bzip3' (did you mean 'bzip2'? known: bzip2, netperf, plain, fake)"},
    {"platforms: [kvm,\n kvm]\n", "line 2: platform 'kvm' is there twice: give one of them another "
                                  "name, as in {name: kvm-2, kind: kvm}"},
    {"platforms: {native: {}}\n",
     "line 1: 'platforms' takes a list: put '- ' before each platform"},
    {"platforms: []\n", "line 1: 'platforms' has an empty list"},
    {"platforms: [[native]]\n", "line 1: a platform is a word, 'WORD: {KEY: VALUE}' or '{name: "
                                "NAME, kind: WORD, KEY: VALUE}'"},
    {"workloads:\n- bzip2:\n  input: 4MiB\n", "line 2: a workload is a word, 'WORD: {KEY: VALUE}' "
                                              "or '{name: NAME, kind: WORD, KEY: VALUE}'"},
    {"workloads:\n- bzip2:\n    inputs: 4MiB\n",
     "line 3: workload 'bzip2': unknown key 'inputs' (did you mean 'input'? known: hugepages, "
     "comment, test, streams, slowdown, noise, input, time, tests, sizes-list, counts, cpus, "
     "max-vms)"},
    {"workloads:\n- plain: {x: 1}\n", "line 2: workload 'plain': unknown key 'x' (known: none)"},
    {"workloads:\n- bzip2:\n    input: 16\n",
     "line 3: workload 'bzip2': input '16' has no unit (B, KiB, MiB, GiB, TiB): 16MiB, say"},
    {"workloads:\n- bzip2: {sizes_list: 1MiB, sizes-list: 1MiB}\n",
     "line 2: key 'sizes-list' is there twice (first on line 2)"},
    {"workloads:\n- bzip2: 5\n",
     "line 2: workload 'bzip2' takes a map of settings, such as {KEY: VALUE}"},
    {"platforms: [kvm: {kind: fake}]\n",
     "line 1: 'kind' is given twice: 'kvm' in front of the map is one"},
    {"platforms: [{name: a b, kind: kvm}]\n",
     "line 1: platform: name 'a b' is not 1 to 64 letters, digits, '.', '_' and '-' with a letter "
     "or digit first"},
};

static void test_bad_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        assert_null(parse(bad[i].text, &err));
        CLEANUP_FREE char *expected = mem_printf("dir/x.yaml: %s", bad[i].error);
        assert_string_equal(err.text, expected);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
}

/* What plan_override() and plan_check() make of GOOD with fake and bzip2 added. */
static const struct {
    const char *key, *text, *error;
} overrides[] = {
    {"platforms", "native,qemu-tcg", NULL},
    {"platforms", "native,slow", NULL},
    {"platforms", "kvm",
     "plan 'x': baseline 'native' is none of the platforms (kvm): add it, or name another "
     "baseline"},
    {"platforms", "native,slo",
     "unknown platform 'slo' (did you mean 'slow'? known: native, slow, fake, qemu-tcg, kvm)"},
    {"baseline", "slow", NULL},
    {"baseline", "kvm",
     "plan 'x': baseline 'kvm' is none of the platforms (native, slow, fake): add it, or name "
     "another baseline"},
    {"workloads", "netperf", NULL},
    {"vms", "1..10", NULL},
    {"vms", "0", "vms '0' is too small: at least 1"},
    {"until-ci", "2%",
     "plan 'x': until needs an end for the case that the interval stays wide: give max-blocks or "
     "budget as "
     "well"},
    {"set", "bzip2.input=1MiB", NULL},
    {"set", "slow.slowdown=2", NULL},
    {"set", "slow.input=2",
     "set 'slow.input=2': platform 'slow': input '2' has no unit (B, KiB, MiB, GiB, TiB): 2MiB, "
     "say"},
    {"set", "bzip2=1", "set 'bzip2=1' is not NAME.KEY=VALUE, such as bzip2.input=16MiB"},
    {"set", "dd.input=1MiB", "set 'dd.input=1MiB': the plan has no platform or workload 'dd'"},
    {"set", "fake.input=1MiB",
     "set 'fake.input=1MiB': a platform and a workload 'fake' both have the key 'input': give one "
     "of them another name"},
    {"root", "/r", "plan 'x': root '/r' needs an image of your own: the built-in one has its root"},
    {"image", "a.qcow2",
     "plan 'x': platform 'native' cannot run image 'a.qcow2': name a root file system with the "
     "same programs "
     "by root, or leave the platform out"},
};

static void test_overrides(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(overrides); i++) {
        struct error err = {0};
        CLEANUP_PLAN struct plan *plan =
            parse("platforms: [native, {name: slow, kind: fake, slowdown: 3}, fake]\n"
                  "workloads: [bzip2: {input: 2MiB}, fake]\n",
                  &err);
        CLEANUP_FREE char *before = plan_format(plan);
        int rc = plan_override(plan, overrides[i].key, overrides[i].text, &test_vocabulary, &err);
        if (rc < 0)
            assert_formats_as(plan, before);
        else
            rc = plan_check(plan, &err);
        assert_int_equal(rc < 0, overrides[i].error != NULL);
        if (rc < 0)
            assert_string_equal(err.text, overrides[i].error);
    }
}

static void test_override_keeps_settings(void **state)
{
    (void)state;
    CLEANUP_PLAN struct plan *plan = parse(full_text, NULL);
    assert_int_equal(plan_override(plan, "platforms", "fake,native", &test_vocabulary, NULL), 0);
    assert_near(((struct test_settings *)plan->platforms[0].options)->number, 1.25, 0);
    assert_int_equal(plan->baseline, PLAN_NO_BASELINE);
    assert_int_equal(plan_override(plan, "baseline", "native", &test_vocabulary, NULL), 0);
    assert_int_equal(plan->baseline, 1);
    assert_int_equal(plan_override(plan, "blocks", "5", &test_vocabulary, NULL), 0);
    assert_int_equal(plan->blocks, 5);
    assert_int_equal(plan->until.max_blocks, 0);
    assert_near(plan->until.ci, 0, 0);
}

/* Random plans: every key, or not, with random values. */

static const char *const values[][4] = {
    /* key, then three values */
    {"platforms", "native", "native,fake,kvm", "qemu-tcg,native"},
    {"workloads", "bzip2,plain", "fake,netperf,bzip2", "netperf"},
    {"vms", "1..10", "64", "3,1,2"},
    {"vcpus", "1,2", "64", "7"},
    {"memory", "64MiB,1GiB", "1.5GiB", "100000001B"},
    {"blocks", "1", "1000", "17"},
    {"until-ci", "2%", "0.0123456789", "1"},
    {"until-max-blocks", "1", "500", "1000"},
    {"until-budget", "1h30min", "3s", "1.25s"},
    {"seed", "0", "9007199254740991", "42"},
    {"placement-vms", "0-3,6", "5,3,4", "0"},
    {"placement-load", "1", "8191", "2-3"},
    {"placement-emulator", "1", "1-3", "2-3"},
    {"placement-numa-node", "0", "1", "0..3"},
    {"image", "a \"quoted\" \\ image", "- x: y # z", "\xc3\xa9\xf0\x9f\x98\x80"},
    {"root", " /leading and trailing ", "'", "[a, b]"},
    {"name", "a", "x.y_z-1", "0"},
};

static const char *const settings[] = {
    ".hugepages=true", ".comment=true", ".comment=~",          ".comment=a, b", ".test=rr",
    ".streams=100",    ".slowdown=0.1", ".slowdown=1e3",       ".noise=33.3%",  ".input=1KiB",
    ".time=1500ms",    ".tests=a,b,c",  ".sizes-list=1B,2KiB", ".counts=1..9",  ".cpus=0,2-9",
    ".comment=*alias", ".comment=!tag", ".comment=%TAG",       ".comment=null", ".comment=? x",
};

static struct plan *draw_plan(struct rng *rng)
{
    struct plan *plan = parse("platforms: [native]\nworkloads: [plain]\n", NULL);
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (rng_below(rng, 2))
            assert_int_equal(plan_override(plan, values[i][0], values[i][1 + rng_below(rng, 3)],
                                           &test_vocabulary, NULL),
                             0);
    for (size_t i = rng_below(rng, 6); i > 0; i--) {
        const struct plan_entry *entry =
            rng_below(rng, 2) ? &plan->platforms[rng_below(rng, plan->platform_count)]
                              : &plan->workloads[rng_below(rng, plan->workload_count)];
        const char *setting = settings[rng_below(rng, COUNT_OF(settings))];
        CLEANUP_FREE char *text = mem_printf("%s%s", entry->name, setting);
        struct error err = {0};
        if (plan_override(plan, "set", text, &test_vocabulary, &err) < 0 &&
            !strstr(err.text, "unknown key") && !strstr(err.text, "both have the key"))
            fail_msg("%s", err.text);
    }
    return plan;
}

static void test_format_parses_back(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (int i = 0; i < 2000; i++) {
        CLEANUP_PLAN struct plan *plan = draw_plan(&rng);
        CLEANUP_FREE char *text = plan_format(plan);
        struct error err = {0};
        CLEANUP_PLAN struct plan *back = parse(text, &err);
        if (!back)
            fail_msg("%s\n%s", err.text, text);
        assert_formats_as(back, text);
        assert_int_equal(back->baseline, plan->baseline);
        assert_int_equal(back->seed, plan->seed);
        assert_memory_equal(&back->until, &plan->until, sizeof(plan->until));
        assert_int_equal(back->vms.count, plan->vms.count);
        assert_memory_equal(back->vms.items, plan->vms.items, 8 * plan->vms.count);
    }
}

static void test_cells(void **state)
{
    (void)state;
    CLEANUP_PLAN struct plan *plan =
        parse("platforms: [native, kvm]\nworkloads: [plain, bzip2]\nvms: [1, 2]\n"
              "memory: [1GiB, 512MiB]\n",
              NULL);
    CLEANUP_FREE struct plan_cell *cells = NULL;
    size_t count = plan_expand(plan, &cells);
    assert_int_equal(count, 16);
    static const char *const first[] = {
        "plain on native, 1 VM x 1 vCPU, 1GiB", "plain on kvm, 1 VM x 1 vCPU, 1GiB",
        "plain on native, 2 VMs x 1 vCPU, 1GiB", "plain on kvm, 2 VMs x 1 vCPU, 1GiB",
        "plain on native, 1 VM x 1 vCPU, 512MiB"};
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        CLEANUP_FREE char *text = plan_describe_cell(plan, &cells[i]);
        assert_string_equal(text, first[i]);
    }
    for (size_t i = 0; i < count; i++) {
        size_t base = plan_find_baseline(plan, cells, count, &cells[i]);
        assert_int_equal(cells[base].platform, 0);
        assert_int_equal(base, i & ~(size_t)1);
    }
}

/* A platform that is left out where there are many VMs, in any order of the list; not the one that
 * the others are compared with. */
static void test_max_vms(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_PLAN struct plan *plan = parse("platforms: [{qemu-tcg: {max-vms: 1}}, native, kvm]\n"
                                           "workloads: [plain]\nvms: [2, 1]\n",
                                           NULL);
    CLEANUP_FREE struct plan_cell *cells = NULL;
    assert_int_equal(plan_check(plan, &err), 0);
    size_t count = plan_expand(plan, &cells);
    static const char *const all[] = {
        "plain on native, 2 VMs x 1 vCPU, 512MiB", "plain on kvm, 2 VMs x 1 vCPU, 512MiB",
        "plain on qemu-tcg, 1 VM x 1 vCPU, 512MiB", "plain on native, 1 VM x 1 vCPU, 512MiB",
        "plain on kvm, 1 VM x 1 vCPU, 512MiB"};
    assert_int_equal(count, COUNT_OF(all));
    for (size_t i = 0; i < count; i++) {
        CLEANUP_FREE char *text = plan_describe_cell(plan, &cells[i]);
        assert_string_equal(text, all[i]);
        const struct plan_cell *base = &cells[plan_find_baseline(plan, cells, count, &cells[i])];
        assert_int_equal(base->platform, plan->baseline);
        assert_int_equal(base->vms, cells[i].vms);
    }
    CLEANUP_PLAN struct plan *refused =
        parse("platforms: [{qemu-tcg: {max-vms: 1}}, kvm]\n"
              "workloads: [plain]\nvms: [1, 2]\nbaseline: qemu-tcg\n",
              NULL);
    assert_true(plan_check(refused, &err) < 0);
    assert_non_null(strstr(err.text, "2 VMs are more than max-vms of 'qemu-tcg'"));
}

static void test_too_many_cells(void **state)
{
    (void)state;
    struct error err = {0};
    CLEANUP_PLAN struct plan *plan = parse("platforms: [native, kvm, fake]\n"
                                           "workloads: [plain]\nvms: 1..64\nvcpus: 1..64\n",
                                           &err);
    assert_true(plan_check(plan, &err) < 0);
    assert_string_equal(
        err.text, "dir/x.yaml: line 3: platforms x workloads x vms x vcpus x memory gives 12288 "
                  "combinations, more than 10000");
}

static void test_estimates(void **state)
{
    (void)state;
    CLEANUP_PLAN struct plan *plan =
        parse("platforms: [native, qemu-tcg]\nworkloads: [bzip2, fake]\nvms: 2\nblocks: 4\n", NULL);
    CLEANUP_FREE struct plan_cell *cells = NULL;
    plan_expand(plan, &cells);
    assert_int_equal(plan_estimate_cell(plan, &cells[0]), 15 * NS_PER_S);
    assert_int_equal(plan_estimate_cell(plan, &cells[1]), 25500 * NS_PER_MS);
    assert_int_equal(plan_estimate_cell(plan, &cells[2]), 0);
    assert_int_equal(plan_estimate(plan), 4 * (15 + 25.5 + 0 + 10.5) * NS_PER_S);
    assert_int_equal(plan_override(plan, "until-budget", "1min", &test_vocabulary, NULL), 0);
    assert_int_equal(plan_estimate(plan), 60 * NS_PER_S);
}

/* Every block is a permutation that depends on seed and block alone, and all orders come up. */
static void test_order(void **state)
{
    (void)state;
    unsigned seen[6] = {0};
    for (uint64_t block = 0; block < 6000; block++) {
        size_t order[3], again[3];
        plan_order_block(7, block, 3, order);
        plan_order_block(7, block, 3, again);
        assert_memory_equal(order, again, sizeof(order));
        assert_int_equal(1u << order[0] | 1u << order[1] | 1u << order[2], 7);
        seen[order[0] * 2 + (order[1] > order[2])]++;
    }
    for (size_t i = 0; i < 6; i++)
        assert_near(seen[i], 1000, 5 * sqrt(6000 * 5.0 / 36));
    size_t one[8], other[8];
    plan_order_block(1, 0, 8, one);
    plan_order_block(2, 0, 8, other);
    assert_memory_not_equal(one, other, sizeof(one));
}

static void test_builtin(void **state)
{
    (void)state;
    assert_string_equal(plan_builtin_names[0], "quick");
    assert_null(plan_find_builtin("nothing"));
    size_t count = 0;
    for (; plan_builtin_names[count]; count++)
        assert_non_null(strstr(plan_find_builtin(plan_builtin_names[count]), "\nplatforms: ["));
    assert_int_equal(count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_plan),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bad_plans),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_override_keeps_settings),
        cmocka_unit_test(test_format_parses_back),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_max_vms),
        cmocka_unit_test(test_too_many_cells),
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_builtin),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
