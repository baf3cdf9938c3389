/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/event_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <perfmon/pfmlib_perf_event.h>
#include <string.h>

#define LIBRARY "libpfm.so.4"

struct library {
    pfm_err_t (*initialize)(void);
    pfm_err_t (*encode)(const char *name, int privileges, pfm_os_t os, void *arguments);
    const char *(*strerror)(int code);
};

/* It stays open: what it knows of the processor is its own state. */
static int open_library(struct library *library, struct error *err)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "open '%s': %s (package libpfm4)",
                         LIBRARY, dlerror());
    void *const symbols[] = {dlsym(handle, "pfm_initialize"),
                             dlsym(handle, "pfm_get_os_event_encoding"),
                             dlsym(handle, "pfm_strerror")};
    if (!symbols[0] || !symbols[1] || !symbols[2])
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "'%s' lacks a function", LIBRARY);
    memcpy(library, symbols, sizeof(*library));
    return 0;
}

int event_library_encode(const char *name, struct perf_event_attr *attributes, struct error *err)
{
    struct library library = {0};
    int rc = open_library(&library, err);
    if (rc < 0)
        return rc;
    pfm_err_t code = library.initialize();
    if (code != PFM_SUCCESS)
        return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "start '%s': %s", LIBRARY,
                         library.strerror(code));
    struct perf_event_attr found = {.size = sizeof(found)};
    pfm_perf_encode_arg_t arguments = {.attr = &found, .size = sizeof(arguments)};
    code = library.encode(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT, &arguments);
    if (code != PFM_SUCCESS)
        return error_set(err, ERROR_USAGE, -EINVAL, "event '%s' on this processor: %s", name,
                         library.strerror(code));
    attributes->type = found.type;
    attributes->config = found.config;
    attributes->config1 = found.config1;
    attributes->config2 = found.config2;
    return 0;
}
