/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/shopper.h"

#include <string.h>

#include "base/clock.h"

#define DRAIN_STEP_NS (100 * NS_PER_MS)
#define CPU_EVERY_NS (100 * NS_PER_MS)
#define STEER_EVERY_NS (20 * NS_PER_MS)
#define STEER_JOIN_NS (100 * NS_PER_MS) /* all at once would keep pages waiting */
#define INTERRUPTED_DRAIN_NS NS_PER_S

static unsigned shop_of(const struct shoppers *shoppers, uint32_t number)
{
    return (unsigned)((shoppers->first_shopper + number) % shoppers->options->shop_count);
}

static const struct target *target_of(const struct shoppers *shoppers, uint32_t number, bool tls)
{
    const struct crowd_shop *shop = &shoppers->options->shops[shop_of(shoppers, number)];
    return tls ? shop->secure : shop->plain;
}

static bool wants_tls(const struct shoppers *shoppers, uint32_t number)
{
    return shoppers->shoppers[number].visit.tls &&
           shoppers->options->shops[shop_of(shoppers, number)].secure;
}

static uint32_t connection_of(uint32_t shopper, unsigned lane)
{
    return shopper * SHOPPER_LANES + lane;
}

/* The iteration in which a page that was planned then counts; that after the last: in none. */
static unsigned find_iteration(const struct shoppers *shoppers, uint64_t planned_ns)
{
    const struct crowd_options *options = shoppers->options;
    uint64_t measured_ns = shoppers->start_ns + options->ramp_ns + options->warm_up_ns;
    if (planned_ns < measured_ns)
        return options->iterations;
    if (shoppers->control)
        return (unsigned)counter_read(&shoppers->control->iteration);
    uint64_t iteration = (planned_ns - measured_ns) / options->iteration_ns;
    return iteration < options->iterations ? (unsigned)iteration : options->iterations;
}

static struct crowd_second *find_second(const struct shoppers *shoppers, uint64_t now_ns)
{
    uint64_t second = now_ns > shoppers->start_ns ? (now_ns - shoppers->start_ns) / NS_PER_S : 0;
    uint64_t last = shoppers->second_count - 1;
    return &shoppers->seconds[second < last ? second : last];
}

static void close_lanes(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    for (unsigned i = 0; i < SHOPPER_LANES; i++) {
        client_close(shoppers->client, connection_of(number, i));
        shopper->lanes[i].busy = false;
        shopper->lanes[i].kept = false;
    }
    shopper->pending = 0;
    shopper->connected = false;
}

static void open_lane(struct shoppers *shoppers, uint32_t number, unsigned lane_number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    struct shopper_lane *lane = &shopper->lanes[lane_number];
    lane->tls = wants_tls(shoppers, number);
    lane->kept = false;
    shopper->connected = true;
    uint32_t connection = connection_of(number, lane_number);
    const struct crowd_options *options = shoppers->options;
    const struct target *target = target_of(shoppers, number, lane->tls);
    uint64_t of_all = (shoppers->first_shopper + number) * SHOPPER_LANES + lane_number;
    struct client_target to = {
        .remote = target->remote,
        .local = target_source(target, of_all),
        .tls_host = !lane->tls      ? NULL
                    : options->host ? options->host
                                    : target->url.host,
        .ticket = options->resume ? &shopper->ticket : NULL,
    };
    client_open(shoppers->client, connection, &to);
}

static void ask(struct shoppers *shoppers, uint32_t number, unsigned lane_number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    struct shopper_lane *lane = &shopper->lanes[lane_number];
    struct visit_request request = {
        .authority = shoppers->authorities[shop_of(shoppers, number)][lane->tls],
        .jar = &shopper->jar,
        .tls = lane->tls,
    };
    size_t length = visit_format_request(&shopper->visit, lane->file, &request, lane->request);
    lane->check = (struct visit_check){0};
    lane->asked = true;
    client_request(shoppers->client, connection_of(number, lane_number), lane->request, length,
                   false);
}

