/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as an HTTP response. The first byte says where the rest is cut in two: what comes of
 * it must be the same as without the cut.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "http/response.h"

/* What came of the bytes, as numbers. */
struct outcome {
    enum response_event end;
    uint8_t failure;
    uint16_t status;
    bool keep_alive;
    uint64_t fields;
    uint64_t body_bytes;
    uint64_t digest; /* of names, values and body, in order */
    size_t left;
};

static void digest(struct outcome *outcome, const struct response_text *text)
{
    for (size_t i = 0; i < text->length; i++)
        outcome->digest =
            (outcome->digest ^ (unsigned char)text->bytes[i]) * UINT64_C(0x100000001b3);
}

static bool feed(struct response_parser *parser, const uint8_t *bytes, size_t length,
                 struct outcome *outcome)
{
    CLEANUP_FREE char *copy = length ? mem_copy(bytes, length) : NULL;
    const char *at = copy;
    struct response_text name, value;
    for (;;) {
        size_t before = length;
        outcome->end = response_next(parser, &at, &length, &name, &value);
        FUZZ_REQUIRE(length <= before);
        outcome->left = length;
        switch (outcome->end) {
        case RESPONSE_FIELD:
            outcome->fields++;
            digest(outcome, &name);
            digest(outcome, &value);
            break;
        case RESPONSE_BODY:
            FUZZ_REQUIRE(value.length > 0);
            digest(outcome, &value);
            break;
        default:
            return outcome->end == RESPONSE_MORE;
        }
    }
}

static struct outcome parse(const uint8_t *bytes, size_t length, size_t cut)
{
    struct response_parser parser;
    struct outcome outcome = {0};
    response_init(&parser, &(struct response_options){
                               .wants_fields = true, .header_limit = 2048, .body_limit = 4096});
    if (feed(&parser, bytes, cut, &outcome)) {
        if (feed(&parser, bytes + cut, length - cut, &outcome))
            outcome.end = response_end(&parser);
    } else {
        outcome.left += length - cut;
    }
    FUZZ_REQUIRE(outcome.end == RESPONSE_DONE || outcome.end == RESPONSE_FAILED);
    FUZZ_REQUIRE((outcome.end == RESPONSE_FAILED) == (parser.failure != RESPONSE_FINE));
    FUZZ_REQUIRE(parser.body_bytes <= 4096);
    outcome.failure = parser.failure;
    outcome.status = parser.status;
    outcome.keep_alive = outcome.end == RESPONSE_DONE && parser.keep_alive;
    outcome.body_bytes = parser.body_bytes;
    if (outcome.end == RESPONSE_FAILED) /* where it is noticed may differ */
        outcome.left = 0;
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    size_t cut = bytes[0] * (length - 1) / 255;
    struct outcome whole = parse(bytes + 1, length - 1, 0);
    struct outcome in_two = parse(bytes + 1, length - 1, cut);
    FUZZ_REQUIRE(whole.end == in_two.end && whole.failure == in_two.failure);
    FUZZ_REQUIRE(whole.status == in_two.status && whole.keep_alive == in_two.keep_alive);
    FUZZ_REQUIRE(whole.fields == in_two.fields && whole.digest == in_two.digest);
    FUZZ_REQUIRE(whole.body_bytes == in_two.body_bytes && whole.left == in_two.left);
    return 0;
}
