/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/document.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

/* Puts pieces one after the other; what does not fit makes it overflow and the page is refused. */
struct writer {
    struct shop_document *document;
    const struct shop_world *world;
    const struct shop_request *request;
    const struct answer *answer;
    const char *secure_base;
    bool overflow;
};

static void put(struct writer *w, const char *bytes, size_t length)
{
    struct shop_document *d = w->document;
    if (length > sizeof(d->front) - d->front_length) {
        w->overflow = true;
        return;
    }
    memcpy(d->front + d->front_length, bytes, length);
    d->front_length += length;
}

static void puts_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_number(struct writer *w, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    put(w, digits + at, sizeof(digits) - at);
}

/* What the back end says is text, not markup. */
static void put_escaped(struct writer *w, struct answer_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.text[i];
        if (c == '<')
            puts_text(w, "&lt;");
        else if (c == '"')
            puts_text(w, "&quot;");
        else if (c < ' ' || c > '~')
            puts_text(w, "?");
        else
            put(w, &text.text[i], 1);
    }
}

static void put_part(struct writer *w, size_t field, size_t part)
{
    put_escaped(w, answer_part(w->answer, field, part));
}

static void put_page_path(struct writer *w, enum shop_page page)
{
    if (shop_page_info(page)->tls)
        puts_text(w, w->secure_base);
    puts_text(w, "/shop/");
    puts_text(w, shop_page_info(page)->name);
}

static void put_image(struct writer *w, const char *path, size_t length)
{
    puts_text(w, "<img src=\"");
    put(w, path, length);
    puts_text(w, "\" alt=\"\">\n");
}

static void put_images(struct writer *w)
{
    char path[SHOP_TARGET_MAX];
    const struct shop_page_info *info = shop_page_info(w->request->page);
    unsigned first = shop_page_first_image(w->request->page);
    for (unsigned i = 0; i < info->image_count; i++)
        put_image(w, path, shop_image_path(first + i, path));
    if (info->image_class < 0)
        return;
    uint32_t product = shop_top_product(w->world, w->request->page, w->answer->reference,
                                        w->request->directory, w->request->product);
    put_image(w, path, shop_product_image_path(product, (unsigned)info->image_class, path));
}

/* Fields first .. first+count-1 as links: part 0 is the value, part 1 the name, part 2, where there
 * is one, a price. */
static void put_links(struct writer *w, size_t first, size_t count, enum shop_page page,
                      const char *argument)
{
    puts_text(w, "<ul>\n");
    for (size_t i = first; i < first + count && i < w->answer->field_count; i++) {
        puts_text(w, "<li><a href=\"");
        put_page_path(w, page);
        puts_text(w, argument);
        put_part(w, i, 0);
        puts_text(w, "\">");
        put_part(w, i, 1);
        puts_text(w, "</a> ");
        put_part(w, i, 2);
        puts_text(w, "</li>\n");
    }
    puts_text(w, "</ul>\n");
}

static void open_form(struct writer *w, enum shop_page page)
{
    puts_text(w, shop_page_info(page)->post ? "<form method=\"post\" action=\""
                                            : "<form method=\"get\" action=\"");
    put_page_path(w, page);
    puts_text(w, "\">\n");
}

static void close_form(struct writer *w, const char *button)
{
    puts_text(w, "<button>");
    puts_text(w, button);
    puts_text(w, "</button></form>\n");
}

static void put_hidden(struct writer *w, const char *name, uint64_t value)
{
    puts_text(w, "<input type=\"hidden\" name=\"");
    puts_text(w, name);
    puts_text(w, "\" value=\"");
    put_number(w, value);
    puts_text(w, "\">\n");
}

static void put_choice(struct writer *w, const char *name, size_t first, size_t count)
{
    puts_text(w, "<select name=\"");
    puts_text(w, name);
    puts_text(w, "\">\n");
    for (size_t i = first; i < first + count; i++) {
        puts_text(w, "<option value=\"");
        put_part(w, i, 0);
        puts_text(w, "\">");
        put_part(w, i, 1);
        puts_text(w, " ");
        put_part(w, i, 2);
        puts_text(w, "</option>\n");
    }
    puts_text(w, "</select>\n");
}

