/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Feeds files to a fuzz target, so that its seeds and regressions run in the unit suite with any
 * compiler. Usage: fuzz-NAME FILE|DIRECTORY...; fails when a file cannot be read or there is none.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "fuzz.h"

#define INPUT_BYTES_MAX (64 << 20)

static int run_file(const char *path)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    struct error err = {0};
    if (file_read(path, INPUT_BYTES_MAX, &text, &length, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    fprintf(stderr, "%s: %zu bytes\n", path, length);
    /* a copy without the NUL behind it, so that a sanitizer sees any byte read too far */
    CLEANUP_FREE unsigned char *bytes = mem_copy(text, length);
    LLVMFuzzerTestOneInput(bytes, length);
    return 1;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* Returns how many files were run, or -1. */
static int run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return run_file(path);
    CLEANUP(close_directory) DIR *directory = opendir(path);
    if (!directory) {
        perror(path);
        return -1;
    }
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        CLEANUP_FREE char *file = mem_printf("%s/%s", path, entry->d_name);
        if (run_file(file) < 0)
            return -1;
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = run_path(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    if (total == 0)
        fprintf(stderr, "no input files\n");
    return total == 0;
}
