/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/live.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "top/terminal.h"
#include "top/view.h"

#define FIRST_DELAY_NS (NS_PER_S / 4) /* rates need two readings: do not keep the user waiting */

struct live {
    struct sampler *sampler;
    struct terminal *terminal;
    struct ui ui;
    struct snapshot before, after;
    struct top top; /* of these two */
    uint64_t due_ns;
    uint64_t shown;
    int page;
};

static void compare(struct live *live)
{
    const struct top_options options = ui_options(&live->ui);
    top_done(&live->top);
    top_compare(&live->before, &live->after, &options, &live->top);
    ui_follow(&live->ui, &live->top);
}

static void draw(struct live *live)
{
    CLEANUP_SCREEN struct screen screen;
    terminal_make_screen(live->terminal, &screen);
    live->page = view_page(&live->ui, &live->top, &live->after, &screen);
    view_draw(&live->ui, &live->top, &live->after, &screen);
    terminal_show(live->terminal, &screen);
}

static int read_next(struct live *live, struct error *err)
{
    struct snapshot next;
    int rc = sampler_read(live->sampler, &next, err);
    if (rc < 0)
        return rc;
    top_done(&live->top); /* points into the snapshots */
    snapshot_done(&live->before);
    live->before = live->after;
    live->after = next;
    compare(live);
    live->shown++;
    return 0;
}

/* Until something is to be done: a key, a signal, a reading. -EPIPE: the terminal has gone. */
static int wait_for_something(const struct live *live)
{
    struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = interrupt_fd(), .events = POLLIN}};
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t left_ns = live->due_ns > now_ns ? live->due_ns - now_ns : 0;
    int timeout_ms = live->ui.paused ? -1 : (int)((left_ns + 999999) / 1000000);
    if (poll(watched, COUNT_OF(watched), timeout_ms) < 0 && errno != EINTR)
        return -errno;
    return watched[0].revents & (POLLHUP | POLLERR | POLLNVAL) ? -EPIPE : 0;
}

static bool read_keys(struct live *live)
{
    bool changed = false;
    for (uint32_t key; (key = terminal_read_key(live->terminal, &changed));) {
        ui_press(&live->ui, key, &live->top, live->page);
        changed = true;
        compare(live);
    }
    return changed;
}

static int go_on(struct live *live, const struct live_options *options, struct error *err)
{
    live->due_ns = clock_monotonic_ns() +
                   (options->delay_ns < FIRST_DELAY_NS ? options->delay_ns : FIRST_DELAY_NS);
    while (!live->ui.quit && (!options->count || live->shown < options->count)) {
        int rc = wait_for_something(live);
        if (rc < 0)
            return error_set_errno(err, ERROR_ENVIRONMENT, rc, "read from the terminal");
        if ((rc = interrupt_check(err)) < 0)
            return rc;
        bool changed = read_keys(live);
        uint64_t now_ns = clock_monotonic_ns();
        if (!live->ui.paused && now_ns >= live->due_ns) {
            if ((rc = read_next(live, err)) < 0)
                return rc;
            live->due_ns = now_ns + options->delay_ns;
            changed = true;
        }
        if (changed && live->shown)
            draw(live);
    }
    return 0;
}

int live_run(struct sampler *sampler, const struct live_options *options, struct error *err)
{
    struct live live = {.sampler = sampler, .page = 1};
    ui_init(&live.ui, &options->view);
    int rc = sampler_read(sampler, &live.after, err);
    if (rc < 0)
        return rc;
    rc = terminal_open(&live.terminal, err);
    if (rc >= 0)
        rc = go_on(&live, options, err);
    terminal_close(live.terminal);
    top_done(&live.top);
    snapshot_done(&live.before);
    snapshot_done(&live.after);
    return rc;
}
