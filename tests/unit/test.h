/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every unit test includes: cmocka and the headers that it wants to see first.
 */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* |a - b| <= tolerance, with both printed when it is not so. */
#define assert_near(a, b, tolerance)                                                               \
    do {                                                                                           \
        double near_a = (a), near_b = (b);                                                         \
        if (!(fabs(near_a - near_b) <= (tolerance)))                                               \
            fail_msg("%s = %.12g, expected %.12g +- %g", #a, near_a, near_b, (double)(tolerance)); \
    } while (0)
