/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The contract from one end to the other: what a session asks is parsed to the query that it means,
 * the back end answers it, and the page that is made of the answer has the bytes that the session
 * expects.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "shop/document.h"

#define SESSIONS_WALKED 500
#define SECURE_BASE "https://shop.test:8443"

struct fixture {
    struct shop_world world;
    struct shop_state state;
    bool has_state;
    char *padding;
    struct shop_document document;
};

static void parse_as_server(struct fixture *f, const struct shop_session *session,
                            struct shop_request *request)
{
    char target[SHOP_TARGET_MAX], body[SHOP_BODY_MAX], token[TOKEN_LENGTH + 1], cookie[128];
    shop_session_target(session, target);
    shop_session_body(session, body);
    char *question = strchr(target, '?');
    size_t path_length = question ? (size_t)(question - target) : strlen(target);
    const struct shop_page_info *info = shop_page_info((enum shop_page)session->page);
    token_format(&f->world, &f->state, token);
    snprintf(cookie, sizeof(cookie), SHOP_COOKIE_NAME "=%s", token);
    struct shop_input input = {
        .page = target + strlen("/shop/"),
        .page_length = path_length - strlen("/shop/"),
        .arguments = info->post ? body : question + 1,
        .arguments_length = strlen(info->post ? body : question + 1),
        .cookie = f->has_state ? cookie : NULL,
        .cookie_length = strlen(cookie),
        .post = info->post,
        .tls = info->tls,
    };
    int status = shop_request_parse(&f->world, &input, request);
    if (status != 200)
        fail_msg("%s %s: %d %s", target, body, status, request->refusal);
    assert_int_equal(request->page, session->page);
    f->state = request->state;
    f->has_state = true;
}

static void expect_same_query(const struct shop_query *a, const struct shop_query *b)
{
    assert_int_equal(a->command, b->command);
    for (int i = 0; i < SHOP_ARGUMENTS; i++)
        assert_int_equal(a->arguments[i], b->arguments[i]);
}

static void expect_images(struct fixture *f, const struct shop_session *session)
{
    char path[SHOP_TARGET_MAX];
    uint32_t product;
    unsigned image_class;
    f->document.front[f->document.front_length] = '\0';
    unsigned first = shop_page_first_image((enum shop_page)session->page);
    for (unsigned i = 0; i < shop_page_info((enum shop_page)session->page)->image_count; i++) {
        shop_image_path(first + i, path);
        assert_non_null(strstr(f->document.front, path));
    }
    if (!shop_session_product_image(&f->world, session, &product, &image_class))
        return;
    shop_product_image_path(product, image_class, path);
    assert_non_null(strstr(f->document.front, path));
}

static void check_view(struct fixture *f, const struct shop_session *session)
{
    char body[ANSWER_BODY_MAX];
    struct shop_request request;
    struct shop_query query = shop_session_query(session);
    struct shop_expectation expected;
    struct answer answer;
    shop_session_expect(&f->world, session, &expected);
    parse_as_server(f, session, &request);
    expect_same_query(&query, &request.query);
    size_t length = answer_compose(&f->world, &request.query, body);
    assert_in_range(length, 1, ANSWER_BODY_MAX);
    assert_true(answer_parse(body, length, &answer));
    struct shop_document *d = &f->document;
    assert_int_equal(document_render(&f->world, &request, &answer, SECURE_BASE, d), 0);
    assert_int_equal(d->front_length + d->padding_length + d->tail_length, expected.html_bytes);
    assert_true(d->padding_length <= DOCUMENT_PADDING_MAX && d->front_length < DOCUMENT_FRONT_MAX);
    assert_memory_equal(d->front, expected.head, expected.head_length);
    assert_int_equal(d->tail_length, expected.tail_length);
    assert_memory_equal(d->tail, expected.tail, expected.tail_length);
    expect_images(f, session);
}

static void walk(uint64_t seed, uint32_t sessions)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    struct shop_session session;
    struct rng rng;
    unsigned seen = 0;
    assert_int_equal(shop_world_init(&f->world, seed, sessions, 5), 0);
    rng_init(&rng, seed, 1);
    for (uint32_t i = 0; i < SESSIONS_WALKED; i++) {
        f->has_state = false;
        shop_session_begin(&f->world, &session, i % sessions, &rng);
        do {
            check_view(f, &session);
            seen |= 1u << session.page;
        } while (shop_session_advance(&f->world, &session, &rng));
    }
    assert_int_equal(seen, (1u << SHOP_PAGES) - 1);
    free(f);
}

static void test_small_shop(void **state)
{
    (void)state;
    walk(11, 1);
}

static void test_largest_shop(void **state)
{
    (void)state;
    walk(UINT64_MAX, 200000);
}

static void test_wrong_answers(void **state)
{
    (void)state;
    struct shop_world world;
    struct shop_document *document = mem_zalloc(sizeof(*document));
    struct shop_request request = {.page = SHOP_LOGIN};
    struct answer answer = {.status = 0, .field_count = 2, .fields = {{"a", 1}, {"b", 1}}};
    assert_int_equal(shop_world_measure(&world, 1, 1, 0), 0);
    assert_int_equal(document_render(&world, &request, &answer, "", document), 0);
    answer.status = 2;
    assert_int_equal(document_render(&world, &request, &answer, "", document), -EPROTO);
    answer.status = 0;
    answer.field_count = 1;
    assert_int_equal(document_render(&world, &request, &answer, "", document), -EPROTO);
    free(document);
}

/* Markup from the back end comes out as text, and a field that would burst the page is refused. */
static void test_hostile_back_end(void **state)
{
    (void)state;
    struct shop_world world;
    struct shop_document *document = mem_zalloc(sizeof(*document));
    struct shop_request request = {.page = SHOP_LOGIN};
    char large[DOCUMENT_FRONT_MAX];
    struct answer answer = {.field_count = 2, .fields = {{"<script>\n\"", 10}, {"b", 1}}};
    assert_int_equal(shop_world_measure(&world, 1, 1, 0), 0);
    assert_int_equal(document_render(&world, &request, &answer, "", document), 0);
    document->front[document->front_length] = '\0';
    assert_non_null(strstr(document->front, "Welcome, &lt;script>?&quot;</p>"));
    memset(large, 'x', sizeof(large));
    answer.fields[0] = (struct answer_text){large, sizeof(large)};
    assert_int_equal(document_render(&world, &request, &answer, "", document), -EPROTO);
    free(document);
}

static void test_padding(void **state)
{
    (void)state;
    char *padding = mem_zalloc(DOCUMENT_PADDING_MAX + 1);
    document_fill_padding(padding);
    assert_int_equal(strlen(padding), DOCUMENT_PADDING_MAX);
    assert_null(strpbrk(padding, "<>&"));
    free(padding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_shop),    cmocka_unit_test(test_largest_shop),
        cmocka_unit_test(test_wrong_answers), cmocka_unit_test(test_hostile_back_end),
        cmocka_unit_test(test_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
