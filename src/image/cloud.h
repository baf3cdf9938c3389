/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cloud: the texts of a cloud-init seed (NoCloud data source), for a user's own disk image.
 */
#pragma once

#include "base/error.h"

#include "image/image.h"

/* user-data: lets the key in as root, sets the machine's host key and says IMAGE_READY_TEXT on the
 * console. All texts are the caller's to free. */
char *cloud_format_user_data(const char *authorized_key, const char *host_key_private,
                             const char *host_key_public);

char *cloud_format_meta_data(const char *hostname);

/* network-config: the address that the MAC address stands for, fixed, so that the machine waits for
 * no DHCP server. -EINVAL for a MAC address that is none. */
int cloud_format_network_config(const char *mac, char **out_text)
    __attribute__((warn_unused_result));

/* Reads what `qemu-img info --output=json` says: 0 and the format ("raw" or "qcow2"), or what is
 * wrong with it. *out_backing: the backing file, the caller's to free, or NULL. */
int cloud_parse_info(const char *json, size_t length, const char **out_format, char **out_backing,
                     struct error *err) __attribute__((warn_unused_result));
