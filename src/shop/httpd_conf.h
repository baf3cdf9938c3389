/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * httpd_conf: the configuration of Apache httpd for the shop. Pure.
 */
#pragma once

#include "shop/deploy.h"

/* The processes and threads that suit a number of sessions. */
struct httpd_size {
    unsigned processes;
    unsigned threads; /* of each process */
    /* Connections that a process may hold for each idle worker (AsyncRequestWorkerFactor): all
     * sessions fit even when only one worker in four is idle. */
    unsigned factor;
};

struct httpd_size httpd_size_for(uint32_t sessions, unsigned vcpus);

/* The text of httpd.conf, the caller's to free. Every option must be set and checked. */
char *httpd_conf_format(const struct deploy_options *options);
