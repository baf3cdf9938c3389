/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * deploy: what has to be put into a machine and run there so that it serves the shop. All of it is
 * data, for a control channel:
 *
 *   channel_check(make_directory); channel_put(each file); channel_check(generate);
 *   channel_check(start); ... load ...; channel_check(stop);
 *
 * start returns 0 once the ports are open (connections then wait in their queues until the first
 * worker takes them). For another number of sessions: channel_check(stop), then all of it
 * again with another deploy of that root; generate adds to what is there. The machine needs Apache
 * httpd 2.4 with the event MPM and mod_ssl.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "shop/authority.h"

#define DEPLOY_ROOT "/srv/vtax-shop"
#define DEPLOY_HTTP_PORT 8080
#define DEPLOY_HTTPS_PORT 8443
#define DEPLOY_FILES_MAX 4
#define DEPLOY_ARGUMENTS_MAX 24

struct deploy_options {
    uint64_t seed;
    uint32_t sessions;                 /* that the shop is built for */
    uint32_t sessions_served;          /* that come; 0: sessions */
    uint32_t directories_per_session;  /* 0: the model's */
    unsigned vcpus;                    /* of the machine; 0: 1 */
    const char *back_end;              /* "ADDRESS:PORT" of the simulator as the machine sees it */
    const char *guest_program;         /* where the runner is in the machine */
    const struct authority *authority; /* NULL: no TLS */
    const char *root;                  /* NULL: DEPLOY_ROOT; not on a file system without exec */
    const char *address;               /* to listen at; NULL: any */
    uint16_t http_port;                /* 0: DEPLOY_HTTP_PORT */
    uint16_t https_port;               /* 0: DEPLOY_HTTPS_PORT */
    const char *apache;                /* NULL: "/usr/sbin/apache2" */
    const char *apache_modules;        /* NULL: "/usr/lib/apache2/modules" */
    bool no_access_log;
    /* The machine maps no user but root (a sandbox of an ordinary user): Apache runs as www-data in
     * a user namespace of its own. */
    bool one_user;
    const char *cpus; /* CPUs to run on, as taskset(1) takes them; NULL: all */
};

struct deploy_file {
    char *path; /* in the machine */
    const void *bytes;
    size_t length;
    unsigned mode;
};

struct deploy_command {
    const char *argv[DEPLOY_ARGUMENTS_MAX]; /* NULL-terminated */
};

struct deploy {
    struct deploy_file files[DEPLOY_FILES_MAX];
    size_t file_count;
    struct deploy_command make_directory;
    struct deploy_command generate; /* the image files; may take minutes for many sessions */
    struct deploy_command start;
    struct deploy_command stop; /* and waits until the server is gone */
    char *access_log;           /* paths in the machine; NULL: none */
    char *error_log;
    uint64_t fileset_bytes; /* what generate will write */
    char *owned[3];         /* the files' bytes */
};

/* ERROR_USAGE for options that cannot be, ERROR_ENVIRONMENT when this program was built without the
 * Apache module. */
int deploy_make(const struct deploy_options *options, struct deploy **out_deploy, struct error *err)
    __attribute__((warn_unused_result));
struct deploy *deploy_free(struct deploy *deploy);
DEFINE_CLEANUP(struct deploy *, deploy_free);
