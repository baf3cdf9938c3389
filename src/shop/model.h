/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * model: what a shopper does and what the shop must answer. The contract between the load engine,
 * the server side and the back-end simulator: pages, transitions, requests, images, and the bytes
 * by which an answer is known to be right. Pure; docs/shop.md gives the sources of the figures.
 *
 * A *simultaneous session* is one always-present user: shop_session_begin(), then
 * shop_session_advance() until it says exit, then begin again at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

enum shop_page {
    SHOP_INDEX,
    SHOP_SEARCH,
    SHOP_BROWSE,
    SHOP_PRODUCTLINE,
    SHOP_DETAIL,
    SHOP_CUSTOMIZE1,
    SHOP_CUSTOMIZE2,
    SHOP_CUSTOMIZE3,
    SHOP_CART,
    SHOP_LOGIN,
    SHOP_SHIPPING,
    SHOP_BILLING,
    SHOP_CONFIRM,
    SHOP_PAGES,
    SHOP_EXIT = SHOP_PAGES,
};

/* Domain sizes. Regions 10..19 exist but no shopper uses them. */
#define SHOP_CUSTOMER_TYPES 4
#define SHOP_SEGMENTS 5
#define SHOP_WORDS 19
#define SHOP_RESULT_PAGES 5
#define SHOP_GROUPS 20
#define SHOP_REGIONS 20
#define SHOP_REGIONS_USED 10
#define SHOP_USERS_PER_SESSION 10
#define SHOP_SHIPPING_METHODS 3
#define SHOP_CARDS 3
#define SHOP_STEPS 3
#define SHOP_CHOICES 8 /* of one customizing step */
#define SHOP_QUANTITY_MAX 3
#define SHOP_PRODUCTS_PER_DIRECTORY 10
#define SHOP_DIRECTORIES_PER_SESSION 5
#define SHOP_DIRECTORIES_MAX 1000000
#define SHOP_IMAGES 172 /* fixed images; each page has its own, customize1..3 share theirs */
#define SHOP_IMAGE_CLASSES 3

/* The name in requests and in the certificate, whatever the address. */
#define SHOP_HOST "shop.test"

/* Bounds of texts, the NUL included. */
#define SHOP_TARGET_MAX 128
#define SHOP_BODY_MAX 128
#define SHOP_COOKIE_NAME "shop_session"
#define SHOP_COOKIE_VALUE_MAX 128
#define SHOP_HEAD_MAX 192
#define SHOP_TAIL_MAX 96

/* Every image file has this modification time; the text is what a conditional GET sends. */
#define SHOP_IMAGE_TIME_S INT64_C(1577836800)
#define SHOP_IMAGE_TIME "Wed, 01 Jan 2020 00:00:00 GMT"

struct shop_page_info {
    const char *name;     /* the path is /shop/NAME */
    double share;         /* expected, of all pages */
    uint32_t html_bytes;  /* exact length of the document */
    unsigned image_count; /* fixed images */
    uint32_t image_bytes; /* their sum */
    double revalidated;   /* of them answered 304, mean per view */
    bool tls;
    bool post;       /* a form: POST with a body; else GET */
    int image_class; /* size class of the one product image on top; -1: none */
};

const struct shop_page_info *shop_page_info(enum shop_page page);
/* The page of this name (length bytes), or SHOP_EXIT. */
enum shop_page shop_page_find(const char *name, size_t length);

/* Probability of going from a page to another or to SHOP_EXIT. */
double shop_transition(enum shop_page from, enum shop_page to);
/* The page after `from` for a uniform number in [0, 1). */
enum shop_page shop_next_page(enum shop_page from, double uniform);
/* What the transition table implies: the share of each page and the mean number of pages from
 * index to exit (fundamental matrix of the absorbing chain). */
void shop_solve(double out_shares[SHOP_PAGES], double *out_pages_per_session);

/* The size of the shop, the same on all sides of one run. */
struct shop_world {
    uint64_t seed;
    uint32_t sessions;
    uint32_t directories;              /* of products */
    uint32_t products;                 /* 10 a directory */
    uint32_t users;                    /* 10 a session */
    uint32_t image_bytes[SHOP_IMAGES]; /* the same for every seed and number of sessions */
};

/* sessions >= 1. directories_per_session 0: 5. There are never fewer directories than product
 * groups. -ERANGE when the directories would be over SHOP_DIRECTORIES_MAX. */
int shop_world_init(struct shop_world *world, uint64_t seed, uint32_t sessions,
                    uint32_t directories_per_session) __attribute__((warn_unused_result));
/* The same but for image_bytes, which stay 0: for the server sides, which do not need them. */
int shop_world_measure(struct shop_world *world, uint64_t seed, uint32_t sessions,
                       uint32_t directories_per_session) __attribute__((warn_unused_result));

