/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * network: the campaign's own network. As root: a network namespace with a bridge, a tap for each
 * virtual machine, a veth pair for each native instance and one for the load side. Unprivileged:
 * the user-mode network of the hypervisor, forwarded ports on loopback.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct network;

enum network_mode { NETWORK_BRIDGE, NETWORK_USER };

int network_open(struct network **out_network, struct error *err)
    __attribute__((warn_unused_result));
enum network_mode network_mode(const struct network *network);
/* The namespace with the bridge and the load side's address; 0 in user mode. */
int network_namespace_fd(const struct network *network);
/* The load side's own address on the bridge, numeric; "10.0.2.2" as guests see it in user mode. */
const char *network_load_address(const struct network *network);
struct network *network_close(struct network *network);