/* Asks for the lane's file, over a connection of the right kind. */
static void fetch(struct shoppers *shoppers, uint32_t number, unsigned lane_number)
{
    struct shopper_lane *lane = &shoppers->shoppers[number].lanes[lane_number];
    uint32_t connection = connection_of(number, lane_number);
    bool tls = wants_tls(shoppers, number);
    lane->asked = false;
    if (!client_is_closed(shoppers->client, connection) && lane->tls != tls)
        client_close(shoppers->client, connection);
    if (client_is_closed(shoppers->client, connection))
        open_lane(shoppers, number, lane_number);
    else if (client_is_open(shoppers->client, connection))
        ask(shoppers, number, lane_number);
    /* else it is being opened, and on_opened() goes on */
}

/* Gives the page's next file to the lane; false when all are assigned. */
static bool fetch_next(struct shoppers *shoppers, uint32_t number, unsigned lane_number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    struct shopper_lane *lane = &shopper->lanes[lane_number];
    if (shopper->next_file >= shopper->visit.files)
        return false;
    lane->busy = true;
    lane->retried = false;
    lane->file = shopper->next_file++;
    shopper->pending++;
    fetch(shoppers, number, lane_number);
    return true;
}

static void start_page(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    shopper->state = SHOPPER_LOADING;
    shoppers->loading++;
    shopper->failed = false;
    shopper->next_file = 0;
    shopper->iteration = (uint8_t)find_iteration(shoppers, shopper->planned_ns);
    unsigned windows = shoppers->options->iterations + 1;
    shopper->score = &shoppers->scores[shop_of(shoppers, number) * windows + shopper->iteration];
    counter_add(&shoppers->steps[shopper->iteration].begun, 1);
    shopper->start_ns = clock_monotonic_ns();
    fetch_next(shoppers, number, 0);
}

/* Thinks until planned_ns; idle connections are closed on the way there. */
static void think(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    shopper->state = SHOPPER_THINKING;
    if (shopper->planned_ns >= shoppers->end_ns) { /* it will not come to that */
        close_lanes(shoppers, number);
        return;
    }
    uint64_t idle_ns = shopper->page_end_ns + shoppers->options->idle_close_ns;
    bool closes = shopper->connected && idle_ns < shopper->planned_ns;
    timers_set(&shoppers->timers, number, closes ? idle_ns : shopper->planned_ns);
}

/* Another user takes the shopper's place: new connections, no cookies. */
static void begin_session(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    const struct crowd_options *options = shoppers->options;
    /* A shop that was built for fewer shows some of them the same users. */
    uint64_t of_shop =
        (shoppers->first_shopper + number) / options->shop_count % options->world->sessions;
    shoppers->sessions_begun++;
    close_lanes(shoppers, number);
    cookie_jar_clear(&shopper->jar);
    shopper->ticket = tls_ticket_free(shopper->ticket);
    visit_begin(&shopper->visit, options->world, (uint32_t)of_shop, &shopper->rng);
}

static void leave(struct shoppers *shoppers, uint32_t number)
{
    close_lanes(shoppers, number);
    shoppers->shoppers[number].state = SHOPPER_ABSENT;
    shoppers->absent[shoppers->absent_count++] = number;
    counter_add(&shoppers->live.sessions, (uint64_t)-1);
}

/* What comes after a page, whose end has been noted. After a failed one the user gives up, and
 * another comes after a while: at once would be a busy loop where a server is dead. */
static void go_on(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    bool goes_on = !shopper->failed && visit_advance(&shopper->visit, &shopper->rng);
    shopper->planned_ns = shopper->page_end_ns;
    if (goes_on || shopper->failed)
        shopper->planned_ns += visit_think_ns(&shopper->rng, shoppers->options->think_mean_ns,
                                              shoppers->options->think_max_ns);
    if (!goes_on) {
        shopper->score->sessions_ended += !shopper->failed;
        shopper->score->sessions_broken += shopper->failed;
        if (shoppers->options->arrivals_hz > 0) {
            leave(shoppers, number);
            return;
        }
        begin_session(shoppers, number);
    }
    /* Also where it is due at once: from the timer, so that pages do not nest. */
    think(shoppers, number);
}

static void note_interval(const struct shoppers *shoppers, unsigned iteration,
                          const struct score_view *view)
{
    if (!shoppers->intervals || view->failed || iteration == shoppers->options->iterations)
        return;
    uint64_t elapsed_ns = view->end_ns - shoppers->start_ns;
    intervals_record(shoppers->intervals, INTERVAL_RAW, iteration, elapsed_ns,
                     view->end_ns - view->start_ns);
    intervals_record(shoppers->intervals, INTERVAL_PLANNED, iteration, elapsed_ns,
                     view->end_ns - view->planned_ns);
    intervals_record(shoppers->intervals, INTERVAL_LAG, iteration, elapsed_ns,
                     view->start_ns - view->planned_ns);
}

