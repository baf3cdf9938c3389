/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax load shop: simultaneous shoppers within a quality of service.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "command/list.h"
#include "command/load_side.h"
#include "load/bout-format.h"
#include "load/rules.h"

struct shop_options {
    struct option_texts urls;
    struct option_texts secure_urls;
    char *host;
    uint64_t sessions;
    bool find_capacity;
    bool no_validation;
    uint64_t most;
    double arrivals_hz;
    struct rules rules;
    char *back_end;
    uint64_t built_sessions;
    uint64_t seed;
};

#define FIELD(field) offsetof(struct shop_options, field)

static const struct option options[] = {
    {"url", 'u', OPTION_TEXTS, FIELD(urls), "URL", .whole = true,
     .help = "Where a shop is, http://HOST:PORT/; repeat it for several shops at once."},
    {"secure-url", 0, OPTION_TEXTS, FIELD(secure_urls), "URL", .whole = true,
     .help = "Where the same shop serves login to confirm over TLS, one for each --url; without it "
             "these pages are asked for in the clear."},
    {"host", 0, OPTION_TEXT, FIELD(host), "NAME",
     .help = "Name of the shop, for the Host field and in its certificate; without it the one in "
             "the URL."},
    {"sessions", 's', OPTION_COUNT, FIELD(sessions), "N", .min = 1, .max = CROWD_SESSIONS_MAX,
     .help = "Simultaneous sessions of all shops together; where the search starts with "
             "--find-capacity."},
    {"find-capacity", 0, OPTION_FLAG, FIELD(find_capacity),
     .help = "Search for the largest number of sessions that passes."},
    {"most", 0, OPTION_COUNT, FIELD(most), "N", .fallback = "10000", .min = 1,
     .max = CROWD_SESSIONS_MAX, .help = "Search no further than this."},
    {"arrivals", 0, OPTION_NUMBER, FIELD(arrivals_hz), "PER-SECOND", .min = 1e-6, .max = 1e6,
     .help = "Let sessions arrive as a Poisson process and leave when they are done; --sessions "
             "then bounds how many are there at once."},
    RULES_OPTIONS(FIELD(rules)),
    {"no-validation", 0, OPTION_FLAG, FIELD(no_validation),
     .help = "Take whatever comes for a page: only to measure what validation costs. The result "
             "says so."},
    {"back-end", 0, OPTION_TEXT, FIELD(back_end), "ADDRESS:PORT",
     .help = "The shop's back-end simulator, which is reset before each run and must stay under 70 "
             "% busy."},
    {"built-sessions", 0, OPTION_COUNT, FIELD(built_sessions), "N", .min = 1,
     .max = CROWD_SESSIONS_MAX,
     .help = "Sessions that each shop's file set was built for. [--sessions, or --most]"},
    {"seed", 0, OPTION_COUNT, FIELD(seed), "N", .fallback = "1", .min = 0, .max = -1,
     .help = "What the shoppers do, and what the shop was set up with."},
};

static const struct option_table shop_table = {options, COUNT_OF(options),
                                               sizeof(struct shop_options)};

struct live {
    struct progress progress;
    struct crowd_progress last;
    uint64_t duration_ns;
    uint32_t sessions;
};

static void show_live(void *context, const struct crowd_progress *now)
{
    struct live *live = context;
    if (now->elapsed_ns < live->last.elapsed_ns) /* the next run of a search */
        live->last = (struct crowd_progress){0};
    double seconds = (double)(now->elapsed_ns - live->last.elapsed_ns) / 1e9;
    double share = (double)now->elapsed_ns / (double)live->duration_ns;
    uint64_t left_ns =
        live->duration_ns > now->elapsed_ns ? live->duration_ns - now->elapsed_ns : 0;
    progress_show(&live->progress, share < 1 ? share : 1, left_ns,
                  "%" PRIu64 " sessions  %.0f pages/s  %.0f requests/s  %" PRIu64 " pages failed",
                  now->sessions, (double)(now->pages - live->last.pages) / seconds,
                  (double)(now->requests - live->last.requests) / seconds, now->failed_pages);
    live->last = *now;
}

static void tell_bout(void *context, const struct bout *bout)
{
    struct live *live = context;
    CLEANUP_STRBUF struct strbuf line;
    strbuf_init(&line);
    bout_format_line(bout, &line);
    progress_clear(&live->progress);
    fputs(line.text, stderr);
}

