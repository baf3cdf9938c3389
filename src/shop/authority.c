/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/authority.h"

#include "base/file.h"
#include "http/certificate.h"
#include "shop/model.h"

#define DAYS 3650

int authority_open(const char *directory, struct authority **out_authority, struct error *err)
{
    CLEANUP(authority_free_cleanup) struct authority *authority = mem_zalloc(sizeof(*authority));
    authority->ca_path = mem_printf("%s/shop-ca.pem", directory);
    authority->cert_path = mem_printf("%s/shop.pem", directory);
    authority->key_path = mem_printf("%s/shop.key", directory);
    const struct certificate_options options = {.host = SHOP_HOST,
                                                .ca_path = authority->ca_path,
                                                .cert_path = authority->cert_path,
                                                .key_path = authority->key_path,
                                                .days = DAYS};
    if (!file_exists(authority->cert_path) && certificate_make(&options, err) < 0)
        return error_prefix(err, "make the shop's certificate in '%s'", directory);
    *out_authority = TAKE_PTR(authority);
    return 0;
}

struct authority *authority_free(struct authority *authority)
{
    if (!authority)
        return NULL;
    free(authority->ca_path);
    free(authority->cert_path);
    free(authority->key_path);
    free(authority);
    return NULL;
}
