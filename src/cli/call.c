/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/words.h"

#define AT(field) .offset = offsetof(struct call_globals, field)
static const struct option global_options[] = {
    {.name = "help", .letter = 'h', .type = OPTION_FLAG, AT(help), .help = "Show this help."},
    {.name = "version", .type = OPTION_FLAG, AT(version), .help = "Show the version."},
    {.name = "verbose",
     .letter = 'v',
     .type = OPTION_FLAG,
     AT(verbose),
     .help = "Say more about what is being done."},
    {.name = "debug", .type = OPTION_FLAG, AT(debug), .help = "Say everything that is being done."},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     AT(quiet),
     .help = "Say nothing but errors and results."},
};

const struct option_table call_global_table = {global_options, COUNT_OF(global_options),
                                               sizeof(struct call_globals),
                                               "Options of every command"};

/* Reads the words one after the other. */
struct scanner {
    char *const *at; /* NULL-terminated */
    struct call_line *line;
    bool operands_only; /* after -- */
    const struct option *seen[sizeof(global_options) / sizeof(global_options[0])];
    size_t seen_count;
    struct error *err;
};

/* An option and the struct that it is in. */
struct target {
    const struct option *option;
    void *object;
    bool is_global;
};

static const struct option_table *table_of(const struct scanner *scanner, size_t i,
                                           void **out_object)
{
    const struct command *command = scanner->line->call.command;
    if (i == 0) {
        *out_object = &scanner->line->globals;
        return &call_global_table;
    }
    if (!command || i > COMMAND_TABLES_MAX || !command->tables[i - 1])
        return NULL;
    *out_object = scanner->line->call.options[i - 1];
    return command->tables[i - 1];
}

/* By name (length bytes), or by letter where name is NULL. */
static bool find_option(const struct scanner *scanner, const char *name, size_t length, char letter,
                        struct target *out_target)
{
    void *object;
    const struct option_table *table;
    for (size_t i = 0; (table = table_of(scanner, i, &object)); i++) {
        const struct option *option =
            name ? option_find(table, name, length) : option_find_letter(table, letter);
        if (!option)
            continue;
        *out_target = (struct target){option, object, i == 0};
        return true;
    }
    return false;
}

static int refuse(struct scanner *scanner, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct scanner *scanner, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *why = mem_vprintf(format, ap);
    va_end(ap);
    return error_set(scanner->err, ERROR_USAGE, -EINVAL, "%s", why);
}

static int refuse_option(struct scanner *scanner, const char *word)
{
    size_t count = 0;
    void *object;
    const struct option_table *table;
    for (size_t i = 0; (table = table_of(scanner, i, &object)); i++)
        count += table->count;
    CLEANUP_FREE char **known = mem_array(count + 1, sizeof(*known));
    count = 0;
    for (size_t i = 0; (table = table_of(scanner, i, &object)); i++)
        for (size_t j = 0; j < table->count; j++)
            known[count++] = mem_printf("--%s", table->options[j].name);
    CLEANUP_FREE char *given = mem_strndup(word, strcspn(word, "="));
    const char *nearest = words_find_nearest((const char *const *)known, given);
    int rc = refuse(scanner, "unknown option '%.80s' (%s%s%ssee 'vtax%s%s --help')", given,
                    nearest ? "did you mean '" : "", nearest ? nearest : "", nearest ? "'? " : "",
                    scanner->line->topic[0] ? " " : "", scanner->line->topic);
    for (size_t i = 0; i < count; i++)
        free(known[i]);
    return rc;
}

/* Values. */

static bool was_seen(const struct scanner *scanner, const struct target *target, size_t *out_index)
{
    const struct command_call *call = &scanner->line->call;
    size_t count = target->is_global ? scanner->seen_count : call->given_count;
    const struct option *const *seen =
        target->is_global ? scanner->seen : (const struct option *const *)call->given;
    for (*out_index = 0; *out_index < count; ++*out_index)
        if (seen[*out_index] == target->option)
            return true;
    return false;
}

static void note_given(struct scanner *scanner, const struct target *target, const char *text)
{
    struct command_call *call = &scanner->line->call;
    if (target->is_global) {
        scanner->seen[scanner->seen_count++] = target->option;
        return;
    }
    call->given = mem_resize_array(call->given, call->given_count + 1, sizeof(call->given[0]));
    call->given_texts =
        mem_resize_array(call->given_texts, call->given_count + 1, sizeof(call->given_texts[0]));
    call->given[call->given_count] = target->option;
    call->given_texts[call->given_count++] = mem_strdup(text);
}

