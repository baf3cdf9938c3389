/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * world: what tests of real machines share: an image, a directory, a network, and the decision to
 * skip or to fail when the host lacks something.
 */
#pragma once

#include "unit/test.h"

#include "image/image.h"
#include "machine/load_side.h"
#include "machine/machine.h"

#define WORLD_MACHINES_MAX 2

struct world {
    const void *subject; /* the cmocka test's prestate */
    struct image *image;
    struct network *network;
    char directory[64];
    struct plan_placement placement;
    struct plan_entry entry;
    struct site *site;
    unsigned starts[WORLD_MACHINES_MAX]; /* tries to make each machine */
};

/* Fails when VTAX_MUST_WORK=1, else says why and skips. */
void world_lack(const char *what);

/* cmocka set-up and tear-down: *state is the world; before, what the test is about. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Opens the site of a platform by its word; skips when its probe refuses. */
void world_open_site(struct world *world, const char *platform);

/* Would that open? Says why not. */
bool world_can_open(const char *platform);

/* Starts `count` machines, and does not wait. */
void world_switch_on(struct world *world, unsigned count, uint64_t scratch_bytes,
                     struct machine **out_machines);

/* Starts `count` machines and waits until they are ready. */
void world_start(struct world *world, unsigned count, uint64_t scratch_bytes,
                 struct machine **out_machines);

/* assert_int_equal(rc, 0) that shows err. */
void world_check(int rc, const struct error *err);

/* Starts this program anew, has it start a machine of the platform, kills it with SIGKILL and
 * returns the machine's process. main() calls world_play_victim() when there are three arguments.
 */
pid_t world_start_and_die(struct world *world, const char *platform);
int world_play_victim(char **argv);
