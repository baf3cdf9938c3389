/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * context: what a running campaign holds open between its trials, started in order and stopped in
 * reverse: directory, image, network, load side, one site for each platform.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"
#include "image/image.h"
#include "machine/load_side.h"
#include "machine/machine.h"
#include "plan/plan.h"
#include "workload/workload.h"

struct context {
    const struct plan *plan;
    const char *uri;
    char *directory;
    int directory_lock; /* held while the campaign lives, so that leftovers can be told apart */
    struct image *image;
    struct image *load_image; /* of the load side, where it is another; else NULL */
    struct network *network;
    struct load_side *load_side;
    struct site **sites;    /* one for each platform of the plan; NULL until it is first used */
    char **scratch_sources; /* one for each workload; NULL where it needs none */
    struct progress progress;
    const char *kallsyms; /* where the symbols of machines' kernels are kept; NULL: they are not */
};

/* Opens what the plan needs: nothing at all when every platform is `fake`. On failure everything is
 * closed again. */
int context_open(struct context *context, const struct plan *plan, const char *uri,
                 struct error *err) __attribute__((warn_unused_result));
/* The site of a platform, opened at its first use. */
int context_find_site(struct context *context, size_t platform, struct site **out_site,
                      struct error *err) __attribute__((warn_unused_result));
void context_close(struct context *context);