static void finish_page(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    struct score_view view = {
        .page = (enum shop_page)shopper->visit.session.page,
        .failed = shopper->failed,
        .planned_ns = shopper->planned_ns,
        .start_ns = shopper->start_ns,
        .end_ns = client_now_ns(shoppers->client),
    };
    /* The events were taken from the kernel before the page began: it ended at once. */
    if (view.end_ns < view.start_ns)
        view.end_ns = view.start_ns;
    shopper->page_end_ns = view.end_ns;
    shoppers->last_end_ns = view.end_ns;
    shoppers->loading--;
    score_record_view(shopper->score, &view, &shoppers->options->limits);
    note_interval(shoppers, shopper->iteration, &view);
    bool late = view.failed || view.end_ns - view.planned_ns > shoppers->options->limits.good_ns;
    counter_add(&shoppers->steps[shopper->iteration].late, late);
    counter_add(&shoppers->steps[shopper->iteration].ended, 1);
    struct crowd_second *second = find_second(shoppers, view.end_ns);
    second->pages++;
    second->failed_pages += shopper->failed;
    counter_add(&shoppers->live.pages, 1);
    counter_add(&shoppers->live.failed_pages, shopper->failed);
    go_on(shoppers, number);
}

static void fail_request(struct shoppers *shoppers, uint32_t number, unsigned failure)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    shopper->score->failures.counts[failure]++;
    shopper->failed = true;
}

/* The rest of a page is not asked for when a connection failed or the document is wrong. */
static void give_up_page(struct shoppers *shoppers, uint32_t number)
{
    shoppers->shoppers[number].score->abandoned += shoppers->shoppers[number].pending;
    close_lanes(shoppers, number);
    finish_page(shoppers, number);
}

static void count_request(struct shoppers *shoppers, uint32_t number, bool tls, uint64_t bytes)
{
    struct score *score = shoppers->shoppers[number].score;
    score->requests++;
    score->tls_requests += tls;
    score->bytes += bytes;
    struct crowd_second *second = find_second(shoppers, client_now_ns(shoppers->client));
    second->requests++;
    second->bytes += bytes;
    counter_add(&shoppers->live.requests, 1);
    counter_add(&shoppers->live.bytes, bytes);
}

/* A file has come: the lane takes the next one, and after the document the other lanes do too. */
static void use_lanes(struct shoppers *shoppers, uint32_t number, unsigned lane_number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    fetch_next(shoppers, number, lane_number);
    for (unsigned i = 0; i < SHOPPER_LANES; i++)
        if (!shopper->lanes[i].busy && !fetch_next(shoppers, number, i))
            break;
    if (shopper->pending == 0)
        finish_page(shoppers, number);
}

static void on_opened(void *context, uint32_t connection)
{
    struct shoppers *shoppers = context;
    uint32_t number = connection / SHOPPER_LANES;
    if (shoppers->shoppers[number].lanes[connection % SHOPPER_LANES].busy)
        ask(shoppers, number, connection % SHOPPER_LANES);
}

static void on_field(void *context, uint32_t connection, const struct response_text *name,
                     const struct response_text *value)
{
    struct shoppers *shoppers = context;
    if (response_text_is(name, "set-cookie"))
        cookie_jar_set(&shoppers->shoppers[connection / SHOPPER_LANES].jar, value->bytes,
                       value->length);
}

static void on_body(void *context, uint32_t connection, const char *bytes, size_t length)
{
    struct shoppers *shoppers = context;
    struct shopper *shopper = &shoppers->shoppers[connection / SHOPPER_LANES];
    struct shopper_lane *lane = &shopper->lanes[connection % SHOPPER_LANES];
    visit_check_body(&shopper->visit, lane->file, &lane->check, bytes, length);
}

