/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/init/init.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "image/address.h"

#define CARD_WAIT_MS 3000
#define CARD_POLL_MS 5

static struct sockaddr make_sockaddr(const uint8_t ipv4[4])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr any;
    memcpy(&in.sin_addr, ipv4, 4);
    memcpy(&any, &in, sizeof(any));
    return any;
}

static int bring_up(int fd, const char *name)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return -1;
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    return ioctl(fd, SIOCSIFFLAGS, &request);
}

static int set_address(int fd, const char *name, const struct address *address)
{
    static const uint8_t mask[4] = {255, 255, 255, 0};
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    request.ifr_addr = make_sockaddr(address->host);
    if (ioctl(fd, SIOCSIFADDR, &request) < 0)
        return -1;
    request.ifr_netmask = make_sockaddr(mask);
    return ioctl(fd, SIOCSIFNETMASK, &request);
}

static int add_default_route(int fd, const struct address *address)
{
    static const uint8_t any[4] = {0};
    struct rtentry route = {
        .rt_dst = make_sockaddr(any),
        .rt_genmask = make_sockaddr(any),
        .rt_gateway = make_sockaddr(address->gateway),
        .rt_flags = RTF_UP | RTF_GATEWAY,
    };
    return ioctl(fd, SIOCADDRT, &route);
}

/* The Ethernet card with the lowest index; 0 when there is none (yet). */
static int find_card(int fd, struct ifreq *out_card)
{
    struct if_nameindex *cards = if_nameindex();
    int found = 0;
    for (struct if_nameindex *card = cards; card && card->if_index && !found; card++) {
        struct ifreq request = {0};
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", card->if_name);
        if (ioctl(fd, SIOCGIFHWADDR, &request) == 0 &&
            request.ifr_hwaddr.sa_family == ARPHRD_ETHER) {
            *out_card = request;
            found = 1;
        }
    }
    if_freenameindex(cards);
    return found;
}

static int wait_card(int fd, struct ifreq *out_card)
{
    const struct timespec pause = {.tv_nsec = CARD_POLL_MS * 1000000L};
    for (int waited = 0; waited < CARD_WAIT_MS; waited += CARD_POLL_MS) {
        if (find_card(fd, out_card))
            return 1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

void system_start_network(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bring_up(fd, "lo") < 0)
        init_complain("loopback");
    struct ifreq card;
    struct address address;
    if (!wait_card(fd, &card)) {
        fprintf(stderr, "vtax-init: there is no network card\n");
    } else if (address_of_mac((const uint8_t *)card.ifr_hwaddr.sa_data, &address) < 0) {
        fprintf(stderr, "vtax-init: the MAC address of '%s' stands for no address\n",
                card.ifr_name);
    } else if (set_address(fd, card.ifr_name, &address) < 0 || bring_up(fd, card.ifr_name) < 0 ||
               add_default_route(fd, &address) < 0) {
        init_complain(card.ifr_name);
    }
    if (fd >= 0)
        close(fd);
}
