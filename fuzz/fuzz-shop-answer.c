/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as an answer of the back end over HTTP, as its body, and as a request target to it.
 * What is found must lie within the bytes.
 */
#include "fuzz.h"

#include "shop/answer.h"

static void require_within(const char *text, size_t text_length, const uint8_t *bytes,
                           size_t length)
{
    FUZZ_REQUIRE((const uint8_t *)text >= bytes);
    FUZZ_REQUIRE((const uint8_t *)text + text_length <= bytes + length);
}

static void read_body(const uint8_t *bytes, size_t length)
{
    struct answer answer;
    if (!answer_parse((const char *)bytes, length, &answer))
        return;
    FUZZ_REQUIRE(answer.field_count <= ANSWER_FIELDS_MAX);
    for (size_t i = 0; i < answer.field_count; i++) {
        require_within(answer.fields[i].text, answer.fields[i].length, bytes, length);
        for (size_t part = 0; part < 4; part++) {
            struct answer_text text = answer_part(&answer, i, part);
            if (text.length > 0)
                require_within(text.text, text.length, bytes, length);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct answer_text body;
    struct answer_request request;
    size_t used;
    bool must_close;
    read_body(bytes, length);
    if (answer_http_parse((const char *)bytes, length, &body, &used, &must_close) == 1) {
        FUZZ_REQUIRE(used <= length && used <= ANSWER_HTTP_MAX);
        require_within(body.text, body.length, bytes, length);
    }
    if (answer_request_parse((const char *)bytes, length, &request) && request.kind == ANSWER_PAGE)
        FUZZ_REQUIRE(request.query.command > SHOP_COMMAND_RESET &&
                     request.query.command < SHOP_COMMANDS);
    return 0;
}
