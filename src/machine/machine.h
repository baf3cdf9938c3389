/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * machine: where work runs. A platform back-end is one const struct platform in the visible array
 * `platforms`; callers go through the functions below, which check state once. Machines must be
 * started from a thread that lives as long as they do: their processes die with it.
 *
 * Life of a campaign: platform_open() gives a site (a connection to the hypervisor plus what is
 * kept between trials), machine_start() boots one machine of a trial on it, machine_wait_ready()
 * waits for its control channel, machine_free() powers it off and removes every trace,
 * platform_close() ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "guest/channel.h"
#include "image/image.h"
#include "machine/network.h"
#include "plan/plan.h"

#define MACHINE_SCRATCH_COUNT 2
#define MACHINE_WORK_DIRECTORY "/work" /* in every machine: writable, on a disk */

struct platform;
struct site;
struct machine;

struct site_options {
    const struct plan_entry *entry; /* name, kind and its settings */
    const struct plan_placement *placement;
    const struct image *image; /* NULL only for `fake` */
    struct network *network;   /* NULL only for `fake` */
    const char *directory;     /* the campaign's own, on the disk that is measured; absolute */
    const char *uri;           /* libvirt URI; NULL: the in-process driver */
    uint64_t seed;             /* for `fake` */
};

struct machine_options {
    unsigned index; /* 0 .. count-1 in its trial */
    unsigned count; /* machines that boot at the same time */
    unsigned vcpus;
    uint64_t memory_bytes;
    uint64_t scratch_bytes; /* size of each of two raw scratch disks; 0: none */
    /* Host file with what the first one holds: copied into a file of the machine's own, both
     * preallocated; NULL: zeros. */
    const char *scratch_source;
    uint64_t block; /* block and cell of the trial: `fake` draws from them */
    uint64_t cell;
    /* Where every try to make it is counted, also one that fails; the caller's, for as long as the
     * machine lives. NULL: nobody asks. */
    unsigned *starts;
};

/* A figure that a back-end cannot give has the reason here instead, never 0. */
struct machine_figure {
    uint64_t value;
    const char *missing; /* NULL: value is good; else why there is none */
};

/* One reason of exits, as a figure is called: "exits.io". */
struct machine_part {
    const char *name;
    uint64_t value;
};
#define MACHINE_PARTS_MAX 16

/* What the host saw of a machine since it was started. */
struct machine_usage {
    struct machine_figure cpu_ns;       /* CPU time of everything that makes up the machine */
    struct machine_figure vcpu_run_ns;  /* vCPU threads on a CPU */
    struct machine_figure vcpu_wait_ns; /* vCPU threads runnable but waiting: steal */
    struct machine_figure emulator_run_ns;
    struct machine_figure emulator_wait_ns;
    struct machine_figure exits;
    struct machine_part exit_parts[MACHINE_PARTS_MAX]; /* always the same ones in the same order */
    size_t exit_part_count;
};

/* What one disk of a machine moved since it was started, as its hypervisor counts it. */
struct machine_disk {
    const char *name; /* "vda"; as long as the machine */
    uint64_t reads, read_bytes;
    uint64_t writes, write_bytes;
};

/* What a fake machine draws for a trial. */
struct machine_draw {
    double factor; /* by what a time is multiplied: 1 is native, higher is slower */
    double clock;  /* the machine's own clock, seconds per second of the host's */
};

/* One back-end. Every hook gets a valid object; err is never NULL. */
struct platform {
    struct plan_kind kind;
    bool is_virtual; /* false: the work runs on the host's own kernel */
    bool has_bios;   /* that boots its machines: slow in an emulated server */
    bool is_fake;    /* has no channel; only workload `fake` runs on it */
    /* Why these keys of a plan's placement cannot be heeded, and what to do; NULL: they are. */
    const char *no_emulator_placement;
    const char *no_memory_placement;
    /* Can it be used here and now? Negative with the reason and the remedy in err. Does not start
     * more than a short probe payload. */
    int (*probe)(const struct plan_entry *entry, const char *uri, struct error *err);
    int (*open)(const struct site_options *options, void **out_site, struct error *err);
    /* Returns once the machine is there; it boots already, or waits for `begin`. A back-end that
     * tries more than once counts each try but the first in *options->starts, never NULL here. */
    int (*start)(void *site, const struct machine_options *options, void **out_machine,
                 struct error *err);
    int (*begin)(void *machine, struct error *err); /* NULL: `start` lets it boot */
    /* 0 while it runs; negative with the cause (exit, crash, panic on the console) once it does
     * not. */
    int (*alive)(void *machine, struct error *err);
    int (*usage)(void *machine, struct machine_usage *out_usage, struct error *err);
    /* For a hypervisor that is slow to tell the exits, so that `usage` leaves them out; NULL:
     * `usage` has them. */
    void (*count_exits)(void *machine, struct machine_figure *out_exits);
    /* What the hypervisor's monitor tells of how it works inside, as text, the caller's to free;
     * NULL: it tells nothing that is asked for. May take seconds. */
    int (*ask_monitor)(void *machine, char **out_text, struct error *err);
    /* Its disk number `index`; -ENOENT: it has no more. NULL: the hypervisor does not tell. */
    int (*disk)(void *machine, unsigned index, struct machine_disk *out_disk, struct error *err);
    /* The last lines of its console, the caller's to free; NULL: none. */
    char *(*console_tail)(void *machine);
    /* Where the control channel is reached. */
    void (*endpoint)(void *machine, struct channel_options *out_options);
    /* The process on the host that is the machine, with its descendants. */
    pid_t (*pid)(void *machine);
    /* Xen's number of the domain; NULL: no machine of this platform is one. */
    int (*domain)(void *machine);
    /* Paths of the scratch disks as the machine sees them. */
    const char *(*scratch_path)(void *machine, unsigned which);
    /* The files behind them on the host, for checking what is really on the disk. */
    const char *(*scratch_file)(void *machine, unsigned which);
    void (*stop)(void *machine); /* powers off, removes everything, frees; also when half started */
    void (*close)(void *site);
    /* `fake` only: what this trial is, or the error when it fails or hangs. native_ns: what the
     * work takes at factor 1. */
    int (*draw)(void *machine, uint64_t native_ns, struct machine_draw *out_draw,
                struct error *err);
    /* `fake` only: what its probes read since the start, one after the other; false: no more. */
    bool (*injected)(void *machine, size_t index, const char **out_name, uint64_t *out_value);
};

