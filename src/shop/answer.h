/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * answer: the protocol between the shop and the back-end simulator, both ends. Pure.
 *
 *   GET /besim?1&COMMAND&A&B&C&D HTTP/1.1    the workload is 1, the shop
 *   GET /besim?1&0&SEED&SESSIONS&DIRECTORIES reset with the run's parameters
 *   GET /besim?stat                          what it has done since the reset
 *
 * The answer is 200 text/html with a Content-Length; its body has "<pre>", a line with the status
 * (0 is good), and a line of fields separated by "&". The first field of a good answer to a page is
 * "reference=" and 16 hexadecimal digits (shop_reference()); a field may hold parts separated by
 * ";".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shop/model.h"

#define ANSWER_BODY_MAX 3072
#define ANSWER_HTTP_MAX 4096
#define ANSWER_FIELDS_MAX 48
#define ANSWER_TARGET_MAX 96

/* The requests, as what goes on the wire; NUL-terminated, returns the length. */
size_t answer_request_format(const struct shop_query *query, char *out_text, size_t capacity);
size_t answer_reset_format(uint64_t seed, uint32_t sessions, uint32_t directories_per_session,
                           char *out_text, size_t capacity);

enum answer_kind { ANSWER_PAGE, ANSWER_RESET, ANSWER_STAT };

/* A request target as the back end reads it. */
struct answer_request {
    enum answer_kind kind;
    struct shop_query query; /* ANSWER_PAGE */
    uint64_t seed;           /* ANSWER_RESET */
    uint32_t sessions;
    uint32_t directories_per_session;
};

bool answer_request_parse(const char *target, size_t length, struct answer_request *out_request);

/* The body for a page's query; 0 when an argument is out of its domain. */
size_t answer_compose(const struct shop_world *world, const struct shop_query *query,
                      char out_body[ANSWER_BODY_MAX]);
/* A body with a status other than 0. */
size_t answer_compose_refusal(unsigned status, char out_body[ANSWER_BODY_MAX]);
/* A body with status 0 and this line of fields. */
size_t answer_compose_fields(const char *fields, char out_body[ANSWER_BODY_MAX]);

struct answer_text {
    const char *text;
    size_t length;
};

struct answer {
    unsigned status;
    uint64_t reference;                           /* 0 where there is none */
    size_t field_count;                           /* without the reference */
    struct answer_text fields[ANSWER_FIELDS_MAX]; /* point into what was parsed */
};

/* false: not of that form, or more fields than there is room for. */
bool answer_parse(const char *body, size_t length, struct answer *out_answer);
/* Part i of a field, empty where there is none. */
struct answer_text answer_part(const struct answer *answer, size_t field, size_t i);

/* Where one HTTP answer in bytes[0 .. length) has its body. 1: whole, *out_body set and *out_used
 * the bytes up to its end; 0: more bytes are needed; -1: not an answer that the protocol allows
 * (status other than 200, no Content-Length, too long). *out_close: the connection must not be used
 * again. */
int answer_http_parse(const char *bytes, size_t length, struct answer_text *out_body,
                      size_t *out_used, bool *out_close);
