/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/identity.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 255
#define AGENT_PORT "org.qemu.guest_agent.0"

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool identity_is_runner(const char *program, enum identity_program *out_program)
{
    static const char *const vbox[] = {"VBoxHeadless", "VirtualBoxVM"};
    static const char *const others[] = {"firecracker", "cloud-hypervisor", "crosvm"};
    if (starts_with(program, "qemu-system-") || strcmp(program, "qemu-kvm") == 0 ||
        strcmp(program, "kvm") == 0) {
        *out_program = IDENTITY_QEMU;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(vbox); i++)
        if (strcmp(program, vbox[i]) == 0) {
            *out_program = IDENTITY_VIRTUALBOX;
            return true;
        }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (strcmp(program, others[i]) == 0) {
            *out_program = IDENTITY_OTHER;
            return true;
        }
    return false;
}

/* The value of key in QEMU's "first,key=value,..."; a comma in a value is written twice. The
 * caller's to free; NULL: there is none. With key NULL: the first part, if it has no '='. */
static char *find_property(const char *list, const char *key)
{
    const char *at = list;
    for (bool first = true; *at; first = false) {
        CLEANUP_FREE char *part = mem_zalloc(strlen(at) + 1);
        size_t length = 0;
        for (; *at && (*at != ',' || at[1] == ','); at++) {
            at += *at == ',';
            part[length++] = *at;
        }
        at += *at == ',';
        char *equal = strchr(part, '=');
        if (!key && first && !equal)
            return TAKE_PTR(part);
        if (key && equal && (size_t)(equal - part) == strlen(key) &&
            strncmp(part, key, strlen(key)) == 0)
            return mem_strdup(equal + 1);
    }
    return NULL;
}

/* Takes text over as a value, unless it is empty, too long or there is one. */
static void keep(char **field, char *text)
{
    if (text && *text && strlen(text) <= NAME_MAX_BYTES && !*field)
        *field = text;
    else
        free(text);
}

static unsigned parse_small(const char *text)
{
    unsigned number = 0;
    return text && sscanf(text, "%5u", &number) == 1 ? number : 0;
}

static void take_name(struct identity *identity, const char *value)
{
    keep(&identity->name, find_property(value, "guest"));
    keep(&identity->name, find_property(value, NULL));
}

static void take_smp(struct identity *identity, const char *value)
{
    CLEANUP_FREE char *cpus = find_property(value, "cpus");
    CLEANUP_FREE char *first = find_property(value, NULL);
    identity->vcpus = parse_small(cpus ? cpus : first);
}

/* Finds the -chardev of this id, and the path of its socket. */
static char *find_socket(char *const *words, size_t count, const char *id)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (strcmp(words[i], "-chardev") != 0 || !starts_with(words[i + 1], "socket,"))
            continue;
        CLEANUP_FREE char *own = find_property(words[i + 1], "id");
        if (own && strcmp(own, id) == 0)
            return find_property(words[i + 1], "path");
    }
    return NULL;
}

static void take_device(struct identity *identity, char *const *words, size_t count, size_t at)
{
    const char *value = words[at];
    CLEANUP_FREE char *name = find_property(value, "name");
    if (!starts_with(value, "virtserialport") || !name || strcmp(name, AGENT_PORT) != 0)
        return;
    CLEANUP_FREE char *chardev = find_property(value, "chardev");
    identity->has_agent = true;
    if (chardev)
        keep(&identity->agent_socket, find_socket(words, count, chardev));
}

static void parse_qemu(struct identity *identity, char *const *words, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        const char *word = words[i];
        word += word[0] == '-' && word[1] == '-'; /* QEMU takes both */
        if (strcmp(word, "-name") == 0)
            take_name(identity, words[++i]);
        else if (strcmp(word, "-uuid") == 0)
            keep(&identity->uuid, mem_strdup(words[++i]));
        else if (strcmp(word, "-smp") == 0)
            take_smp(identity, words[++i]);
        else if (strcmp(word, "-xen-domid") == 0)
            identity->xen_domain = parse_small(words[++i]);
        else if (strcmp(word, "-machine") == 0 || strcmp(word, "-M") == 0)
            identity->is_empty = starts_with(words[++i], "none");
        else if (strcmp(word, "-device") == 0)
            take_device(identity, words, count, ++i);
    }
}

/* VBoxHeadless --comment NAME --startvm UUID */
static void parse_words(struct identity *identity, char *const *words, size_t count,
                        const char *name_option, const char *uuid_option)
{
    for (size_t i = 0; i + 1 < count; i++) {
        const char *word = words[i];
        word += word[0] == '-' && word[1] == '-';
        if (strcmp(word, name_option) == 0)
            keep(&identity->name, mem_strdup(words[++i]));
        else if (uuid_option && strcmp(word, uuid_option) == 0)
            keep(&identity->uuid, mem_strdup(words[++i]));
    }
}

static void identity_cleanup_words(char ***words)
{
    free(*words);
}

void identity_parse(enum identity_program program, const char *bytes, size_t length,
                    struct identity *out_identity)
{
    CLEANUP_FREE char *text = mem_zalloc(length + 1);
    CLEANUP(identity_cleanup_words) char **words = NULL;
    size_t count = 0, capacity = 0;
    if (length)
        memcpy(text, bytes, length);
    for (char *at = text; at < text + length; at += strlen(at) + 1) {
        MEM_GROW(words, count, capacity);
        words[count++] = at;
    }
    *out_identity = (struct identity){.program = program};
    if (program == IDENTITY_QEMU)
        parse_qemu(out_identity, words, count);
    else if (program == IDENTITY_VIRTUALBOX)
        parse_words(out_identity, words, count, "-comment", "-startvm");
    else
        parse_words(out_identity, words, count, "-id", NULL);
}

void identity_done(struct identity *identity)
{
    free(identity->name);
    free(identity->uuid);
    free(identity->agent_socket);
    *identity = (struct identity){0};
}
