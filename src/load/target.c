/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

/* What a process has open besides connections, and what each thread adds. */
enum { FILES_SPARE = 64, FILES_PER_THREAD = 8 };

/* Of the ports of one address so many per cent are planned with: others are in use, or wait. */
enum { PORTS_USABLE_PERCENT = 80 };

bool target_is_loopback(const union loop_address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
}

static int resolve(const struct url *url, union loop_address *out_address, struct error *err)
{
    char port[8];
    snprintf(port, sizeof(port), "%u", url->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    int rc = getaddrinfo(url->host, port, &hints, &found);
    if (rc != 0)
        return error_set(err, ERROR_USAGE, -EHOSTUNREACH, "resolve '%s': %s", url->host,
                         rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    memset(out_address, 0, sizeof(*out_address));
    memcpy(out_address, found->ai_addr,
           found->ai_addrlen < sizeof(*out_address) ? found->ai_addrlen : sizeof(*out_address));
    freeaddrinfo(found);
    return 0;
}

static int check_allowed(const struct target *target, const struct target_options *options,
                         struct error *err)
{
    if (options->allow_remote || options->in_namespace || target_is_loopback(&target->remote))
        return 0;
    return error_set(err, ERROR_USAGE, -EPERM,
                     "target '%s' is not on this machine's loopback: load on other machines needs "
                     "--allow-remote and their owner's consent",
                     target->url.host);
}

static int raise_file_limit(const struct target_options *options, struct error *err)
{
    uint64_t needed =
        options->connections + FILES_SPARE + (uint64_t)options->threads * FILES_PER_THREAD;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read the limit of open files");
    if (limit.rlim_cur >= needed)
        return 0;
    uint64_t hard = limit.rlim_max;
    limit.rlim_cur = needed;
    if (needed > hard)
        limit.rlim_max = needed; /* root may */
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -EMFILE,
                     "%" PRIu64 " connections need %" PRIu64
                     " open files, and the hard limit is %" PRIu64
                     ": raise it ('ulimit -Hn %" PRIu64 "' as root, LimitNOFILE= in a unit, nofile "
                     "in limits.conf, and fs.nr_open above it)",
                     options->connections, needed, hard, needed);
}

static uint64_t count_ports(void)
{
    CLEANUP_FREE char *text = NULL;
    unsigned lo, hi;
    if (file_read("/proc/sys/net/ipv4/ip_local_port_range", 64, &text, NULL, NULL) < 0 ||
        sscanf(text, "%u %u", &lo, &hi) != 2 || hi < lo)
        return 28232; /* the kernel's own default */
    return hi - lo + 1;
}

static int plan_sources(struct target *target, const struct target_options *options,
                        struct error *err)
{
    uint64_t ports = count_ports() * PORTS_USABLE_PERCENT / 100;
    uint64_t needed = (options->connections + ports - 1) / ports;
    target->connections_per_source = ports;
    if (needed <= 1)
        return 0;
    bool spreadable = target->remote.any.sa_family == AF_INET &&
                      target_is_loopback(&target->remote) && !options->source;
    if (!spreadable || needed > TARGET_SOURCES_MAX)
        return error_set(err, ERROR_ENVIRONMENT, -EADDRNOTAVAIL,
                         "%" PRIu64 " connections to one address need more local ports than the "
                         "%" PRIu64 " that can be counted on: widen them ('sysctl "
                         "net.ipv4.ip_local_port_range=\"1024 65535\"'), or use fewer connections "
                         "or several targets",
                         options->connections, ports);
    target->source_count = (unsigned)needed;
    for (unsigned i = 0; i < target->source_count; i++) {
        target->sources[i].v4.sin_family = AF_INET;
        target->sources[i].v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
    }
    return 0;
}

static int parse_source(struct target *target, const char *text, struct error *err)
{
    union loop_address *source = &target->sources[0];
    if (inet_pton(AF_INET, text, &source->v4.sin_addr) == 1)
        source->any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &source->v6.sin6_addr) == 1)
        source->any.sa_family = AF_INET6;
    if (source->any.sa_family != target->remote.any.sa_family)
        return error_set(err, ERROR_USAGE, -EINVAL,
                         "source '%s' is not an address of the target's family", text);
    target->source_count = 1;
    return 0;
}

int target_prepare(const struct url *url, const struct target_options *options,
                   struct target *out_target, struct error *err)
{
    struct target target = {.url = *url};
    int rc = resolve(url, &target.remote, err);
    rc = rc < 0 ? rc : check_allowed(&target, options, err);
    if (rc == 0 && options->source)
        rc = parse_source(&target, options->source, err);
    rc = rc < 0 ? rc : raise_file_limit(options, err);
    rc = rc < 0 ? rc : plan_sources(&target, options, err);
    if (rc == 0)
        *out_target = target;
    return rc;
}

union loop_address target_source(const struct target *target, uint64_t connection)
{
    if (target->source_count == 0)
        return (union loop_address){0};
    uint64_t source = connection / target->connections_per_source;
    return target->sources[source % target->source_count];
}

static ino_t namespace_inode(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

int target_enter_namespace(const char *path, bool *out_own, struct error *err)
{
    ino_t before = namespace_inode("/proc/thread-self/ns/net");
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_USAGE, -errno, "open network namespace '%s'", path);
    if (setns(fd, CLONE_NEWNET) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "enter network namespace '%s'",
                               path);
    *out_own = namespace_inode("/proc/thread-self/ns/net") != before;
    return 0;
}
