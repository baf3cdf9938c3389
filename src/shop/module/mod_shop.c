/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mod_shop: the 13 pages as an Apache httpd 2.4 module. A thin adapter: it reads the request, asks
 * the back-end simulator and hands the rendered document over without copying its padding.
 *
 *   SetHandler shop             the location of the pages
 *   ShopBackEnd ADDRESS:PORT    of the back-end simulator
 *   ShopSeed NUMBER             the run's parameters, as the load engine and the simulator
 *   ShopSessions NUMBER         have them
 *   ShopDirectories NUMBER      product directories for each session
 *   ShopSecureBase URL          before the paths of the pages that are served over TLS
 *
 * It uses no symbol newer than glibc 2.17 and APR 1.5, so that it loads into the Apache of any
 * guest no older than that; a test holds it to it.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include <apr_strings.h>

#include <errno.h>
#include <string.h>

#include "shop/backend.h"
#include "shop/document.h"
#include "shop/request.h"

#define HANDLER "shop"
#define PATH_PREFIX "/shop/"
#define BACK_END_TIMEOUT_NS UINT64_C(5000000000)

extern module AP_MODULE_DECLARE_DATA shop_module __attribute__((visibility("default")));

struct shop_config {
    const char *back_end;
    const char *secure_base;
    apr_uint64_t seed;
    apr_uint64_t sessions;
    apr_uint64_t directories;
    struct shop_world *world; /* made once the configuration has been read */
    char *padding;
    struct backend *backend; /* of this process */
};

static struct shop_config *config_of(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &shop_module);
}

static void *create_config(apr_pool_t *pool, server_rec *server)
{
    struct shop_config *config = apr_pcalloc(pool, sizeof(*config));
    (void)server;
    config->sessions = 1;
    config->secure_base = "";
    return config;
}

/* The directives belong to the main server; all virtual hosts share what it has. */
static void *merge_config(apr_pool_t *pool, void *base, void *own)
{
    (void)pool, (void)own;
    return base;
}

static const char *set_text(cmd_parms *cmd, void *directory, const char *text)
{
    (void)directory;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    if (!wrong)
        *(const char **)((char *)config_of(cmd->server) + (size_t)cmd->info) = text;
    return wrong;
}

static const char *set_number(cmd_parms *cmd, void *directory, const char *text)
{
    (void)directory;
    apr_uint64_t number = 0;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    if (wrong)
        return wrong;
    for (const char *at = text; *at || at == text; at++)
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (apr_uint64_t)(*at - '0'), &number))
            return apr_psprintf(cmd->pool, "'%s' is not a decimal number", text);
    *(apr_uint64_t *)((char *)config_of(cmd->server) + (size_t)cmd->info) = number;
    return NULL;
}

static int prepare(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *temporary, server_rec *server)
{
    (void)log, (void)temporary;
    struct shop_config *config = config_of(server);
    config->world = apr_palloc(pool, sizeof(*config->world));
    config->padding = apr_palloc(pool, DOCUMENT_PADDING_MAX);
    document_fill_padding(config->padding);
    if (!config->back_end) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server, "ShopBackEnd is missing");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (config->sessions > SHOP_DIRECTORIES_MAX || config->directories > SHOP_DIRECTORIES_MAX ||
        shop_world_measure(config->world, config->seed, (uint32_t)config->sessions,
                           (uint32_t)config->directories) < 0) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, server,
                     "ShopSessions and ShopDirectories are out of range");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static apr_status_t close_backend(void *config)
{
    ((struct shop_config *)config)->backend =
        backend_close(((struct shop_config *)config)->backend);
    return APR_SUCCESS;
}

static void start_child(apr_pool_t *pool, server_rec *server)
{
    struct shop_config *config = config_of(server);
    if (backend_open(config->back_end, BACK_END_TIMEOUT_NS, &config->backend) < 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server, "ShopBackEnd '%s' is no ADDRESS:PORT",
                     config->back_end);
        return;
    }
    apr_pool_cleanup_register(pool, config, close_backend, apr_pool_cleanup_null);
}