static void on_done(void *context, uint32_t connection, const struct client_response *response)
{
    struct shoppers *shoppers = context;
    uint32_t number = connection / SHOPPER_LANES;
    struct shopper *shopper = &shoppers->shoppers[number];
    struct shopper_lane *lane = &shopper->lanes[connection % SHOPPER_LANES];
    lane->busy = false;
    lane->kept = response->keep_alive;
    shopper->pending--;
    count_request(shoppers, number, lane->tls, response->body_bytes);
    shopper->score->not_modified += response->status == 304;
    enum visit_outcome outcome =
        shoppers->options->no_validation
            ? VISIT_RIGHT
            : visit_check_end(&shopper->visit, lane->file, &lane->check, response->status);
    if (outcome != VISIT_RIGHT)
        fail_request(shoppers, number,
                     outcome == VISIT_BAD_STATUS ? LOAD_BAD_STATUS : LOAD_INVALID);
    if (outcome != VISIT_RIGHT && lane->file == 0)
        give_up_page(shoppers, number);
    else
        use_lanes(shoppers, number, connection % SHOPPER_LANES);
}

/* A server may end a kept connection just when it is used again: that is nobody's failure. */
static bool may_retry(const struct shoppers *shoppers, const struct shopper_lane *lane,
                      uint32_t connection, enum client_failure failure)
{
    return lane->kept && lane->asked && !lane->retried &&
           (failure == CLIENT_RESET || failure == CLIENT_CLOSED_EARLY) &&
           !client_has_answered(shoppers->client, connection);
}

static void on_failed(void *context, uint32_t connection, enum client_failure failure, int code)
{
    (void)code;
    struct shoppers *shoppers = context;
    uint32_t number = connection / SHOPPER_LANES;
    struct shopper *shopper = &shoppers->shoppers[number];
    struct shopper_lane *lane = &shopper->lanes[connection % SHOPPER_LANES];
    if (!lane->busy)
        return;
    if (may_retry(shoppers, lane, connection, failure)) {
        lane->retried = true;
        shopper->score->retried++;
        fetch(shoppers, number, connection % SHOPPER_LANES);
        return;
    }
    shopper->pending--;
    count_request(shoppers, number, lane->tls, 0);
    fail_request(shoppers, number, failure);
    give_up_page(shoppers, number);
}

/* Validation is left out by not looking at bodies at all. */
static const struct client_handler careless_handler = {
    .opened = on_opened, .field = on_field, .done = on_done, .failed = on_failed};

static const struct client_handler handler = {
    .opened = on_opened,
    .field = on_field,
    .body = on_body,
    .done = on_done,
    .failed = on_failed,
};

/* A shopper comes in, in the ramp. */
static void join(struct shoppers *shoppers, uint32_t number)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    const struct crowd_options *options = shoppers->options;
    shopper->state = SHOPPER_THINKING;
    shopper->page_end_ns = shopper->planned_ns;
    counter_add(&shoppers->live.sessions, 1);
    begin_session(shoppers, number);
    if (!options->midway || options->arrivals_hz > 0)
        return;
    visit_join(&shopper->visit, options->world, shopper->visit.session.number, &shopper->rng,
               &shopper->jar);
    /* Thinking has no memory: what is left of it is as long as all of it. */
    shopper->planned_ns +=
        visit_think_ns(&shopper->rng, options->think_mean_ns, options->think_max_ns);
}

static void on_timer(struct shoppers *shoppers, uint32_t number, uint64_t now_ns)
{
    struct shopper *shopper = &shoppers->shoppers[number];
    if (shopper->state == SHOPPER_ABSENT)
        join(shoppers, number);
    if (now_ns < shopper->planned_ns) {
        close_lanes(shoppers, number);
        timers_set(&shoppers->timers, number, shopper->planned_ns);
        return;
    }
    start_page(shoppers, number);
}

static void arrive(struct shoppers *shoppers, uint64_t planned_ns)
{
    if (shoppers->absent_count == 0) {
        shoppers->turned_away++;
        return;
    }
    uint32_t number = shoppers->absent[--shoppers->absent_count];
    shoppers->shoppers[number].planned_ns = planned_ns;
    on_timer(shoppers, number, planned_ns);
}

