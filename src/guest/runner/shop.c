/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/runner.h"

#include <stdio.h>

#include "shop/fileset.h"

int runner_shop_files(const struct runner_arguments *arguments)
{
    struct shop_world world;
    struct error err;
    if (arguments->sessions > UINT32_MAX || arguments->directories > UINT32_MAX ||
        shop_world_init(&world, arguments->seed, (uint32_t)arguments->sessions,
                        (uint32_t)arguments->directories) < 0) {
        fprintf(stderr, "vtax-guest: shop-files: --sessions or --directories is out of range\n");
        return 2;
    }
    if (fileset_write(&world, arguments->operands[0], &err) < 0) {
        fprintf(stderr, "vtax-guest: %s\n", err.text);
        return 1;
    }
    return 0;
}
