/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/load_plan.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/words.h"
#include "cli/call.h"

static int parse_file(const char *path, const struct plan_vocabulary *vocabulary,
                      struct plan **out_plan, struct error *err)
{
    bool is_stdin = !strcmp(path, "-");
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = file_read(is_stdin ? "/dev/stdin" : path, PLAN_BYTES_MAX, &text, &length, err);
    if (rc < 0) { /* a plan that cannot be read is the user's mistake, not the host's */
        err->kind = ERROR_USAGE;
        return rc;
    }
    return plan_parse(text, length, is_stdin ? "stdin" : path, vocabulary, out_plan, err);
}

static int parse_plan(const char *name, const struct plan_vocabulary *vocabulary,
                      struct plan **out_plan, struct error *err)
{
    const char *text = plan_find_builtin(name);
    if (text)
        return plan_parse(text, strlen(text), name, vocabulary, out_plan, err);
    if (!strpbrk(name, "./") && strcmp(name, "-")) {
        int rc = words_set_unknown(err, "plan", name, plan_builtin_names);
        size_t length = strlen(err->text);
        snprintf(err->text + length, sizeof(err->text) - length,
                 "; a file is named as x.yaml or ./x");
        return rc;
    }
    return parse_file(name, vocabulary, out_plan, err);
}

/* Options of plan_option_table, in the order given. */
static int override_keys(const struct command_call *call, struct plan *plan,
                         const struct plan_vocabulary *vocabulary, struct error *err)
{
    const struct option *first = plan_option_table.options;
    for (size_t i = 0; i < call->given_count; i++) {
        const struct option *option = call->given[i];
        if (option < first || option >= first + plan_option_table.count)
            continue;
        if (plan_override(plan, option->name, call->given_texts[i], vocabulary, err) < 0)
            return call_locate(option, err);
    }
    return 0;
}

int load_plan(const struct command_call *call, const char *name,
              const struct plan_vocabulary *vocabulary, struct plan **out_plan, struct error *err)
{
    CLEANUP_PLAN struct plan *plan = NULL;
    int rc = parse_plan(name, vocabulary, &plan, err);
    if (rc < 0)
        return rc;
    rc = override_keys(call, plan, vocabulary, err);
    if (rc < 0)
        return rc;
    rc = plan_check(plan, err);
    if (rc < 0)
        return rc;
    *out_plan = TAKE_PTR(plan);
    return 0;
}
