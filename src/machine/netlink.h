/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * netlink: devices and addresses in one network namespace (libnl, whose only door this is).
 */
#pragma once

#include "base/error.h"

struct nl_sock;

int netlink_open(int namespace_fd, struct nl_sock **out_socket, struct error *err)
    __attribute__((warn_unused_result));
struct nl_sock *netlink_close(struct nl_sock *socket);

int netlink_add_bridge(struct nl_sock *socket, const char *name, const char *mac, struct error *err)
    __attribute__((warn_unused_result));

struct netlink_veth {
    const char *name; /* this end */
    const char *peer_name;
    const char *peer_mac;
    int peer_namespace_fd;
};
int netlink_add_veth(struct nl_sock *socket, const struct netlink_veth *veth, struct error *err)
    __attribute__((warn_unused_result));

/* address: "10.86.1.1/24" */
int netlink_add_address(struct nl_sock *socket, const char *name, const char *address,
                        struct error *err) __attribute__((warn_unused_result));
int netlink_set_master(struct nl_sock *socket, const char *name, const char *bridge,
                       struct error *err) __attribute__((warn_unused_result));
int netlink_set_up(struct nl_sock *socket, const char *name, struct error *err)
    __attribute__((warn_unused_result));
/* Moves a device into another network namespace under a new name; it is down there. */
int netlink_move(struct nl_sock *socket, const char *name, int namespace_fd, const char *new_name,
                 struct error *err) __attribute__((warn_unused_result));
/* A device that is not there is fine. */
void netlink_delete(struct nl_sock *socket, const char *name);
