/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"

#include "image/cpio.h"
#include "image/init_program.h"

#define STEP_NS (120 * NS_PER_S)
#define KERNEL_BYTES_MAX ((size_t)256 << 20)
#define MODULE_BYTES_MAX ((size_t)64 << 20)
#define MODULES_MAX 64

/* Offsets in the setup header. */
#define HEADER_SETUP_SECTS 0x1f1
#define HEADER_MAGIC 0x202
#define HEADER_VERSION 0x206
#define HEADER_PAYLOAD_OFFSET 0x248
#define HEADER_PAYLOAD_LENGTH 0x24c
#define HEADER_END 0x250

int kernel_find_version(const char *root, char **out_version, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/usr/lib/modules", root);
    DIR *directory = opendir(path);
    CLEANUP_FREE char *version = NULL;
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        free(version);
        version = mem_strdup(entry->d_name);
        count++;
    }
    if (directory)
        closedir(directory);
    if (count != 1)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "find the kernel in '%s': there are %d",
                         path, count);
    *out_version = TAKE_PTR(version);
    return 0;
}

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

int kernel_find_payload(const unsigned char *image, size_t length, size_t *out_offset,
                        size_t *out_length)
{
    if (length < HEADER_END || memcmp(image + HEADER_MAGIC, "HdrS", 4) != 0 ||
        (image[HEADER_VERSION] | image[HEADER_VERSION + 1] << 8) < 0x208)
        return -EBADMSG;
    size_t sectors = image[HEADER_SETUP_SECTS] ? image[HEADER_SETUP_SECTS] : 4;
    size_t offset = (sectors + 1) * 512 + read_u32(image + HEADER_PAYLOAD_OFFSET);
    size_t payload = read_u32(image + HEADER_PAYLOAD_LENGTH);
    if (offset > length || payload > length - offset || payload < 8)
        return -EBADMSG;
    *out_offset = offset;
    *out_length = payload;
    return 0;
}

/* The payload ends with four bytes that are not the compressor's: the uncompressed size. */
static int decompress_payload(const unsigned char *payload, size_t length, const char *path,
                              struct error *err)
{
    CLEANUP_FREE char *draft = mem_printf("%s.zst", path);
    int rc = file_write_atomic(draft, payload, length - 4, 0600, err);
    if (rc < 0)
        return rc;
    const char *argv[] = {"zstd", "-q", "-d", "-f", "-o", path, "--", draft, NULL};
    rc = process_check(argv, STEP_NS, NULL, err);
    unlink(draft);
    return rc;
}

int kernel_extract(const char *root, const char *version, const char *path, struct error *err)
{
    static const unsigned char zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    CLEANUP_FREE char *from = mem_printf("%s/boot/vmlinuz-%s", root, version);
    CLEANUP_FREE char *image = NULL;
    size_t length, offset, payload;
    int rc = file_read(from, KERNEL_BYTES_MAX, &image, &length, err);
    if (rc < 0)
        return rc;
    if (kernel_find_payload((unsigned char *)image, length, &offset, &payload) < 0 ||
        memcmp(image + offset, zstd_magic, sizeof(zstd_magic)) != 0)
        return file_write_atomic(path, image, length, 0644, err);
    return decompress_payload((unsigned char *)image + offset, payload, path, err);
}

/* Does this path ("kernel/net/core/failover.ko.xz") hold the module of this name? In names, '-' and
 * '_' are one. */
static bool is_module(const char *path, size_t length, const char *name)
{
    const char *slash = memrchr(path, '/', length);
    const char *base = slash ? slash + 1 : path;
    const char *end = path + length;
    for (; base < end && *name; base++, name++)
        if (*base != *name && !(*base == '-' && *name == '_'))
            return false;
    return *name == '\0' && (size_t)(end - base) >= 3 && memcmp(base, ".ko", 3) == 0;
}

/* The line of a module: "PATH: PATH PATH..." in modules.dep, "PATH" in modules.builtin. NULL when
 * there is none. */
static const char *find_line(const char *text, char after_path, const char *name)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, ":\n");
        if (line[length] == after_path && is_module(line, length, name))
            return line;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NULL;
}

static void add_path(char **paths, size_t *count, const char *path, size_t length)
{
    for (size_t i = 0; i < *count; i++)
        if (strlen(paths[i]) == length && memcmp(paths[i], path, length) == 0)
            return;
    if (*count < MODULES_MAX)
        paths[(*count)++] = mem_strndup(path, length);
}

