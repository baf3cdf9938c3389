/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The page with the flame graph: style, script and data are all in it.
 */
#include <inttypes.h>

#include "profile/escape.h"
#include "profile/write.h"

extern const char profile_style[], profile_style_end[];
extern const char profile_script[], profile_script_end[];

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>";

static const char controls[] =
    "<div class=\"bar\"><label for=\"search\">Search</label>\n"
    "<input id=\"search\" type=\"search\" placeholder=\"function, program, VM\">\n"
    "<button id=\"reset\" type=\"button\">Show everything</button>\n"
    "<span id=\"matched\" class=\"faint\" role=\"status\"></span></div>\n"
    "<div id=\"path\"></div>\n<figure style=\"margin:0\">\n"
    "<svg id=\"flame\" role=\"tree\" tabindex=\"0\" aria-label=\"Flame graph\"></svg>\n"
    "<div id=\"about\" aria-live=\"polite\"></div>\n"
    "<figcaption>Width is instructions. Rows from the top: the hypervisor or a VM, the program "
    "whose "
    "address space it is, the caller where the stack told, the function. Click or <kbd>Enter</kbd> "
    "zooms, arrow keys move, <kbd>Esc</kbd> shows everything, <kbd>/</kbd> searches.</figcaption>\n"
    "</figure>\n";

static void put_legend(struct strbuf *out)
{
    static const char *const rows[][2] = {{"root", "hypervisor, VM"},
                                          {"process", "program"},
                                          {"kernel", "kernel function"},
                                          {"user", "function of a program or library"},
                                          {"unresolved", "not resolved"}};
    strbuf_adds(out, "<div class=\"legend\">");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        strbuf_addf(out,
                    "<span><svg class=\"%s\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect "
                    "width=\"10\" height=\"10\" rx=\"2\"/></svg>%s</span>",
                    rows[i][0], rows[i][1]);
    strbuf_adds(out, "</div>\n");
}

static void put_share(struct strbuf *out, uint64_t part, uint64_t whole)
{
    if (part == 0)
        strbuf_adds(out, "<td>0</td>");
    else
        strbuf_addf(out, "<td>%.2f %%</td>", 100.0 * (double)part / (double)whole);
}

static void put_row(struct strbuf *out, const struct resolve_result *result, const char *text,
                    size_t offset, int index)
{
    strbuf_addf(out, "<tr><td>%s</td>", text);
    for (size_t i = 0; i < result->root_count; i++) {
        const struct resolve_root *root = &result->roots[i];
        const uint64_t *parts = (const void *)((const char *)root + offset);
        put_share(out, parts[index], root->instructions);
    }
    strbuf_adds(out, "</tr>\n");
}

static void put_header(struct strbuf *out, const struct resolve_result *result, const char *first)
{
    strbuf_addf(out, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">%s</th>", first);
    for (size_t i = 0; i < result->root_count; i++) {
        strbuf_adds(out, "<th scope=\"col\">");
        escape_html_text(out, result->roots[i].name);
        strbuf_adds(out, "</th>");
    }
    strbuf_adds(out, "</tr></thead><tbody>\n");
}

static void put_tables(struct strbuf *out, const struct resolve_result *result)
{
    strbuf_adds(out, "<h2>What is resolved, and what is not</h2>\n");
    put_header(out, result, "Where an instruction was");
    for (int i = 0; i < RESOLVE_LEAF_COUNT; i++)
        put_row(out, result, resolve_leaf_text(i), offsetof(struct resolve_root, leaves), i);
    strbuf_adds(out, "</tbody></table></div>\n<h2>Who called</h2>\n");
    put_header(out, result, "What the stack told");
    for (int i = 0; i < RESOLVE_CALLER_COUNT; i++)
        put_row(out, result, resolve_caller_text(i), offsetof(struct resolve_root, callers), i);
    strbuf_adds(out, "</tbody></table></div>\n");
}

static uint64_t sum_unresolved(const struct resolve_result *result)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < result->root_count; i++)
        sum += result->roots[i].instructions - result->roots[i].leaves[RESOLVE_LEAF_FUNCTION];
    return sum;
}

static void put_summary(struct strbuf *out, const struct write_profile *profile)
{
    const struct resolve_result *result = profile->result;
    uint64_t unresolved = sum_unresolved(result);
    strbuf_addf(out,
                "<p class=\"faint\">%zu samples, one with each %" PRIu64
                " instructions of a CPU; %.2f %% of them are in no named function. An emulated "
                "server: counts are real, and nothing here is about time.%s</p>\n",
                profile->samples->count, profile->samples->period,
                result->instructions ? 100.0 * (double)unresolved / (double)result->instructions
                                     : 0.0,
                profile->samples->is_cut ? " The file is cut: the emulator was killed." : "");
}

void write_html(struct strbuf *out, const struct write_profile *profile)
{
    strbuf_adds(out, head);
    escape_html_text(out, profile->title);
    strbuf_adds(out, "</title>\n<style>\n");
    strbuf_add(out, profile_style, (size_t)(profile_style_end - profile_style));
    strbuf_adds(out, "</style>\n</head>\n<body>\n<h1>");
    escape_html_text(out, profile->title);
    strbuf_adds(out, "</h1>\n");
    put_summary(out, profile);
    strbuf_adds(out, controls);
    put_legend(out);
    put_tables(out, profile->result);
    strbuf_adds(out, "<script type=\"application/json\" id=\"data\">");
    write_tree(out, profile);
    strbuf_adds(out, "</script>\n<script>\n");
    strbuf_add(out, profile_script, (size_t)(profile_script_end - profile_script));
    strbuf_adds(out, "</script>\n</body>\n</html>\n");
}
