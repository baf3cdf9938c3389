/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as a visitor's request: a byte of flags, then page, arguments and Cookie header on
 * lines of their own. What is accepted must be a question that the back end answers, and its page
 * must come out at the length that the model states.
 */
#include "fuzz.h"

#include <string.h>

#include "shop/document.h"

struct piece {
    const char *text;
    size_t length;
};

static struct piece next_line(const char **at, const char *end)
{
    const char *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    struct piece piece = {*at, (size_t)((newline ? newline : end) - *at)};
    *at = newline ? newline + 1 : end;
    return piece;
}

static void check(const struct shop_world *world, const struct shop_request *request)
{
    static char body[ANSWER_BODY_MAX];
    static struct shop_document document;
    struct answer answer;
    struct shop_state back;
    char token[TOKEN_LENGTH + 1];
    size_t length = answer_compose(world, &request->query, body);
    FUZZ_REQUIRE(length > 0 && answer_parse(body, length, &answer));
    FUZZ_REQUIRE(document_render(world, request, &answer, "", &document) == 0);
    FUZZ_REQUIRE(document.front_length + document.padding_length + document.tail_length ==
                 shop_page_info(request->page)->html_bytes);
    token_format(world, &request->state, token);
    FUZZ_REQUIRE(token_parse(world, token, TOKEN_LENGTH, &back));
    FUZZ_REQUIRE(token_equal(&request->state, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct shop_world world;
    struct shop_request request;
    if (length == 0 || shop_world_measure(&world, 7, 10, 5) < 0)
        return 0;
    const char *at = (const char *)bytes + 1, *end = (const char *)bytes + length;
    struct piece page = next_line(&at, end), arguments = next_line(&at, end);
    struct piece cookie = next_line(&at, end);
    struct shop_input input = {
        .page = page.text,
        .page_length = page.length,
        .arguments = arguments.text,
        .arguments_length = arguments.length,
        .cookie = bytes[0] & 4 ? cookie.text : NULL,
        .cookie_length = cookie.length,
        .post = bytes[0] & 1,
        .tls = bytes[0] & 2,
        .fresh_id = 1,
    };
    if (shop_request_parse(&world, &input, &request) == 200)
        check(&world, &request);
    return 0;
}