static void put_paragraph(struct writer *w, const char *label, size_t field, size_t part)
{
    puts_text(w, "<p>");
    puts_text(w, label);
    put_part(w, field, part);
    puts_text(w, "</p>\n");
}

static void put_index(struct writer *w)
{
    put_links(w, 0, SHOP_REGIONS, SHOP_INDEX, "?type=0&amp;region=");
    open_form(w, SHOP_SEARCH);
    put_choice(w, "word", SHOP_REGIONS, SHOP_WORDS);
    put_hidden(w, "page", 0);
    close_form(w, "Search");
    for (unsigned i = 0; i < SHOP_SEGMENTS; i++) {
        open_form(w, SHOP_BROWSE);
        put_hidden(w, "segment", i);
        close_form(w, "Browse");
    }
}

static void put_groups(struct writer *w)
{
    puts_text(w, "<ul>\n");
    for (size_t i = 0; i < w->answer->field_count; i++) {
        puts_text(w, "<li><a href=\"/shop/productline?group=");
        put_part(w, i, 0);
        puts_text(w, "&amp;directory=");
        put_part(w, i, 2);
        puts_text(w, "\">");
        put_part(w, i, 1);
        puts_text(w, "</a></li>\n");
    }
    puts_text(w, "</ul>\n");
}

static void put_detail(struct writer *w)
{
    put_paragraph(w, "Article: ", 0, 1);
    put_paragraph(w, "Price: ", 0, 2);
    put_paragraph(w, "In stock: ", 1, 0);
    open_form(w, SHOP_CUSTOMIZE1);
    put_hidden(w, "product", w->request->product);
    put_hidden(w, "options", 0);
    close_form(w, "Customize");
}

static void put_options(struct writer *w, enum shop_page next)
{
    put_paragraph(w, "Article: ", 0, 1);
    open_form(w, next);
    put_hidden(w, "product", w->request->product);
    put_hidden(w, "chosen", w->request->query.arguments[2]);
    put_choice(w, "options", 1, SHOP_CHOICES);
    if (next == SHOP_CART)
        put_hidden(w, "quantity", 1);
    close_form(w, "Continue");
}

static void put_sum(struct writer *w)
{
    put_paragraph(w, "Article: ", 0, 1);
    put_paragraph(w, "Price: ", 0, 2);
    put_paragraph(w, "Quantity: ", 1, 0);
    put_paragraph(w, "Sum: ", 2, 0);
    put_paragraph(w, "Tax: ", 3, 0);
    put_paragraph(w, "Total: ", 4, 0);
}

static void put_cart(struct writer *w)
{
    put_sum(w);
    open_form(w, SHOP_LOGIN);
    puts_text(w, "<input name=\"user\"><input type=\"password\" name=\"password\">\n");
    close_form(w, "Log in");
}

static void put_login(struct writer *w)
{
    put_paragraph(w, "Welcome, ", 0, 0);
    put_paragraph(w, "Customer since ", 1, 0);
    open_form(w, SHOP_SHIPPING);
    puts_text(w, "<select name=\"method\"><option value=\"0\">Parcel</option>"
                 "<option value=\"1\">Express</option><option value=\"2\">Collect</option>"
                 "</select>\n");
    close_form(w, "Ship");
}

static void put_shipping(struct writer *w)
{
    put_paragraph(w, "Ship to: ", w->request->state.shipping_method, 1);
    put_paragraph(w, "", w->request->state.shipping_method, 2);
    open_form(w, SHOP_BILLING);
    puts_text(w, "<select name=\"card\"><option value=\"0\">Blue</option>"
                 "<option value=\"1\">Green</option><option value=\"2\">Red</option></select>\n");
    close_form(w, "Pay");
}

static void put_billing(struct writer *w)
{
    put_paragraph(w, "Bill to: ", w->request->state.card, 1);
    put_paragraph(w, "", w->request->state.card, 2);
    open_form(w, SHOP_CONFIRM);
    put_hidden(w, "order", 1);
    close_form(w, "Order");
}

