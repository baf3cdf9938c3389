/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * count_lines: reads what `vtax-guest count` prints (guest/runner/count.c):
 *
 *     loop rounds=N value=N period=N samples=N lost=N throttled=N    N rounds of two instructions
 *     machine rounds=N value=N                      all that the machine executed meanwhile
 *     msr number=N value=N                          a register
 *     msr number=N fault                            reading it is a general protection fault
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum count_kind { COUNT_LOOP, COUNT_MACHINE, COUNT_MSR };

struct count_line {
    enum count_kind kind;
    bool fault; /* MSR */
    uint64_t rounds, value, period, samples, lost, throttled, number;
};

/* Reads one line from the start of buf (length bytes, any content). Returns the bytes that it takes
 * including the newline, 0 when there is no whole line, -EBADMSG when it is none of ours. */
ssize_t count_line_parse(const char *buf, size_t length, struct count_line *out_line)
    __attribute__((warn_unused_result));
