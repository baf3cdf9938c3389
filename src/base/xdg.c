/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/xdg.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

static const char *home(void)
{
    const char *from_environment = getenv("HOME");
    if (from_environment && from_environment[0] == '/')
        return from_environment;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_dir[0] == '/' ? user->pw_dir : "/";
}

static char *below_base(const char *variable, const char *below_home, const char *below)
{
    const char *base = getenv(variable);
    if (base && base[0] == '/') /* the specification ignores relative paths */
        return mem_printf("%s/vtax/%s", base, below);
    return mem_printf("%s/%s/vtax/%s", home(), below_home, below);
}

char *xdg_cache_path(const char *below)
{
    return below_base("XDG_CACHE_HOME", ".cache", below);
}

char *xdg_data_path(const char *below)
{
    return below_base("XDG_DATA_HOME", ".local/share", below);
}

char *xdg_runtime_path(const char *below)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (base && base[0] == '/')
        return mem_printf("%s/vtax/%s", base, below);
    if (geteuid() == 0)
        return mem_printf("/run/vtax/%s", below);
    return mem_printf("/tmp/vtax-%u/%s", (unsigned)geteuid(), below);
}
