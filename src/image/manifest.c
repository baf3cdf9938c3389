/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"

#define HEADING "vtax-image 1"
#define FIELDS_MAX 4

static int take_digest(const char *text, char out_digest[DIGEST_TEXT_BYTES])
{
    if (strlen(text) != DIGEST_TEXT_BYTES - 1 ||
        strspn(text, "0123456789abcdef") != DIGEST_TEXT_BYTES - 1)
        return -EBADMSG;
    memcpy(out_digest, text, DIGEST_TEXT_BYTES);
    return 0;
}

void manifest_add_file(struct manifest *manifest, const char *name, uint64_t bytes,
                       const char *digest)
{
    MEM_GROW(manifest->files, manifest->file_count, manifest->file_capacity);
    struct manifest_file *file = &manifest->files[manifest->file_count++];
    *file = (struct manifest_file){.name = mem_strdup(name), .bytes = bytes};
    memcpy(file->digest, digest, DIGEST_TEXT_BYTES);
}

void manifest_add_package(struct manifest *manifest, const char *name, size_t name_length,
                          const char *version, size_t version_length)
{
    MEM_GROW(manifest->packages, manifest->package_count, manifest->package_capacity);
    manifest->packages[manifest->package_count++] = (struct manifest_package){
        .name = mem_strndup(name, name_length),
        .version = mem_strndup(version, version_length),
    };
}

static int take_file(char *const *fields, struct manifest *manifest)
{
    uint64_t bytes;
    char digest[DIGEST_TEXT_BYTES];
    if (strchr(fields[1], '/') || units_parse_count(fields[2], &bytes) < 0 ||
        take_digest(fields[3], digest) < 0)
        return -EBADMSG;
    manifest_add_file(manifest, fields[1], bytes, digest);
    return 0;
}

static int take_line(char *const *fields, size_t count, struct manifest *manifest)
{
    const char *key = fields[0];
    if (count == 2 && strcmp(key, "recipe") == 0)
        return take_digest(fields[1], manifest->recipe);
    if (count == 2 && strcmp(key, "tarball") == 0)
        return take_digest(fields[1], manifest->tarball);
    if (count == 2 && strcmp(key, "created") == 0)
        return units_parse_count(fields[1], &manifest->created_s) < 0 ? -EBADMSG : 0;
    if (count == 2 && strcmp(key, "kernel-version") == 0 && !manifest->kernel_version) {
        manifest->kernel_version = mem_strdup(fields[1]);
        return 0;
    }
    if (count == 4 && strcmp(key, "file") == 0)
        return take_file(fields, manifest);
    if (count == 3 && strcmp(key, "package") == 0) {
        manifest_add_package(manifest, fields[1], strlen(fields[1]), fields[2], strlen(fields[2]));
        return 0;
    }
    return -EBADMSG;
}

static size_t split(char *line, char *fields[FIELDS_MAX])
{
    size_t count = 0;
    for (char *field; (field = strsep(&line, " "));) {
        if (count == FIELDS_MAX || !*field)
            return 0;
        fields[count++] = field;
    }
    return count;
}

static int parse_lines(char *text, struct manifest *manifest)
{
    int number = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        char *fields[FIELDS_MAX];
        number++;
        if (number == 1 ? strcmp(line, HEADING) != 0 : *line != '\0') {
            size_t count = number == 1 ? 0 : split(line, fields);
            if (count == 0 || take_line(fields, count, manifest) < 0)
                return number;
        }
    }
    bool complete = manifest->recipe[0] && manifest->tarball[0] && manifest->kernel_version;
    return complete ? 0 : number;
}

int manifest_parse(const char *text, size_t length, struct manifest *out_manifest,
                   struct error *err)
{
    CLEANUP_MANIFEST struct manifest manifest = {0};
    if (length > MANIFEST_BYTES_MAX || memchr(text, '\0', length))
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "not a manifest of an image");
    CLEANUP_FREE char *copy = mem_strndup(text, length);
    int line = parse_lines(copy, &manifest);
    if (line > 0)
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "line %d: not a manifest of an image",
                         line);
    *out_manifest = manifest;
    manifest = (struct manifest){0};
    return 0;
}

static void format_packages(const struct manifest *manifest, struct strbuf *buf)
{
    for (size_t i = 0; i < manifest->package_count; i++)
        strbuf_addf(buf, "package %s %s\n", manifest->packages[i].name,
                    manifest->packages[i].version);
}

char *manifest_format(const struct manifest *manifest)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_addf(&buf, HEADING "\nrecipe %s\ntarball %s\nkernel-version %s\ncreated %" PRIu64 "\n",
                manifest->recipe, manifest->tarball, manifest->kernel_version, manifest->created_s);
    for (size_t i = 0; i < manifest->file_count; i++)
        strbuf_addf(&buf, "file %s %" PRIu64 " %s\n", manifest->files[i].name,
                    manifest->files[i].bytes, manifest->files[i].digest);
    format_packages(manifest, &buf);
    return strbuf_take(&buf);
}

void manifest_identity(const struct manifest *manifest, char out_digest[DIGEST_TEXT_BYTES])
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_addf(&buf, "recipe %s\ntarball %s\n", manifest->recipe, manifest->tarball);
    format_packages(manifest, &buf);
    digest_bytes(buf.text, buf.length, out_digest);
}

const char *manifest_find_package(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->package_count; i++)
        if (strcmp(manifest->packages[i].name, name) == 0)
            return manifest->packages[i].version;
    return NULL;
}

/* The rest of the line that begins with key, within one paragraph; NULL when there is none. */
static const char *find_field(const char *at, const char *end, const char *key, size_t *out_length)
{
    size_t key_length = strlen(key);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        if ((size_t)(line_end - at) > key_length && memcmp(at, key, key_length) == 0) {
            *out_length = (size_t)(line_end - at) - key_length;
            return at + key_length;
        }
        at = line_end + 1;
    }
    return NULL;
}

void manifest_add_dpkg_status(struct manifest *manifest, const char *text)
{
    for (const char *at = text; *at;) {
        const char *blank = strstr(at, "\n\n");
        const char *end = blank ? blank : at + strlen(at);
        size_t name_length, version_length, status_length;
        const char *name = find_field(at, end, "Package: ", &name_length);
        const char *version = find_field(at, end, "Version: ", &version_length);
        const char *status = find_field(at, end, "Status: ", &status_length);
        if (name && version && status && status_length == strlen("install ok installed"))
            manifest_add_package(manifest, name, name_length, version, version_length);
        at = blank ? blank + 2 : end;
    }
}

void manifest_done(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->file_count; i++)
        free(manifest->files[i].name);
    for (size_t i = 0; i < manifest->package_count; i++) {
        free(manifest->packages[i].name);
        free(manifest->packages[i].version);
    }
    free(manifest->files);
    free(manifest->packages);
    free(manifest->kernel_version);
    *manifest = (struct manifest){0};
}
