/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * plan: what a campaign measures. A plan file (YAML) or a built-in plan becomes this struct, the
 * struct becomes cells, the cells become seeded random blocks. Pure: takes text, returns values.
 *
 * Which platforms and workloads exist, and their parameters, comes in from above as a vocabulary.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/option.h"

#define PLAN_BYTES_MAX (1 << 20)
#define PLAN_VMS_MAX 64
#define PLAN_VCPUS_MAX 64
#define PLAN_ENTRIES_MAX 64 /* platforms, and workloads */
#define PLAN_CELLS_MAX 10000

/* A kind of platform or workload as the plan sees it: its word and its own options. */
struct plan_kind {
    const char *name; /* "qemu-tcg", "bzip2" */
    const char *help; /* one sentence */
    struct option_table options;
    /* Of a platform: booting one machine; of a workload: a typical trial of one machine without
     * boot. 0: takes no time. */
    uint64_t estimate_ns;
    /* The same where it depends on the settings; NULL: estimate_ns. */
    uint64_t (*estimate)(const void *options);
    /* Settings that contradict each other are ERROR_USAGE. NULL: none do. */
    int (*check)(const void *options, struct error *err);
};

struct plan_vocabulary {
    const struct plan_kind *const *platforms; /* NULL-terminated */
    const struct plan_kind *const *workloads; /* NULL-terminated */
};

/* `kvm`, or `{name: kvm-hugepages, kind: kvm, hugepages: true}`. */
struct plan_entry {
    char *name; /* unique in its list */
    const struct plan_kind *kind;
    void *options; /* the struct that kind->options describes */
};

struct plan_until {
    double ci; /* relative half width of the 95 % interval that is narrow enough; 0: off */
    uint64_t max_blocks; /* 0: no limit */
    uint64_t budget_ns;  /* wall time; 0: no limit */
};

struct plan_placement {
    struct option_counts vms;        /* host CPUs for vCPU threads; empty: all */
    struct option_counts load;       /* for the load side; empty: all */
    struct option_counts emulator;   /* for emulator and I/O threads; empty: as vms */
    struct option_counts numa_nodes; /* memory comes from these; empty: any */
};

/* A whole number among a platform's own options: it is left out where there are more VMs; 0: never.
 */
#define PLAN_MAX_VMS "max-vms"

#define PLAN_NO_BASELINE SIZE_MAX

/* Made by plan_parse() only, since it is part of a larger object. */
struct plan {
    char *name;
    struct plan_entry *platforms;
    size_t platform_count;
    size_t baseline; /* index into platforms: the one that is 1; PLAN_NO_BASELINE before check */
    struct plan_entry *workloads;
    size_t workload_count;
    struct option_counts vms;
    struct option_counts vcpus;
    struct option_counts memory_bytes;
    uint64_t blocks;
    struct plan_until until; /* all 0: exactly `blocks` blocks */
    uint64_t seed;
    struct plan_placement placement;
    struct option_texts probes; /* that look during trials; empty: all; "none": none */
    struct option_texts events; /* that the probe `counters` counts besides its own */
    char *image;                /* a user's own disk image; NULL: the built-in guest image */
    char *root; /* root file system for `native` with an image of one's own; NULL: none */
};

/* Parses YAML. name is what errors quote ("x.yaml"). On failure *out_plan is untouched and err is
 * `NAME: line L: ...` with the word at fault and the words that would do (ERROR_USAGE). What a
 * later plan_override() may still put right is left to plan_check(): call it last. The vocabulary
 * must outlive the plan. */
int plan_parse(const char *text, size_t length, const char *name,
               const struct plan_vocabulary *vocabulary, struct plan **out_plan, struct error *err)
    __attribute__((warn_unused_result));

/* Overrides one key as --KEY TEXT does; key is a name in plan_option_table. A platform or workload
 * is a word of the vocabulary, or the name of an entry of the plan, which keeps its settings.
 * `blocks` also ends an `until`. On failure the plan is as it was; err is as of option_parse(). */
int plan_override(struct plan *plan, const char *key, const char *text,
                  const struct plan_vocabulary *vocabulary, struct error *err)
    __attribute__((warn_unused_result));

/* Checks what no single key can: baseline among the platforms, an end to `until`, native with an
 * image of one's own, number of cells (ERROR_USAGE). */
int plan_check(const struct plan *plan, struct error *err) __attribute__((warn_unused_result));

/* The plan in canonical YAML, all defaults written out, the caller's to free. Its SHA-256 is the
 * plan digest. It parses back to an equal plan. */
char *plan_format(const struct plan *plan);

/* The keys that are also command-line options, for run, plan show, help, man page, completion. The
 * keys of the maps `until` and `placement` are `until-ci`, `placement-vms` and so on here. Its
 * struct is for option_table_init() and the like only: what was given goes to plan_override() as
 * text. */
extern const struct option_table plan_option_table;

/* Built-in plans: YAML text, or NULL. plan_builtin_names is NULL-terminated. */
const char *plan_find_builtin(const char *name);
extern const char *const plan_builtin_names[];

/* Takes a platform that is not the baseline out. */
void plan_remove_platform(struct plan *plan, size_t index);
struct plan *plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan *, plan_free);
#define CLEANUP_PLAN CLEANUP(plan_free_cleanup)

struct plan_cell {
    size_t platform; /* index into plan->platforms */
    size_t workload; /* index into plan->workloads */
    unsigned vms;
    unsigned vcpus;
    uint64_t memory_bytes;
};

/* How many VMs there may be for this platform. */
uint64_t plan_max_vms(const struct plan_entry *platform);

/* All cells in canonical order (workload, memory, vcpus, vms, platform); the caller frees. */
size_t plan_expand(const struct plan *plan, struct plan_cell **out_cells);

/* The cell that `cell` is compared with: the same but for the baseline platform. An index into
 * cells. */
size_t plan_find_baseline(const struct plan *plan, const struct plan_cell *cells, size_t count,
                          const struct plan_cell *cell);

/* The order of one block: a permutation of 0..count-1 that depends on seed and block alone. */
void plan_order_block(uint64_t seed, uint64_t block, size_t count, size_t *out_order);

/* What the kind of an entry says under its settings. */
uint64_t plan_estimate_entry(const struct plan_entry *entry);

/* About how long one trial of a cell takes, boot and power-off included, when its machines share
 * the host's CPUs: a rough guess in ns. */
uint64_t plan_estimate_cell(const struct plan *plan, const struct plan_cell *cell);

/* The whole plan: all cells times blocks (the most that `until` allows), no more than its budget.
 */
uint64_t plan_estimate(const struct plan *plan);

/* "bzip2 on qemu-tcg, 2 VMs x 1 vCPU, 512MiB": for people, the caller's to free. */
char *plan_describe_cell(const struct plan *plan, const struct plan_cell *cell);
