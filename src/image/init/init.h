/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * init: the first process of a guest, one static program for both of its lives. In the initrd
 * (where it is /init) it loads the listed modules, mounts the root file system and goes over to
 * /sbin/vtax-init on it, which is the same program: that mounts what programs expect, configures
 * the network from the MAC address (image/address.h), starts the SSH server and then reaps zombies
 * until it is told to power off. No service manager, no configuration file: everything that can
 * vary is on the kernel's command line (boot_parameters).
 */
#pragma once

#include "image/init/parameters.h"

#define INIT_PATH "/sbin/vtax-init"
#define INIT_MODULE_LIST "/modules" /* in the initrd: paths, one a line, in the order to load */
#define INIT_READY_TEXT "vtax-ready"

/* Prints "vtax-init: WHAT: strerror(errno)" on the console. */
void init_complain(const char *what);

/* The initrd's half. Returns only when it failed. */
void initrd_run(const struct boot_parameters *parameters);

/* The root file system's half. */
void system_mount(void);
void system_start_network(void);
void system_serve(const struct boot_parameters *parameters) __attribute__((noreturn));
