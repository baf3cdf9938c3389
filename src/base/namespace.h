/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * namespace: network namespaces without a name, which the kernel removes with their last user.
 *
 * setns() moves the calling thread alone, so a thread may look into another namespace while the
 * rest of the process stays where it is.
 */
#pragma once

#include "base/error.h"

/* Makes an empty network namespace and returns a descriptor of it; needs CAP_SYS_ADMIN. Its
 * loopback device is down. */
int namespace_new(struct error *err) __attribute__((warn_unused_result));

/* Moves the calling thread into the namespace; fd 0 stands for the present one. Returns a token
 * (>= 0) for namespace_leave(), or a negative errno. */
int namespace_enter(int fd, struct error *err) __attribute__((warn_unused_result));

/* Goes back and closes the token. Aborts when the kernel refuses: nothing that follows would act
 * where it believes it does. Negative tokens are ignored. */
void namespace_leave(int *token);
#define CLEANUP_NAMESPACE CLEANUP(namespace_leave)

/* socket(2) in another network namespace; fd 0: the present one. Negative errno on failure. */
int namespace_socket(int fd, int family, int type, int protocol)
    __attribute__((warn_unused_result));
