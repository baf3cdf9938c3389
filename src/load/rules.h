/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rules: how long shoppers are sent and what they must get, as options: rows for the command line's
 * table and for a plan's alike.
 */
#pragma once

#include "base/option.h"
#include "load/capacity.h"

/* Every 0 of the lengths is the profile's. */
struct rules {
    unsigned profile; /* index into bout_profiles[] */
    unsigned search;  /* index into rules_search_words[] */
    uint64_t step;
    double resolution;
    uint64_t ramp_ns;
    uint64_t warm_up_ns;
    uint64_t iteration_ns;
    uint64_t iterations;
    uint64_t think_ns;
    uint64_t good_ns;
    uint64_t tolerable_ns;
    double good_share;
    double tolerable_share;
    double failed_share;
    uint64_t lag_limit_ns;
    uint64_t directories;
    bool resume;
};

extern const char *const rules_profile_words[];
extern const char *const rules_search_words[];

/* Times that contradict each other are ERROR_USAGE. */
int rules_check(const struct rules *rules, struct error *err) __attribute__((warn_unused_result));
/* Is it said how the capacity is to be found? */
bool rules_names_search(const struct rules *rules);

/* The rows, for a struct that has a struct rules at `base`. */
#define RULES_AT(base, field) ((base) + offsetof(struct rules, field))
#define RULES_OPTIONS(base)                                                                        \
    {"profile",                                                                                    \
     0,                                                                                            \
     OPTION_WORD,                                                                                  \
     RULES_AT(base, profile),                                                                      \
     "WORD",                                                                                       \
     .fallback = "quick",                                                                          \
     .words = rules_profile_words,                                                                 \
     .help = "Lengths of a run: quick takes seconds and thinks for 1s, rated takes 100 minutes "   \
             "and thinks for 10s."},                                                               \
        {"search",                                                                                 \
         0,                                                                                        \
         OPTION_WORD,                                                                              \
         RULES_AT(base, search),                                                                   \
         "WORD",                                                                                   \
         .fallback = "auto",                                                                       \
         .words = rules_search_words,                                                              \
         .help = "How the capacity is found: bisect runs one number of sessions after the other "  \
                 "and confirms the last, climb lets the sessions of one run grow until they are "  \
                 "too many; auto climbs in profile quick."},                                       \
        {"step",                                                                                   \
         0,                                                                                        \
         OPTION_COUNT,                                                                             \
         RULES_AT(base, step),                                                                     \
         "N",                                                                                      \
         .fallback = "10",                                                                         \
         .min = 1,                                                                                 \
         .max = CROWD_SESSIONS_MAX,                                                                \
         .help = "Bisecting, how closely to search."},                                             \
        {"resolution",                                                                             \
         0,                                                                                        \
         OPTION_SHARE,                                                                             \
         RULES_AT(base, resolution),                                                               \
         "SHARE",                                                                                  \
         .fallback = "0",                                                                          \
         .min = 0,                                                                                 \
         .max = 0.5,                                                                               \
         .help = "Bisecting, how closely to search where this share of the capacity is more than " \
                 "the step."},                                                                     \
        {"ramp",          0,                                                                       \
         OPTION_DURATION, RULES_AT(base, ramp_ns),                                                 \
         "TIME",          .min = 1,                                                                \
         .max = 0,        .help = "Time in which the sessions come in. [of the profile]"},         \
        {"warm-up",       0,                                                                       \
         OPTION_DURATION, RULES_AT(base, warm_up_ns),                                              \
         "TIME",          .min = 1,                                                                \
         .max = 0,        .help = "Time after that which does not count. [of the profile]"},       \
        {"iteration",     0,                                                                       \
         OPTION_DURATION, RULES_AT(base, iteration_ns),                                            \
         "TIME",          .min = 1e6,                                                              \
         .max = 0,        .help = "Time of one measured part. [of the profile]"},                  \
        {"iterations",                                                                             \
         0,                                                                                        \
         OPTION_COUNT,                                                                             \
         RULES_AT(base, iterations),                                                               \
         "N",                                                                                      \
         .min = 1,                                                                                 \
         .max = CROWD_ITERATIONS_MAX,                                                              \
         .help = "Measured parts, of which the median one counts. [of the profile]"},              \
        {"think", 0,        OPTION_DURATION, RULES_AT(base, think_ns),                             \
         "TIME",  .min = 1, .max = 3600e9,   .help = "Mean time between pages. [of the profile]"}, \
        {"good",                                                                                   \
         0,                                                                                        \
         OPTION_DURATION,                                                                          \
         RULES_AT(base, good_ns),                                                                  \
         "TIME",                                                                                   \
         .fallback = "3s",                                                                         \
         .min = 1,                                                                                 \
         .max = 0,                                                                                 \
         .help = "A page within this time is good."},                                              \
        {"tolerable",                                                                              \
         0,                                                                                        \
         OPTION_DURATION,                                                                          \
         RULES_AT(base, tolerable_ns),                                                             \
         "TIME",                                                                                   \
         .fallback = "5s",                                                                         \
         .min = 1,                                                                                 \
         .max = 0,                                                                                 \
         .help = "A page within this time is tolerable."},                                         \
        {"good-share",                                                                             \
         0,                                                                                        \
         OPTION_SHARE,                                                                             \
         RULES_AT(base, good_share),                                                               \
         "SHARE",                                                                                  \
         .fallback = "95%",                                                                        \
         .min = 1e-9,                                                                              \
         .max = 1,                                                                                 \
         .help = "Share of pages that must be good."},                                             \
        {"tolerable-share",                                                                        \
         0,                                                                                        \
         OPTION_SHARE,                                                                             \
         RULES_AT(base, tolerable_share),                                                          \
         "SHARE",                                                                                  \
         .fallback = "99%",                                                                        \
         .min = 1e-9,                                                                              \
         .max = 1,                                                                                 \
         .help = "Share of pages that must be tolerable."},                                        \
        {"failed-share",                                                                           \
         0,                                                                                        \
         OPTION_SHARE,                                                                             \
         RULES_AT(base, failed_share),                                                             \
         "SHARE",                                                                                  \
         .fallback = "0.5%",                                                                       \
         .min = 1e-9,                                                                              \
         .max = 1,                                                                                 \
         .help = "Share of requests that may fail."},                                              \
        {"lag-limit",                                                                              \
         0,                                                                                        \
         OPTION_DURATION,                                                                          \
         RULES_AT(base, lag_limit_ns),                                                             \
         "TIME",                                                                                   \
         .fallback = "10ms",                                                                       \
         .min = 1,                                                                                 \
         .max = 0,                                                                                 \
         .help = "A run that starts more than one page in a hundred later than this is "           \
                 "invalid."},                                                                      \
        {"directories",                                                                            \
         0,                                                                                        \
         OPTION_COUNT,                                                                             \
         RULES_AT(base, directories),                                                              \
         "N",                                                                                      \
         .fallback = "5",                                                                          \
         .min = 1,                                                                                 \
         .max = 1000,                                                                              \
         .help = "Product directories of the shop for each session that it is built for."},        \
    {                                                                                              \
        "resume", 0, OPTION_FLAG, RULES_AT(base, resume),                                          \
            .help = "Resume TLS sessions on a shopper's later connections."                        \
    }

/* Fills what the rules say, the profile for what they do not. */
void rules_apply(const struct rules *rules, struct capacity_options *out_options);
