/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/generate.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define DIRECT_ALIGN 4096

static void print_digest(SHA2_CTX *sha, uint64_t bytes, const char *name)
{
    char text[SHA256_DIGEST_STRING_LENGTH];
    SHA256End(sha, text);
    printf("%s %" PRIu64 " %s\n", text, bytes, name);
}

/* Digests up to limit bytes from fd; UINT64_MAX means all. -1 with errno set; -1 with errno 0 when
 * the input ends before limit. */
static int digest_fd(int fd, uint64_t limit, const char *name)
{
    void *block;
    if (posix_memalign(&block, DIRECT_ALIGN, BLOCK_BYTES) != 0)
        return -1;
    SHA2_CTX sha;
    SHA256Init(&sha);
    uint64_t done = 0;
    ssize_t got = 0;
    while (done < limit) {
        got = read(fd, block, BLOCK_BYTES); /* whole blocks: O_DIRECT wants them aligned */
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        uint64_t used = (uint64_t)got < limit - done ? (uint64_t)got : limit - done;
        SHA256Update(&sha, block, (size_t)used);
        done += used;
    }
    int code = errno;
    free(block);
    errno = got < 0 ? code : 0;
    if (got < 0 || (limit != UINT64_MAX && done < limit))
        return -1;
    print_digest(&sha, done, name);
    return 0;
}

static int complain_read(const char *name)
{
    if (errno)
        return runner_complain("read", name);
    fprintf(stderr, "vtax-guest: read '%s': it is shorter than --bytes\n", name);
    return 1;
}

int runner_digest(const struct runner_arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        const char *name = arguments->operands[i];
        int fd = open(name, O_RDONLY | O_CLOEXEC | (arguments->direct ? O_DIRECT : 0));
        if (fd < 0)
            return runner_complain("open", name);
        int rc = digest_fd(fd, arguments->bytes, name);
        if (rc < 0)
            complain_read(name);
        close(fd);
        if (rc < 0)
            return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int runner_digest_output(const struct runner_arguments *arguments)
{
    char **argv = arguments->operands;
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t files;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return runner_complain("make a pipe for", argv[0]);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    errno = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (errno)
        return runner_complain("start", argv[0]);
    close(ends[1]);
    if (digest_fd(ends[0], UINT64_MAX, argv[0]) < 0)
        return runner_complain("read the output of", argv[0]);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return runner_complain("wait for", argv[0]);
    return status == 0 && fflush(stdout) == 0 ? 0 : 1;
}

static int write_data(int fd, uint64_t seed, uint64_t bytes, const char *name)
{
    struct generator *generator = malloc(sizeof(*generator));
    char *block = malloc(BLOCK_BYTES);
    SHA2_CTX sha;
    int rc = generator && block ? 0 : -1;
    if (rc == 0)
        generator_init(generator, seed);
    SHA256Init(&sha);
    for (uint64_t left = bytes; left > 0 && rc == 0;) {
        size_t length = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        generator_fill(generator, block, length);
        SHA256Update(&sha, (const uint8_t *)block, length);
        rc = runner_write(fd, block, length);
        left -= length;
    }
    free(generator);
    free(block);
    if (rc == 0)
        print_digest(&sha, bytes, name);
    return rc;
}

int runner_generate(const struct runner_arguments *arguments)
{
    const char *name = arguments->operands[0];
    if (arguments->bytes == UINT64_MAX) {
        fprintf(stderr, "vtax-guest: generate: --bytes is missing\n");
        return 2;
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return runner_complain("create", name);
    /* Written back now, so that the measurement that follows does not pay for it. */
    if (write_data(fd, arguments->seed, arguments->bytes, name) < 0 ||
        (fsync(fd) < 0 && errno != EINVAL) || close(fd) < 0)
        return runner_complain("write", name);
    return fflush(stdout) == 0 ? 0 : 1;
}