/* A form body into text, REQUEST_ARGUMENTS_MAX bytes at most. Returns an HTTP status. */
static int read_form(request_rec *r, char *text, size_t *out_length)
{
    size_t length = 0;
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    if (status != OK)
        return status;
    if (ap_should_client_block(r)) {
        for (;;) {
            long got = ap_get_client_block(r, text + length, REQUEST_ARGUMENTS_MAX + 1 - length);
            if (got < 0)
                return HTTP_BAD_REQUEST;
            if (got == 0)
                break;
            length += (size_t)got;
            if (length > REQUEST_ARGUMENTS_MAX)
                return HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }
    *out_length = length;
    return OK;
}

/* A number for a visit that begins: where and when tell two of them apart. */
static uint32_t fresh_id(const request_rec *r)
{
    uint64_t mix = (uint64_t)r->request_time * UINT64_C(0x9e3779b97f4a7c15) ^
                   (uint64_t)(uintptr_t)r ^ (uint64_t)r->connection->id << 40;
    return (uint32_t)((mix * UINT64_C(0xbf58476d1ce4e5b9)) >> 32);
}

static int parse(request_rec *r, const struct shop_config *config, struct shop_request *request)
{
    char form[REQUEST_ARGUMENTS_MAX + 1];
    const char *cookie = apr_table_get(r->headers_in, "Cookie");
    const char *page = r->uri + sizeof(PATH_PREFIX) - 1;
    size_t length = 0;
    int status = r->method_number == M_POST ? read_form(r, form, &length) : OK;
    if (status != OK)
        return status;
    struct shop_input input = {
        .page = page,
        .page_length = strlen(page),
        .arguments = r->method_number == M_POST ? form : r->args,
        .arguments_length = r->method_number == M_POST ? length
                            : r->args                  ? strlen(r->args)
                                                       : 0,
        .cookie = cookie,
        .cookie_length = cookie ? strlen(cookie) : 0,
        .post = r->method_number == M_POST,
        .tls = strcmp(ap_http_scheme(r), "https") == 0,
        .fresh_id = fresh_id(r),
    };
    status = shop_request_parse(config->world, &input, request);
    if (status != HTTP_OK)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "refused: %s", request->refusal);
    return status == HTTP_OK ? OK : status;
}

static int ask_and_render(request_rec *r, const struct shop_config *config,
                          const struct shop_request *request, struct shop_document *document)
{
    char bytes[ANSWER_HTTP_MAX];
    struct answer answer;
    int rc =
        config->backend ? backend_ask(config->backend, &request->query, bytes, &answer) : -ENOTCONN;
    if (rc < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, -rc, r, "ask the back end at '%s'", config->back_end);
        return rc == -ETIMEDOUT ? HTTP_GATEWAY_TIME_OUT : HTTP_BAD_GATEWAY;
    }
    if (document_render(config->world, request, &answer, config->secure_base, document) < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "the back end at '%s' answered with status %u and %lu fields",
                      config->back_end, answer.status, (unsigned long)answer.field_count);
        return HTTP_BAD_GATEWAY;
    }
    return OK;
}

static void set_headers(request_rec *r, const struct shop_config *config,
                        const struct shop_request *request, const struct shop_document *document)
{
    ap_set_content_type(r, "text/html; charset=utf-8");
    ap_set_content_length(
        r, (apr_off_t)(document->front_length + document->padding_length + document->tail_length));
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    if (!request->state_changed)
        return;
    char token[TOKEN_LENGTH + 1];
    token_format(config->world, &request->state, token);
    apr_table_setn(r->headers_out, "Set-Cookie",
                   apr_pstrcat(r->pool, SHOP_COOKIE_NAME "=", token, "; Path=/; HttpOnly", NULL));
}

/* The document lives in the request's pool and the padding in the configuration's, and both outlive
 * the buckets, so nothing is copied on the way to the socket. */
static int send_document(request_rec *r, const struct shop_config *config,
                         const struct shop_document *document)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, list);
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_immortal_create(document->front, document->front_length, list));
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_immortal_create(config->padding, document->padding_length, list));
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_immortal_create(document->tail, document->tail_length, list));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(list));
    return ap_pass_brigade(r->output_filters, brigade) == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

static int handle(request_rec *r)
{
    struct shop_request request;
    struct shop_config *config = config_of(r->server);
    if (!r->handler || strcmp(r->handler, HANDLER) != 0)
        return DECLINED;
    if (strncmp(r->uri, PATH_PREFIX, sizeof(PATH_PREFIX) - 1) != 0)
        return HTTP_NOT_FOUND;
    r->allowed |= (AP_METHOD_BIT << M_GET) | (AP_METHOD_BIT << M_POST);
    if (r->method_number != M_GET && r->method_number != M_POST)
        return HTTP_METHOD_NOT_ALLOWED;
    int status = parse(r, config, &request);
    if (status != OK)
        return status;
    struct shop_document *document = apr_palloc(r->pool, sizeof(*document));
    status = ask_and_render(r, config, &request, document);
    if (status != OK)
        return status;
    set_headers(r, config, &request, document);
    return r->header_only ? OK : send_document(r, config, document);
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_check_config(prepare, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(start_child, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

#define FIELD(field) (void *)offsetof(struct shop_config, field)

static const command_rec directives[] = {
    AP_INIT_TAKE1("ShopBackEnd", set_text, FIELD(back_end), RSRC_CONF,
                  "ADDRESS:PORT of the back-end simulator"),
    AP_INIT_TAKE1("ShopSecureBase", set_text, FIELD(secure_base), RSRC_CONF,
                  "URL before the paths of the pages that are served over TLS"),
    AP_INIT_TAKE1("ShopSeed", set_number, FIELD(seed), RSRC_CONF, "seed of the run"),
    AP_INIT_TAKE1("ShopSessions", set_number, FIELD(sessions), RSRC_CONF,
                  "simultaneous sessions that the shop is built for"),
    AP_INIT_TAKE1("ShopDirectories", set_number, FIELD(directories), RSRC_CONF,
                  "product directories for each session"),
    {NULL},
};

AP_DECLARE_MODULE(shop) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_config, merge_config, directives, register_hooks,
};
