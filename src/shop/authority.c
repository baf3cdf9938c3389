/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/authority.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "shop/model.h"

#define TIMEOUT_NS (60 * NS_PER_S)
#define DAYS "3650"

struct paths {
    char *ca_key;
    char *request;
    char *extensions;
};

static void paths_cleanup(struct paths *paths)
{
    char *const all[] = {paths->ca_key, paths->request, paths->extensions};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i])
            unlink(all[i]);
        free(all[i]);
    }
}

static int make_ca(const struct authority *authority, const struct paths *paths, struct error *err)
{
    const char *const argv[] = {"openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:P-256",
                                "-sha256",
                                "-nodes",
                                "-days",
                                DAYS,
                                "-subj",
                                "/CN=shop authority",
                                "-addext",
                                "basicConstraints=critical,CA:TRUE,pathlen:0",
                                "-addext",
                                "keyUsage=critical,keyCertSign,cRLSign",
                                "-keyout",
                                paths->ca_key,
                                "-out",
                                authority->ca_path,
                                NULL};
    return process_check(argv, TIMEOUT_NS, NULL, err);
}

static int make_request(const struct authority *authority, const struct paths *paths,
                        struct error *err)
{
    const char *const argv[] = {"openssl",
                                "req",
                                "-new",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:P-256",
                                "-sha256",
                                "-nodes",
                                "-subj",
                                "/CN=" SHOP_HOST,
                                "-keyout",
                                authority->key_path,
                                "-out",
                                paths->request,
                                NULL};
    return process_check(argv, TIMEOUT_NS, NULL, err);
}

static int sign(const struct authority *authority, const struct paths *paths, struct error *err)
{
    static const char extensions[] = "basicConstraints=critical,CA:FALSE\n"
                                     "keyUsage=critical,digitalSignature\n"
                                     "extendedKeyUsage=serverAuth\n"
                                     "subjectAltName=DNS:" SHOP_HOST "\n";
    const char *const argv[] = {"openssl",     "x509",
                                "-req",        "-sha256",
                                "-days",       DAYS,
                                "-in",         paths->request,
                                "-CA",         authority->ca_path,
                                "-CAkey",      paths->ca_key,
                                "-set_serial", "2",
                                "-extfile",    paths->extensions,
                                "-out",        authority->cert_path,
                                NULL};
    int rc = file_write_atomic(paths->extensions, extensions, sizeof(extensions) - 1, 0600, err);
    return rc < 0 ? rc : process_check(argv, TIMEOUT_NS, NULL, err);
}

static int make_all(const char *directory, const struct authority *authority, struct error *err)
{
    CLEANUP(paths_cleanup)
    struct paths paths = {
        .ca_key = mem_printf("%s/shop-ca.key", directory),
        .request = mem_printf("%s/shop.request", directory),
        .extensions = mem_printf("%s/shop.extensions", directory),
    };
    int rc = make_ca(authority, &paths, err);
    if (rc == 0)
        rc = make_request(authority, &paths, err);
    if (rc == 0)
        rc = sign(authority, &paths, err);
    if (rc == 0 && chmod(authority->key_path, 0600) < 0)
        rc = error_set_errno(err, ERROR_ENVIRONMENT, -errno, "protect '%s'", authority->key_path);
    if (rc < 0)
        unlink(authority->cert_path); /* it is the sign that all are there */
    return rc;
}

int authority_open(const char *directory, struct authority **out_authority, struct error *err)
{
    CLEANUP(authority_free_cleanup) struct authority *authority = mem_zalloc(sizeof(*authority));
    authority->ca_path = mem_printf("%s/shop-ca.pem", directory);
    authority->cert_path = mem_printf("%s/shop.pem", directory);
    authority->key_path = mem_printf("%s/shop.key", directory);
    if (!file_exists(authority->cert_path)) {
        int rc = make_all(directory, authority, err);
        if (rc < 0)
            return error_prefix(err, "make the shop's certificate in '%s'", directory);
    }
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
