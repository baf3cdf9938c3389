/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/manual.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "cli/help.h"

void manual_add_text(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\*_<>", *text))
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
}

static void add_marked(struct strbuf *out, char mark, const char *text)
{
    strbuf_addc(out, mark);
    manual_add_text(out, text);
    strbuf_addc(out, mark);
}

static void add_meaning(struct strbuf *out, const struct option *option)
{
    CLEANUP_FREE char *meaning = help_format_meaning(option);
    strbuf_addc(out, '\t');
    manual_add_text(out, meaning);
    strbuf_adds(out, "\n\n");
}

void manual_add_options(struct strbuf *out, const struct option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        CLEANUP_FREE char *usage = help_format_usage(option);
        char *value = strrchr(usage, ' ');
        if (option->type == OPTION_FLAG)
            value = NULL;
        else
            *value++ = '\0';
        add_marked(out, '*', usage + strspn(usage, " "));
        if (value) {
            strbuf_addc(out, ' ');
            add_marked(out, '_', value);
        }
        strbuf_addc(out, '\n');
        add_meaning(out, option);
    }
}

void manual_add_settings(struct strbuf *out, const struct option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        const char *value = option->value_name            ? option->value_name
                            : option->type == OPTION_FLAG ? "true|false"
                                                          : "VALUE";
        add_marked(out, '*', option->name);
        strbuf_adds(out, ": ");
        add_marked(out, '_', value);
        strbuf_addc(out, '\n');
        add_meaning(out, option);
    }
}

/* Paragraphs as they are, lines that start with two spaces as literal blocks. */
static void add_help(struct strbuf *out, const char *help)
{
    bool is_literal = false;
    while (*help) {
        size_t length = strcspn(help, "\n");
        bool literal = !strncmp(help, "  ", 2);
        if (literal != is_literal)
            strbuf_adds(out, "```\n");
        is_literal = literal;
        CLEANUP_FREE char *line = mem_strndup(help, length);
        if (literal)
            strbuf_adds(out, line + 2);
        else
            manual_add_text(out, line);
        strbuf_addc(out, '\n');
        help += length + (help[length] == '\n');
    }
    if (is_literal)
        strbuf_adds(out, "```\n");
}

void manual_add_command(struct strbuf *out, const struct command *command,
                        const struct option_table *elsewhere)
{
    CLEANUP_FREE char *name = mem_printf("vtax %s", command->name);
    add_marked(out, '*', name);
    strbuf_adds(out, " [_OPTION_]...");
    if (command->operands) {
        strbuf_addc(out, ' ');
        add_marked(out, '_', command->operands);
    }
    strbuf_adds(out, "\n\n");
    manual_add_text(out, command->summary);
    strbuf_adds(out, ".\n\n");
    if (command->help) {
        add_help(out, command->help);
        strbuf_addc(out, '\n');
    }
    for (size_t i = 0; i < COMMAND_TABLES_MAX && command->tables[i]; i++)
        if (command->tables[i] != elsewhere)
            manual_add_options(out, command->tables[i]);
}
