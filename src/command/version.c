/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax version
 */
#include <stdio.h>

#include "command/list.h"

static int run(const struct command_call *call, struct error *err)
{
    (void)call, (void)err;
    puts("vtax " VTAX_VERSION);
    return 0;
}

const struct command command_version = {
    .name = "version",
    .summary = "Print the version",
    .run = run,
};
