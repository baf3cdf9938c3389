/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * emulator: the QEMU process that is the emulated server. Nothing of it outlives vtax: it dies with
 * the process that started it, and its changes to the server's disk are in a file without a name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#include "lab/stock.h"

struct emulator {
    char *program; /* a QEMU of the user's; NULL: that of the stock */
    struct stock *stock;
    char *version;   /* "11.1.2" */
    char *counter;   /* the plugin that it counts with; NULL: none */
    char *uncounted; /* why there is none */
};

/* program NULL: the lab's own, built when it is missing. */
int emulator_open(const char *program, const char *mirror, struct progress *progress,
                  struct emulator *out_emulator, struct error *err)
    __attribute__((warn_unused_result));
void emulator_close(struct emulator *emulator);
#define CLEANUP_EMULATOR CLEANUP(emulator_close)

struct server_options {
    const struct hypervisor *hypervisor;
    const struct stock *image;
    const char *job_disk;   /* written */
    const char *guest_disk; /* only read */
    const char *directory;  /* for console.log, qemu.log and temporary files */
    unsigned cpus;
    uint64_t memory_bytes;
    const char *plugin;       /* for QEMU's -plugin; NULL: none */
    const char *kernel_words; /* further ones for the kernel, each after a space; NULL: none */
    bool shell;               /* console on standard input and output, which are a terminal */
};

/* Starts the server. *out_port_fd: what it writes to its port, the caller's to close; not with
 * shell. Returns the pid. */
pid_t emulator_start(const struct emulator *emulator, const struct server_options *options,
                     int *out_port_fd, struct error *err) __attribute__((warn_unused_result));
