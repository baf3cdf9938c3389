/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * namespaces: names for the disks of an NVMe controller that do not change from boot to boot.
 *
 * Since Linux 6.12 a controller's namespaces are looked at side by side, and /dev/nvme0n1 is the
 * one that answered first, whichever that is. The link /dev/nvme0-nsN leads to the device whose
 * namespace identifier (NVM Express Base Specification 2.0, 3.2.1.2) is N.
 */
#pragma once

#include <stdbool.h>

#define NAMESPACES_PREFIX "/dev/nvme0-ns"

/* Makes the links that are missing. Is there one for each active namespace of controller 0? No
 * controller yet, or none that can list them: false. */
bool namespaces_link(void);
