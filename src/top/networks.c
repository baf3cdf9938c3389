/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/networks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "top/parse.h"
#include "top/read.h"

#define TEXT_MIN ((size_t)64 << 10)
#define TEXT_MAX ((size_t)64 << 20) /* half a million cards */

struct card {
    char name[PARSE_INTERFACE_MAX];
    uint64_t received, sent;
};

struct space {
    uint64_t inode; /* of the namespace; 0: not known, so it is only of that process */
    char process[16];
    struct card *cards; /* by name */
    size_t count, capacity;
};

struct networks {
    struct space *spaces;
    size_t count, capacity;
    char *text;
    size_t text_bytes;
};

struct networks *networks_new(void)
{
    struct networks *networks = mem_zalloc(sizeof(*networks));
    networks->text = mem_alloc(TEXT_MIN);
    networks->text_bytes = TEXT_MIN;
    return networks;
}

void networks_forget(struct networks *networks)
{
    for (size_t i = 0; i < networks->count; i++)
        free(networks->spaces[i].cards);
    networks->count = 0;
}

/* The whole text: a buffer that it just fills is too small. */
static ssize_t read_text(struct networks *networks, int proc_fd, const char *process)
{
    for (;;) {
        ssize_t length =
            read_at(proc_fd, networks->text, networks->text_bytes, "%s/net/dev", process);
        if (length < (ssize_t)networks->text_bytes - 1 || networks->text_bytes >= TEXT_MAX)
            return length;
        networks->text_bytes *= 2;
        free(networks->text);
        networks->text = mem_alloc(networks->text_bytes);
    }
}

static void add_card(const char *name, uint64_t received, uint64_t sent, void *context)
{
    struct space *space = context;
    MEM_GROW(space->cards, space->count, space->capacity);
    struct card *card = &space->cards[space->count++];
    *card = (struct card){.received = received, .sent = sent};
    memcpy(card->name, name, strlen(name) + 1);
}

static int compare_cards(const void *left, const void *right)
{
    const struct card *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static const struct space *find_space(struct networks *networks, int proc_fd, const char *process)
{
    char path[32];
    struct stat stat = {0};
    snprintf(path, sizeof(path), "%s/ns/net", process);
    if (fstatat(proc_fd, path, &stat, 0) < 0)
        stat.st_ino = 0;
    for (size_t i = 0; i < networks->count; i++)
        if (stat.st_ino ? networks->spaces[i].inode == stat.st_ino
                        : strcmp(networks->spaces[i].process, process) == 0)
            return &networks->spaces[i];
    MEM_GROW(networks->spaces, networks->count, networks->capacity);
    struct space *space = &networks->spaces[networks->count++];
    *space = (struct space){.inode = stat.st_ino};
    snprintf(space->process, sizeof(space->process), "%s", process);
    ssize_t length = read_text(networks, proc_fd, process);
    if (length > 0 && parse_interfaces(networks->text, (size_t)length, add_card, space) == 0)
        qsort(space->cards, space->count, sizeof(space->cards[0]), compare_cards);
    return space;
}

int networks_find(struct networks *networks, int proc_fd, const char *process, const char *name,
                  uint64_t *out_received, uint64_t *out_sent)
{
    const struct space *space = find_space(networks, proc_fd, process);
    struct card wanted = {.received = 0};
    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    const struct card *card =
        space->count ? bsearch(&wanted, space->cards, space->count, sizeof(wanted), compare_cards)
                     : NULL;
    if (!card)
        return -ENOENT;
    *out_received = card->received;
    *out_sent = card->sent;
    return 0;
}

struct networks *networks_free(struct networks *networks)
{
    if (!networks)
        return NULL;
    networks_forget(networks);
    free(networks->spaces);
    free(networks->text);
    free(networks);
    return NULL;
}
