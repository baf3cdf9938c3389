/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "base/strbuf.h"
#include "plan/tree.h"

/* The tree as one line: {key: word, key: [word]}. */
static void show(const struct tree_item *item, struct strbuf *out)
{
    if (item->shape == TREE_WORD) {
        strbuf_addf(out, item->quoted ? "'%s'" : "%s", item->text);
        return;
    }
    strbuf_addc(out, item->shape == TREE_MAP ? '{' : '[');
    for (const struct tree_item *child = item->first; child; child = child->next) {
        strbuf_addf(out, "%s%u:", child == item->first ? "" : " ", child->line);
        if (child->key)
            strbuf_addf(out, "%s=", child->key);
        show(child, out);
    }
    strbuf_addc(out, item->shape == TREE_MAP ? '}' : ']');
}

static const struct {
    const char *text, *tree, *error;
} rows[] = {
    {"a: b\nc:\n  - d\n  - {e: 'f g'}\n", "{1:a=b 2:c=[3:d 4:{4:e='f g'}]}", NULL},
    {"word", "word", NULL},
    {"\xef\xbb\xbf"
     "a: b\n",
     "{1:a=b}", NULL},
    {"---\na:\n...\n", "{2:a=}", NULL},
    {"a: \"\\x41\\u00e9\"", "{1:a='A\xc3\xa9'}", NULL},
    {"", NULL, "t: line 1: there is nothing in it"},
    {"a: b\n---\nc: d\n", NULL, "t: line 2: a second document starts: one is taken"},
    {"a: 1\nb: 2\na: 3\n", NULL, "t: line 3: key 'a' is there twice (first on line 1)"},
    {"a: &x 1\n", NULL, "t: line 1: anchors ('&x') are not taken: write it out"},
    {"a: &x [1]\n", NULL, "t: line 1: anchors ('&x') are not taken: write it out"},
    {"a: &x {b: 1}\n", NULL, "t: line 1: anchors ('&x') are not taken: write it out"},
    {"&x a: b\n", NULL, "t: line 1: anchors ('&x') are not taken: write it out"},
    {"a: 1\nb: *x\n", NULL, "t: line 2: aliases ('*x') are not taken: write it out"},
    {"*x : 1\n", NULL, "t: line 1: aliases ('*x') are not taken: write it out"},
    {"a: !!int 3\n", NULL, "t: line 1: tags ('tag:yaml.org,2002:int') are not taken"},
    {"a: !x [3]\n", NULL, "t: line 1: tags ('!x') are not taken"},
    {"a: !x {b: 3}\n", NULL, "t: line 1: tags ('!x') are not taken"},
    {"? [a]\n: b\n", NULL, "t: line 1: a key must be a word"},
    {"'': b\n", NULL, "t: line 1: a key is empty"},
    {"a: \"x\\0y\"\n", NULL, "t: line 1: a NUL character in 'x'"},
    {"\"a\\0\": 1\n", NULL, "t: line 1: a key is empty"},
    {"a: b\nc: \xff\n", NULL, "t: line 2: byte 0xff is not text (UTF-8)"},
    {"a: b\nc: \x01\n", NULL, "t: line 2: not valid YAML: control characters are not allowed"},
    {"a: [1, 2\nb: 3\n", NULL,
     "t: line 2: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence "
     "from line 1)"},
    {"a: 'b\n", NULL,
     "t: line 2: not valid YAML: found unexpected end of stream (while scanning a quoted scalar "
     "from line 1)"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_TREE struct tree_item *root = NULL;
        struct error err = {0};
        int rc = tree_parse(rows[i].text, strlen(rows[i].text), "t", &root, &err);
        assert_string_equal(err.text, rows[i].error ? rows[i].error : "");
        assert_int_equal(rc < 0, rows[i].error != NULL);
        if (rc < 0)
            continue;
        CLEANUP_STRBUF struct strbuf tree;
        strbuf_init(&tree);
        show(root, &tree);
        assert_string_equal(tree.text, rows[i].tree);
    }
}

static void refuses(const char *text, size_t length, const char *error)
{
    CLEANUP_TREE struct tree_item *root = NULL;
    struct error err = {0};
    assert_true(tree_parse(text, length, "t", &root, &err) < 0);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.text, error);
}

static void test_bounds(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    refuses("a: b\n\0", 6, "t: line 2: byte 0x00 is not text (UTF-8)");
    for (int i = 0; i < 100000; i++)
        strbuf_addc(&text, '[');
    refuses(text.text, text.length, "t: line 1: nested deeper than 16 levels");
    strbuf_truncate(&text, 0);
    for (int i = 0; i <= TREE_ITEMS_MAX; i++)
        strbuf_adds(&text, "- x\n");
    refuses(text.text, text.length, "t: line 20000: more than 20000 items");
    strbuf_truncate(&text, 0);
    for (int i = 0; i <= TREE_KEYS_MAX; i++)
        strbuf_addf(&text, "k%d: x\n", i);
    refuses(text.text, text.length, "t: line 257: more than 256 keys in one map");
    strbuf_truncate(&text, 0);
    while (text.length <= TREE_BYTES_MAX)
        strbuf_adds(&text, "# a comment that fills a line ..................................\n");
    refuses(text.text, text.length, "t: larger than 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