/* The share of the arrivals that is this thread's, as a process of its own. */
static void draw_arrival(struct shoppers *shoppers, uint64_t from_ns)
{
    const struct crowd_options *options = shoppers->options;
    double rate_hz = options->arrivals_hz * shoppers->count / options->sessions;
    double wait_ns = rng_exponential(&shoppers->arrivals, (double)NS_PER_S / rate_hz);
    bool is_never = wait_ns > (double)(shoppers->end_ns - shoppers->start_ns);
    shoppers->next_arrival_ns = is_never ? UINT64_MAX : from_ns + (uint64_t)wait_ns;
}

/* Steered: the next shoppers of this thread come in, up to its share of so many of all, evenly in
 * the time given. Those of a thread are not one shop's, so all shops get as many. */
static void admit(struct shoppers *shoppers, uint64_t sessions, uint64_t within_ns)
{
    const struct crowd_options *options = shoppers->options;
    uint64_t now_ns = clock_monotonic_ns(), from = shoppers->admitted;
    uint64_t to = (sessions + options->threads - 1 - shoppers->index) / options->threads;
    to = to < shoppers->count ? to : shoppers->count;
    for (uint64_t i = from; i < to; i++) {
        double share = (double)(i - from) / (double)(to - from);
        shoppers->shoppers[i].planned_ns = now_ns + (uint64_t)(share * (double)within_ns);
        timers_set(&shoppers->timers, (uint32_t)i, shoppers->shoppers[i].planned_ns);
    }
    shoppers->admitted = (uint32_t)to;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* For whoever watches; asking the kernel at every step would cost more than it is worth. */
static void note_cpu(struct shoppers *shoppers, uint64_t now_ns)
{
    if (now_ns < shoppers->next_cpu_ns)
        return;
    shoppers->next_cpu_ns = now_ns + CPU_EVERY_NS;
    counter_add(&shoppers->live.cpu_ns,
                load_thread_cpu_ns() - shoppers->cpu_from_ns - shoppers->live.cpu_ns);
}

static int step(struct shoppers *shoppers, uint64_t until_ns)
{
    until_ns = earlier(until_ns, timers_next_ns(&shoppers->timers));
    if (shoppers->control && shoppers->phase == SHOPPERS_COMING) {
        admit(shoppers, counter_read(&shoppers->control->sessions), STEER_JOIN_NS);
        until_ns = earlier(until_ns, client_now_ns(shoppers->client) + STEER_EVERY_NS);
    }
    until_ns = earlier(until_ns, shoppers->next_arrival_ns);
    int rc = client_run(shoppers->client, until_ns, &shoppers->error);
    uint64_t now_ns = client_now_ns(shoppers->client);
    struct timers_entry entry;
    note_cpu(shoppers, now_ns);
    while (timers_take(&shoppers->timers, now_ns, &entry))
        if (shoppers->phase == SHOPPERS_COMING)
            on_timer(shoppers, entry.id, now_ns);
    while (shoppers->next_arrival_ns <= now_ns && shoppers->phase == SHOPPERS_COMING) {
        arrive(shoppers, shoppers->next_arrival_ns);
        draw_arrival(shoppers, shoppers->next_arrival_ns);
    }
    return rc;
}

static void plan_arrivals(struct shoppers *shoppers)
{
    const struct crowd_options *options = shoppers->options;
    if (options->arrivals_hz > 0) {
        draw_arrival(shoppers, shoppers->start_ns);
        return;
    }
    shoppers->next_arrival_ns = UINT64_MAX;
    if (shoppers->control) {
        admit(shoppers, options->steering.start, options->ramp_ns);
        return;
    }
    for (uint32_t i = 0; i < shoppers->count; i++) {
        double share = (double)(shoppers->first_shopper + i) / options->sessions;
        shoppers->shoppers[i].planned_ns =
            shoppers->start_ns + (uint64_t)(share * (double)options->ramp_ns);
        timers_set(&shoppers->timers, i, shoppers->shoppers[i].planned_ns);
    }
}

int shoppers_run(struct shoppers *shoppers)
{
    const struct crowd_options *options = shoppers->options;
    uint64_t give_up_ns = UINT64_MAX;
    int rc = 0;
    shoppers->cpu_from_ns = load_thread_cpu_ns();
    shoppers->end_ns = shoppers->start_ns + options->ramp_ns + options->warm_up_ns +
                       options->iterations * options->iteration_ns;
    shoppers->phase = SHOPPERS_COMING;
    plan_arrivals(shoppers);
    while (rc == 0 && client_now_ns(shoppers->client) < shoppers->end_ns &&
           !load_gate_is_stopped(shoppers->gate))
        rc = step(shoppers, shoppers->end_ns);
    shoppers->phase = SHOPPERS_LEAVING;
    shoppers->next_arrival_ns = UINT64_MAX;
    shoppers->end_ns = 0; /* pages under way are the last ones */
    while (rc == 0 && shoppers->loading > 0 && client_now_ns(shoppers->client) < give_up_ns) {
        uint64_t now_ns = client_now_ns(shoppers->client);
        rc = step(shoppers, now_ns + DRAIN_STEP_NS);
        if (load_gate_is_stopped(shoppers->gate) && give_up_ns == UINT64_MAX)
            give_up_ns = now_ns + INTERRUPTED_DRAIN_NS;
    }
    shoppers->cpu_ns = load_thread_cpu_ns() - shoppers->cpu_from_ns;
    return rc;
}

static int open_client(struct shoppers *shoppers)
{
    const struct crowd_options *options = shoppers->options;
    struct client_options client = {
        .loop = options->loop,
        .connections = shoppers->count * SHOPPER_LANES,
        .handler = options->no_validation ? &careless_handler : &handler,
        .context = shoppers,
        .tls = shoppers->tls,
        .connect_timeout_ns = options->timeout_ns,
        .response_timeout_ns = options->timeout_ns,
        .limits = {.body_limit = 1 << 20}, /* no page has more than 167,000 bytes */
        .receive_bytes_per_s = options->receive_bytes_per_s,
    };
    return client_new(&client, &shoppers->client, &shoppers->error);
}

static bool uses_tls(const struct crowd_options *options)
{
    for (unsigned i = 0; i < options->shop_count; i++)
        if (options->shops[i].secure)
            return true;
    return false;
}

int shoppers_init(struct shoppers *shoppers)
{
    const struct crowd_options *options = shoppers->options;
    int rc = load_thread_pin(options->cpus, options->cpu_count, shoppers->index, &shoppers->error);
    if (options->urgent)
        load_thread_hurry();
    struct tls_options tls = {
        .ca_file = options->ca_file, .insecure = options->insecure, .small = true};
    if (rc == 0 && uses_tls(options))
        rc = tls_context_new(&tls, &shoppers->tls, &shoppers->error);
    rc = rc < 0 ? rc : open_client(shoppers);
    if (rc < 0)
        return rc;
    shoppers->shoppers = mem_array(shoppers->count, sizeof(shoppers->shoppers[0]));
    timers_init(&shoppers->timers, shoppers->count);
    rng_init(&shoppers->arrivals, options->seed, rng_stream_of("arrivals") + shoppers->index);
    shoppers->absent = mem_array(shoppers->count, sizeof(shoppers->absent[0]));
    for (uint32_t i = 0; i < shoppers->count; i++) {
        rng_init(&shoppers->shoppers[i].rng, options->seed, shoppers->first_shopper + i);
        shoppers->absent[shoppers->absent_count++] = shoppers->count - 1 - i;
    }
    unsigned windows = options->shop_count * (options->iterations + 1);
    shoppers->scores = mem_array(windows, sizeof(shoppers->scores[0]));
    for (unsigned i = 0; i < windows; i++)
        score_init(&shoppers->scores[i]);
    shoppers->steps = mem_array(options->iterations + 1, sizeof(shoppers->steps[0]));
    shoppers->seconds = mem_array(shoppers->second_count, sizeof(shoppers->seconds[0]));
    return 0;
}

void shoppers_done(struct shoppers *shoppers)
{
    const struct crowd_options *options = shoppers->options;
    client_free(shoppers->client);
    for (uint32_t i = 0; shoppers->shoppers && i < shoppers->count; i++)
        tls_ticket_free(shoppers->shoppers[i].ticket);
    tls_context_free(shoppers->tls);
    unsigned windows = options->shop_count * (options->iterations + 1);
    for (unsigned i = 0; shoppers->scores && i < windows; i++)
        score_done(&shoppers->scores[i]);
    timers_done(&shoppers->timers);
    free(shoppers->shoppers);
    free(shoppers->absent);
    free(shoppers->scores);
    free(shoppers->steps);
    free(shoppers->seconds);
}
