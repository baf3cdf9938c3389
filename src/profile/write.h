/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * write: a resolved profile as text, as folded stacks, for speedscope, and as a page that draws a
 * flame graph and needs nothing else.
 */
#pragma once

#include "base/strbuf.h"
#include "profile/resolve.h"

struct write_profile {
    const char *title; /* of the recording */
    const struct samples *samples;
    const struct resolve_result *result;
};

/* The heaviest functions of each root, and what is not resolved. */
void write_text(struct strbuf *out, const struct write_profile *profile);

/* "root;process;caller;function INSTRUCTIONS", a line each, as flamegraph.pl and others read it;
 * functions of kernels end in "_[k]". */
void write_folded(struct strbuf *out, const struct write_profile *profile);

/* https://www.speedscope.app/file-format-schema.json: one sampled profile for each root. */
void write_speedscope(struct strbuf *out, const struct write_profile *profile);

/* The tree alone: {"kinds": [...], "names": [...], "tree": [name, kind, own instructions,
 * children...]}; names and kinds as indices. */
void write_tree(struct strbuf *out, const struct write_profile *profile);

void write_html(struct strbuf *out, const struct write_profile *profile);
