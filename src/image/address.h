/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * address: how a machine gets its IPv4 address without any service and on any hypervisor: from the
 * last three bytes of the MAC address of its first network card.
 *
 *     MAC  xx:xx:xx:b:c:d   ->   10.b.c.d/24, default gateway 10.b.c.1
 *
 * The first three bytes are the hypervisor's business (52:54:00 QEMU, 00:16:3e Xen, 08:00:27
 * VirtualBox). d is 2..254; all machines of a campaign share b and c; 10.b.c.1 is the load side.
 * QEMU's user-mode network at its defaults fits with 52:54:00:00:02:0f (10.0.2.15, where it
 * forwards ports to; the host is 10.0.2.2, on the same link).
 */
#pragma once

#include <stdint.h>

#define ADDRESS_PREFIX_BITS 24
#define ADDRESS_MAC_BYTES 6
#define ADDRESS_TEXT_MAX 18 /* a MAC address as text, with its NUL; an IPv4 address is shorter */

struct address {
    uint8_t host[4];
    uint8_t gateway[4];
};

/* 0, or -EINVAL when d is 0, 1 or 255 (network, gateway, broadcast) or the MAC is a group address.
 */
int address_of_mac(const uint8_t mac[ADDRESS_MAC_BYTES], struct address *out_address)
    __attribute__((warn_unused_result));

/* "52:54:00:01:02:03"; 0 or -EINVAL. */
int address_parse_mac(const char *text, uint8_t out_mac[ADDRESS_MAC_BYTES])
    __attribute__((warn_unused_result));

/* Write at most ADDRESS_TEXT_MAX bytes and return text. */
const char *address_format(const uint8_t ipv4[4], char text[ADDRESS_TEXT_MAX]);
const char *address_format_mac(const uint8_t mac[ADDRESS_MAC_BYTES], char text[ADDRESS_TEXT_MAX]);
