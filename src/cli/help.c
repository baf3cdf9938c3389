/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include <string.h>

#include "base/strbuf.h"
#include "cli/call.h"
#include "cli/layout.h"

#define OPTION_INDENT 30
#define COMMAND_INDENT 18

static const char introduction[] =
    "Usage: vtax COMMAND [OPTION]... [OPERAND]...\n"
    "\n"
    "Measures what virtualization costs: runs the same work on plain Linux and in\n"
    "virtual machines, several side by side, and says with confidence intervals\n"
    "what is lost, and to what.\n"
    "\n"
    "Start here:\n"
    "  vtax doctor       what can be measured on this host, and what disturbs it\n"
    "  vtax plan list    the plans that are built in\n"
    "  vtax run quick    measure; ends with a table of the results\n"
    "\n";

static const char ending[] =
    "\n"
    "'vtax COMMAND --help' says more about a command; 'vtax help platforms' and\n"
    "'vtax help workloads' list what can be measured, with all settings.\n"
    "\n"
    "Exit status: 0 good; 1 what was measured failed, or a comparison came out\n"
    "worse; 2 wrong use; 3 this host lacks something; 4 internal error; 130\n"
    "interrupted.\n";

char *help_format_usage(const struct option *option)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (option->letter)
        strbuf_addf(&out, "-%c, ", option->letter);
    else
        strbuf_adds(&out, "    ");
    bool is_flag = option->type == OPTION_FLAG;
    bool is_on = is_flag && option->fallback && !strcmp(option->fallback, "true");
    strbuf_addf(&out, "--%s%s", is_on ? "[no-]" : "", option->name);
    if (!is_flag)
        strbuf_addf(&out, " %s", option->value_name ? option->value_name : "VALUE");
    return strbuf_take(&out);
}

char *help_format_meaning(const struct option *option)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    strbuf_adds(&out, option->help ? option->help : "");
    for (size_t i = 0; option->words && option->words[i]; i++)
        strbuf_addf(&out, "%s%s", i ? ", " : " One of: ", option->words[i]);
    if (option->words)
        strbuf_addc(&out, '.');
    if (option->fallback && option->type != OPTION_FLAG)
        strbuf_addf(&out, " [%s]", option->fallback);
    return strbuf_take(&out);
}

static void add_table(struct strbuf *out, const struct option_table *table)
{
    strbuf_addf(out, "\n%s:\n", table->title ? table->title : "Options");
    for (size_t i = 0; i < table->count; i++) {
        CLEANUP_FREE char *usage = help_format_usage(&table->options[i]);
        CLEANUP_FREE char *meaning = help_format_meaning(&table->options[i]);
        layout_add_row(out, usage, meaning, OPTION_INDENT);
    }
}

static void add_command_row(struct strbuf *out, const struct command *command)
{
    layout_add_row(out, command->name, command->summary, COMMAND_INDENT);
}

char *help_format_program(const struct command *const *commands)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    strbuf_adds(&out, introduction);
    strbuf_adds(&out, "Commands:\n");
    for (; *commands; commands++)
        add_command_row(&out, *commands);
    add_table(&out, &call_global_table);
    strbuf_adds(&out, ending);
    return strbuf_take(&out);
}

char *help_format_group(const struct command *const *commands, const char *group)
{
    size_t length = strlen(group);
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    strbuf_addf(&out, "Usage: vtax %s COMMAND [OPTION]... [OPERAND]...\n\nCommands:\n", group);
    for (; *commands; commands++)
        if (!strncmp((*commands)->name, group, length) && (*commands)->name[length] == ' ')
            add_command_row(&out, *commands);
    strbuf_addf(&out, "\n'vtax %s COMMAND --help' says more about a command.\n", group);
    return strbuf_take(&out);
}

char *help_format_command(const struct command *command)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    strbuf_addf(&out, "Usage: vtax %s [OPTION]...%s%s\n\n%s.\n", command->name,
                command->operands ? " " : "", command->operands ? command->operands : "",
                command->summary);
    if (command->help)
        strbuf_addf(&out, "\n%s", command->help);
    if (command->help && out.text[out.length - 1] != '\n')
        strbuf_addc(&out, '\n');
    for (size_t i = 0; i < COMMAND_TABLES_MAX && command->tables[i]; i++)
        add_table(&out, command->tables[i]);
    add_table(&out, &call_global_table);
    return strbuf_take(&out);
}
