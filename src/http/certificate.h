/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * certificate: a certificate authority for one purpose, and a server's certificate that it has
 * signed: P-256 keys, X.509 version 3 (RFC 5280). The authority's own key is never written.
 */
#pragma once

#include "base/error.h"

struct certificate_options {
    const char *host;      /* the server's name */
    const char *ca_path;   /* PEM, what clients trust */
    const char *cert_path; /* PEM, the server's */
    const char *key_path;  /* PEM, its private key, mode 0600 */
    unsigned days;         /* from now on, and one before */
};

/* Makes all three files; after an error none is there. */
int certificate_make(const struct certificate_options *options, struct error *err)
    __attribute__((warn_unused_result));
