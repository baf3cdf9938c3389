/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/namespace.h"
#include "machine/netlink.h"

static const char bridge_name[] = "br0";
static const char tun_path[] = "/dev/net/tun";

const uint16_t network_forwarded_ports[] = {22, 80, 443, 8080, 8443, 12865, 12866, 0};

struct network {
    enum network_mode mode;
    char *user_reason;
    int namespace_fd; /* -1 in user mode */
    struct nl_sock *netlink;
    uint8_t second; /* b and c of 10.b.c.slot */
    uint8_t third;
    char load_address[NETWORK_TEXT_MAX];
    bool taken[NETWORK_SLOT_MAX + 1];
    int next_slot; /* in turn: a machine that was killed may hold its address for a moment more */
};

DEFINE_CLEANUP(struct network *, network_close);

enum network_mode network_mode(const struct network *network)
{
    return network->mode;
}

const char *network_user_reason(const struct network *network)
{
    return network->user_reason;
}

int network_namespace_fd(const struct network *network)
{
    return network->mode == NETWORK_BRIDGE ? network->namespace_fd : 0;
}

const char *network_load_address(const struct network *network)
{
    return network->load_address;
}

const char *network_format_mac(const struct network *network, int slot, char text[NETWORK_TEXT_MAX])
{
    snprintf(text, NETWORK_TEXT_MAX, "52:54:00:%02x:%02x:%02x", network->second, network->third,
             (uint8_t)slot);
    return text;
}

const char *network_format_inside(const struct network *network, int slot,
                                  char text[NETWORK_TEXT_MAX])
{
    snprintf(text, NETWORK_TEXT_MAX, "10.%u.%u.%u", network->second, network->third, (uint8_t)slot);
    return text;
}

const char *network_format_address(const struct network *network, int slot,
                                   char text[NETWORK_TEXT_MAX])
{
    if (network->mode == NETWORK_BRIDGE)
        return network_format_inside(network, slot, text);
    snprintf(text, NETWORK_TEXT_MAX, "127.%u.%u.%u", network->second, network->third,
             (uint8_t)slot);
    return text;
}

uint16_t network_forward_port(const struct network *network, uint16_t port)
{
    return network->mode == NETWORK_USER && port < 1024 ? (uint16_t)(port + 10000) : port;
}

/* Neighbour discovery and router solicitation would be traffic in the measured time. */
static void switch_off_ipv6(int namespace_fd)
{
    CLEANUP_NAMESPACE int token = namespace_enter(namespace_fd, NULL);
    static const char *const paths[] = {"/proc/sys/net/ipv6/conf/all/disable_ipv6",
                                        "/proc/sys/net/ipv6/conf/default/disable_ipv6"};
    for (size_t i = 0; token >= 0 && i < COUNT_OF(paths); i++) {
        CLEANUP_FD int fd = open(paths[i], O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "1", 1) < 0)
            return; /* a kernel without IPv6 */
    }
}

static int make_bridge(struct network *network, struct error *err)
{
    char mac[NETWORK_TEXT_MAX], address[NETWORK_TEXT_MAX + 4];
    snprintf(address, sizeof(address), "%s/%d", network->load_address, NETWORK_PREFIX_BITS);
    network_format_mac(network, 1, mac);
    int rc = netlink_open(network->namespace_fd, &network->netlink, err);
    if (rc >= 0)
        rc = netlink_set_up(network->netlink, "lo", err);
    if (rc >= 0)
        rc = netlink_add_bridge(network->netlink, bridge_name, mac, err);
    if (rc >= 0)
        rc = netlink_add_address(network->netlink, bridge_name, address, err);
    if (rc >= 0)
        rc = netlink_set_up(network->netlink, bridge_name, err);
    return rc;
}

static int check_tun(struct error *err)
{
    CLEANUP_FD int fd = open(tun_path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, -errno, "open '%s'", tun_path) : 0;
}

static struct network *new_network(enum network_mode mode)
{
    struct network *network = mem_zalloc(sizeof(*network));
    network->mode = mode;
    network->namespace_fd = -1;
    return network;
}

static int open_bridge(struct network **out_network, struct error *err)
{
    if (geteuid() != 0)
        return error_set(err, ERROR_ENVIRONMENT, -EPERM, "not root");
    CLEANUP(network_close_cleanup) struct network *network = new_network(NETWORK_BRIDGE);
    network->second = 86;
    network->third = 1;
    network_format_inside(network, 1, network->load_address);
    int rc = check_tun(err);
    if (rc >= 0)
        rc = network->namespace_fd = namespace_new(err);
    if (rc < 0)
        return rc;
    switch_off_ipv6(network->namespace_fd);
    rc = make_bridge(network, err);
    if (rc >= 0)
        *out_network = TAKE_PTR(network);
    return rc;
}

/* Two campaigns of one user share the loopback device: their addresses must differ. */
static struct network *new_user(const char *reason)
{
    struct network *network = new_network(NETWORK_USER);
    unsigned pid = (unsigned)getpid();
    network->second = (uint8_t)(64 + (pid >> 8) % 128);
    network->third = (uint8_t)pid;
    network->user_reason = mem_strdup(reason);
    network_format_inside(network, 1, network->load_address);
    return network;
}

int network_open_user(struct network **out_network, struct error *err)
{
    (void)err;
    *out_network = new_user("asked for");
    return 0;
}

