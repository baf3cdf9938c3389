/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax help: about the program, a command, or what plans can name.
 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/words.h"
#include "cli/call.h"
#include "cli/layout.h"
#include "command/list.h"
#include "command/vocabulary.h"

static void print_kind(const struct plan_kind *kind)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    layout_add_row(&out, kind->name, kind->help, 14);
    for (size_t i = 0; i < kind->options.count; i++) {
        const struct option *option = &kind->options.options[i];
        CLEANUP_FREE char *left = mem_printf("  %s: %s", option->name,
                                             option->value_name            ? option->value_name
                                             : option->type == OPTION_FLAG ? "true|false"
                                                                           : "VALUE");
        CLEANUP_FREE char *meaning = help_format_meaning(option);
        layout_add_row(&out, left, meaning, 30);
    }
    fputs(out.text, stdout);
}

static void print_kinds(const char *what, const struct plan_kind *const *kinds)
{
    printf("%s that plans can name, with their settings and [defaults]:\n\n", what);
    for (; *kinds; kinds++)
        print_kind(*kinds);
    printf("\nIn a plan: '- WORD', '- WORD: {KEY: VALUE}', or with a name of its own\n"
           "'- {name: NAME, kind: WORD, KEY: VALUE}'. On the command line: --set\n"
           "NAME.KEY=VALUE.\n");
}

/* Says what there is help about. */
static int refuse_topic(const char *topic, struct error *err)
{
    static const char *const topics[] = {"platforms", "workloads"};
    size_t count = 0;
    while (commands[count])
        count++;
    CLEANUP_FREE const char **known = mem_array(count + COUNT_OF(topics) + 1, sizeof(*known));
    for (size_t i = 0; i < count; i++)
        known[i] = commands[i]->name;
    for (size_t i = 0; i < COUNT_OF(topics); i++)
        known[count + i] = topics[i];
    return words_set_unknown(err, "topic", topic, known);
}

static int print_topic(const char *topic, struct error *err)
{
    struct vocabulary vocabulary;
    vocabulary_init(&vocabulary);
    const struct command *command = call_find_command(commands, topic);
    size_t length = strlen(topic);
    if (command) {
        CLEANUP_FREE char *text = help_format_command(command);
        fputs(text, stdout);
        return 0;
    }
    if (!strcmp(topic, "platforms")) {
        print_kinds("Platforms", vocabulary.plan.platforms);
        return 0;
    }
    if (!strcmp(topic, "workloads")) {
        print_kinds("Workloads", vocabulary.plan.workloads);
        return 0;
    }
    for (size_t i = 0; commands[i]; i++) {
        if (strncmp(commands[i]->name, topic, length) || commands[i]->name[length] != ' ')
            continue;
        CLEANUP_FREE char *text = help_format_group(commands, topic);
        fputs(text, stdout);
        return 0;
    }
    return refuse_topic(topic, err);
}

static int run(const struct command_call *call, struct error *err)
{
    if (call->argument_count == 0) {
        CLEANUP_FREE char *text = help_format_program(commands);
        fputs(text, stdout);
        return 0;
    }
    CLEANUP_FREE char *topic = call->argument_count == 1
                                   ? mem_strdup(call->arguments[0])
                                   : mem_printf("%s %s", call->arguments[0], call->arguments[1]);
    return print_topic(topic, err);
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND | platforms | workloads]",
    .summary = "Explain a command, or list platforms or workloads with their settings",
    .operand_max = 2,
    .run = run,
};
