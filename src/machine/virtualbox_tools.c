/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtualbox_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "machine/record.h"

/* In an emulated server a call takes seconds, and the first one starts VBoxSVC. */
#define CALL_NS (120 * NS_PER_S)
#define VERSION_NS (30 * NS_PER_S) /* asks no server */
#define WORDS_MAX 24
#define CPUINFO_MAX ((size_t)4 << 20)
/* VBoxSVC's socket is in a directory that this and VBOX_IPC_SOCKETID name. */
#define SOCKET_FORMAT "/tmp/.vbox-%s-ipc"

/* Debian's packages, those of virtualbox.org, openSUSE's */
static const char *const directories[] = {"/usr/lib/virtualbox", "/opt/VirtualBox",
                                          "/usr/lib64/virtualbox"};

char *virtualbox_find_program(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directories[i], name);
        if (access(path, X_OK) == 0)
            return TAKE_PTR(path);
    }
    return process_find_program(name) ? mem_strdup(name) : NULL;
}

/* Warnings of modules that are not loaded come before it. */
char *virtualbox_read_version(void)
{
    CLEANUP_FREE char *program = virtualbox_find_program("VBoxManage");
    CLEANUP_FREE char *text = NULL;
    const char *const argv[] = {program, "--version", NULL};
    if (!program || process_check(argv, VERSION_NS, &text, NULL) < 0)
        return NULL;
    const char *version = NULL;
    char *rest = text;
    for (const char *line; (line = strsep(&rest, "\n"));)
        if (*line >= '0' && *line <= '9')
            version = line;
    return version ? mem_strdup(version) : NULL;
}

static int probe_programs(struct error *err)
{
    static const char *const names[] = {"VBoxManage", "VBoxHeadless"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP_FREE char *path = virtualbox_find_program(names[i]);
        if (!path)
            return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                             "no program '%s': install VirtualBox 7 (Debian's packages virtualbox "
                             "and virtualbox-dkms, or those of virtualbox.org), or measure it by "
                             "`vtax lab run virtualbox`",
                             names[i]);
    }
    return 0;
}

static int probe_driver(const char *root, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/dev/vboxdrv", root);
    if (!file_exists(path))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "no '%s': `modprobe vboxdrv` (the package virtualbox-dkms builds it for "
                         "the running kernel when its headers are installed)",
                         path);
    if (access(path, R_OK | W_OK) < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno,
                               "open '%s' (run as root: guests need the campaign's bridge)", path);
    return 0;
}

static int probe_processor(const char *root, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/proc/cpuinfo", root);
    CLEANUP_FREE char *text = NULL;
    int rc = file_read(path, CPUINFO_MAX, &text, NULL, err);
    if (rc < 0)
        return rc;
    if (strstr(text, " svm") || strstr(text, " vmx"))
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP,
                     "the processor offers no hardware virtualization (svm, vmx), without which "
                     "VirtualBox runs no 64-bit guest: switch it on in the firmware, or measure it "
                     "by `vtax lab run virtualbox`");
}

int virtualbox_probe(const char *root, struct error *err)
{
    root = root ? root : "";
    int rc = probe_programs(err);
    if (rc >= 0)
        rc = probe_driver(root, err);
    if (rc >= 0)
        rc = probe_processor(root, err);
    return rc;
}

/* Ours without what VirtualBox's programs heed, and theirs. */
static char **make_environment(const char *directory, const char *name)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **environment = mem_array(count + 4, sizeof(*environment));
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "VBOX_", 5) != 0 && strncmp(environ[i], "LC_ALL=", 7) != 0)
            environment[kept++] = mem_strdup(environ[i]);
    environment[kept++] = mem_printf("VBOX_USER_HOME=%s", directory);
    environment[kept++] = mem_printf("VBOX_IPC_SOCKETID=%s", name);
    environment[kept++] = mem_strdup("LC_ALL=C");
    return environment;
}

int virtualbox_home_init(struct virtualbox_home *home, const char *directory, const char *name,
                         struct error *err)
{
    home->parent = mem_strdup(directory);
    home->directory = mem_printf("%s/home", directory);
    home->socket = mem_printf(SOCKET_FORMAT, name);
    home->environment = make_environment(home->directory, name);
    int rc = record_add(home->socket, err);
    return rc < 0 ? rc : file_make_directories(home->directory, 0700, err);
}

void virtualbox_home_done(struct virtualbox_home *home)
{
    if (home->parent)
        record_end_processes(home->parent);
    if (home->socket)
        record_remove(home->socket, NULL);
    for (char **at = home->environment; at && *at; at++)
        free(*at);
    free(home->environment);
    free(home->directory);
    free(home->parent);
    free(home->socket);
    *home = (struct virtualbox_home){0};
}

const char *virtualbox_find_complaint(const char *text, size_t *out_length)
{
    static const char words[] = "rror: ";
    const char *at = strstr(text, words);
    if (at) {
        at += strlen(words);
        *out_length = strcspn(at, "\n");
        return at;
    }
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    size_t start = length;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    *out_length = length - start;
    return text + start;
}

int virtualbox_call(const struct virtualbox_home *home, const char *const *words, char **out_text,
                    struct error *err)
{
    CLEANUP_FREE char *program = virtualbox_find_program("VBoxManage");
    const char *argv[WORDS_MAX] = {program ? program : "VBoxManage", "-q"};
    for (size_t i = 0; words[i] && i + 3 < WORDS_MAX; i++)
        argv[i + 2] = words[i];
    struct process_options options = {.argv = argv,
                                      .environment = (const char *const *)home->environment,
                                      .dies_with_parent = true};
    struct process_output output;
    int rc = process_run(&options, CALL_NS, 0, &output, err);
    if (rc < 0)
        return error_prefix(err, "VBoxManage %s", words[0]);
    CLEANUP_FREE char *text = output.text;
    if (output.status != 0) {
        size_t length;
        const char *complaint = virtualbox_find_complaint(text, &length);
        return error_set(err, ERROR_FAILED, -EIO, "VBoxManage %s: %.*s", words[0], (int)length,
                         complaint);
    }
    if (out_text)
        *out_text = TAKE_PTR(text);
    return 0;
}
