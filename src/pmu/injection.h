/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * injection: a virtual interrupt (V_IRQ, APM vol. 2, 15.21.4) in place of one that the hypervisor
 * injects (EVENTINJ, 15.20).
 *
 * QEMU 11.1 delivers an injected interrupt in VMRUN itself and leaves a note of it. Until the next
 * exception, interrupt or exit that note is taken for an exception whenever the CPU is made to
 * leave its translated code: the guest has the interrupt twice, the second time even with
 * interrupts off and in code that expects none. A plugin that sets the program counter makes the
 * CPU do that, and so does another thread that wants it to stop for a moment: guests were corrupted
 * now and then. A virtual interrupt is delivered as soon as the guest runs, and leaves no note.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    INJECTION_INTERCEPTS = 0x00C,
    INJECTION_CONTROL = 0x060,
    INJECTION_SHADOW = 0x068,
    INJECTION_EXIT_INTERRUPT = 0x088, /* EXITINTINFO */
    INJECTION_EVENT = 0x0A8,          /* EVENTINJ */
    INJECTION_OWED = 0x3E0,           /* left to software: APM vol. 2, appendix B */
    INJECTION_FLAGS = 0x570,          /* RFLAGS in the save area */
};

/* The VMCB's fields at the offsets above. */
struct injection {
    uint64_t event, control, shadow, exit_interrupt, flags;
    uint32_t intercepts;
};

/* An external interrupt, and no exception, NMI or software interrupt? */
bool injection_is_interrupt(uint64_t event);

/* Can a virtual interrupt stand for it? Not while the hypervisor uses V_IRQ itself or the guest
 * does not take interrupts, nor for one that was given back undelivered before: V_IRQ comes after
 * interrupts of the host, and would be given back for ever. */
bool injection_fits(const struct injection *injection);

/* Is an event on its way into the guest: injected, or as the virtual interrupt that another plugin
 * has made of it? (Hypervisors that wait for the guest to allow interrupts use V_IRQ as well, but
 * intercept it.) */
bool injection_is_under_way(const struct injection *injection);

/* What VMRUN is to find in place of control and intercepts; the event is 0 then. */
struct injection injection_replace(const struct injection *injection);

/* At #VMEXIT: the control field with the hypervisor's own V_IRQ, from what it holds now. */
uint64_t injection_restore(const struct injection *own, uint64_t control);

/* Has the guest not had it? Then EXITINTINFO says so (15.7.2), with the event. */
bool injection_is_pending(uint64_t control);

/* VirtualBox does not look at EXITINTINFO when an interrupt of the host's came first: it takes what
 * it injected for delivered, and the guest never has it. For such a hypervisor we owe the guest the
 * interrupt until it has had it: a bit for each vector, kept in its VMCB. The highest comes first,
 * as it would from its local APIC. Whether the guest takes interrupts does not matter: a virtual
 * one waits until it does. */
struct injection_owed {
    uint64_t vectors[4];
};

/* The event is an external interrupt. */
void injection_owe(struct injection_owed *owed, uint64_t event);
/* The event to deliver next; 0: none. */
uint64_t injection_due(const struct injection_owed *owed);
/* The guest has had it. */
void injection_settle(struct injection_owed *owed, uint64_t event);

/* As injection_replace(), for the event that is due; an exception or NMI that the hypervisor
 * injects stays what it is, and comes first. */
struct injection injection_replace_by_due(const struct injection *injection, uint64_t due);

/* Does EXITINTINFO tell of the due interrupt? A delivery that a nested page fault cuts short is
 * told as an exception of that vector by QEMU 11.1, which no hypervisor may inject. */
bool injection_is_of_due(uint64_t exit_interrupt, uint64_t due);
