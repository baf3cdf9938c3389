/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * authority: the campaign's own certificate authority and the shop's certificate. P-256 keys; the
 * certificate is for the name SHOP_HOST, so that one serves all machines whatever their addresses.
 */
#pragma once

#include "base/error.h"
#include "base/mem.h"

struct authority {
    char *ca_path;   /* PEM certificate, what clients trust */
    char *cert_path; /* PEM certificate of the shop */
    char *key_path;  /* PEM private key of the shop, mode 0600 */
};

/* Makes them in directory (which exists), or finds those that an earlier call made there. The
 * authority's own key is never written. */
int authority_open(const char *directory, struct authority **out_authority, struct error *err)
    __attribute__((warn_unused_result));
struct authority *authority_free(struct authority *authority);
DEFINE_CLEANUP(struct authority *, authority_free);