extern const struct platform *const platforms[]; /* NULL-terminated, in the order of design.md */
const struct platform *platform_find(const struct plan_kind *kind);
/* Their kinds, for a plan vocabulary: NULL-terminated, the caller frees the array. */
const struct plan_kind **platform_list_kinds(void);

/* Can it be used here and now? Negative with the reason and the remedy, without the platform's
 * name: that is the caller's to say. */
int platform_probe(const struct plan_entry *entry, const char *uri, struct error *err)
    __attribute__((warn_unused_result));
int platform_open(const struct site_options *options, struct site **out_site, struct error *err)
    __attribute__((warn_unused_result));
struct site *platform_close(struct site *site);

int machine_start(struct site *site, const struct machine_options *options,
                  struct machine **out_machine, struct error *err)
    __attribute__((warn_unused_result));
/* Lets it boot, where starting it does not: for several machines, once all of them are there. */
int machine_begin(struct machine *machine, struct error *err) __attribute__((warn_unused_result));

/* Opens the control channel, waiting while the machine boots. The time-out grows with the number of
 * machines that boot at once. In an emulated server a machine that dies before it is ready is
 * started again, twice at most, with a warning. *out_boot_ns: from machine_start() until the first
 * command ran. */
int machine_wait_ready(struct machine *machine, uint64_t *out_boot_ns, struct error *err)
    __attribute__((warn_unused_result));

/* Is there one? Not once starting it again has failed. */
bool machine_is_there(const struct machine *machine);
int machine_check_alive(struct machine *machine, struct error *err)
    __attribute__((warn_unused_result));
struct channel *machine_channel(struct machine *machine);
/* The address that the load side reaches the machine at, numeric, and the port there for a service
 * that listens on `port` in the machine. In a user-mode network each machine has a loopback address
 * of its own (127.x.y.z), so that forwarded ports keep their numbers: netperf needs that. Forwarded
 * are those of network_forwarded_ports. */
const char *machine_address(const struct machine *machine);
uint16_t machine_port(const struct machine *machine, uint16_t port);
/* The address that a service in the machine must listen at: 0.0.0.0, but for native instances
 * without a network of their own, which share the host's loopback device, their own loopback
 * address. */
const char *machine_listen_address(const struct machine *machine);
/* Is it a virtual machine, with a kernel of its own? */
bool machine_is_virtual(const struct machine *machine);
unsigned machine_vcpus(const struct machine *machine);
/* The load side's address as a service in the machine reaches it. */
const char *machine_load_address(const struct machine *machine);
/* 0: there is none. */
pid_t machine_pid(const struct machine *machine);
/* 0: it is no domain of Xen's. */
int machine_domain(const struct machine *machine);
const char *machine_scratch_path(struct machine *machine, unsigned which);
const char *machine_scratch_file(struct machine *machine, unsigned which);
int machine_read_usage(struct machine *machine, struct machine_usage *out_usage, struct error *err)
    __attribute__((warn_unused_result));
/* Asks for the exits where that takes long, and disturbs the machine; elsewhere *out_exits stays as
 * it is, since machine_read_usage() has given them. Not for the measured time. */
void machine_count_exits(struct machine *machine, struct machine_figure *out_exits);
/* What the hypervisor tells of its inner work, as text for the probe of that hypervisor, the
 * caller's to free: of QEMU's emulation its version, then its translator's statistics. -ENOTSUP
 * where it tells nothing. May take seconds, and disturb the machine. */
int machine_ask_monitor(struct machine *machine, char **out_text, struct error *err)
    __attribute__((warn_unused_result));
/* Disk number `index`; -ENOENT: there is no more, -ENOTSUP: its hypervisor does not tell. */
int machine_read_disk(struct machine *machine, unsigned index, struct machine_disk *out_disk,
                      struct error *err) __attribute__((warn_unused_result));
char *machine_console_tail(struct machine *machine);
int machine_draw(struct machine *machine, uint64_t native_ns, struct machine_draw *out_draw,
                 struct error *err) __attribute__((warn_unused_result));
/* Reading number `index` of a fake machine; false: it has no more, or is a real one. */
bool machine_read_injected(struct machine *machine, size_t index, const char **out_name,
                           uint64_t *out_value);
struct machine *machine_free(struct machine *machine);

/* Removes what runs that were killed left behind on this host: hypervisor processes and
 * directories. (Sandboxes and their mounts die with the run, namespaces and their devices with
 * their last process.) Call it before the first platform_open(). */
int machine_clean_leftovers(struct error *err) __attribute__((warn_unused_result));
