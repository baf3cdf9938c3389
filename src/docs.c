/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax-docs TEMPLATE: fills manual pages (man/) and completion scripts (completions/) from the
 * tables of the program while it is built. A line of the template that starts with '@' is one of:
 *
 *   @command NAME@   synopsis, help and own options of a command ("plan show")
 *   @plan-options@   the options that override keys of a plan
 *   @globals@        the options of every command
 *   @platforms@ @workloads@   what plans may name, with all settings
 *   @bash-tables@ @zsh-tables@
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "cli/call.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "command/list.h"
#include "command/vocabulary.h"
#include "plan/plan.h"

#define TEMPLATE_BYTES_MAX (1 << 20)

static int add_command(struct strbuf *out, const char *name, struct error *err)
{
    const struct command *command = call_find_command(commands, name);
    if (!command)
        return error_set(err, ERROR_USAGE, -EINVAL, "there is no command '%s'", name);
    manual_add_command(out, command, &plan_option_table);
    return 0;
}

static void add_kinds(struct strbuf *out, const struct plan_kind *const *kinds)
{
    for (; *kinds; kinds++) {
        strbuf_addf(out, "## %s\n\n", (*kinds)->name);
        manual_add_text(out, (*kinds)->help);
        strbuf_adds(out, "\n\n");
        manual_add_settings(out, &(*kinds)->options);
    }
}

static void list_names(const struct plan_kind *const *kinds, const char **out_names)
{
    while (*kinds)
        *out_names++ = (*kinds++)->name;
}

static void add_tables(struct strbuf *out, const struct vocabulary *vocabulary,
                       void (*add)(struct strbuf *out, const struct command *const *commands,
                                   const struct completion_words *words))
{
    const char *platforms[VOCABULARY_MAX + 1] = {0}, *workloads[VOCABULARY_MAX + 1] = {0};
    list_names(vocabulary->plan.platforms, platforms);
    list_names(vocabulary->plan.workloads, workloads);
    const struct completion_words words[] = {{"platforms", platforms},
                                             {"baseline", platforms},
                                             {"workloads", workloads},
                                             {"PLAN", plan_builtin_names},
                                             {NULL, NULL}};
    add(out, commands, words);
}

/* directive: the line without its '@'s. */
static int fill(struct strbuf *out, const char *directive, struct error *err)
{
    struct vocabulary vocabulary;
    vocabulary_init(&vocabulary);
    if (!strncmp(directive, "command ", 8))
        return add_command(out, directive + 8, err);
    if (!strcmp(directive, "plan-options"))
        manual_add_options(out, &plan_option_table);
    else if (!strcmp(directive, "globals"))
        manual_add_options(out, &call_global_table);
    else if (!strcmp(directive, "platforms"))
        add_kinds(out, vocabulary.plan.platforms);
    else if (!strcmp(directive, "workloads"))
        add_kinds(out, vocabulary.plan.workloads);
    else if (!strcmp(directive, "bash-tables"))
        add_tables(out, &vocabulary, completion_add_bash);
    else if (!strcmp(directive, "zsh-tables"))
        add_tables(out, &vocabulary, completion_add_zsh);
    else
        return error_set(err, ERROR_USAGE, -EINVAL, "'@%s@' is not known", directive);
    return 0;
}

static int fill_template(const char *path, struct strbuf *out, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = file_read(path, TEMPLATE_BYTES_MAX, &text, NULL, err);
    char *rest = rc < 0 ? NULL : text, *line;
    for (unsigned number = 1; rc == 0 && rest && *rest; number++) {
        line = strsep(&rest, "\n");
        size_t length = strlen(line);
        if (length < 3 || line[0] != '@' || line[length - 1] != '@') {
            strbuf_addf(out, "%s\n", line);
            continue;
        }
        line[length - 1] = '\0';
        rc = fill(out, line + 1, err);
        if (rc < 0)
            error_prefix(err, "%s: line %u", path, number);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (argc != 2)
        error_set(&err, ERROR_USAGE, -EINVAL, "usage: vtax-docs TEMPLATE");
    else if (fill_template(argv[1], &out, &err) == 0 &&
             (fputs(out.text, stdout) < 0 || fflush(stdout) != 0))
        error_set_errno(&err, ERROR_ENVIRONMENT, -errno, "write standard output");
    if (err.code < 0)
        log_error(&err);
    return (int)err.kind;
}
