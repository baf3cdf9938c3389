/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "shop/backend.h"
#include "shop/besim.h"

#define TIMEOUT_NS (5 * NS_PER_S)

DEFINE_CLEANUP(struct backend *, backend_close);

static int ask(const char *address, const char *request, char bytes[ANSWER_HTTP_MAX],
               struct answer *out_answer, struct error *err)
{
    CLEANUP(backend_close_cleanup) struct backend *backend = NULL;
    int rc = backend_open(address, TIMEOUT_NS, &backend);
    if (rc == 0)
        rc = backend_exchange(backend, request, strlen(request), bytes, out_answer);
    if (rc < 0)
        return error_set_errno(err, ERROR_FAILED, rc, "ask the back-end simulator at '%s'",
                               address);
    if (out_answer->status != 0)
        return error_set(err, ERROR_FAILED, -EPROTO,
                         "ask the back-end simulator at '%s': it refused with status %u", address,
                         out_answer->status);
    return 0;
}

int besim_reset(const char *address, uint64_t seed, uint32_t sessions,
                uint32_t directories_per_session, struct error *err)
{
    char request[ANSWER_TARGET_MAX + 64], bytes[ANSWER_HTTP_MAX];
    struct answer answer;
    answer_reset_format(seed, sessions, directories_per_session, request, sizeof(request));
    return ask(address, request, bytes, &answer, err);
}

static uint64_t number_of(struct answer_text text)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.length && text.text[i] >= '0' && text.text[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(text.text[i] - '0');
    return number;
}

int besim_read_usage(const char *address, struct besim_usage *out_usage, struct error *err)
{
    char bytes[ANSWER_HTTP_MAX];
    struct answer answer;
    int rc = ask(address, "GET /besim?stat HTTP/1.1\r\nHost: besim\r\n\r\n", bytes, &answer, err);
    if (rc < 0)
        return rc;
    if (answer.field_count != 6)
        return error_set(err, ERROR_FAILED, -EPROTO,
                         "ask the back-end simulator at '%s': %zu figures where 6 belong", address,
                         answer.field_count);
    *out_usage = (struct besim_usage){
        .requests = number_of(answer_part(&answer, 0, 1)),
        .refused = number_of(answer_part(&answer, 1, 1)),
        .connections = number_of(answer_part(&answer, 2, 1)),
        .elapsed_ns = number_of(answer_part(&answer, 3, 1)),
        .busy_ns = number_of(answer_part(&answer, 4, 1)),
        .cpu_ns = number_of(answer_part(&answer, 5, 1)),
    };
    return 0;
}
