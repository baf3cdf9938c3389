/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int address_of_mac(const uint8_t mac[ADDRESS_MAC_BYTES], struct address *out_address)
{
    uint8_t last = mac[5];
    if (last < 2 || last > 254 || mac[0] & 1)
        return -EINVAL;
    *out_address = (struct address){
        .host = {10, mac[3], mac[4], last},
        .gateway = {10, mac[3], mac[4], 1},
    };
    return 0;
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)((at - digits) & 15) : -1;
}

int address_parse_mac(const char *text, uint8_t out_mac[ADDRESS_MAC_BYTES])
{
    uint8_t mac[ADDRESS_MAC_BYTES];
    if (strlen(text) != 3 * ADDRESS_MAC_BYTES - 1)
        return -EINVAL;
    for (int i = 0; i < ADDRESS_MAC_BYTES; i++, text += 3) {
        int high = hex_digit(text[0]);
        int low = hex_digit(text[1]);
        if (high < 0 || low < 0 || text[2] != (i == ADDRESS_MAC_BYTES - 1 ? '\0' : ':'))
            return -EINVAL;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(out_mac, mac, sizeof(mac));
    return 0;
}

const char *address_format(const uint8_t ipv4[4], char text[ADDRESS_TEXT_MAX])
{
    snprintf(text, ADDRESS_TEXT_MAX, "%u.%u.%u.%u", ipv4[0], ipv4[1], ipv4[2], ipv4[3]);
    return text;
}

const char *address_format_mac(const uint8_t mac[ADDRESS_MAC_BYTES], char text[ADDRESS_TEXT_MAX])
{
    snprintf(text, ADDRESS_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
    return text;
}
