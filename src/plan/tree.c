/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/tree.h"

#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "base/words.h"

struct reader {
    yaml_parser_t parser;
    const char *name;
    size_t items;
    struct error *err;
};

static int refuse(struct reader *reader, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct reader *reader, size_t line, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *why = mem_vprintf(format, ap);
    va_end(ap);
    return error_set(reader->err, ERROR_USAGE, -EINVAL, "%s: line %zu: %s", reader->name, line,
                     why);
}

static size_t line_of(const yaml_event_t *event)
{
    return event->start_mark.line + 1;
}

static size_t line_at(const char *text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

/* Reads an event over the one that is there. */
static int next_event(struct reader *reader, yaml_event_t *event)
{
    yaml_event_delete(event);
    const yaml_parser_t *parser = &reader->parser;
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR)
        line = line_at((const char *)parser->input.string.start, parser->problem_offset);
    if (!parser->context)
        return refuse(reader, line, "not valid YAML: %s", parser->problem);
    return refuse(reader, line, "not valid YAML: %s (%s from line %zu)", parser->problem,
                  parser->context, parser->context_mark.line + 1);
}

static int refuse_anchor_and_tag(struct reader *reader, const yaml_event_t *event,
                                 const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return refuse(reader, line_of(event), "anchors ('&%.40s') are not taken: write it out",
                      (const char *)anchor);
    if (tag)
        return refuse(reader, line_of(event), "tags ('%.40s') are not taken", (const char *)tag);
    return 0;
}

static int parse_item(struct reader *reader, const yaml_event_t *event, unsigned depth,
                      struct tree_item **out_item);

static void add_child(struct tree_item *parent, struct tree_item ***tail, struct tree_item *child)
{
    **tail = child;
    *tail = &child->next;
    parent->count++;
}

static int parse_list(struct reader *reader, unsigned depth, struct tree_item *list)
{
    struct tree_item **tail = &list->first;
    CLEANUP(yaml_event_delete) yaml_event_t event = {0};
    for (;;) {
        int rc = next_event(reader, &event);
        if (rc < 0)
            return rc;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        struct tree_item *child;
        rc = parse_item(reader, &event, depth, &child);
        if (rc < 0)
            return rc;
        add_child(list, &tail, child);
    }
}

static int check_key(struct reader *reader, const yaml_event_t *event, const struct tree_item *map)
{
    size_t line = line_of(event);
    if (event->type == YAML_ALIAS_EVENT)
        return refuse(reader, line, "aliases ('*%.40s') are not taken: write it out",
                      (const char *)event->data.alias.anchor);
    if (event->type != YAML_SCALAR_EVENT)
        return refuse(reader, line, "a key must be a word");
    const char *key = (const char *)event->data.scalar.value;
    int rc =
        refuse_anchor_and_tag(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (rc < 0)
        return rc;
    if (event->data.scalar.length == 0 || strlen(key) != event->data.scalar.length)
        return refuse(reader, line, "a key is empty");
    if (map->count >= TREE_KEYS_MAX)
        return refuse(reader, line, "more than %d keys in one map", TREE_KEYS_MAX);
    const struct tree_item *other = tree_find(map, key);
    if (other)
        return refuse(reader, line, "key '%.80s' is there twice (first on line %u)", key,
                      other->line);
    return 0;
}

static int parse_map(struct reader *reader, unsigned depth, struct tree_item *map)
{
    struct tree_item **tail = &map->first;
    CLEANUP(yaml_event_delete) yaml_event_t key = {0};
    CLEANUP(yaml_event_delete) yaml_event_t value = {0};
    for (;;) {
        int rc = next_event(reader, &key);
        if (rc < 0)
            return rc;
        if (key.type == YAML_MAPPING_END_EVENT)
            return 0;
        rc = check_key(reader, &key, map);
        if (rc == 0)
            rc = next_event(reader, &value);
        struct tree_item *child;
        if (rc == 0)
            rc = parse_item(reader, &value, depth, &child);
        if (rc < 0)
            return rc;
        child->key = mem_strdup((const char *)key.data.scalar.value);
        child->line = (unsigned)line_of(&key);
        add_child(map, &tail, child);
    }
}

static int parse_word(struct reader *reader, const yaml_event_t *event, struct tree_item *item)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, line_of(event), "a NUL character in '%.80s'", text);
    item->text = mem_strdup(text);
    item->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return refuse_anchor_and_tag(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
}

