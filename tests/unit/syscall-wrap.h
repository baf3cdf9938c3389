/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * syscall-wrap: for a test that stands between a program and the kernel (--wrap=syscall): it
 * answers some calls of syscall(2) itself.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define SYSCALL_VALUES 6

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The test's: false: the kernel is to be asked. */
static bool answer_syscall(long number, const long values[SYSCALL_VALUES], long *out_result);

long __wrap_syscall(long number, ...)
{
    long values[SYSCALL_VALUES], result;
    va_list ap;
    va_start(ap, number);
    for (size_t i = 0; i < SYSCALL_VALUES; i++)
        values[i] = va_arg(ap, long);
    va_end(ap);
    if (answer_syscall(number, values, &result))
        return result;
    return __real_syscall(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}
