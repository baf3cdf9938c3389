/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/file.h"

static const char own_namespace[] = "/proc/thread-self/ns/net";

int namespace_new(struct error *err)
{
    CLEANUP_FD int before = open(own_namespace, O_RDONLY | O_CLOEXEC);
    if (before < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", own_namespace);
    if (unshare(CLONE_NEWNET) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make a network namespace");
    int fd = open(own_namespace, O_RDONLY | O_CLOEXEC);
    int open_errno = errno;
    int token = TAKE_FD(before);
    namespace_leave(&token);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -open_errno, "open '%s'", own_namespace);
    return fd;
}

int namespace_enter(int fd, struct error *err)
{
    CLEANUP_FD int before = open(own_namespace, O_RDONLY | O_CLOEXEC);
    if (before < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", own_namespace);
    if (fd > 0 && setns(fd, CLONE_NEWNET) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "enter a network namespace");
    return TAKE_FD(before);
}

void namespace_leave(int *token)
{
    CLEANUP_FD int before = TAKE_FD(*token);
    if (before < 0)
        return;
    /* An unprivileged thread that never left may not call setns(), nor does it need to. */
    if (setns(before, CLONE_NEWNET) < 0 && errno != EPERM) {
        perror("vtax: return to the network namespace");
        abort();
    }
}

int namespace_socket(int fd, int family, int type, int protocol)
{
    CLEANUP_NAMESPACE int token = -1;
    if (fd > 0) {
        struct error err = {0};
        token = namespace_enter(fd, &err);
        if (token < 0)
            return err.code;
    }
    int made = socket(family, type | SOCK_CLOEXEC, protocol);
    return made < 0 ? -errno : made;
}
