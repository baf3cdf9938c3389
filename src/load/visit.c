/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/visit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "shop/token.h"

#define JOIN_PAGES 100

_Static_assert(SHOP_TARGET_MAX + URL_AUTHORITY_BYTES + COOKIE_JAR_BYTES + SHOP_BODY_MAX + 192 <
                   VISIT_REQUEST_BYTES,
               "every request fits");

static void set_page(struct visit *visit)
{
    const struct shop_page_info *info = shop_page_info((enum shop_page)visit->session.page);
    unsigned image_class = 0;
    bool has_product =
        shop_session_product_image(visit->world, &visit->session, &visit->product, &image_class);
    visit->image_class = (uint8_t)image_class;
    visit->images = (uint8_t)info->image_count;
    visit->first_image = (uint8_t)shop_page_first_image((enum shop_page)visit->session.page);
    visit->files = (uint8_t)(1 + info->image_count + has_product);
    visit->tls = info->tls;
    shop_session_expect(visit->world, &visit->session, &visit->expectation);
}

void visit_begin(struct visit *visit, const struct shop_world *world, uint32_t number,
                 struct rng *rng)
{
    visit->world = world;
    shop_session_begin(world, &visit->session, number, rng);
    set_page(visit);
}

void visit_join(struct visit *visit, const struct shop_world *world, uint32_t number,
                struct rng *rng, struct cookie_jar *jar)
{
    struct shop_session *session = &visit->session;
    /* After so many pages nothing is left of having begun at index; odd and even numbers of them,
     * as some pages come back at every second step only. */
    uint64_t pages = JOIN_PAGES + rng_below(rng, JOIN_PAGES);
    shop_session_begin(world, session, number, rng);
    for (uint64_t i = 0; i < pages; i++)
        if (!shop_session_advance(world, session, rng))
            shop_session_begin(world, session, number, rng);
    visit->world = world;
    set_page(visit);
    if (session->page == SHOP_INDEX && session->views == 1)
        return;
    char cookie[sizeof(SHOP_COOKIE_NAME) + TOKEN_LENGTH + 1] = SHOP_COOKIE_NAME "=";
    struct shop_state state = token_state_of(session, (uint32_t)rng_next(rng));
    token_format(world, &state, cookie + sizeof(SHOP_COOKIE_NAME));
    cookie_jar_set(jar, cookie, strlen(cookie));
}

bool visit_advance(struct visit *visit, struct rng *rng)
{
    if (!shop_session_advance(visit->world, &visit->session, rng))
        return false;
    set_page(visit);
    return true;
}

uint64_t visit_think_ns(struct rng *rng, uint64_t mean_ns, uint64_t max_ns)
{
    double ns = rng_exponential(rng, (double)mean_ns);
    return ns < (double)max_ns ? (uint64_t)ns : max_ns;
}

static bool is_conditional(const struct visit *visit, unsigned file)
{
    return file >= 1 && file <= visit->images &&
           shop_session_revalidates(&visit->session, file - 1);
}

/* A request as it grows; the assertion above says that everything fits. */
struct text {
    char *bytes;
    size_t length;
};

static void add_bytes(struct text *text, const char *bytes, size_t length)
{
    assert(length <= VISIT_REQUEST_BYTES - text->length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void add(struct text *text, const char *words)
{
    add_bytes(text, words, strlen(words));
}

static void add_path(struct text *text, const struct visit *visit, unsigned file)
{
    char path[SHOP_TARGET_MAX];
    if (file == 0)
        shop_session_target(&visit->session, path);
    else if (file > visit->images)
        shop_product_image_path(visit->product, visit->image_class, path);
    else
        shop_image_path(visit->first_image + file - 1, path);
    add(text, path);
}

static void add_cookies(struct text *text, const struct visit_request *request)
{
    char cookies[COOKIE_JAR_BYTES];
    size_t length = cookie_jar_format(request->jar, request->tls, cookies);
    if (length == 0)
        return;
    add(text, "Cookie: ");
    add_bytes(text, cookies, length);
    add(text, "\r\n");
}

static void add_form(struct text *text, const struct shop_session *session)
{
    char body[SHOP_BODY_MAX], head[SHOP_BODY_MAX];
    size_t length = shop_session_body(session, body);
    snprintf(head, sizeof(head),
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n",
             length);
    add(text, head);
    add_bytes(text, body, length);
}

size_t visit_format_request(const struct visit *visit, unsigned file,
                            const struct visit_request *request, char out_text[VISIT_REQUEST_BYTES])
{
    struct text text = {out_text, 0};
    bool post = file == 0 && shop_page_info((enum shop_page)visit->session.page)->post;
    add(&text, post ? "POST " : "GET ");
    add_path(&text, visit, file);
    add(&text, " HTTP/1.1\r\nHost: ");
    add(&text, request->authority);
    add(&text, "\r\nUser-Agent: vtax/" VTAX_VERSION "\r\n");
    if (request->jar->used > 0)
        add_cookies(&text, request);
    if (is_conditional(visit, file))
        add(&text, "If-Modified-Since: " SHOP_IMAGE_TIME "\r\n");
    if (post)
        add_form(&text, &visit->session);
    else
        add(&text, "\r\n");
    return text.length;
}

/* Does the portion at offset agree with `part`, which stands at part_offset, where they overlap? */
static bool agrees(const char *part, size_t part_length, size_t part_offset, const char *bytes,
                   size_t length, size_t offset)
{
    size_t from = offset > part_offset ? offset : part_offset;
    size_t to =
        offset + length < part_offset + part_length ? offset + length : part_offset + part_length;
    return from >= to ||
           memcmp(part + (from - part_offset), bytes + (from - offset), to - from) == 0;
}

void visit_check_body(const struct visit *visit, unsigned file, struct visit_check *check,
                      const char *bytes, size_t length)
{
    const struct shop_expectation *expected = &visit->expectation;
    size_t offset = check->offset;
    check->offset += (uint32_t)length;
    if (file > 0 || check->wrong)
        return;
    size_t tail_offset = expected->html_bytes - expected->tail_length;
    check->wrong =
        !agrees(expected->head, expected->head_length, 0, bytes, length, offset) ||
        !agrees(expected->tail, expected->tail_length, tail_offset, bytes, length, offset);
}

static uint32_t expected_bytes(const struct visit *visit, unsigned file)
{
    if (file == 0)
        return visit->expectation.html_bytes;
    if (file > visit->images)
        return shop_product_image_bytes(visit->product, visit->image_class);
    return visit->world->image_bytes[visit->first_image + file - 1];
}

enum visit_outcome visit_check_end(const struct visit *visit, unsigned file,
                                   const struct visit_check *check, unsigned status)
{
    bool conditional = is_conditional(visit, file);
    if (status != (conditional ? 304u : 200u))
        return VISIT_BAD_STATUS;
    if (check->wrong || check->offset != (conditional ? 0 : expected_bytes(visit, file)))
        return VISIT_WRONG;
    return VISIT_RIGHT;
}
