/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/store.h"

#include <string.h>

bool store_trial_lacks(const struct store_trial *trial, const char *metric)
{
    for (size_t i = 0; i < trial->figure_count; i++)
        if (trial->figures[i].missing && strcmp(trial->figures[i].name, metric) == 0)
            return true;
    return false;
}
