/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/option.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/option_ops.h"
#include "base/strbuf.h"

/* The widest field. */
union field {
    char *text;
    uint64_t whole;
    double real;
    struct option_counts counts;
    struct option_texts texts;
};

static void *field_of(const struct option *option, const void *object)
{
    return (char *)object + option->offset;
}

static void free_field(const struct option_ops *type, void *field)
{
    if (type->done)
        type->done(field);
    memset(field, 0, type->bytes);
}

/* Parses into a field that starts as a copy of the present one when append is set, then swaps it
 * in. */
static int set_field(const struct option *option, void *object, const char *text, bool append,
                     struct error *err)
{
    const struct option_ops *type = &option_ops[option->type];
    void *field = field_of(option, object);
    union field value = {0};
    if (append) {
        memcpy(&value, field, type->bytes);
        if (type->own)
            type->own(&value);
    }
    int rc = type->parse(option, &value, text, err);
    if (rc < 0) {
        free_field(type, &value);
        return rc;
    }
    free_field(type, field);
    memcpy(field, &value, type->bytes);
    return 0;
}

int option_parse(const struct option *option, void *object, const char *text, struct error *err)
{
    return set_field(option, object, text, false, err);
}

int option_append(const struct option *option, void *object, const char *text, struct error *err)
{
    assert(option_is_list(option));
    return set_field(option, object, text, true, err);
}

char *option_format(const struct option *option, const void *object)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    if (!option_ops[option->type].format(option, field_of(option, object), &out))
        return NULL;
    return strbuf_take(&out);
}

bool option_is_list(const struct option *option)
{
    return option_ops[option->type].is_list;
}

static bool same_name(const char *name, const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] != (word[i] == '_' ? '-' : word[i])) /* also ends at the NUL of name */
            return false;
    return name[length] == '\0';
}

const struct option *option_find(const struct option_table *table, const char *name, size_t length)
{
    for (size_t i = 0; i < table->count; i++)
        if (same_name(table->options[i].name, name, length))
            return &table->options[i];
    return NULL;
}

const struct option *option_find_letter(const struct option_table *table, char letter)
{
    for (size_t i = 0; i < table->count; i++)
        if (letter && table->options[i].letter == letter)
            return &table->options[i];
    return NULL;
}

void option_table_init(const struct option_table *table, void *object)
{
    memset(object, 0, table->struct_bytes);
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        assert(option->offset + option_ops[option->type].bytes <= table->struct_bytes);
        if (!option->fallback)
            continue;
        int rc = option_parse(option, object, option->fallback, NULL);
        assert(rc == 0); /* the table is wrong */
        (void)rc;
    }
}

static void add_quoted(struct strbuf *out, const char *text)
{
    if (!strpbrk(text, " \"\\")) {
        strbuf_adds(out, text);
        return;
    }
    strbuf_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
    strbuf_addc(out, '"');
}

char *option_table_format(const struct option_table *table, const void *object)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out);
    for (size_t i = 0; i < table->count; i++) {
        CLEANUP_FREE char *text = option_format(&table->options[i], object);
        if (!text)
            continue;
        strbuf_addf(&out, "%s%s=", out.length ? " " : "", table->options[i].name);
        add_quoted(&out, text);
    }
    return strbuf_take(&out);
}

void option_table_done(const struct option_table *table, void *object)
{
    for (size_t i = 0; i < table->count; i++)
        free_field(&option_ops[table->options[i].type], field_of(&table->options[i], object));
}

void *option_table_clone(const struct option_table *table, const void *object)
{
    void *copy = mem_copy(object, table->struct_bytes);
    for (size_t i = 0; i < table->count; i++) {
        const struct option_ops *type = &option_ops[table->options[i].type];
        if (type->own)
            type->own(field_of(&table->options[i], copy));
    }
    return copy;
}
