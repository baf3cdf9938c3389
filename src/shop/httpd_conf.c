/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/httpd_conf.h"

#include <inttypes.h>
#include <string.h>

#include "base/strbuf.h"
#include "shop/model.h"

#define THREADS 64
#define PROCESSES_MAX 16
#define CONNECTIONS_PER_SESSION 2

struct httpd_size httpd_size_for(uint32_t sessions, unsigned vcpus)
{
    struct httpd_size size = {.threads = THREADS};
    uint64_t connections = (uint64_t)sessions * CONNECTIONS_PER_SESSION;
    size.processes = vcpus < 1 ? 1 : vcpus > PROCESSES_MAX ? PROCESSES_MAX : vcpus;
    /* A process that waits for a lock must not stop all: two at least. */
    if (size.processes < 2)
        size.processes = 2;
    size.factor = 2 + (unsigned)(4 * connections / (size.processes * size.threads));
    return size;
}

static void add_modules(struct strbuf *conf, const struct deploy_options *o)
{
    static const char *const plain[] = {"mpm_event", "authz_core", "mime"};
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        strbuf_addf(conf, "LoadModule %s_module %s/mod_%s.so\n", plain[i], o->apache_modules,
                    plain[i]);
    if (o->authority)
        strbuf_addf(conf, "LoadModule ssl_module %s/mod_ssl.so\n", o->apache_modules);
    strbuf_addf(conf, "LoadModule shop_module %s/mod_shop.so\n", o->root);
}

static void add_listener(struct strbuf *conf, const struct deploy_options *o, uint16_t port)
{
    bool v6 = strchr(o->address, ':') != NULL;
    if (*o->address)
        strbuf_addf(conf, "Listen %s%s%s:%u\n", v6 ? "[" : "", o->address, v6 ? "]" : "", port);
    else
        strbuf_addf(conf, "Listen %u\n", port);
}

static void add_size(struct strbuf *conf, const struct deploy_options *o)
{
    struct httpd_size size = httpd_size_for(o->sessions_served, o->vcpus);
    unsigned workers = size.processes * size.threads;
    strbuf_addf(conf,
                "ServerLimit %u\nStartServers %u\nThreadsPerChild %u\nThreadLimit %u\n"
                "MaxRequestWorkers %u\nMinSpareThreads 1\nMaxSpareThreads %u\n"
                "AsyncRequestWorkerFactor %u\nMaxConnectionsPerChild 0\nListenBackLog 4096\n",
                size.processes, size.processes, size.threads, size.threads, workers, workers,
                size.factor);
}

static void add_shop(struct strbuf *conf, const struct deploy_options *o)
{
    strbuf_addf(conf,
                "ShopBackEnd %s\nShopSeed %" PRIu64 "\nShopSessions %" PRIu32
                "\nShopDirectories %" PRIu32 "\nShopSecureBase https://" SHOP_HOST ":%u\n"
                "<Location \"/shop/\">\nSetHandler shop\n</Location>\n",
                o->back_end, o->seed, o->sessions, o->directories_per_session, o->https_port);
}

static void add_tls(struct strbuf *conf, const struct deploy_options *o)
{
    strbuf_addf(conf,
                "<VirtualHost *:%u>\nServerName " SHOP_HOST ":%u\nSSLEngine on\n"
                "SSLProtocol -all +TLSv1.3\nSSLSessionTickets on\n"
                "SSLCertificateFile \"%s/shop.pem\"\nSSLCertificateKeyFile \"%s/shop.key\"\n"
                "</VirtualHost>\n",
                o->https_port, o->https_port, o->root, o->root);
}

char *httpd_conf_format(const struct deploy_options *o)
{
    CLEANUP_STRBUF struct strbuf conf;
    strbuf_init(&conf);
    strbuf_addf(&conf,
                "ServerRoot \"%s\"\nDefaultRuntimeDir \"%s\"\nPidFile \"%s/httpd.pid\"\n"
                "DocumentRoot \"%s/files\"\nErrorLog \"%s/error.log\"\nLogLevel warn\n"
                "ServerName " SHOP_HOST "\nServerTokens Prod\nServerSignature Off\n",
                o->root, o->root, o->root, o->root, o->root);
    add_modules(&conf, o);
    strbuf_adds(&conf, "User www-data\nGroup www-data\n");
    add_listener(&conf, o, o->http_port);
    if (o->authority)
        add_listener(&conf, o, o->https_port);
    add_size(&conf, o);
    strbuf_adds(&conf, "KeepAlive On\nKeepAliveTimeout 15\nMaxKeepAliveRequests 0\nTimeout 60\n"
                       "HostnameLookups Off\nUseCanonicalName Off\nTraceEnable Off\n"
                       "EnableMMAP Off\nEnableSendfile On\n"
                       "TypesConfig /dev/null\nAddType image/gif .gif\nAddType image/jpeg .jpg\n");
    if (!o->no_access_log)
        strbuf_addf(&conf,
                    "LogFormat \"%%{local}p %%>s %%B %%I %%O %%D \\\"%%r\\\"\" shop\n"
                    "CustomLog \"%s/access.log\" shop\n",
                    o->root);
    strbuf_addf(&conf,
                "<Directory />\nRequire all denied\nAllowOverride None\n</Directory>\n"
                "<Directory \"%s/files\">\nOptions FollowSymLinks\nRequire all granted\n"
                "</Directory>\n",
                o->root);
    add_shop(&conf, o);
    if (o->authority)
        add_tls(&conf, o);
    return strbuf_take(&conf);
}
