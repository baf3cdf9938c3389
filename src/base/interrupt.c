/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/mem.h"

static volatile sig_atomic_t requested;
static int wake_pipe[2] = {-1, -1};

static void on_signal(int number)
{
    (void)number;
    if (requested)
        _exit(INTERRUPT_EXIT_CODE);
    requested = 1;
    int kept = errno;
    ssize_t ignored = write(wake_pipe[1], "", 1);
    (void)ignored;
    errno = kept;
}

void interrupt_install(void)
{
    if (wake_pipe[0] < 0 && pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        wake_pipe[0] = wake_pipe[1] = -1;
    struct sigaction action = {.sa_handler = on_signal};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool interrupt_requested(void)
{
    return requested;
}

int interrupt_fd(void)
{
    return wake_pipe[0];
}

int interrupt_check(struct error *err)
{
    return requested ? error_set(err, ERROR_FAILED, -EINTR, "interrupted") : 0;
}
