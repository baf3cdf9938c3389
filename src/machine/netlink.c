/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/netlink.h"

#include <errno.h>
#include <linux/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include "base/mem.h"
#include "base/namespace.h"

DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put);
DEFINE_CLEANUP(struct rtnl_addr *, rtnl_addr_put);
DEFINE_CLEANUP(struct nl_addr *, nl_addr_put);
#define CLEANUP_LINK CLEANUP(rtnl_link_put_cleanup)

static void *checked(void *pointer)
{
    if (!pointer)
        abort(); /* libnl is out of memory */
    return pointer;
}

/* libnl has error numbers of its own; the cause is in its text. */
static int fail(int nl_code, struct error *err, const char *what, const char *name)
{
    int code = nl_code == -NLE_PERM ? -EPERM : nl_code == -NLE_EXIST ? -EEXIST : -EIO;
    return error_set(err, ERROR_ENVIRONMENT, code, "%s '%s': %s", what, name, nl_geterror(nl_code));
}

int netlink_open(int namespace_fd, struct nl_sock **out_socket, struct error *err)
{
    CLEANUP_NAMESPACE int token = namespace_enter(namespace_fd, err);
    if (token < 0)
        return token;
    struct nl_sock *socket = checked(nl_socket_alloc());
    int rc = nl_connect(socket, NETLINK_ROUTE);
    if (rc < 0) {
        nl_socket_free(socket);
        return fail(rc, err, "open", "netlink");
    }
    *out_socket = socket;
    return 0;
}

struct nl_sock *netlink_close(struct nl_sock *socket)
{
    nl_socket_free(socket);
    return NULL;
}

static void set_mac(struct rtnl_link *link, const char *mac)
{
    CLEANUP(nl_addr_put_cleanup) struct nl_addr *address = NULL;
    if (nl_addr_parse(mac, AF_LLC, &address) < 0)
        abort();
    rtnl_link_set_addr(link, address);
}

int netlink_add_bridge(struct nl_sock *socket, const char *name, const char *mac, struct error *err)
{
    CLEANUP_LINK struct rtnl_link *link = checked(rtnl_link_alloc());
    if (rtnl_link_set_type(link, "bridge") < 0)
        abort();
    rtnl_link_set_name(link, name);
    set_mac(link, mac); /* else it changes with every port, and neighbours hold the old one */
    int rc = rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL);
    return rc < 0 ? fail(rc, err, "make bridge", name) : 0;
}

int netlink_add_veth(struct nl_sock *socket, const struct netlink_veth *veth, struct error *err)
{
    CLEANUP_LINK struct rtnl_link *link = checked(rtnl_link_veth_alloc());
    CLEANUP_LINK struct rtnl_link *peer = checked(rtnl_link_veth_get_peer(link));
    rtnl_link_set_name(link, veth->name);
    rtnl_link_set_name(peer, veth->peer_name);
    set_mac(peer, veth->peer_mac);
    rtnl_link_set_ns_fd(peer, veth->peer_namespace_fd);
    int rc = rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL);
    return rc < 0 ? fail(rc, err, "make veth pair", veth->name) : 0;
}

static int find(struct nl_sock *socket, const char *name, struct rtnl_link **out_link,
                struct error *err)
{
    int rc = rtnl_link_get_kernel(socket, 0, name, out_link);
    return rc < 0 ? fail(rc, err, "find device", name) : 0;
}

int netlink_add_address(struct nl_sock *socket, const char *name, const char *address,
                        struct error *err)
{
    CLEANUP_LINK struct rtnl_link *link = NULL;
    int rc = find(socket, name, &link, err);
    if (rc < 0)
        return rc;
    CLEANUP(nl_addr_put_cleanup) struct nl_addr *local = NULL;
    CLEANUP(rtnl_addr_put_cleanup) struct rtnl_addr *entry = checked(rtnl_addr_alloc());
    if (nl_addr_parse(address, AF_INET, &local) < 0)
        abort();
    rtnl_addr_set_ifindex(entry, rtnl_link_get_ifindex(link));
    rtnl_addr_set_local(entry, local);
    rc = rtnl_addr_add(socket, entry, 0);
    return rc < 0 ? fail(rc, err, "add an address to", name) : 0;
}

int netlink_set_master(struct nl_sock *socket, const char *name, const char *bridge,
                       struct error *err)
{
    CLEANUP_LINK struct rtnl_link *link = NULL;
    CLEANUP_LINK struct rtnl_link *master = NULL;
    int rc = find(socket, name, &link, err);
    if (rc >= 0)
        rc = find(socket, bridge, &master, err);
    if (rc < 0)
        return rc;
    rc = rtnl_link_enslave(socket, master, link);
    return rc < 0 ? fail(rc, err, "plug into the bridge", name) : 0;
}

int netlink_set_up(struct nl_sock *socket, const char *name, struct error *err)
{
    CLEANUP_LINK struct rtnl_link *link = NULL;
    int rc = find(socket, name, &link, err);
    if (rc < 0)
        return rc;
    CLEANUP_LINK struct rtnl_link *change = checked(rtnl_link_alloc());
    rtnl_link_set_flags(change, IFF_UP);
    rc = rtnl_link_change(socket, link, change, 0);
    return rc < 0 ? fail(rc, err, "switch on device", name) : 0;
}

int netlink_move(struct nl_sock *socket, const char *name, int namespace_fd, const char *new_name,
                 struct error *err)
{
    CLEANUP_LINK struct rtnl_link *link = NULL;
    int rc = find(socket, name, &link, err);
    if (rc < 0)
        return rc;
    CLEANUP_LINK struct rtnl_link *change = checked(rtnl_link_alloc());
    rtnl_link_set_ns_fd(change, namespace_fd);
    rtnl_link_set_name(change, new_name);
    rc = rtnl_link_change(socket, link, change, 0);
    return rc < 0 ? fail(rc, err, "move into the campaign's network device", name) : 0;
}

void netlink_delete(struct nl_sock *socket, const char *name)
{
    CLEANUP_LINK struct rtnl_link *link = checked(rtnl_link_alloc());
    rtnl_link_set_name(link, name);
    rtnl_link_delete(socket, link);
}
