/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * network: the campaign's own network. As root: a nameless network namespace with a bridge, a tap
 * for each virtual machine, a veth pair for each native instance; the bridge has the load side's
 * address. The namespace has no way out, so nothing in it can be reached from elsewhere, and the
 * kernel removes it with its last process. Unprivileged: the user-mode network of the hypervisor,
 * which forwards ports of a loopback address of the machine's own.
 *
 * A machine takes a slot. The slot decides its addresses: MAC 52:54:00:b:c:slot, IPv4
 * 10.b.c.slot/24, gateway 10.b.c.1, as the guest works them out again from its MAC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define NETWORK_SLOT_MIN 10
#define NETWORK_SLOT_MAX 249
#define NETWORK_PREFIX_BITS 24
#define NETWORK_TEXT_MAX 20 /* an IPv4 or MAC address, a device's name */

struct network;

enum network_mode { NETWORK_BRIDGE, NETWORK_USER };

/* A bridge where the rights suffice, else user mode. */
int network_open(struct network **out_network, struct error *err)
    __attribute__((warn_unused_result));
/* User mode, whatever the rights. */
int network_open_user(struct network **out_network, struct error *err)
    __attribute__((warn_unused_result));
enum network_mode network_mode(const struct network *network);
/* Why there is no bridge; NULL when there is one. */
const char *network_user_reason(const struct network *network);
/* The namespace with the bridge and the load side's address; 0 in user mode. */
int network_namespace_fd(const struct network *network);
/* The load side's own address on the bridge, numeric; in user mode the host as guests see it. */
const char *network_load_address(const struct network *network);
struct network *network_close(struct network *network);

/* For back-ends. */

/* Takes the next free slot in turn; -EAGAIN when all are in use. */
int network_take_slot(struct network *network, struct error *err)
    __attribute__((warn_unused_result));
/* Removes the slot's tap or veth pair, if there is one; negative slots are ignored. */
void network_release_slot(struct network *network, int slot);

const char *network_format_mac(const struct network *network, int slot,
                               char text[NETWORK_TEXT_MAX]);
/* Where the load side and the control channel reach the slot: 10.b.c.slot, in user mode
 * 127.b.c.slot. */
const char *network_format_address(const struct network *network, int slot,
                                   char text[NETWORK_TEXT_MAX]);
/* The slot's address as the machine itself sees it: 10.b.c.slot in both modes. */
const char *network_format_inside(const struct network *network, int slot,
                                  char text[NETWORK_TEXT_MAX]);
/* The port there for `port` in the machine. Only user mode moves ports, those below 1024, which an
 * unprivileged user may not open: 22 is at 10022. */
uint16_t network_forward_port(const struct network *network, uint16_t port);
/* The ports that user mode forwards, 0-terminated. */
extern const uint16_t network_forwarded_ports[];

/* Makes the slot's tap device, up and plugged into the bridge, for a hypervisor to open by name in
 * the namespace. Bridge mode only. */
int network_add_tap(struct network *network, int slot, char out_name[NETWORK_TEXT_MAX],
                    struct error *err) __attribute__((warn_unused_result));
/* The same for a hypervisor that takes an open tap, of whole Ethernet frames alone: returns its
 * descriptor, the caller's to close. The device goes with its last user. Bridge mode only. */
int network_open_tap(struct network *network, int slot, struct error *err)
    __attribute__((warn_unused_result));
/* Takes a device that a hypervisor has made in the caller's namespace: moves it into the campaign's
 * and plugs it into the bridge. Its maker removes it. Bridge mode only. */
int network_take_device(struct network *network, int slot, const char *name, struct error *err)
    __attribute__((warn_unused_result));
/* Makes a network namespace with the slot's address on eth0, a veth pair into the bridge; returns
 * its descriptor, the caller's to close. Bridge mode only. */
int network_add_instance(struct network *network, int slot, struct error *err)
    __attribute__((warn_unused_result));
