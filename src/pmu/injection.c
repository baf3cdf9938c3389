/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pmu/injection.h"

#define EVENT_VALID (UINT64_C(1) << 31)
#define EVENT_TYPE (UINT64_C(7) << 8) /* 0: an external interrupt */
#define EVENT_VECTOR UINT64_C(0xff)
#define SHADOW UINT64_C(1)
#define FLAGS_IF (UINT64_C(1) << 9)
#define V_IRQ (UINT64_C(1) << 8)
#define V_PRIORITY (UINT64_C(0xf) << 16)
#define V_IGNORE_TPR (UINT64_C(1) << 20)
#define V_VECTOR_SHIFT 32
#define V_FIELDS (V_IRQ | V_PRIORITY | V_IGNORE_TPR | EVENT_VECTOR << V_VECTOR_SHIFT)
#define INTERCEPT_VINTR (UINT32_C(1) << 4)

bool injection_is_interrupt(uint64_t event)
{
    return (event & EVENT_VALID) && !(event & EVENT_TYPE);
}

bool injection_fits(const struct injection *injection)
{
    bool returned = (uint32_t)injection->exit_interrupt == (uint32_t)injection->event;
    return (injection->flags & FLAGS_IF) && !(injection->shadow & SHADOW) &&
           !(injection->control & V_IRQ) && !returned;
}

bool injection_is_under_way(const struct injection *injection)
{
    bool is_virtual =
        injection_is_pending(injection->control) && !(injection->intercepts & INTERCEPT_VINTR);
    return (injection->event & EVENT_VALID) || is_virtual;
}

struct injection injection_replace(const struct injection *injection)
{
    struct injection other = *injection;
    other.event = 0;
    other.control = (injection->control & ~V_FIELDS) | V_IRQ | V_PRIORITY | V_IGNORE_TPR |
                    (injection->event & EVENT_VECTOR) << V_VECTOR_SHIFT;
    other.intercepts &= ~INTERCEPT_VINTR;
    return other;
}

uint64_t injection_restore(const struct injection *own, uint64_t control)
{
    return (control & ~V_FIELDS) | (own->control & V_FIELDS);
}

bool injection_is_pending(uint64_t control)
{
    return control & V_IRQ;
}

static uint64_t bit_of(uint64_t event)
{
    return UINT64_C(1) << (event & EVENT_VECTOR) % 64;
}

void injection_owe(struct injection_owed *owed, uint64_t event)
{
    owed->vectors[(event & EVENT_VECTOR) / 64] |= bit_of(event);
}

uint64_t injection_due(const struct injection_owed *owed)
{
    for (int i = 3; i >= 0; i--)
        if (owed->vectors[i])
            return EVENT_VALID | (uint64_t)(64 * i + 63 - __builtin_clzll(owed->vectors[i]));
    return 0;
}

void injection_settle(struct injection_owed *owed, uint64_t event)
{
    owed->vectors[(event & EVENT_VECTOR) / 64] &= ~bit_of(event);
}

struct injection injection_replace_by_due(const struct injection *injection, uint64_t due)
{
    struct injection with_due = *injection;
    with_due.event = due;
    struct injection other = injection_replace(&with_due);
    other.event = injection_is_interrupt(injection->event) ? 0 : injection->event;
    return other;
}

bool injection_is_of_due(uint64_t exit_interrupt, uint64_t due)
{
    uint64_t which = EVENT_VALID | EVENT_VECTOR;
    return (exit_interrupt & which) == (due & which);
}
