/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stands in for loop-uring.c in a build without liburing.
 */
#include <errno.h>

#include "http/loop-internal.h"

int loop_uring_new(const struct loop_options *options, struct loop **out_loop, struct error *err)
{
    (void)options;
    (void)out_loop;
    return error_set(err, ERROR_ENVIRONMENT, -ENOSYS,
                     "start io_uring: this program was built without liburing");
}
