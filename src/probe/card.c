/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/card.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)1 << 20)
#define FDINFO_MAX ((size_t)1 << 16)
#define TAP_KEY "iff:"

/* The line that starts with it, without blanks before; NULL: there is none. */
static char *find_line(char *text, const char *start)
{
    for (char *line; (line = strsep(&text, "\n"));) {
        line += strspn(line, " \t");
        if (strncmp(line, start, strlen(start)) == 0)
            return line + strlen(start);
    }
    return NULL;
}

int card_parse_tap(const char *text, size_t length, char out_name[CARD_NAME_MAX])
{
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    const char *rest = find_line(copy, TAP_KEY);
    return rest && sscanf(rest, " %15s", out_name) == 1 ? 0 : -ENOENT;
}

int card_parse(const char *text, size_t length, const char *name, struct card *out_card)
{
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    CLEANUP_FREE char *start = mem_printf("%s:", name);
    const char *rest = find_line(copy, start);
    struct card card;
    if (!rest)
        return -ENOENT;
    /* bytes packets errs drop fifo frame compressed multicast, then sent: bytes packets */
    if (sscanf(rest, " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
               &card.received_bytes, &card.received, &card.sent_bytes, &card.sent) != 4)
        return -EBADMSG;
    snprintf(card.name, sizeof(card.name), "%s", name);
    *out_card = card;
    return 0;
}

static int read_cards(const char *proc, pid_t pid, char **out_text, size_t *out_length,
                      struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%d/net/dev", proc, (int)pid);
    return file_read(path, TEXT_MAX, out_text, out_length, err);
}

static int compare_names(const void *left, const void *right)
{
    const struct card *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static bool is_known(const struct card *cards, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(cards[i].name, name) == 0)
            return true; /* one queue more of the same card */
    return false;
}

static int find_taps(const char *proc, pid_t pid, struct card **out_cards, size_t *out_count,
                     struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%d/fdinfo", proc, (int)pid);
    CLEANUP_DIRECTORY DIR *directory = opendir(path);
    CLEANUP_FREE struct card *cards = NULL;
    size_t count = 0, capacity = 0;
    if (!directory)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", path);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        CLEANUP_FREE char *file = mem_printf("%s/%s", path, entry->d_name);
        CLEANUP_FREE char *text = NULL;
        struct card card = {0};
        size_t length;
        if (entry->d_name[0] == '.' || file_read(file, FDINFO_MAX, &text, &length, NULL) < 0 ||
            card_parse_tap(text, length, card.name) < 0 || is_known(cards, count, card.name))
            continue;
        MEM_GROW(cards, count, capacity);
        cards[count++] = card;
    }
    if (count == 0)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "it has no tap device: the network is in user mode, or none");
    *out_cards = TAKE_PTR(cards);
    *out_count = count;
    return 0;
}

/* What the host's tap received the machine has sent. */
static void turn_round(struct card *card)
{
    const struct card host = *card;
    card->received_bytes = host.sent_bytes;
    card->received = host.sent;
    card->sent_bytes = host.received_bytes;
    card->sent = host.received;
}

int card_read_taps(const char *proc, pid_t pid, struct card **out_cards, size_t *out_count,
                   struct error *err)
{
    CLEANUP_FREE struct card *cards = NULL;
    CLEANUP_FREE char *text = NULL;
    size_t count = 0, length;
    int rc = find_taps(proc, pid, &cards, &count, err);
    rc = rc < 0 ? rc : read_cards(proc, pid, &text, &length, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (card_parse(text, length, cards[i].name, &cards[i]) < 0)
            return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                             "its tap device '%s' is in another network namespace than its process",
                             cards[i].name);
        turn_round(&cards[i]);
    }
    qsort(cards, count, sizeof(*cards), compare_names);
    *out_cards = TAKE_PTR(cards);
    *out_count = count;
    return 0;
}

static bool shares_namespace(const char *proc, pid_t pid)
{
    CLEANUP_FREE char *ours = mem_printf("%s/self/ns/net", proc);
    CLEANUP_FREE char *own = mem_printf("%s/%d/ns/net", proc, (int)pid);
    struct stat here, there;
    return stat(ours, &here) < 0 || stat(own, &there) < 0 || here.st_ino == there.st_ino;
}

int card_read_own(const char *proc, pid_t pid, const char *name, struct card *out_card,
                  struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    if (shares_namespace(proc, pid))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "it shares the host's network, whose cards are not its own");
    int rc = read_cards(proc, pid, &text, &length, err);
    if (rc < 0)
        return rc;
    if (card_parse(text, length, name, out_card) < 0)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "it has no card '%s'", name);
    return 0;
}
