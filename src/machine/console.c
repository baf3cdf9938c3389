/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define TAIL_BYTES 4096

/* Behind an escape sequence that begins at `at` (ECMA-48, 5.4: colours, cursor moves); at + 1 where
 * it is none. */
static const char *skip_sequence(const char *at)
{
    if (at[1] != '[')
        return at + 1;
    const char *end = at + 2;
    while (*end >= ' ' && *end < '@')
        end++;
    return *end >= '@' && *end <= '~' ? end + 1 : end;
}

/* Leaves text that a terminal cannot take for commands. */
static void clean(char *text)
{
    char *out = text;
    for (const char *at = text; *at;) {
        if (*at == '\033') {
            at = skip_sequence(at);
            continue;
        }
        bool is_control = ((unsigned char)*at < ' ' && *at != '\n') || *at == 127;
        *out++ = is_control ? ' ' : *at;
        at++;
    }
    *out = '\0';
}

char *console_read_tail(const char *path)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0)
        return NULL;
    CLEANUP_FREE char *text = mem_alloc(TAIL_BYTES + 1);
    off_t start = status.st_size > TAIL_BYTES ? status.st_size - TAIL_BYTES : 0;
    ssize_t got = pread(fd, text, TAIL_BYTES, start);
    if (got <= 0)
        return NULL;
    text[got] = '\0';
    for (ssize_t i = 0; i < got; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    clean(text);
    const char *newline = start > 0 ? strchr(text, '\n') : NULL;
    return newline ? mem_strdup(newline + 1) : TAKE_PTR(text); /* whole lines only */
}

char *console_read_last_line(const char *path)
{
    CLEANUP_FREE char *text = console_read_tail(path);
    if (!text)
        return NULL;
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
        text[--length] = '\0';
    const char *newline = strrchr(text, '\n');
    return length ? mem_strdup(newline ? newline + 1 : text) : NULL;
}

const char *console_find_death(const char *text, size_t *out_length)
{
    /* A soft lockup is not among them: on a crowded host it means no more than that the guest had
     * to wait for a CPU. */
    static const char *const signs[] = {
        "Kernel panic - not syncing", "Oops: ",        "BUG: unable to handle", "BUG: kernel NULL",
        "general protection fault",   "kernel BUG at", "hard LOCKUP",
    };
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        const char *at = strstr(text, signs[i]);
        if (!at)
            continue;
        while (at > text && at[-1] != '\n')
            at--;
        *out_length = strcspn(at, "\n");
        return at;
    }
    return NULL;
}

int console_look(const char *path, off_t *position,
                 const char *(*find)(const char *text, size_t *out_length), char **out_line)
{
    enum { CHUNK = 65536, OVERLAP = 256 };
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP_FREE char *text = mem_alloc(CHUNK + 1);
    for (ssize_t got = CHUNK; fd >= 0 && got == CHUNK;) {
        off_t from = *position > OVERLAP ? *position - OVERLAP : 0;
        got = pread(fd, text, CHUNK, from);
        if (got <= 0)
            return 0;
        *position = from + got;
        for (ssize_t i = 0; i < got; i++)
            text[i] = text[i] ? text[i] : ' ';
        text[got] = '\0';
        size_t length;
        const char *line = find(text, &length);
        if (!line)
            continue;
        *position = from + (line - text); /* it is found by who looks again */
        *out_line = mem_strndup(line, length);
        return 1;
    }
    return 0;
}

int console_check(const char *path, off_t *position, struct error *err)
{
    CLEANUP_FREE char *line = NULL;
    if (console_look(path, position, console_find_death, &line) == 0)
        return 0;
    return error_set(err, ERROR_FAILED, -EPIPE, "its kernel died: %s", line);
}
