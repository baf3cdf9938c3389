/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "cli/call.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/layout.h"
#include "cli/manual.h"
#include "cli/program.h"

struct first_options {
    uint64_t count;
    struct option_counts list;
    bool flag;
    bool fast;
};

struct second_options {
    struct option_texts set;
    char *text;
};

static const struct option first_rows[] = {
    {"count", 'c', OPTION_COUNT, offsetof(struct first_options, count), "N", "3", .min = 1,
     .help = "How many."},
    {"list", 'l', OPTION_COUNTS, offsetof(struct first_options, list), "LIST", "1",
     .help = "Several."},
    {"flag", 'f', OPTION_FLAG, offsetof(struct first_options, flag), .help = "Do it."},
    {"fast", 0, OPTION_FLAG, offsetof(struct first_options, fast), .fallback = "true",
     .help = "Be [fast]: 'yes'."},
};
static const struct option second_rows[] = {
    {"set", 0, OPTION_TEXTS, offsetof(struct second_options, set), "K=V", .whole = true,
     .help = "Set."},
    {"output", 'o', OPTION_TEXT, offsetof(struct second_options, text), "FILE", .help = "Where."},
};
static const struct option_table first = {first_rows, COUNT_OF(first_rows),
                                          sizeof(struct first_options)};
static const struct option_table second = {second_rows, COUNT_OF(second_rows),
                                           sizeof(struct second_options), "More"};

static const struct command do_it = {.name = "do",
                                     .operands = "[A] [B]",
                                     .summary = "Do it",
                                     .help = "First.\n\n  literal *text*\n",
                                     .tables = {&first, &second},
                                     .operand_max = 2};
static const struct command thing_add = {
    .name = "thing add", .operands = "PLAN", .operand_min = 1, .operand_max = 1, .summary = "Add"};
static const struct command thing_list = {.name = "thing list", .summary = "List"};
static const struct command *const words[] = {&do_it, &thing_add, &thing_list, NULL};

/* Splits at spaces; parses; what was understood as one line of text, or the error. */
static char *understand(const char *text)
{
    CLEANUP_FREE char *copy = mem_strdup(text);
    char *argv[16] = {(char *)"vtax"};
    int argc = 1;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    struct error err = {0};
    CLEANUP(call_done) struct call_line line = {0};
    if (call_parse(words, argc, argv, &line, &err) < 0)
        return mem_strdup(err.text);
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    strbuf_addf(&out, "%s:", line.topic);
    for (size_t i = 0; line.call.command && i < COMMAND_TABLES_MAX && line.call.options[i]; i++) {
        CLEANUP_FREE char *options =
            option_table_format(line.call.command->tables[i], line.call.options[i]);
        strbuf_addf(&out, " [%s]", options);
    }
    for (size_t i = 0; i < line.call.argument_count; i++)
        strbuf_addf(&out, " %s", line.call.arguments[i]);
    for (size_t i = 0; i < line.call.given_count; i++)
        strbuf_addf(&out, " %s<%s", line.call.given[i]->name, line.call.given_texts[i]);
    if (line.globals.help)
        strbuf_adds(&out, " help");
    if (line.globals.verbose)
        strbuf_adds(&out, " verbose");
    return strbuf_take(&out);
}

#define DEFAULTS "count=3 list=1 flag=false fast=true"