static int check(const struct shop_options *asked, struct error *err)
{
    if (asked->urls.count == 0)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "no shop: name one with --url, e.g. --url http://127.0.0.1:8080/");
    if (asked->urls.count > CROWD_SHOPS_MAX)
        return error_set(err, ERROR_USAGE, -EINVAL, "%zu shops: at most %d", asked->urls.count,
                         CROWD_SHOPS_MAX);
    if (asked->secure_urls.count != 0 && asked->secure_urls.count != asked->urls.count)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "%zu --secure-url for %zu --url: one for each, or none",
                         asked->secure_urls.count, asked->urls.count);
    if (!asked->sessions && !asked->find_capacity)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "how many shoppers? Say --sessions N, or --find-capacity");
    if (asked->arrivals_hz > 0 && asked->find_capacity)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "--arrivals and --find-capacity contradict each other: a search is for "
                         "the number of sessions that are always there");
    if (asked->host && strlen(asked->host) >= URL_HOST_BYTES)
        return error_set(err, ERROR_USAGE, -EINVAL, "--host is longer than 255 characters");
    return 0;
}

/* The targets of all shops; a place of its own for each, as the crowd points to them. */
struct places {
    struct target *targets;
    struct crowd_shop *shops;
};

static void places_done(struct places *places)
{
    free(places->targets);
    free(places->shops);
}

static int prepare_url(const struct load_side *side, const char *url, bool tls,
                       uint64_t connections, struct target *target, struct error *err)
{
    int rc = load_side_target(side, url, connections, target, err);
    if (rc == 0 && target->url.tls != tls)
        return error_set(err, ERROR_USAGE, -EINVAL, "url '%s': %s belongs here", url,
                         tls ? "https://" : "http://");
    return rc;
}

static int prepare_places(const struct shop_options *asked, const struct load_side *side,
                          struct places *places, struct error *err)
{
    size_t count = asked->urls.count;
    uint64_t connections = 2 * (asked->find_capacity ? asked->most : asked->sessions);
    places->targets = mem_array(2 * count, sizeof(places->targets[0]));
    places->shops = mem_array(count, sizeof(places->shops[0]));
    for (size_t i = 0; i < count; i++) {
        struct target *plain = &places->targets[2 * i], *secure = plain + 1;
        int rc = prepare_url(side, asked->urls.items[i], false, connections, plain, err);
        if (rc == 0 && asked->secure_urls.count > 0)
            rc = prepare_url(side, asked->secure_urls.items[i], true, connections, secure, err);
        if (rc < 0)
            return rc;
        places->shops[i] = (struct crowd_shop){plain, asked->secure_urls.count > 0 ? secure : NULL};
    }
    return 0;
}

static void make_search(const struct shop_options *asked, const struct load_side *side,
                        const struct places *places, const struct shop_world *world,
                        struct capacity_options *out_search)
{
    *out_search = (struct capacity_options){
        .bout = {.crowd = {.shops = places->shops,
                           .shop_count = (unsigned)asked->urls.count,
                           .world = world,
                           .sessions = (uint32_t)asked->sessions,
                           .threads = (uint32_t)side->threads,
                           .seed = asked->seed,
                           .arrivals_hz = asked->arrivals_hz,
                           .timeout_ns = side->timeout_ns,
                           .receive_bytes_per_s = side->receive_bytes_per_s,
                           .host = asked->host,
                           .no_validation = asked->no_validation,
                           .insecure = side->insecure,
                           .ca_file = side->ca_file,
                           .loop = (enum loop_kind)side->loop,
                           .cpus = side->cpus.items,
                           .cpu_count = side->cpus.count,
                           .keep_seconds = side->hdr_log != NULL,
                           .show = show_live},
                 .back_end = asked->back_end},
        .search = {.start = (uint32_t)asked->sessions, .most = (uint32_t)asked->most},
        .tell = tell_bout,
    };
    rules_apply(&asked->rules, out_search);
    if (out_search->method == CAPACITY_CLIMB)
        out_search->tell = NULL; /* its steps are part of the result */
}