/* The item that starts with event, children included. */
static int parse_shape(struct reader *reader, const yaml_event_t *event, unsigned depth,
                       struct tree_item *item)
{
    int rc;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        item->shape = TREE_WORD;
        return parse_word(reader, event, item);
    case YAML_SEQUENCE_START_EVENT:
        item->shape = TREE_LIST;
        rc = refuse_anchor_and_tag(reader, event, event->data.sequence_start.anchor,
                                   event->data.sequence_start.tag);
        return rc < 0 ? rc : parse_list(reader, depth + 1, item);
    case YAML_MAPPING_START_EVENT:
        item->shape = TREE_MAP;
        rc = refuse_anchor_and_tag(reader, event, event->data.mapping_start.anchor,
                                   event->data.mapping_start.tag);
        return rc < 0 ? rc : parse_map(reader, depth + 1, item);
    case YAML_ALIAS_EVENT:
        return refuse(reader, line_of(event), "aliases ('*%.40s') are not taken: write it out",
                      (const char *)event->data.alias.anchor);
    default:
        return refuse(reader, line_of(event), "not valid YAML here");
    }
}

static int parse_item(struct reader *reader, const yaml_event_t *event, unsigned depth,
                      struct tree_item **out_item)
{
    if (depth > TREE_DEPTH_MAX)
        return refuse(reader, line_of(event), "nested deeper than %d levels", TREE_DEPTH_MAX);
    if (++reader->items > TREE_ITEMS_MAX)
        return refuse(reader, line_of(event), "more than %d items", TREE_ITEMS_MAX);
    CLEANUP_TREE struct tree_item *item = mem_zalloc(sizeof(*item));
    item->line = (unsigned)line_of(event);
    int rc = parse_shape(reader, event, depth, item);
    if (rc < 0)
        return rc;
    *out_item = TAKE_PTR(item);
    return 0;
}

/* The one document of the stream. */
static int parse_stream(struct reader *reader, struct tree_item **out_root)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = {0};
    int rc = next_event(reader, &event); /* start of the stream */
    if (rc == 0)
        rc = next_event(reader, &event);
    if (rc < 0)
        return rc;
    if (event.type == YAML_STREAM_END_EVENT)
        return refuse(reader, 1, "there is nothing in it");
    CLEANUP_TREE struct tree_item *root = NULL;
    rc = next_event(reader, &event); /* behind the start of the document */
    if (rc == 0)
        rc = parse_item(reader, &event, 0, &root);
    if (rc == 0)
        rc = next_event(reader, &event); /* end of the document */
    if (rc == 0)
        rc = next_event(reader, &event);
    if (rc < 0)
        return rc;
    if (event.type != YAML_STREAM_END_EVENT)
        return refuse(reader, line_of(&event), "a second document starts: one is taken");
    *out_root = TAKE_PTR(root);
    return 0;
}

static int check_bytes(struct reader *reader, const char *text, size_t length)
{
    if (length > TREE_BYTES_MAX)
        return error_set(reader->err, ERROR_USAGE, -EFBIG, "%s: larger than %d bytes", reader->name,
                         TREE_BYTES_MAX);
    size_t valid = words_check_utf8(text, length);
    if (valid < length)
        return refuse(reader, line_at(text, valid), "byte 0x%02x is not text (UTF-8)",
                      (unsigned char)text[valid]);
    return 0;
}

int tree_parse(const char *text, size_t length, const char *name, struct tree_item **out_root,
               struct error *err)
{
    struct reader reader = {.name = name, .err = err};
    int rc = check_bytes(&reader, text, length);
    if (rc < 0)
        return rc;
    if (!yaml_parser_initialize(&reader.parser))
        return error_set(err, ERROR_INTERNAL, -ENOMEM, "%s: libyaml does not start", name);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    rc = parse_stream(&reader, out_root);
    yaml_parser_delete(&reader.parser);
    return rc;
}

const struct tree_item *tree_find(const struct tree_item *map, const char *key)
{
    for (const struct tree_item *item = map->first; item; item = item->next)
        if (!strcmp(item->key, key))
            return item;
    return NULL;
}

const char *tree_describe_shape(const struct tree_item *item)
{
    static const char *const shapes[] = {"a word", "a list", "a map"};
    return shapes[item->shape];
}

struct tree_item *tree_free(struct tree_item *item)
{
    while (item) {
        struct tree_item *next = item->next;
        tree_free(item->first);
        free(item->key);
        free(item->text);
        free(item);
        item = next;
    }
    return NULL;
}
