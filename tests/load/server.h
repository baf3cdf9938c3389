/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * server: an HTTP server on loopback whose every misdeed is asked for by the path, and which keeps
 * count. A thread per connection; for tests only.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum server_path {
    SERVER_OK,         /* /ok: 200, "hello" */
    SERVER_CHUNKED,    /* /chunked: the same in chunks */
    SERVER_CLOSE,      /* /close: the same, and ends the connection as announced */
    SERVER_MISSING,    /* /missing: 404 */
    SERVER_RESET,      /* /reset: resets the connection */
    SERVER_EARLY,      /* /early: ends it in the middle of the body */
    SERVER_EARLY_HEAD, /* /early-head: ... of the head */
    SERVER_SILENT,     /* /silent: never answers */
    SERVER_DRIP,       /* /drip: a byte now and then, without end */
    SERVER_MALFORMED,  /* /malformed: not HTTP */
    SERVER_EXTRA,      /* /extra: more bytes than announced */
    SERVER_BIG_HEAD,   /* /big-head: header fields without end */
    SERVER_BIG_BODY,   /* /big-body: a body without end */
    SERVER_BIG_FILE,   /* /big-file: SERVER_BIG_FILE_BYTES */
    SERVER_PATHS,
};

#define SERVER_BIG_FILE_BYTES 300000

struct server {
    int fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ending;
    bool frozen;                  /* answers wait */
    uint64_t service_ns;          /* time that each answer takes */
    unsigned live;                /* connections */
    uint64_t asked[SERVER_PATHS]; /* requests read */
    uint64_t answered_bytes;      /* of whole answers to /ok, head included */
};

void server_start(struct server *server);
void server_stop(struct server *server);
const char *server_path(enum server_path path);
uint64_t server_asked(struct server *server, enum server_path path);
/* Holds all answers back for so long; returns how long it really was, in ns. */
uint64_t server_freeze(struct server *server, uint64_t duration_ns);
