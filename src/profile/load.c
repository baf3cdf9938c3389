/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/load.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

#define SAMPLES_MAX ((size_t)4 << 30)
#define KALLSYMS_MAX ((size_t)256 << 20)
#define FILE_MAX ((size_t)1 << 30)
#define TITLE_MAX ((size_t)4096)

int load_read_samples(const char *directory, struct samples *out_samples, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/" LOAD_SAMPLES, directory);
    CLEANUP_FREE char *bytes = NULL;
    size_t length;
    int rc = file_read(path, SAMPLES_MAX, &bytes, &length, err);
    if (rc == 0)
        rc = samples_parse(bytes, length, out_samples, err);
    return rc < 0 ? error_prefix(err, "read profile '%s'", directory) : 0;
}

static int read_title(const char *directory, struct load *load)
{
    CLEANUP_FREE char *path = mem_printf("%s/" LOAD_TITLE, directory);
    CLEANUP_FREE char *text = NULL;
    size_t length;
    if (file_read(path, TITLE_MAX, &text, &length, NULL) < 0)
        load->title = mem_strdup("System-wide profile");
    else
        load->title = symbols_clean_name(text, strcspn(text, "\n"));
    return 0;
}

static int read_kallsyms(const char *path, struct symbols **out_symbols, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = file_read(path, KALLSYMS_MAX, &text, &length, err);
    if (rc == 0)
        rc = symbols_parse_kallsyms(text, length, out_symbols, err);
    return rc < 0 ? error_prefix(err, "read symbols '%s'", path) : 0;
}

static int read_host(const char *directory, struct load *load, struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/" LOAD_HOST, directory);
    return file_exists(path) ? read_kallsyms(path, &load->host, err) : 0;
}

static int compare_entries(const FTSENT **left, const FTSENT **right)
{
    return strcmp((*left)->fts_name, (*right)->fts_name);
}

static void close_fts(FTS **fts)
{
    if (*fts)
        fts_close(*fts);
}

int load_visit_files(const char *directory,
                     int (*visit)(const char *path, const char *inside, void *context,
                                  struct error *err),
                     void *context, struct error *err)
{
    char *const paths[] = {(char *)directory, NULL};
    size_t prefix = strlen(directory) + 1;
    CLEANUP(close_fts) FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
    int rc = 0;
    for (FTSENT *entry; fts && rc >= 0 && (entry = fts_read(fts));)
        if (entry->fts_info == FTS_F && S_ISREG(entry->fts_statp->st_mode))
            rc = visit(entry->fts_path, entry->fts_path + prefix, context, err);
    return rc < 0 ? rc : 0;
}

static int add_kernel(const char *path, const char *inside, void *context, struct error *err)
{
    struct load *load = context;
    struct symbols *symbols = NULL;
    size_t length = strlen(inside), ending = strlen(LOAD_KALLSYMS);
    if (length <= ending || strcmp(inside + length - ending, LOAD_KALLSYMS) != 0)
        return 0;
    int rc = read_kallsyms(path, &symbols, err);
    if (rc < 0)
        return rc;
    MEM_GROW(load->kernels, load->kernel_count, load->kernel_capacity);
    load->kernels[load->kernel_count++] =
        (struct resolve_kernel){symbols, symbols_clean_name(inside, length - ending)};
    return 0;
}

/* Two files of one name (the host's libc and a guest's) are told apart by their pages alone. */
static int add_file(const char *path, const char *inside, void *context, struct error *err)
{
    struct load *load = context;
    CLEANUP_FREE char *bytes = NULL;
    size_t length;
    int rc = file_read(path, FILE_MAX, &bytes, &length, err);
    if (rc < 0)
        return rc;
    const char *slash = strrchr(inside, '/');
    rc = library_add(load->library, slash ? slash + 1 : inside, bytes, length, err);
    return rc == -ENOEXEC ? 0 : rc;
}

int load_open(const char *directory, struct load *out_load, struct error *err)
{
    CLEANUP_LOAD struct load load = {.library = library_new()};
    CLEANUP_FREE char *guests = mem_printf("%s/" LOAD_GUESTS, directory);
    CLEANUP_FREE char *files = mem_printf("%s/" LOAD_FILES, directory);
    int rc = load_read_samples(directory, &load.samples, err);
    if (rc == 0)
        rc = read_title(directory, &load);
    if (rc == 0)
        rc = read_host(directory, &load, err);
    if (rc == 0)
        rc = load_visit_files(guests, add_kernel, &load, err);
    if (rc == 0)
        rc = load_visit_files(files, add_file, &load, err);
    if (rc < 0)
        return rc;
    *out_load = load;
    load = (struct load){0};
    return 0;
}

void load_resolve(struct load *load)
{
    const struct resolve_input input = {.samples = &load->samples,
                                        .library = load->library,
                                        .host = load->host,
                                        .kernels = load->kernels,
                                        .kernel_count = load->kernel_count};
    resolve_samples(&input, &load->result);
}

void load_close(struct load *load)
{
    for (size_t i = 0; i < load->kernel_count; i++) {
        symbols_free((struct symbols *)load->kernels[i].symbols);
        free((char *)load->kernels[i].label);
    }
    free(load->kernels);
    free(load->title);
    symbols_free(load->host);
    library_free(load->library);
    samples_done(&load->samples);
    if (load->result.fold)
        resolve_result_done(&load->result);
    *load = (struct load){0};
}