static int write_log(const struct load_side *side, const struct bout *bout, struct error *err)
{
    CLEANUP_STRBUF struct strbuf log;
    strbuf_init(&log);
    if (!side->hdr_log || !bout->sessions)
        return 0;
    if (bout_format_hdrlog(bout, &log) < 0)
        return error_set(err, ERROR_INTERNAL, -ERANGE, "the histograms do not fit a log");
    return load_side_write_log(side, &log, err);
}

/* JSON stands alone on its line and says what it is. */
static void print(const struct load_side *side, const char *mode, const struct strbuf *out)
{
    if (side->json)
        printf("{\"format\":\"vtax-load\",\"version\":1,\"mode\":\"%s\",\"%s\":%s}\n", mode, mode,
               out->text);
    else
        fputs(out->text, stdout);
}

/* 0 when it passed, 1 when it did not. */
static int run_bout(const struct bout_options *asked, const struct load_side *side,
                    struct live *live, struct error *err)
{
    struct bout bout;
    int rc = bout_run(asked, &bout, err);
    progress_clear(&live->progress);
    if (rc < 0)
        return rc;
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (side->json)
        bout_format_json(asked, &bout, &out);
    else
        bout_format_text(asked, &bout, &out);
    print(side, "bout", &out);
    rc = write_log(side, &bout, err);
    if (rc == 0 && bout.crowd.interrupted)
        rc = error_set(err, ERROR_FAILED, -EINTR, "interrupted");
    if (rc == 0)
        rc = verdict_is_valid(&bout.verdict) && bout.verdict.answer == VERDICT_PASSED ? 0 : 1;
    bout_done(&bout);
    return rc;
}

static int run_search(const struct capacity_options *search, const struct load_side *side,
                      struct live *live, struct error *err)
{
    struct capacity capacity;
    int rc = capacity_find(search, &capacity, err);
    progress_clear(&live->progress);
    if (rc < 0)
        return rc;
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (side->json)
        capacity_format_json(search, &capacity, &out);
    else
        capacity_format_text(search, &capacity, &out);
    print(side, "capacity", &out);
    rc = write_log(side, &capacity.at, err);
    if (rc == 0)
        rc = capacity.at.sessions > 0 && bout_is_good(&capacity.at) ? 0 : 1;
    capacity_done(&capacity);
    return rc;
}

static int run(const struct command_call *call, struct error *err)
{
    const struct shop_options *asked = call->options[0];
    struct load_side *side = call->options[1];
    CLEANUP(places_done) struct places places = {0};
    struct shop_world world;
    int rc = check(asked, err);
    rc = rc < 0 ? rc : load_side_enter(side, err);
    rc = rc < 0 ? rc : prepare_places(asked, side, &places, err);
    if (rc < 0)
        return rc;
    uint64_t built = asked->find_capacity ? asked->most : asked->sessions;
    built = asked->built_sessions ? asked->built_sessions : built;
    uint64_t directories = asked->rules.directories;
    if (shop_world_init(&world, asked->seed, (uint32_t)built, (uint32_t)directories) < 0)
        return error_set(err, ERROR_USAGE, -ERANGE,
                         "%" PRIu64 " sessions of %" PRIu64 " directories: more than %d", built,
                         directories, SHOP_DIRECTORIES_MAX);
    struct capacity_options search;
    make_search(asked, side, &places, &world, &search);
    const struct crowd_options *crowd = &search.bout.crowd;
    struct live live = {.duration_ns = crowd->ramp_ns + crowd->warm_up_ns +
                                       crowd->iterations * crowd->iteration_ns};
    progress_init(&live.progress);
    search.bout.crowd.show_context = search.tell_context = &live;
    return asked->find_capacity ? run_search(&search, side, &live, err)
                                : run_bout(&search.bout, side, &live, err);
}

const struct command command_load_shop = {
    .name = "load shop",
    .summary = "Send shoppers and judge how well they are served",
    .help =
        "Each shopper goes through the shop as a person does: pages with their images over two\n"
        "connections, time to think in between, cookies, TLS from login to confirm. Every file\n"
        "is checked. The result says whether enough pages came in time:\n"
        "\n"
        "  vtax load shop --url http://127.0.0.1:8080/ --sessions 200\n"
        "  vtax load shop --url http://127.0.0.1:8080/ --find-capacity --step 20\n"
        "\n"
        "The exit code is 1 when the run did not pass or is invalid.\n",
    .tables = {&shop_table, &load_side_table},
    .run = run,
};
