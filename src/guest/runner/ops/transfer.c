/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/ops/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK ((size_t)4096)
#define CHUNK ((size_t)1 << 20)
#define FILE_BYTES ((size_t)16 << 20)

/* Random bytes, which no layer below can compress or keep once. */
static int fill_file(struct bench *bench, int fd)
{
    for (size_t at = 0; at < FILE_BYTES; at += CHUNK) {
        for (size_t i = 0; i < CHUNK; i += sizeof(uint64_t))
            *(uint64_t *)(bench->memory + i) = bench_random(bench);
        ssize_t done = pwrite(fd, bench->memory, CHUNK, (off_t)at);
        if (done >= 0 && (size_t)done < CHUNK)
            errno = ENOSPC;
        if (done < (ssize_t)CHUNK)
            return bench_complain(bench, "write the file for the disk");
    }
    return fsync(fd) < 0 ? bench_complain(bench, "fsync") : 0;
}

/* fds[0]: O_DIRECT; fds[1]: O_DIRECT and O_DSYNC. The file has no name any more. */
int bench_disk_open(struct bench *bench)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/vtax-ops.%d", bench->directory, getpid());
    int flags = O_RDWR | O_DIRECT | O_CLOEXEC;
    bench->fds[0] = open(path, flags | O_CREAT | O_EXCL, 0600);
    if (bench->fds[0] >= 0)
        bench->fds[1] = open(path, flags | O_DSYNC);
    int code = errno;
    unlink(path);
    errno = code;
    if (bench->fds[0] < 0 || bench->fds[1] < 0) {
        snprintf(path, sizeof(path), "open a file with O_DIRECT in '%.100s'", bench->directory);
        return bench_complain(bench, path);
    }
    return fill_file(bench, bench->fds[0]);
}

static off_t random_offset(struct bench *bench)
{
    return (off_t)(bench_random(bench) % (FILE_BYTES / BLOCK) * BLOCK);
}

int64_t bench_disk_read(struct bench *bench, uint64_t count)
{
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        if (pread(bench->fds[0], bench->memory, BLOCK, random_offset(bench)) != (ssize_t)BLOCK)
            return bench_complain(bench, "read the disk");
    return bench_now() - start;
}

int64_t bench_disk_write(struct bench *bench, uint64_t count)
{
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        if (pwrite(bench->fds[1], bench->memory, BLOCK, random_offset(bench)) != (ssize_t)BLOCK)
            return bench_complain(bench, "write to the disk");
    return bench_now() - start;
}

/* fds[0]: where it listens; fds[1]: our end of the connection. */
static void answer(struct bench *bench)
{
    char byte;
    int one = 1;
    int fd = accept(bench->fds[0], NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    while (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
        ;
}

int bench_tcp_open(struct bench *bench)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    bench->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bench->fds[0] < 0 || bind(bench->fds[0], (struct sockaddr *)&address, length) < 0 ||
        listen(bench->fds[0], 1) < 0 ||
        getsockname(bench->fds[0], (struct sockaddr *)&address, &length) < 0)
        return bench_complain(bench, "listen at 127.0.0.1");
    if (bench_fork(bench, answer) < 0)
        return -1;
    bench->fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bench->fds[1] < 0 || connect(bench->fds[1], (struct sockaddr *)&address, length) < 0 ||
        setsockopt(bench->fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
        return bench_complain(bench, "connect to 127.0.0.1");
    return 0;
}

int64_t bench_tcp(struct bench *bench, uint64_t count)
{
    char byte = 0;
    int64_t start = bench_now();
    for (uint64_t i = 0; i < count; i++)
        if (send(bench->fds[1], &byte, 1, MSG_NOSIGNAL) != 1 ||
            recv(bench->fds[1], &byte, 1, 0) != 1)
            return bench_complain(bench, "pass a byte by TCP");
    return bench_now() - start;
}