static int set_value(struct scanner *scanner, const struct target *target, const char *text)
{
    struct command_call *call = &scanner->line->call;
    const struct option *option = target->option;
    size_t index;
    bool again = was_seen(scanner, target, &index);
    if (again && !option_is_list(option))
        return refuse(scanner, "option '--%s' is given twice", option->name);
    int rc = again ? option_append(option, target->object, text, scanner->err)
                   : option_parse(option, target->object, text, scanner->err);
    if (rc < 0)
        return call_locate(option, scanner->err);
    if (!again || option->whole) {
        note_given(scanner, target, text);
        return 0;
    }
    char *joined = mem_printf("%s,%s", call->given_texts[index], text);
    free(call->given_texts[index]);
    call->given_texts[index] = joined;
    return 0;
}

/* Takes the value from behind the '=' or from the next word. */
static int read_value(struct scanner *scanner, const struct target *target, const char *attached)
{
    if (attached)
        return set_value(scanner, target, attached);
    if (!*scanner->at || !strncmp(*scanner->at, "--", 2))
        return refuse(scanner, "option '--%s' needs a value: --%s %s", target->option->name,
                      target->option->name,
                      target->option->value_name ? target->option->value_name : "VALUE");
    return set_value(scanner, target, *scanner->at++);
}

static int read_long_option(struct scanner *scanner, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    struct target target;
    if (find_option(scanner, name, length, 0, &target)) {
        if (target.option->type == OPTION_FLAG)
            return set_value(scanner, &target, equals ? equals + 1 : "true");
        return read_value(scanner, &target, equals ? equals + 1 : NULL);
    }
    if (!strncmp(name, "no-", 3) && !equals &&
        find_option(scanner, name + 3, length - 3, 0, &target) &&
        target.option->type == OPTION_FLAG && !target.is_global)
        return set_value(scanner, &target, "false");
    return refuse_option(scanner, word);
}

