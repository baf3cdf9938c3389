/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mem: allocation that aborts when memory is out, and release by scope.
 *
 * A size that comes from outside must be bounded by the caller before it is allocated.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Declares NAME_cleanup(), for CLEANUP(), from a free function that takes a TYPE and accepts NULL.
 */
#define DEFINE_CLEANUP(type, free_function)                                                        \
    static inline void free_function##_cleanup(type *object)                                       \
    {                                                                                              \
        if (*object)                                                                               \
            free_function(*object);                                                                \
    }                                                                                              \
    struct mem_semicolon

/* Hands the pointer over: yields its value and leaves NULL behind. */
#define TAKE_PTR(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) *take_ptr_at = &(pointer);                                             \
        __typeof__(pointer) take_ptr_value = *take_ptr_at;                                         \
        *take_ptr_at = NULL;                                                                       \
        take_ptr_value;                                                                            \
    })

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static inline void free_cleanup(void *pointer)
{
    free(*(void **)pointer);
}
#define CLEANUP_FREE CLEANUP(free_cleanup)

void *mem_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
/* count * bytes, aborting on overflow; the memory is zero. */
void *mem_array(size_t count, size_t bytes) __attribute__((malloc, returns_nonnull));
void *mem_resize_array(void *old, size_t count, size_t bytes) __attribute__((returns_nonnull));
void *mem_copy(const void *from, size_t bytes) __attribute__((malloc, returns_nonnull));
/* NULL gives NULL. */
char *mem_strdup(const char *text) __attribute__((malloc));
char *mem_strndup(const char *text, size_t length) __attribute__((malloc, nonnull));
char *mem_printf(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *mem_vprintf(const char *format, va_list ap) __attribute__((malloc, returns_nonnull));

/* Makes room for one more element of an array that grows by doubling: `used` elements are in use,
 * `*capacity` are there. The new element is the caller's to fill. */
#define MEM_GROW(array, used, capacity)                                                            \
    do {                                                                                           \
        if ((used) >= (capacity)) {                                                                \
            (capacity) = (capacity) ? (capacity)*2 : 8;                                            \
            (array) = mem_resize_array((array), (capacity), sizeof((array)[0]));                   \
        }                                                                                          \
    } while (0)