static void put_main(struct writer *w)
{
    switch (w->request->page) {
    case SHOP_INDEX:
        put_index(w);
        break;
    case SHOP_SEARCH:
    case SHOP_PRODUCTLINE:
        put_links(w, 0, ANSWER_FIELDS_MAX, SHOP_DETAIL, "?product=");
        break;
    case SHOP_BROWSE:
        put_groups(w);
        break;
    case SHOP_DETAIL:
        put_detail(w);
        break;
    case SHOP_CUSTOMIZE1:
        put_options(w, SHOP_CUSTOMIZE2);
        break;
    case SHOP_CUSTOMIZE2:
        put_options(w, SHOP_CUSTOMIZE3);
        break;
    case SHOP_CUSTOMIZE3:
        put_options(w, SHOP_CART);
        break;
    case SHOP_CART:
        put_cart(w);
        break;
    case SHOP_LOGIN:
        put_login(w);
        break;
    case SHOP_SHIPPING:
        put_shipping(w);
        break;
    case SHOP_BILLING:
        put_billing(w);
        break;
    default:
        put_sum(w);
        put_paragraph(w, "Order number: ", 5, 0);
        break;
    }
}

/* How many fields the page needs of the answer to its query. */
static size_t fields_needed(enum shop_page page)
{
    static const uint8_t needed[SHOP_PAGES] = {
        [SHOP_INDEX] = SHOP_REGIONS + SHOP_WORDS,
        [SHOP_SEARCH] = 10,
        [SHOP_BROWSE] = SHOP_GROUPS,
        [SHOP_PRODUCTLINE] = SHOP_PRODUCTS_PER_DIRECTORY,
        [SHOP_DETAIL] = 2,
        [SHOP_CUSTOMIZE1] = 1 + SHOP_CHOICES,
        [SHOP_CUSTOMIZE2] = 1 + SHOP_CHOICES,
        [SHOP_CUSTOMIZE3] = 1 + SHOP_CHOICES,
        [SHOP_CART] = 5,
        [SHOP_LOGIN] = 2,
        [SHOP_SHIPPING] = 3,
        [SHOP_BILLING] = 3,
        [SHOP_CONFIRM] = 6,
    };
    return needed[page];
}

int document_render(const struct shop_world *world, const struct shop_request *request,
                    const struct answer *answer, const char *secure_base,
                    struct shop_document *out_document)
{
    struct shop_expectation ends;
    struct writer w = {out_document, world, request, answer, secure_base, false};
    if (answer->status != 0 || answer->field_count != fields_needed(request->page))
        return -EPROTO;
    shop_expectation_init(&ends, request->page, answer->reference);
    out_document->front_length = 0;
    out_document->tail_length = ends.tail_length;
    memcpy(out_document->tail, ends.tail, ends.tail_length);
    put(&w, ends.head, ends.head_length);
    puts_text(&w, "</head><body><h1>");
    puts_text(&w, shop_page_info(request->page)->name);
    puts_text(&w, "</h1>\n<p>Region ");
    put_number(&w, request->state.region);
    puts_text(&w, ", visit ");
    put_number(&w, request->state.id);
    puts_text(&w, "</p>\n");
    put_images(&w);
    put_main(&w);
    puts_text(&w, "<!-- padding begins: ");
    puts_text(&w, shop_page_info(request->page)->name);
    puts_text(&w, " --><p>\n");
    size_t made = out_document->front_length + ends.tail_length;
    if (w.overflow || made > ends.html_bytes)
        return -EPROTO;
    out_document->padding_length = ends.html_bytes - made;
    return 0;
}

void document_fill_padding(char *out_text)
{
    struct rng rng;
    size_t at = 0, column = 0;
    rng_init(&rng, 13, rng_stream_of("padding"));
    while (at < DOCUMENT_PADDING_MAX) {
        size_t length = 2 + (size_t)rng_below(&rng, 9);
        for (size_t i = 0; i < length && at < DOCUMENT_PADDING_MAX; i++, column++)
            out_text[at++] = "etaoinshrdlu"[rng_below(&rng, 12)];
        if (at < DOCUMENT_PADDING_MAX)
            out_text[at++] = column > 70 ? '\n' : ' ';
        if (column > 70)
            column = 0;
    }
}
