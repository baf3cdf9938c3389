/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/rules.h"

#include <errno.h>

const char *const rules_profile_words[] = {"quick", "rated", NULL}; /* as bout_profiles[] */

enum { SEARCH_AUTO, SEARCH_BISECT, SEARCH_CLIMB };
const char *const rules_search_words[] = {"auto", "bisect", "climb", NULL};

int rules_check(const struct rules *rules, struct error *err)
{
    if (rules->good_ns > rules->tolerable_ns)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "good is longer than tolerable: a good page is a tolerable one");
    return 0;
}

bool rules_names_search(const struct rules *rules)
{
    return rules->search != SEARCH_AUTO;
}

void rules_apply(const struct rules *rules, struct capacity_options *out_options)
{
    const struct bout_profile *profile = &bout_profiles[rules->profile];
    struct crowd_options *crowd = &out_options->bout.crowd;
    crowd->ramp_ns = rules->ramp_ns;
    crowd->warm_up_ns = rules->warm_up_ns;
    crowd->iteration_ns = rules->iteration_ns;
    crowd->iterations = (unsigned)rules->iterations;
    crowd->think_mean_ns = rules->think_ns;
    crowd->limits = (struct score_limits){rules->good_ns, rules->tolerable_ns};
    crowd->resume = rules->resume;
    bout_apply_profile(crowd, profile);
    out_options->bout.verdict = (struct verdict_options){
        .good_share = rules->good_share,
        .tolerable_share = rules->tolerable_share,
        .failed_share = rules->failed_share,
        .lag_limit_ns = rules->lag_limit_ns,
    };
    out_options->bout.directories_per_session = (uint32_t)rules->directories;
    bool climbs =
        rules->search == SEARCH_CLIMB || (rules->search == SEARCH_AUTO && profile->climbs);
    out_options->method = climbs ? CAPACITY_CLIMB : CAPACITY_BISECT;
    out_options->search.step = (uint32_t)rules->step;
    out_options->search.share = rules->resolution;
}