static const struct {
    const char *line, *meaning;
} rows[] = {
    {"do", "do: [" DEFAULTS "] []"},
    {"do a b", "do: [" DEFAULTS "] [] a b"},
    {"do a -- --count", "do: [" DEFAULTS "] [] a --count"},
    {"do - --", "do: [" DEFAULTS "] [] -"},
    {"do --count 7", "do: [count=7 list=1 flag=false fast=true] [] count<7"},
    {"do --count=7 a", "do: [count=7 list=1 flag=false fast=true] [] a count<7"},
    {"do -c7", "do: [count=7 list=1 flag=false fast=true] [] count<7"},
    {"do -c 7", "do: [count=7 list=1 flag=false fast=true] [] count<7"},
    {"do -fc7", "do: [count=7 list=1 flag=true fast=true] [] flag<true count<7"},
    {"do --flag --no-fast", "do: [count=3 list=1 flag=true fast=false] [] flag<true fast<false"},
    {"do --flag=false", "do: [" DEFAULTS "] [] flag<false"},
    {"do --list 2,3 --list=5", "do: [count=3 list=2,3,5 flag=false fast=true] [] list<2,3,5"},
    {"do --set a=1,2 --set b=3", "do: [" DEFAULTS "] [set=a=1,2,b=3] set<a=1,2 set<b=3"},
    {"-v do --help x y z", "do: [" DEFAULTS "] [] x y z help verbose"},
    {"thing list", "thing list:"},
    {"thing -v list", "thing list: verbose"},
    {"thing --help", "thing: help"},
    {"--help", ": help"},
    {"", "no command: see 'vtax --help'"},
    {"dou", "unknown command 'dou' (did you mean 'do'? known: do, thing)"},
    {"thing", "'thing' needs a second word: see 'vtax thing --help'"},
    {"thing ad", "unknown command of thing 'ad' (did you mean 'add'? known: add, list)"},
    {"thing add", "thing add: something is missing: vtax thing add [OPTION]... PLAN"},
    {"thing list x", "thing list: 'x' is one word too many: vtax thing list [OPTION]..."},
    {"do a b c", "do: 'c' is one word too many: vtax do [OPTION]... [A] [B]"},
    {"do --count", "do: option '--count' needs a value: --count N"},
    {"do --count --flag", "do: option '--count' needs a value: --count N"},
    {"do --count 0", "do: --count '0' is too small: at least 1"},
    {"do --count 1 --count 1", "do: option '--count' is given twice"},
    {"do --flag --no-flag", "do: option '--flag' is given twice"},
    {"do -v -v", "do: option '--verbose' is given twice"},
    {"do --list 1,2 --list 2", "do: --list '2' gives a value twice"},
    {"do --flagg", "do: unknown option '--flagg' (did you mean '--flag'? see 'vtax do --help')"},
    {"do --no-count",
     "do: unknown option '--no-count' (did you mean '--count'? see 'vtax do --help')"},
    {"do -fz", "do: unknown option '-fz' (see 'vtax do --help')"},
    {"do -q --debug", "--quiet and --debug exclude each other"},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_FREE char *meaning = understand(rows[i].line);
        print_message("%s\n", rows[i].line);
        assert_string_equal(meaning, rows[i].meaning);
    }
}

static void test_layout(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    layout_add_row(&out, "left", "right", 10);
    layout_add_row(&out, "longer than ten", "right", 10);
    layout_add_row(&out, "alone", "", 10);
    layout_add_row(&out, "x",
                   "words that go on until the end of the line is reached and then somewhat "
                   "further \xc3\xa9\xc3\xa9",
                   10);
    assert_string_equal(out.text,
                        "  left    right\n"
                        "  longer than ten\n"
                        "          right\n"
                        "  alone\n"
                        "  x       words that go on until the end of the line is reached and then\n"
                        "          somewhat further \xc3\xa9\xc3\xa9\n");
}

static void test_help(void **state)
{
    (void)state;
    CLEANUP_FREE char *text = help_format_command(&do_it);
    assert_non_null(strstr(text, "Usage: vtax do [OPTION]... [A] [B]\n\nDo it.\n\nFirst.\n"));
    assert_non_null(strstr(text, "\nOptions:\n  -c, --count N               How many. [3]\n"));
    assert_non_null(strstr(text, "\n      --[no-]fast             Be [fast]: 'yes'.\n"));
    assert_non_null(strstr(text, "\nMore:\n"));
}

static void test_manual_escapes(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    manual_add_command(&out, &do_it, &second);
    assert_string_equal(out.text, "*vtax do* [_OPTION_]... _[A] [B]_\n\nDo it.\n\n"
                                  "First.\n\n```\nliteral *text*\n```\n\n"
                                  "*-c, --count* _N_\n\tHow many. [3]\n\n"
                                  "*-l, --list* _LIST_\n\tSeveral. [1]\n\n"
                                  "*-f, --flag*\n\tDo it.\n\n"
                                  "*--[no-]fast*\n\tBe [fast]: 'yes'.\n\n");
}

static void test_completion_tables(void **state)
{
    (void)state;
    static const char *const plans[] = {"quick", "paper", NULL};
    static const struct completion_words known[] = {{"PLAN", plans}, {"list", plans}, {NULL, NULL}};
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    completion_add_bash(&out, words, known);
    assert_non_null(strstr(out.text, "_vtax_commands='do\nthing add\nthing list'\n"));
    assert_non_null(strstr(out.text, "_vtax_plans='quick paper'\n"));
    assert_non_null(strstr(out.text, "'do --list') kind=list words='quick paper' ;;\n"));
    assert_non_null(strstr(out.text, "'do --output') kind=file words='' ;;\n"));
    strbuf_truncate(&out, 0);
    completion_add_zsh(&out, words, known);
    assert_non_null(strstr(out.text, "'--fast[Be \\[fast\\]\\: '\\''yes'\\''.]'\n"));
    assert_non_null(strstr(out.text, "'--output=[Where.]:FILE:_files'\n"));
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(program_exit_code(&(struct error){ERROR_USAGE, -22, ""}), 2);
    assert_int_equal(program_exit_code(&(struct error){ERROR_ENVIRONMENT, -2, ""}), 3);
    assert_int_equal(program_exit_code(&(struct error){ERROR_FAILED, -4, ""}), 130);
    assert_int_equal(program_exit_code(&(struct error){0, -5, ""}), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_manual_escapes),
        cmocka_unit_test(test_completion_tables),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
