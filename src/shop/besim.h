/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * besim: the back-end simulator, which stands in for the application and database server. One
 * thread, epoll, HTTP/1.1 with keep-alive; answers follow from the parameters and the seed alone.
 * The protocol is in answer.h. It refuses pages (status 1) until it was reset once, and arguments
 * outside their domain with status 2.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

struct besim;

/* Listens at a numeric "ADDRESS:PORT"; port 0 lets the system choose. */
int besim_open(const char *address, struct besim **out_besim, struct error *err)
    __attribute__((warn_unused_result));
uint16_t besim_port(const struct besim *besim);

/* Serves until besim_stop() or until stop_fd, when it is not -1, becomes readable. */
int besim_run(struct besim *besim, int stop_fd, struct error *err)
    __attribute__((warn_unused_result));
/* May be called from any thread and from a signal handler. */
void besim_stop(struct besim *besim);

struct besim_usage {
    uint64_t requests;    /* good ones since the last reset */
    uint64_t refused;     /* bad requests and pages outside their domain */
    uint64_t connections; /* accepted */
    uint64_t elapsed_ns;
    uint64_t busy_ns; /* not waiting for events: its own work and waiting for a CPU */
    uint64_t cpu_ns;  /* CPU time of the thread */
};

/* From within: only on the thread that runs it, before, between or after runs. */
struct besim_usage besim_usage(const struct besim *besim);

/* From anywhere: asks the simulator at a numeric "ADDRESS:PORT". */
int besim_reset(const char *address, uint64_t seed, uint32_t sessions,
                uint32_t directories_per_session, struct error *err)
    __attribute__((warn_unused_result));
int besim_read_usage(const char *address, struct besim_usage *out_usage, struct error *err)
    __attribute__((warn_unused_result));

struct besim *besim_close(struct besim *besim);
DEFINE_CLEANUP(struct besim *, besim_close);
