/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shop/deploy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "shop/address.h"
#include "shop/fileset.h"
#include "shop/httpd_conf.h"
#include "shop/model.h"
#include "shop/module_bytes.h"

#define CERTIFICATE_MAX 65536

/* These names go into a configuration file, so nothing in them may mean anything there. */
static bool is_plain_path(const char *path)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    return path[0] == '/' && strspn(path, allowed) == strlen(path) && strlen(path) < 256;
}

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return !*text || inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static void set_defaults(struct deploy_options *o)
{
    o->vcpus = o->vcpus ? o->vcpus : 1;
    o->root = o->root ? o->root : DEPLOY_ROOT;
    o->address = o->address ? o->address : "";
    o->http_port = o->http_port ? o->http_port : DEPLOY_HTTP_PORT;
    o->https_port = o->https_port ? o->https_port : DEPLOY_HTTPS_PORT;
    o->apache = o->apache ? o->apache : "/usr/sbin/apache2";
    o->apache_modules = o->apache_modules ? o->apache_modules : "/usr/lib/apache2/modules";
    o->sessions_served = o->sessions_served ? o->sessions_served : o->sessions;
    if (o->directories_per_session == 0)
        o->directories_per_session = SHOP_DIRECTORIES_PER_SESSION;
}

static int check_options(const struct deploy_options *o, struct shop_world *world,
                         struct error *err)
{
    struct shop_address back_end;
    const char *const paths[] = {o->root, o->apache, o->apache_modules, o->guest_program};
    if (shop_module_end - shop_module == 0)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                         "deploy the shop: this program was built without the Apache module; "
                         "install apache2-dev and build again");
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        if (!is_plain_path(paths[i]))
            return error_set(err, ERROR_USAGE, -EINVAL,
                             "deploy the shop: '%s' is not an absolute path of letters, digits and "
                             "/._-",
                             paths[i]);
    if (!shop_address_parse(o->back_end, &back_end))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "deploy the shop: back end '%s' is not a numeric ADDRESS:PORT",
                         o->back_end);
    if (!is_address(o->address))
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "deploy the shop: '%s' is not a numeric address", o->address);
    if (o->http_port == o->https_port)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "deploy the shop: port %u for both plain and TLS", o->http_port);
    if (shop_world_init(world, o->seed, o->sessions, o->directories_per_session) < 0)
        return error_set(err, ERROR_USAGE, -ERANGE,
                         "deploy the shop: %" PRIu32 " sessions with %" PRIu32
                         " directories each: at least 1 session and at most %d directories in all",
                         o->sessions, o->directories_per_session, SHOP_DIRECTORIES_MAX);
    return 0;
}

static void add_file(struct deploy *deploy, char *path, const void *bytes, size_t length,
                     unsigned mode)
{
    deploy->files[deploy->file_count++] = (struct deploy_file){path, bytes, length, mode};
}

static int add_pem(struct deploy *deploy, const char *from, char *path, unsigned mode, size_t slot,
                   struct error *err)
{
    size_t length = 0;
    int rc = file_read(from, CERTIFICATE_MAX, &deploy->owned[slot], &length, err);
    if (rc < 0) {
        free(path);
        return error_prefix(err, "deploy the shop");
    }
    add_file(deploy, path, deploy->owned[slot], length, mode);
    return 0;
}

static int add_files(struct deploy *deploy, const struct deploy_options *o, struct error *err)
{
    deploy->owned[0] = httpd_conf_format(o);
    add_file(deploy, mem_printf("%s/httpd.conf", o->root), deploy->owned[0],
             strlen(deploy->owned[0]), 0644);
    add_file(deploy, mem_printf("%s/mod_shop.so", o->root), shop_module,
             (size_t)(shop_module_end - shop_module), 0755);
    if (!o->authority)
        return 0;
    int rc =
        add_pem(deploy, o->authority->cert_path, mem_printf("%s/shop.pem", o->root), 0644, 1, err);
    if (rc < 0)
        return rc;
    return add_pem(deploy, o->authority->key_path, mem_printf("%s/shop.key", o->root), 0600, 2,
                   err);
}