/* Where one user is, and what was chosen on the way. Plain value. */
struct shop_session {
    uint32_t number; /* of the simultaneous session, 0 .. sessions-1 */
    uint32_t user;   /* one of the session's own ten */
    uint32_t views;  /* pages since it began */
    uint32_t directory;
    uint32_t product;
    uint8_t page; /* enum shop_page */
    uint8_t region;
    uint8_t customer_type;
    uint8_t segment;
    uint8_t group;
    uint8_t word;
    uint8_t result_page;
    uint8_t options[SHOP_STEPS];
    uint8_t quantity;
    uint8_t shipping_method;
    uint8_t card;
    uint8_t revalidated; /* how many fixed images of this view are asked for conditionally */
    uint8_t rotation;    /* and the first of them, from the first of the page */
};

/* A new user of simultaneous session `number` asks for index, without a cookie. */
void shop_session_begin(const struct shop_world *world, struct shop_session *session,
                        uint32_t number, struct rng *rng);
/* Draws the next page and its parameters. false: exit, nothing was changed. */
bool shop_session_advance(const struct shop_world *world, struct shop_session *session,
                          struct rng *rng);

/* What a page asks the back end. Both sides derive it: the load engine from its session, the shop
 * from the request. Two that are equal have the same answer. */
enum shop_command {
    SHOP_COMMAND_RESET, /* never asked by a page */
    SHOP_COMMAND_REGIONS,
    SHOP_COMMAND_SEGMENT,
    SHOP_COMMAND_SEARCH,
    SHOP_COMMAND_PRODUCTS,
    SHOP_COMMAND_DETAIL,
    SHOP_COMMAND_OPTIONS,
    SHOP_COMMAND_CART,
    SHOP_COMMAND_LOGIN,
    SHOP_COMMAND_ADDRESSES,
    SHOP_COMMAND_ORDER,
    SHOP_COMMANDS,
};

#define SHOP_ARGUMENTS 4

struct shop_query {
    enum shop_command command;
    uint32_t arguments[SHOP_ARGUMENTS]; /* the unused are 0 */
};

/* The last argument of an order: how many, and by which method and card. */
uint32_t shop_order_terms(unsigned quantity, unsigned shipping_method, unsigned card);
struct shop_query shop_session_query(const struct shop_session *session);
/* The number that the back end gives with each answer and that the page must show. */
uint64_t shop_reference(uint64_t seed, const struct shop_query *query);

/* Request target of the present page, e.g. "/shop/search?word=7&page=2"; its form body
 * ("application/x-www-form-urlencoded"; empty where the page is a GET). Return the length. */
size_t shop_session_target(const struct shop_session *session, char out_text[SHOP_TARGET_MAX]);
size_t shop_session_body(const struct shop_session *session, char out_text[SHOP_BODY_MAX]);

/* What a right answer has: status 200, html_bytes in all, and these first and last bytes. The head
 * is the same up to title_length for every view of the page; from there it carries the reference.
 */
struct shop_expectation {
    uint32_t html_bytes;
    size_t title_length;
    size_t head_length;
    size_t tail_length;
    char head[SHOP_HEAD_MAX];
    char tail[SHOP_TAIL_MAX];
};

void shop_expectation_init(struct shop_expectation *expectation, enum shop_page page,
                           uint64_t reference);
/* The same for the present page of a session. */
void shop_session_expect(const struct shop_world *world, const struct shop_session *session,
                         struct shop_expectation *out_expectation);

/* Fixed images of a page are numbered from the first on, image_count of them. */
unsigned shop_page_first_image(enum shop_page page);
/* Is image i (0 .. image_count-1) of the present view asked for with If-Modified-Since? */
bool shop_session_revalidates(const struct shop_session *session, unsigned i);

/* The product image on top of the present page: false where there is none. */
bool shop_session_product_image(const struct shop_world *world, const struct shop_session *session,
                                uint32_t *out_product, unsigned *out_class);
/* The product that stands on top of a page: of search, the first hit; of a product line, one of
 * its ten; else `product` itself. */
uint32_t shop_top_product(const struct shop_world *world, enum shop_page page, uint64_t reference,
                          uint32_t directory, uint32_t product);
/* Bytes of a product image by its class 0..2. */
uint32_t shop_product_image_bytes(uint32_t product, unsigned image_class);

/* Paths below the server's root, with the leading slash: "/i/007.gif", "/p/000/012/3-1.jpg". Return
 * the length. */
size_t shop_image_path(unsigned image, char out_text[SHOP_TARGET_MAX]);
size_t shop_product_image_path(uint32_t product, unsigned image_class,
                               char out_text[SHOP_TARGET_MAX]);
