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