static int read_letters(struct scanner *scanner, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        struct target target;
        if (!find_option(scanner, NULL, 0, *letter, &target))
            return refuse_option(scanner, word);
        if (target.option->type != OPTION_FLAG)
            return read_value(scanner, &target, letter[1] ? letter + 1 : NULL);
        int rc = set_value(scanner, &target, "true");
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* 1 when an option was read, 0 when the next word is an operand or there is none. */
static int read_option(struct scanner *scanner)
{
    const char *word = *scanner->at;
    if (!word || scanner->operands_only || word[0] != '-' || !word[1])
        return 0;
    scanner->at++;
    int rc = 0;
    if (!strcmp(word, "--"))
        scanner->operands_only = true;
    else if (word[1] == '-')
        rc = read_long_option(scanner, word);
    else
        rc = read_letters(scanner, word);
    return rc < 0 ? rc : 1;
}

/* Commands. */

const struct command *call_find_command(const struct command *const *commands, const char *name)
{
    for (; *commands; commands++)
        if (!strcmp((*commands)->name, name))
            return *commands;
    return NULL;
}

/* The words that may follow: first words where group is NULL, else second words of the group. */
static int refuse_command(struct scanner *scanner, const struct command *const *commands,
                          const char *group, const char *word)
{
    char *known[128] = {0};
    size_t count = 0, skip = group ? strlen(group) + 1 : 0;
    for (; *commands && count + 1 < COUNT_OF(known); commands++) {
        const char *name = (*commands)->name;
        if (group && (strncmp(name, group, skip - 1) || name[skip - 1] != ' '))
            continue;
        char *first = mem_strndup(name + skip, strcspn(name + skip, " "));
        if (words_contain((const char *const *)known, first))
            free(first);
        else
            known[count++] = first;
    }
    CLEANUP_FREE char *what = mem_printf("command%s%s", group ? " of " : "", group ? group : "");
    int rc = words_set_unknown(scanner->err, what, word, (const char *const *)known);
    for (size_t i = 0; i < count; i++)
        free(known[i]);
    return rc;
}

static bool is_group(const struct command *const *commands, const char *word)
{
    size_t length = strlen(word);
    for (; *commands; commands++)
        if (!strncmp((*commands)->name, word, length) && (*commands)->name[length] == ' ')
            return true;
    return false;
}

/* The second word of a group of commands. */
static int read_second_word(struct scanner *scanner, const struct command *const *commands,
                            const char *first)
{
    int rc;
    while ((rc = read_option(scanner)) > 0)
        ;
    if (rc < 0)
        return rc;
    if (!*scanner->at) {
        if (scanner->line->globals.help)
            return 0;
        return refuse(scanner, "'%s' needs a second word: see 'vtax %s --help'", first, first);
    }
    CLEANUP_FREE char *name = mem_printf("%s %s", first, *scanner->at);
    scanner->line->call.command = call_find_command(commands, name);
    if (!scanner->line->call.command)
        return refuse_command(scanner, commands, first, *scanner->at);
    scanner->at++;
    return 0;
}

/* A command of one word may be the first word of others: 'load', 'load shop'. */
static void take_second_word(struct scanner *scanner, const struct command *const *commands,
                             const char *first)
{
    if (!*scanner->at)
        return;
    CLEANUP_FREE char *name = mem_printf("%s %s", first, *scanner->at);
    const struct command *command = call_find_command(commands, name);
    if (!command)
        return;
    scanner->line->call.command = command;
    scanner->at++;
}

static int read_command(struct scanner *scanner, const struct command *const *commands)
{
    int rc;
    while ((rc = read_option(scanner)) > 0)
        ;
    const char *first = *scanner->at;
    if (rc < 0 || !first)
        return rc;
    scanner->at++;
    scanner->line->call.command = call_find_command(commands, first);
    if (scanner->line->call.command) {
        take_second_word(scanner, commands, first);
        return 0;
    }
    if (!is_group(commands, first))
        return refuse_command(scanner, commands, NULL, first);
    snprintf(scanner->line->topic, sizeof(scanner->line->topic), "%s", first);
    return read_second_word(scanner, commands, first);
}

static void init_options(struct command_call *call)
{
    for (size_t i = 0; i < COMMAND_TABLES_MAX && call->command->tables[i]; i++) {
        call->options[i] = mem_zalloc(call->command->tables[i]->struct_bytes);
        option_table_init(call->command->tables[i], call->options[i]);
    }
}

static int check_operands(struct scanner *scanner)
{
    const struct command_call *call = &scanner->line->call;
    const struct command *command = call->command;
    if (call->argument_count < command->operand_min)
        return refuse(scanner, "something is missing: vtax %s [OPTION]... %s", command->name,
                      command->operands);
    if (call->argument_count > command->operand_max)
        return refuse(scanner, "'%.80s' is one word too many: vtax %s [OPTION]...%s%s",
                      call->arguments[command->operand_max], command->name,
                      command->operands ? " " : "", command->operands ? command->operands : "");
    return 0;
}

/* What follows the command. */
static int read_rest(struct scanner *scanner)
{
    struct command_call *call = &scanner->line->call;
    init_options(call);
    for (;;) {
        int rc = read_option(scanner);
        if (rc < 0)
            return rc;
        if (rc > 0)
            continue;
        if (!*scanner->at)
            break;
        call->arguments =
            mem_resize_array(call->arguments, call->argument_count + 1, sizeof(call->arguments[0]));
        call->arguments[call->argument_count++] = mem_strdup(*scanner->at++);
    }
    return scanner->line->globals.help ? 0 : check_operands(scanner);
}

static int parse_line(struct scanner *scanner, const struct command *const *commands)
{
    struct call_line *line = scanner->line;
    int rc = read_command(scanner, commands);
    const struct command *command = line->call.command;
    if (rc < 0)
        return rc;
    if (command) {
        snprintf(line->topic, sizeof(line->topic), "%s", command->name);
        rc = read_rest(scanner);
        if (rc < 0)
            return error_prefix(scanner->err, "%s", command->name);
    }
    if (line->globals.quiet && (line->globals.verbose || line->globals.debug))
        return refuse(scanner, "--quiet and --%s exclude each other",
                      line->globals.debug ? "debug" : "verbose");
    if (!command && !line->globals.help && !line->globals.version)
        return refuse(scanner, "no command: see 'vtax --help'");
    return 0;
}

int call_parse(const struct command *const *commands, int argc, char *const *argv,
               struct call_line *out_line, struct error *err)
{
    struct error ignored;
    struct call_line line = {0};
    struct scanner scanner = {.at = argv + (argc > 0), .line = &line, .err = err ? err : &ignored};
    int rc = parse_line(&scanner, commands);
    if (rc < 0) {
        call_done(&line);
        return rc;
    }
    *out_line = line;
    return 0;
}

void call_done(struct call_line *line)
{
    struct command_call *call = &line->call;
    for (size_t i = 0; i < COMMAND_TABLES_MAX && call->options[i]; i++) {
        option_table_done(call->command->tables[i], call->options[i]);
        free(call->options[i]);
    }
    for (size_t i = 0; i < call->given_count; i++)
        free(call->given_texts[i]);
    for (size_t i = 0; i < call->argument_count; i++)
        free(call->arguments[i]);
    free(call->given);
    free(call->given_texts);
    free(call->arguments);
    *line = (struct call_line){0};
}

int call_locate(const struct option *option, struct error *err)
{
    size_t length = strlen(option->name);
    struct error old = *err;
    if (!strncmp(old.text, option->name, length) && old.text[length] == ' ')
        return error_set(err, old.kind, old.code, "--%s", old.text);
    return error_prefix(err, "--%s", option->name);
}
