/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * shop-stage DIR ADDRESS HTTP-PORT HTTPS-PORT SESSIONS SEED VIEWS GUEST-PROGRAM
 *
 * Deploys the shop below DIR on this host as on any machine, and runs the back-end simulator in a
 * thread. Prints a JSON line for each of VIEWS page views of a session: what to ask and what must
 * come. Then obeys lines on standard input: "besim off", "besim on", "usage" and "where" (print a
 * JSON line);
 * at the end of input it stops Apache. Used by the tests and the benchmark.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/units.h"
#include "shop/besim.h"
#include "shop/deploy.h"
#include "shop/model.h"

#define TIMEOUT_NS (300 * NS_PER_S)

struct stage {
    const char *directory;
    uint64_t http_port, https_port, sessions, seed, views;
    const char *address;
    const char *guest_program;
    struct shop_world world;
    char besim_address[64];
    struct besim *besim;
    pthread_t besim_thread;
    struct authority *authority;
    struct deploy *deploy;
};

static void *serve(void *besim)
{
    struct error err = {0};
    if (besim_run(besim, -1, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    return NULL;
}

static int start_besim(struct stage *s, struct error *err)
{
    int rc = besim_open(s->besim_address, &s->besim, err);
    if (rc < 0)
        return rc;
    snprintf(s->besim_address, sizeof(s->besim_address), "127.0.0.1:%u", besim_port(s->besim));
    if (pthread_create(&s->besim_thread, NULL, serve, s->besim) != 0)
        return error_set(err, ERROR_INTERNAL, -EAGAIN, "start the back-end simulator's thread");
    return besim_reset(s->besim_address, s->seed, (uint32_t)s->sessions, 0, err);
}

static void stop_besim(struct stage *s)
{
    if (!s->besim)
        return;
    besim_stop(s->besim);
    pthread_join(s->besim_thread, NULL);
    s->besim = besim_close(s->besim);
}

static int deploy_files(const struct deploy *deploy, struct error *err)
{
    for (size_t i = 0; i < deploy->file_count; i++) {
        const struct deploy_file *file = &deploy->files[i];
        int rc = file_write_atomic(file->path, file->bytes, file->length, file->mode, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int start_shop(struct stage *s, struct error *err)
{
    char root[512];
    snprintf(root, sizeof(root), "%s/srv", s->directory);
    struct deploy_options options = {
        .seed = s->seed,
        .sessions = (uint32_t)s->sessions,
        .sessions_served = 10000,
        .vcpus = 2,
        .back_end = s->besim_address,
        .guest_program = s->guest_program,
        .authority = s->authority,
        .root = root,
        .address = s->address,
        .http_port = (uint16_t)s->http_port,
        .https_port = (uint16_t)s->https_port,
    };
    int rc = deploy_make(&options, &s->deploy, err);
    if (rc == 0)
        rc = process_check(s->deploy->make_directory.argv, TIMEOUT_NS, NULL, err);
    if (rc == 0)
        rc = deploy_files(s->deploy, err);
    if (rc == 0)
        rc = process_check(s->deploy->generate.argv, TIMEOUT_NS, NULL, err);
    if (rc == 0)
        rc = process_check(s->deploy->start.argv, TIMEOUT_NS, NULL, err);
    return rc;
}

static json_t *images_of(const struct stage *s, const struct shop_session *session)
{
    json_t *images = json_array();
    char path[SHOP_TARGET_MAX];
    uint32_t product;
    unsigned image_class;
    unsigned first = shop_page_first_image((enum shop_page)session->page);
    for (unsigned i = 0; i < shop_page_info((enum shop_page)session->page)->image_count; i++) {
        shop_image_path(first + i, path);
        json_array_append_new(images, json_pack("[s,I,b]", path,
                                                (json_int_t)s->world.image_bytes[first + i],
                                                shop_session_revalidates(session, i)));
    }
    if (shop_session_product_image(&s->world, session, &product, &image_class)) {
        shop_product_image_path(product, image_class, path);
        json_array_append_new(
            images, json_pack("[s,I,b]", path,
                              (json_int_t)shop_product_image_bytes(product, image_class), 0));
    }
    return images;
}

static void print_line(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void print_view(const struct stage *s, const struct shop_session *session)
{
    char target[SHOP_TARGET_MAX], body[SHOP_BODY_MAX];
    struct shop_expectation expected;
    const struct shop_page_info *info = shop_page_info((enum shop_page)session->page);
    shop_session_target(session, target);
    shop_session_body(session, body);
    shop_session_expect(&s->world, session, &expected);
    print_line(json_pack("{s:s,s:b,s:b,s:b,s:s,s:s,s:I,s:s,s:s,s:o}", "page", info->name, "first",
                         session->views == 1, "post", info->post, "tls", info->tls, "target",
                         target, "body", body, "bytes", (json_int_t)expected.html_bytes, "head",
                         expected.head, "tail", expected.tail, "images", images_of(s, session)));
}

static void print_views(const struct stage *s)
{
    struct shop_session session;
    struct rng rng;
    rng_init(&rng, s->seed, rng_stream_of("stage"));
    shop_session_begin(&s->world, &session, 0, &rng);
    for (uint64_t i = 0; i < s->views; i++) {
        print_view(s, &session);
        if (!shop_session_advance(&s->world, &session, &rng))
            shop_session_begin(&s->world, &session, (uint32_t)(i % s->sessions), &rng);
    }
    puts("ready");
    fflush(stdout);
}

static int print_usage(const struct stage *s, struct error *err)
{
    struct besim_usage usage;
    int rc = besim_read_usage(s->besim_address, &usage, err);
    if (rc == 0)
        print_line(json_pack("{s:I,s:I,s:I,s:I,s:I}", "requests", (json_int_t)usage.requests,
                             "refused", (json_int_t)usage.refused, "elapsed_ns",
                             (json_int_t)usage.elapsed_ns, "busy_ns", (json_int_t)usage.busy_ns,
                             "cpu_ns", (json_int_t)usage.cpu_ns));
    return rc;
}

static int obey(struct stage *s, struct error *err)
{
    char line[64];
    int rc = 0;
    while (rc == 0 && fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "besim off\n") == 0)
            stop_besim(s);
        else if (strcmp(line, "besim on\n") == 0)
            rc = start_besim(s, err);
        else if (strcmp(line, "where\n") == 0)
            print_line(json_pack("{s:s}", "address", s->besim_address));
        else if (strcmp(line, "usage\n") == 0)
            rc = print_usage(s, err);
        if (strncmp(line, "besim", 5) == 0) {
            puts("done");
            fflush(stdout);
        }
    }
    return rc;
}

static int run(struct stage *s, struct error *err)
{
    snprintf(s->besim_address, sizeof(s->besim_address), "127.0.0.1:0");
    int rc = start_besim(s, err);
    if (rc == 0)
        rc = authority_open(s->directory, &s->authority, err);
    if (rc == 0)
        rc = start_shop(s, err);
    if (rc < 0)
        return rc;
    print_views(s);
    rc = obey(s, err);
    int stopped = process_check(s->deploy->stop.argv, TIMEOUT_NS, NULL, rc < 0 ? NULL : err);
    return rc < 0 ? rc : stopped;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc != 9) {
        fprintf(stderr, "usage: shop-stage DIR ADDRESS HTTP-PORT HTTPS-PORT SESSIONS SEED VIEWS "
                        "GUEST-PROGRAM\n");
        return 2;
    }
    struct stage s = {.directory = argv[1], .address = argv[2], .guest_program = argv[8]};
    uint64_t *const numbers[] = {&s.http_port, &s.https_port, &s.sessions, &s.seed, &s.views};
    for (int i = 0; i < 5; i++)
        if (units_parse_count(argv[3 + i], numbers[i]) < 0)
            return 2;
    if (shop_world_init(&s.world, s.seed, (uint32_t)s.sessions, 0) < 0)
        return 2;
    int rc = run(&s, &err);
    if (rc < 0)
        fprintf(stderr, "shop-stage: %s\n", err.text);
    stop_besim(&s);
    authority_free(s.authority);
    deploy_free(s.deploy);
    return rc < 0 ? 1 : 0;
}