int network_open(struct network **out_network, struct error *err)
{
    (void)err;
    struct error reason = {0};
    if (open_bridge(out_network, &reason) < 0)
        *out_network = new_user(reason.text);
    return 0;
}

struct network *network_close(struct network *network)
{
    if (!network)
        return NULL;
    netlink_close(network->netlink);
    fd_cleanup(&network->namespace_fd);
    free(network->user_reason);
    free(network);
    return NULL;
}

int network_take_slot(struct network *network, struct error *err)
{
    const int count = NETWORK_SLOT_MAX - NETWORK_SLOT_MIN + 1;
    for (int i = 0; i < count; i++) {
        int slot = NETWORK_SLOT_MIN + (network->next_slot + i) % count;
        if (network->taken[slot])
            continue;
        network->taken[slot] = true;
        network->next_slot = slot - NETWORK_SLOT_MIN + 1;
        return slot;
    }
    return error_set(err, ERROR_USAGE, -EAGAIN, "network: more than %d machines at once", count);
}

static void format_device(int slot, char text[NETWORK_TEXT_MAX])
{
    snprintf(text, NETWORK_TEXT_MAX, "m%d", slot);
}

void network_release_slot(struct network *network, int slot)
{
    if (slot < 0)
        return;
    char name[NETWORK_TEXT_MAX];
    format_device(slot, name);
    if (network->mode == NETWORK_BRIDGE)
        netlink_delete(network->netlink, name);
    network->taken[slot] = false;
}

/* A tap that goes when its descriptor, which is returned, is closed. */
static int open_tap(int namespace_fd, const char *name, short flags, struct error *err)
{
    CLEANUP_NAMESPACE int token = namespace_enter(namespace_fd, err);
    if (token < 0)
        return token;
    CLEANUP_FD int fd = open(tun_path, O_RDWR | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags)};
    memcpy(request.ifr_name, name, strlen(name) + 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "make tap '%s'", name);
    return TAKE_FD(fd);
}

static int plug_in(struct network *network, const char *name, struct error *err)
{
    int rc = netlink_set_master(network->netlink, name, bridge_name, err);
    return rc < 0 ? rc : netlink_set_up(network->netlink, name, err);
}

int network_add_tap(struct network *network, int slot, char out_name[NETWORK_TEXT_MAX],
                    struct error *err)
{
    char name[NETWORK_TEXT_MAX];
    format_device(slot, name);
    CLEANUP_FD int fd = open_tap(network->namespace_fd, name, IFF_VNET_HDR, err);
    if (fd < 0)
        return fd;
    if (ioctl(fd, TUNSETPERSIST, 1) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "keep tap '%s'", name);
    int rc = plug_in(network, name, err);
    if (rc >= 0)
        memcpy(out_name, name, sizeof(name));
    return rc;
}

int network_open_tap(struct network *network, int slot, struct error *err)
{
    char name[NETWORK_TEXT_MAX];
    format_device(slot, name);
    CLEANUP_FD int fd = open_tap(network->namespace_fd, name, 0, err);
    if (fd < 0)
        return fd;
    int rc = plug_in(network, name, err);
    return rc < 0 ? rc : TAKE_FD(fd);
}

int network_take_device(struct network *network, int slot, const char *name, struct error *err)
{
    char own_name[NETWORK_TEXT_MAX];
    struct nl_sock *outside = NULL;
    format_device(slot, own_name);
    int rc = netlink_open(0, &outside, err);
    if (rc >= 0)
        rc = netlink_move(outside, name, network->namespace_fd, own_name, err);
    if (rc >= 0)
        rc = plug_in(network, own_name, err);
    netlink_close(outside);
    return rc;
}

static int set_up_instance(const struct network *network, int slot, int namespace_fd,
                           struct error *err)
{
    char inside[NETWORK_TEXT_MAX], address[NETWORK_TEXT_MAX + 4];
    network_format_inside(network, slot, inside);
    snprintf(address, sizeof(address), "%s/%d", inside, NETWORK_PREFIX_BITS);
    struct nl_sock *netlink = NULL;
    int rc = netlink_open(namespace_fd, &netlink, err);
    if (rc >= 0)
        rc = netlink_set_up(netlink, "lo", err);
    if (rc >= 0)
        rc = netlink_add_address(netlink, "eth0", address, err);
    if (rc >= 0)
        rc = netlink_set_up(netlink, "eth0", err);
    netlink_close(netlink);
    return rc;
}

int network_add_instance(struct network *network, int slot, struct error *err)
{
    CLEANUP_FD int namespace_fd = namespace_new(err);
    if (namespace_fd < 0)
        return namespace_fd;
    switch_off_ipv6(namespace_fd);
    char name[NETWORK_TEXT_MAX], mac[NETWORK_TEXT_MAX];
    format_device(slot, name);
    network_format_mac(network, slot, mac);
    struct netlink_veth veth = {
        .name = name, .peer_name = "eth0", .peer_mac = mac, .peer_namespace_fd = namespace_fd};
    int rc = netlink_add_veth(network->netlink, &veth, err);
    if (rc >= 0)
        rc = plug_in(network, name, err);
    if (rc >= 0)
        rc = set_up_instance(network, slot, namespace_fd, err);
    return rc < 0 ? rc : TAKE_FD(namespace_fd);
}