/* depmod writes what a module needs in the order that removes it; loading goes from the end. */
static void add_line(char **paths, size_t *count, const char *line)
{
    size_t end = strcspn(line, "\n");
    size_t own = strcspn(line, ":");
    while (end > own + 1) {
        size_t start = end;
        while (start > own + 1 && line[start - 1] != ' ')
            start--;
        if (end > start)
            add_path(paths, count, line + start, end - start);
        end = start > own + 1 ? start - 1 : own;
    }
    add_path(paths, count, line, own);
}

int kernel_resolve_modules(const char *modules_dep, const char *modules_builtin,
                           const char *const *modules, char ***out_paths, struct error *err)
{
    char **paths = mem_array(MODULES_MAX + 1, sizeof(*paths));
    size_t count = 0;
    for (; *modules; modules++) {
        const char *line = find_line(modules_dep, ':', *modules);
        if (!line && find_line(modules_builtin, '\n', *modules))
            continue;
        if (!line) {
            for (size_t i = 0; i < count; i++)
                free(paths[i]);
            free(paths);
            return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "the kernel has no module '%s'",
                             *modules);
        }
        add_line(paths, &count, line);
    }
    *out_paths = paths;
    return 0;
}

static void free_paths(char ***paths)
{
    for (char **path = *paths; path && *path; path++)
        free(*path);
    free(*paths);
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    return length >= strlen(suffix) && strcmp(text + length - strlen(suffix), suffix) == 0;
}

static int read_module(const char *path, char **out_bytes, size_t *out_length, struct error *err)
{
    const char *program = has_suffix(path, ".xz") ? "xz" : has_suffix(path, ".zst") ? "zstd" : NULL;
    if (!program)
        return file_read(path, MODULE_BYTES_MAX, out_bytes, out_length, err);
    const char *argv[] = {program, "-q", "-d", "-c", "--", path, NULL};
    struct process_output output;
    struct process_options options = {.argv = argv, .dies_with_parent = true};
    int rc = process_run(&options, STEP_NS, MODULE_BYTES_MAX, &output, err);
    if (rc < 0)
        return rc;
    *out_bytes = output.text;
    *out_length = output.length;
    if (output.status == 0)
        return 0;
    free(TAKE_PTR(*out_bytes));
    return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "decompress '%s': %s failed", path, program);
}

static int add_module(struct cpio *cpio, struct strbuf *list, const char *directory,
                      const char *path, struct error *err)
{
    CLEANUP_FREE char *from = mem_printf("%s/%s", directory, path);
    CLEANUP_FREE char *bytes = NULL;
    size_t length;
    int rc = read_module(from, &bytes, &length, err);
    if (rc < 0)
        return rc;
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    CLEANUP_FREE char *name = mem_printf("modules.d/%.*s.ko", (int)strcspn(base, "."), base);
    cpio_add_file(cpio, name, 0644, bytes, length);
    strbuf_addf(list, "/%s\n", name);
    return 0;
}

int kernel_make_initrd(const char *root, const char *version, const char *const *modules,
                       const char *path, struct error *err)
{
    CLEANUP_FREE char *directory = mem_printf("%s/usr/lib/modules/%s", root, version);
    CLEANUP_FREE char *dep_path = mem_printf("%s/modules.dep", directory);
    CLEANUP_FREE char *builtin_path = mem_printf("%s/modules.builtin", directory);
    CLEANUP_FREE char *dep = NULL;
    CLEANUP_FREE char *builtin = NULL;
    CLEANUP(free_paths) char **paths = NULL;
    int rc = file_read(dep_path, MODULE_BYTES_MAX, &dep, NULL, err);
    if (rc == 0)
        rc = file_read(builtin_path, MODULE_BYTES_MAX, &builtin, NULL, err);
    if (rc == 0)
        rc = kernel_resolve_modules(dep, builtin, modules, &paths, err);
    if (rc < 0)
        return rc;

    CLEANUP_STRBUF struct strbuf list;
    CLEANUP_CPIO struct cpio cpio;
    strbuf_init(&list);
    cpio_init(&cpio);
    cpio_add_directory(&cpio, "dev", 0755);
    cpio_add_character_device(&cpio, "dev/console", 0600, 5, 1);
    cpio_add_directory(&cpio, "modules.d", 0755);
    for (char **module = paths; *module; module++)
        if ((rc = add_module(&cpio, &list, directory, *module, err)) < 0)
            return rc;
    cpio_add_file(&cpio, "modules", 0644, list.text, list.length);
    cpio_add_file(&cpio, "init", 0755, init_program, (size_t)(init_program_end - init_program));
    cpio_finish(&cpio);
    return file_write_atomic(path, cpio.bytes.text, cpio.bytes.length, 0644, err);
}
