/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A process that has a machine of KVM and keeps its binary statistics open, as QEMU does.
 */
#pragma once

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void holder_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* A process with a vCPU and its statistics, as QEMU keeps them; 0: there is no KVM. */
static inline pid_t holder_start(void)
{
    int ready[2];
    char has_them = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
        int machine = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
        int vcpu = machine < 0 ? -1 : ioctl(machine, KVM_CREATE_VCPU, 0);
        has_them = vcpu >= 0 && ioctl(vcpu, KVM_GET_STATS_FD, NULL) >= 0;
        if (write(ready[1], &has_them, 1) == 1)
            pause();
        _exit(0);
    }
    assert_true(pid > 0);
    ssize_t got = read(ready[0], &has_them, 1);
    close(ready[0]);
    close(ready[1]);
    if (got == 1 && has_them)
        return pid;
    holder_stop(pid);
    return 0;
}
