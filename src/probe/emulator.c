/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * emulator: in an emulated server of the lab, what its emulator has counted of the whole server:
 * the truth that other probes can be held against.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/lab.h"
#include "probe/counts.h"
#include "probe/exit_reason.h"
#include "probe/probe_list.h"

#define NOT_COUNTED "the emulator of this server does not count"

static const char *const mode_names[TALLY_MODES] = {"host_kernel", "host_user", "guest_kernel",
                                                    "guest_user"};

static int open_emulator(const struct probe_target *targets, size_t count, void **out_state,
                         struct error *err)
{
    (void)targets;
    (void)count;
    (void)out_state;
    struct tally tally;
    const char *reason = getenv(COUNTS_MISSING_VARIABLE);
    if (counts_read(&tally))
        return 0;
    if (!lab_is_here())
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "this is no server of the lab");
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "%s",
                     reason && *reason ? reason : NOT_COUNTED);
}

static void add_exit(const struct tally *tally, unsigned index, struct probe_readings *out)
{
    uint32_t code = tally_exit_code(index);
    const char *known = exit_reason_name(EXIT_ISA_AMD, code);
    CLEANUP_FREE char *name = known ? mem_strdup(known) : mem_printf("0x%x", code);
    const uint64_t *after = tally->after_exits[index];
    probe_readings_add(out, -1, tally->exits[index], "emulator:%s:count", name);
    probe_readings_add(out, -1, after[TALLY_HOST_KERNEL], "emulator:%s:kernel_instructions", name);
    probe_readings_add(out, -1, after[TALLY_HOST_USER], "emulator:%s:user_instructions", name);
}

/* Of the whole server, so it is read once for all machines. */
static void read_emulator(void *state, const struct probe_target *target,
                          struct probe_readings *out)
{
    (void)state;
    struct tally tally;
    if (target->index > 0 || !counts_read(&tally))
        return;
    for (unsigned i = 0; i < TALLY_MODES; i++)
        probe_readings_add(out, -1, tally.instructions[i], "emulator:%s_instructions",
                           mode_names[i]);
    for (unsigned i = 0; i < TALLY_EXITS; i++)
        if (tally.exits[i])
            add_exit(&tally, i, out);
}

const struct probe probe_emulator = {
    .name = "emulator",
    .help = "In the lab: what the emulator counted of the whole server, host and guests.",
    .open = open_emulator,
    .read = read_emulator,
};
