/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sandbox: the image's root file system, read-only, as a running "machine" on the host's own kernel
 * (bubblewrap), with its SSH server as the only service. Native instances and the load side are
 * such sandboxes. It dies with the thread that started it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/option.h"
#include "guest/channel.h"
#include "image/image.h"

/* The writable directory inside: on the host file system, where the guests' disks lie as well. */
#define SANDBOX_WORK_DIRECTORY "/work"

struct sandbox;

struct sandbox_options {
    const char *name; /* host name inside */
    const struct image *image;
    const char *directory;                    /* the sandbox's own on the host, there and empty */
    const struct option_counts *cpus;         /* empty: any */
    const struct option_counts *memory_nodes; /* NUMA nodes; empty or NULL: any */
    int network_namespace_fd;                 /* 0: ours */
    const char *address;                      /* that the SSH server listens at */
    uint16_t port;
};

/* Returns once bubblewrap runs; the SSH server comes up a moment later. Text is copied. */
int sandbox_start(const struct sandbox_options *options, struct sandbox **out_sandbox,
                  struct error *err) __attribute__((warn_unused_result));

/* Is everything there that it takes? Negative with the remedy. */
int sandbox_probe(struct error *err) __attribute__((warn_unused_result));

/* 0 while it runs; negative, with the last line that it printed, once it does not. */
int sandbox_check_alive(struct sandbox *sandbox, struct error *err)
    __attribute__((warn_unused_result));
/* Where its SSH server answers. The texts belong to the sandbox. */
void sandbox_endpoint(const struct sandbox *sandbox, struct channel_options *out_options);
/* CPU time of all processes in it so far, those that ended included; clock-tick resolution. */
int sandbox_read_cpu(const struct sandbox *sandbox, uint64_t *out_cpu_ns, struct error *err)
    __attribute__((warn_unused_result));
/* The process at the root of everything in it. */
pid_t sandbox_pid(const struct sandbox *sandbox);
/* DIRECTORY/work on the host is /work inside. */
const char *sandbox_host_work(const struct sandbox *sandbox);
char *sandbox_console_tail(const struct sandbox *sandbox);
/* Kills everything in it, waits for that, and removes the files below its directory. */
struct sandbox *sandbox_stop(struct sandbox *sandbox);
