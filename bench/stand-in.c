/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stand-in: a process that vtax top and top(1) take for a machine: the threads of a QEMU with two
 * vCPUs, all asleep. It ends with the process that started it. No guest runs.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)64 << 10)

static void *sleep_as(void *name)
{
    pthread_setname_np(pthread_self(), name);
    for (;;)
        pause();
    return NULL;
}

int main(void)
{
    static char names[][16] = {"CPU 0/KVM", "CPU 1/KVM", "IO iothread0"};
    pthread_attr_t attributes;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, sleep_as, names[i]) != 0)
            return 1;
    }
    for (;;)
        pause();
}
