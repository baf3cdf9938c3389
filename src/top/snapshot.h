/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * snapshot: all virtual machines of this host at one moment, as plain values. The sampler fills
 * it, the model compares two of them, the views print.
 */
#pragma once

#include <sys/types.h>

#include "base/mem.h"
#include "top/figure.h"

enum vm_kind {
    VM_KVM,        /* QEMU or another program on KVM */
    VM_TCG,        /* QEMU's emulation */
    VM_QEMU,       /* QEMU, and its threads do not tell which of the two */
    VM_VIRTUALBOX, /* VBoxHeadless, VirtualBoxVM */
    VM_XEN,        /* a domain */
    VM_KIND_COUNT,
};
/* "kvm", "tcg", ... */
extern const char *const vm_kind_names[];

struct vm_vcpu {
    unsigned number;
    pid_t tid; /* 0: no thread of this Linux */
    int cpu;   /* of the host, where it ran last; -1: not known */
    struct figure run, wait, guest, migrations;
};

#define VM_TASK_NAME_MAX 16
/* Any thread of the machine's process. */
struct vm_task {
    pid_t tid;
    char name[VM_TASK_NAME_MAX];
    struct figure run, wait;
};

/* Powers of two of ns: bucket i counts exits that took less than 2^i ns and not less than 2^(i-1);
 * the last takes all longer ones. */
#define EXIT_BUCKETS 33

struct vm_reason {
    char name[32];
    uint64_t count;
    struct figure time;             /* ns */
    uint64_t buckets[EXIT_BUCKETS]; /* only where the time is there */
};

struct vm {
    char *name; /* never empty; of unknown origin: escape before it is shown */
    char *uuid; /* NULL: none */
    enum vm_kind kind;
    pid_t pid;                /* 0: a domain that no process of this Linux runs */
    uint64_t identity;        /* with pid: tells the machine from a later one */
    uint64_t time_ns;         /* when it was read, CLOCK_MONOTONIC */
    unsigned vcpu_count;      /* 0: not known */
    unsigned device_model_of; /* QEMU beside Xen: the domain that it serves; 0: none */
    unsigned domain;          /* of Xen; 0: none */
    struct figure figures[FIGURE_COUNT];
    struct vm_vcpu *vcpus;
    size_t vcpu_rows;
    struct vm_task *tasks;
    size_t task_count;
    struct vm_reason *reasons;
    size_t reason_count;
    const char *exit_source;    /* of exits and reasons: "bpf", "stats", "debugfs"; NULL: none */
    struct figure exits_by_kvm; /* its own count, read where exits and reasons are estimates */
};

/* The whole host, machines included. */
struct host_sample {
    uint64_t time_ns;
    unsigned cpus;
    struct figure busy;  /* ns, guest code included */
    struct figure steal; /* ns that a hypervisor below this host gave to others */
    struct figure wait;  /* ns, all threads */
    struct figure read;  /* bytes, all block devices */
    struct figure write;
};

#define SNAPSHOT_NOTES 5

struct snapshot {
    struct host_sample host;
    const char *notes[SNAPSHOT_NOTES]; /* what is not seen here, and why; NULL: no more */
    struct vm *vms;
    size_t count;
    size_t capacity;
};

/* A new machine at the end, all figures missing for "not sampled". */
struct vm *snapshot_add(struct snapshot *snapshot);
/* Takes the machine that was added last away. */
void snapshot_drop(struct snapshot *snapshot);

/* To find machines in a snapshot, which must stay as it is meanwhile. */
struct snapshot_index {
    const struct vm **vms; /* by pid and identity */
    size_t count;
};
void snapshot_index_init(struct snapshot_index *index, const struct snapshot *snapshot);
/* The same machine in that snapshot; NULL: it is not there. */
const struct vm *snapshot_index_find(const struct snapshot_index *index, const struct vm *vm);
void snapshot_index_done(struct snapshot_index *index);
#define CLEANUP_SNAPSHOT_INDEX CLEANUP(snapshot_index_done)

/* Adds a reason for exits, the caller's to fill. */
struct vm_reason *vm_add_reason(struct vm *vm, const char *name, size_t name_length);
struct vm_vcpu *vm_add_vcpu(struct vm *vm);
struct vm_task *vm_add_task(struct vm *vm);
void vm_done(struct vm *vm);
/* "" adds nothing. */
void snapshot_add_note(struct snapshot *snapshot, const char *note);
void snapshot_done(struct snapshot *snapshot);
#define CLEANUP_SNAPSHOT CLEANUP(snapshot_done)
