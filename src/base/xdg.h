/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xdg: where vtax keeps things (XDG Base Directory Specification 0.8). Each returns a path of its
 * own "vtax" directory below the base, the caller's to free; nothing is created.
 */
#pragma once

char *xdg_cache_path(const char *below); /* $XDG_CACHE_HOME/vtax/BELOW or ~/.cache/vtax/BELOW */
char *xdg_data_path(const char *below);  /* $XDG_DATA_HOME or ~/.local/share */
char *
xdg_runtime_path(const char *below); /* $XDG_RUNTIME_DIR, or /run for root, or /tmp/vtax-UID */
