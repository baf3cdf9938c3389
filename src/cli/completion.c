/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/completion.h"

#include <stdbool.h>
#include <string.h>

#include "cli/call.h"

static const char *const *find_words(const struct completion_words *words,
                                     const struct option *option)
{
    if (option->words)
        return option->words;
    for (; words->name; words++)
        if (!strcmp(words->name, option->name))
            return words->words;
    return NULL;
}

static const struct option plan_operand = {.name = "PLAN"};

static void add_words(struct strbuf *out, const char *const *words)
{
    for (size_t i = 0; words && words[i]; i++)
        strbuf_addf(out, "%s%s", i ? " " : "", words[i]);
}

static const char *value_kind(const struct option *option)
{
    const char *value = option->value_name ? option->value_name : "";
    if (!strcmp(value, "FILE"))
        return "file";
    if (!strcmp(value, "DIR"))
        return "directory";
    return option_is_list(option) && !option->whole ? "list" : "word";
}

/* The table of a command, the one of every command after its own; NULL at the end. */
static const struct option_table *table_at(const struct command *command, size_t i)
{
    size_t count = 0;
    while (count < COMMAND_TABLES_MAX && command->tables[count])
        count++;
    return i < count ? command->tables[i] : i == count ? &call_global_table : NULL;
}

/* bash */

static void add_bash_command(struct strbuf *out, const struct command *command)
{
    const struct option_table *table;
    strbuf_addf(out, "    '%s') options='", command->name);
    for (size_t i = 0; (table = table_at(command, i)); i++)
        for (size_t j = 0; j < table->count; j++)
            strbuf_addf(out, "%s--%s", i || j ? " " : "", table->options[j].name);
    strbuf_addf(out, "' operands='%s' ;;\n", command->operands ? command->operands : "");
}

static void add_bash_values(struct strbuf *out, const struct command *command,
                            const struct completion_words *words)
{
    const struct option_table *table;
    for (size_t i = 0; (table = table_at(command, i)); i++) {
        for (size_t j = 0; j < table->count; j++) {
            const struct option *option = &table->options[j];
            if (option->type == OPTION_FLAG)
                continue;
            strbuf_addf(out, "    '%s --%s') kind=%s words='", command->name, option->name,
                        value_kind(option));
            add_words(out, find_words(words, option));
            strbuf_adds(out, "' ;;\n");
        }
    }
}

void completion_add_bash(struct strbuf *out, const struct command *const *commands,
                         const struct completion_words *words)
{
    static const char end[] = "    *) return 1 ;;\n    esac\n}\n";
    strbuf_adds(out, "_vtax_commands='");
    for (size_t i = 0; commands[i]; i++)
        strbuf_addf(out, "%s%s", i ? "\n" : "", commands[i]->name);
    strbuf_adds(out, "'\n_vtax_plans='");
    add_words(out, find_words(words, &plan_operand));
    strbuf_adds(out, "'\n\n_vtax_command() {\n    case $1 in\n");
    for (size_t i = 0; commands[i]; i++)
        add_bash_command(out, commands[i]);
    strbuf_addf(out, "%s\n_vtax_value() {\n    case $1 in\n", end);
    for (size_t i = 0; commands[i]; i++)
        add_bash_values(out, commands[i], words);
    strbuf_adds(out, end);
}

/* zsh */

/* In single quotes, with what _arguments reads as syntax escaped. */
static void add_zsh_text(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            strbuf_adds(out, "'\\'");
        else if (strchr(":[]\\", *text))
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
}

static void add_zsh_action(struct strbuf *out, const struct option *option,
                           const struct completion_words *words)
{
    const char *kind = value_kind(option);
    const char *const *known = find_words(words, option);
    if (!strcmp(kind, "file"))
        strbuf_adds(out, "_files");
    else if (!strcmp(kind, "directory"))
        strbuf_adds(out, "_files -/");
    else if (known && !strcmp(kind, "list"))
        strbuf_adds(out, "_sequence compadd - ");
    else if (known)
        strbuf_addc(out, '(');
    add_words(out, known);
    if (known && strcmp(kind, "list"))
        strbuf_addc(out, ')');
}

/* '--memory=[Memory sizes of each machine.]:LIST:' */
static void add_zsh_option(struct strbuf *out, const struct option *option,
                           const struct completion_words *words)
{
    bool is_flag = option->type == OPTION_FLAG;
    strbuf_addf(out, "        '%s--%s%s[", option_is_list(option) ? "*" : "", option->name,
                is_flag ? "" : "=");
    add_zsh_text(out, option->help);
    strbuf_addc(out, ']');
    if (!is_flag) {
        strbuf_addf(out, ":%s:", option->value_name ? option->value_name : "VALUE");
        add_zsh_action(out, option, words);
    }
    strbuf_adds(out, "'\n");
}

static void add_zsh_operands(struct strbuf *out, const struct command *command)
{
    if (!command->operands)
        return;
    if (strstr(command->operands, "PLAN")) {
        strbuf_adds(out, "        '*:plan:_vtax_plans'\n");
    } else if (strstr(command->operands, "FILE")) {
        strbuf_adds(out, "        '*:file:_files'\n");
    }
}

void completion_add_zsh(struct strbuf *out, const struct command *const *commands,
                        const struct completion_words *words)
{
    strbuf_adds(out, "_vtax_commands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        strbuf_addf(out, "    '%s:", commands[i]->name);
        add_zsh_text(out, commands[i]->summary);
        strbuf_adds(out, "'\n");
    }
    strbuf_adds(out, ")\n_vtax_plan_words=(");
    add_words(out, find_words(words, &plan_operand));
    strbuf_adds(out, ")\n\n_vtax_command() {\n    case $1 in\n");
    for (size_t i = 0; commands[i]; i++) {
        const struct option_table *table;
        strbuf_addf(out, "    ('%s') specs=(\n", commands[i]->name);
        for (size_t j = 0; (table = table_at(commands[i], j)); j++)
            for (size_t k = 0; k < table->count; k++)
                add_zsh_option(out, &table->options[k], words);
        add_zsh_operands(out, commands[i]);
        strbuf_adds(out, "    ) ;;\n");
    }
    strbuf_adds(out, "    (*) return 1 ;;\n    esac\n}\n");
}
