/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libvirt_door: the connection to libvirt, by default its QEMU driver inside this process
 * (qemu:///embed): no daemon, files in a directory of this process's own.
 */
#pragma once

#include <libvirt/libvirt.h>
#include <sched.h>

#include "base/error.h"

struct libvirt_door {
    virConnectPtr connection;
    char *root; /* of the in-process driver; NULL with another URI */
};

/* Is the in-process driver there, with all that it wants? Opens nothing. */
int libvirt_door_probe(struct error *err) __attribute__((warn_unused_result));

/* Does a libvirt of this host answer there? Another host's would not have the images. */
int libvirt_door_probe_uri(const char *uri, struct error *err) __attribute__((warn_unused_result));

/* uri NULL: the in-process driver. Several may be open at once; they share one driver. */
int libvirt_door_open(const char *uri, struct libvirt_door *out_door, struct error *err)
    __attribute__((warn_unused_result));
void libvirt_door_close(struct libvirt_door *door);

/* Sets err from libvirt's last error of this thread: "WHAT: message". */
int libvirt_fail(struct error *err, const char *what);

/* Pins the calling thread to one CPU, always the same: on some hosts CPUs identify themselves
 * differently, upon which libvirt would examine QEMU again (4 s). Undo with libvirt_door_unpin().
 */
struct libvirt_pin {
    cpu_set_t before;
    int pinned;
};
void libvirt_door_pin(struct libvirt_pin *pin);
void libvirt_door_unpin(struct libvirt_pin *pin);
