/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define AUTHORITY_NAME "shop authority"
#define DAY_S (24L * 60 * 60)
enum { VERSION_3 = 2 };

static void key_cleanup(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static void x509_cleanup(X509 **certificate)
{
    X509_free(*certificate);
}
#define CLEANUP_KEY CLEANUP(key_cleanup)
#define CLEANUP_X509 CLEANUP(x509_cleanup)

struct extension {
    int id; /* NID_... */
    const char *value;
};

static const struct extension of_authority[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {0, NULL},
};

/* The host's name is added to them. */
static const struct extension of_server[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {0, NULL},
};

static int fail(const char *what, struct error *err)
{
    char text[256] = "";
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    ERR_clear_error();
    return error_set(err, ERROR_ENVIRONMENT, -EIO, "%s: %s", what, text);
}

static bool set_name(X509_NAME *name, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1,
                                      -1, 0) == 1;
}

static bool add_extension(X509 *certificate, X509 *issuer, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    bool is_good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_good;
}

static bool fill(X509 *certificate, long serial, const char *name, EVP_PKEY *key, unsigned days)
{
    return X509_set_version(certificate, VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S * (long)days) &&
           set_name(X509_get_subject_name(certificate), name) &&
           X509_set_pubkey(certificate, key) == 1;
}

/* issuer NULL: itself. host NULL: it is no server's. The caller frees it; NULL: failed. */
static X509 *make(long serial, const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                  const struct extension *extensions, const char *host, unsigned days)
{
    CLEANUP_X509 X509 *certificate = X509_new();
    X509 *signer = issuer ? issuer : certificate;
    if (!certificate || !fill(certificate, serial, name, key, days) ||
        X509_set_issuer_name(certificate, X509_get_subject_name(signer)) != 1)
        return NULL;
    for (; extensions->value; extensions++)
        if (!add_extension(certificate, signer, extensions->id, extensions->value))
            return NULL;
    CLEANUP_FREE char *names = host ? mem_printf("DNS:%s", host) : NULL;
    if (names && !add_extension(certificate, signer, NID_subject_alt_name, names))
        return NULL;
    return X509_sign(certificate, issuer_key, EVP_sha256()) > 0 ? TAKE_PTR(certificate) : NULL;
}

static int write_pem(const char *path, X509 *certificate, EVP_PKEY *key, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, key ? 0600 : 0644);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write '%s'", path);
    (void)TAKE_FD(fd);
    bool is_written = key ? PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1
                          : PEM_write_X509(file, certificate) == 1;
    if (fclose(file) != 0 || !is_written)
        return error_set(err, ERROR_ENVIRONMENT, -EIO, "write '%s': disk full?", path);
    return 0;
}

static int write_all(const struct certificate_options *options, X509 *authority, X509 *server,
                     EVP_PKEY *key, struct error *err)
{
    int rc = write_pem(options->ca_path, authority, NULL, err);
    rc = rc < 0 ? rc : write_pem(options->key_path, NULL, key, err);
    rc = rc < 0 ? rc : write_pem(options->cert_path, server, NULL, err);
    if (rc == 0)
        return 0;
    unlink(options->ca_path);
    unlink(options->key_path);
    unlink(options->cert_path);
    return rc;
}

int certificate_make(const struct certificate_options *options, struct error *err)
{
    CLEANUP_KEY EVP_PKEY *authority_key = EVP_EC_gen("P-256");
    CLEANUP_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!authority_key || !key)
        return fail("make keys", err);
    CLEANUP_X509 X509 *authority = make(1, AUTHORITY_NAME, authority_key, NULL, authority_key,
                                        of_authority, NULL, options->days);
    if (!authority)
        return fail("make the authority's certificate", err);
    CLEANUP_X509 X509 *server = make(2, options->host, key, authority, authority_key, of_server,
                                     options->host, options->days);
    if (!server)
        return fail("sign the certificate", err);
    return write_all(options, authority, server, key, err);
}