/* Copies arguments up to the NULL, after those that are there. */
static void add_arguments(struct deploy_command *command, const char *const *arguments)
{
    size_t at = 0;
    while (command->argv[at])
        at++;
    while (*arguments && at < DEPLOY_ARGUMENTS_MAX - 1)
        command->argv[at++] = mem_strdup(*arguments++);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void add_commands(struct deploy *deploy, const struct deploy_options *o)
{
    CLEANUP_FREE char *conf = mem_printf("%s/httpd.conf", o->root);
    CLEANUP_FREE char *files = mem_printf("%s/files", o->root);
    CLEANUP_FREE char *seed = mem_printf("%" PRIu64, o->seed);
    CLEANUP_FREE char *sessions = mem_printf("%" PRIu32, o->sessions);
    CLEANUP_FREE char *directories = mem_printf("%" PRIu32, o->directories_per_session);
    add_arguments(&deploy->make_directory, ARGUMENTS("mkdir", "-p", o->root));
    add_arguments(&deploy->generate,
                  ARGUMENTS(o->guest_program, "shop-files", "--seed", seed, "--sessions", sessions,
                            "--directories", directories, files));
    /* Each connection is a descriptor; the usual limit is 1024. */
    add_arguments(&deploy->start,
                  ARGUMENTS("sh", "-c",
                            "ulimit -n 1000000 2>/dev/null || ulimit -n \"$(ulimit -H -n)\"; "
                            "exec \"$@\"",
                            "sh"));
    if (o->cpus)
        add_arguments(&deploy->start, ARGUMENTS("taskset", "-c", o->cpus));
    /* 33 is www-data in every Debian. */
    if (o->one_user)
        add_arguments(&deploy->start,
                      ARGUMENTS("unshare", "--user", "--map-user=33", "--map-group=33"));
    add_arguments(&deploy->start, ARGUMENTS(o->apache, "-f", conf, "-k", "start"));
    /* The server takes its process number's file away when it has ended; a killed one does not. */
    CLEANUP_FREE char *pid_file = mem_printf("%s/httpd.pid", o->root);
    add_arguments(&deploy->stop,
                  ARGUMENTS("sh", "-c",
                            "file=$1; shift; \"$@\" && "
                            "while kill -0 \"$(cat \"$file\")\"; do sleep 0.05; done 2>/dev/null",
                            "sh", pid_file, o->apache, "-f", conf, "-k", "stop"));
}

int deploy_make(const struct deploy_options *options, struct deploy **out_deploy, struct error *err)
{
    struct deploy_options o = *options;
    struct shop_world world;
    CLEANUP(deploy_free_cleanup) struct deploy *deploy = mem_zalloc(sizeof(*deploy));
    set_defaults(&o);
    int rc = check_options(&o, &world, err);
    if (rc == 0)
        rc = add_files(deploy, &o, err);
    if (rc < 0)
        return rc;
    add_commands(deploy, &o);
    deploy->error_log = mem_printf("%s/error.log", o.root);
    deploy->access_log = o.no_access_log ? NULL : mem_printf("%s/access.log", o.root);
    deploy->fileset_bytes = fileset_bytes(&world);
    *out_deploy = TAKE_PTR(deploy);
    return 0;
}

static void free_command(struct deploy_command *command)
{
    for (size_t i = 0; command->argv[i]; i++)
        free((char *)command->argv[i]);
}

struct deploy *deploy_free(struct deploy *deploy)
{
    if (!deploy)
        return NULL;
    for (size_t i = 0; i < deploy->file_count; i++)
        free(deploy->files[i].path);
    for (size_t i = 0; i < COUNT_OF(deploy->owned); i++)
        free(deploy->owned[i]);
    free_command(&deploy->make_directory);
    free_command(&deploy->generate);
    free_command(&deploy->start);
    free_command(&deploy->stop);
    free(deploy->access_log);
    free(deploy->error_log);
    free(deploy);
    return NULL;
}
