/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A host as tests state it: a directory with the files that readers below a root look at.
 */
#pragma once

#include <stdlib.h>

#include "base/file.h"

struct world_file {
    const char *path; /* from the root; NULL: the end */
    const char *text;
};

static inline void world_put(const char *root, const char *name, const char *text)
{
    CLEANUP_FREE char *path = mem_printf("%s%s", root, name);
    CLEANUP_FREE char *directory = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    assert_int_equal(file_make_directories(directory, 0755, NULL), 0);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

/* The root, for world_remove(). */
static inline char *world_make(const struct world_file *files)
{
    char *root = mem_strdup("/tmp/vtax-test-world.XXXXXX");
    assert_non_null(mkdtemp(root));
    for (; files->path; files++)
        world_put(root, files->path, files->text);
    return root;
}

static inline void world_remove(char *root)
{
    assert_int_equal(file_remove_tree(root, NULL), 0);
    free(root);
}
