/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/option_ops.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "base/words.h"

#define CPU_MAX 8191 /* the kernel's largest CONFIG_NR_CPUS */

static int refuse(const struct option *option, struct error *err, const char *word,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(const struct option *option, struct error *err, const char *word,
                  const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *why = mem_vprintf(format, ap);
    va_end(ap);
    return error_set(err, ERROR_USAGE, -EINVAL, "%s '%.80s' %s", option->name, word, why);
}

static int refuse_type(const struct option *option, struct error *err, const char *word)
{
    const struct option_ops *type = &option_ops[option->type];
    return refuse(option, err, word, "is not %s, such as %s", type->what, type->example);
}

/* One number, of a list or alone. */

static int parse_u64(const struct option *option, const char *word, uint64_t *out)
{
    switch (option->type) {
    case OPTION_SIZE:
    case OPTION_SIZES:
        return units_parse_size(word, out);
    case OPTION_DURATION:
        return units_parse_duration(word, out);
    default:
        return units_parse_count(word, out);
    }
}

static void format_u64(const struct option *option, uint64_t value, struct strbuf *out)
{
    char text[UNITS_TEXT_MAX];
    switch (option->type) {
    case OPTION_SIZE:
    case OPTION_SIZES:
        strbuf_adds(out, units_format_size(value, text));
        break;
    case OPTION_DURATION:
        strbuf_adds(out, units_format_duration(value, text));
        break;
    default:
        strbuf_addf(out, "%" PRIu64, value);
    }
}

static void format_double(double value, struct strbuf *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) { /* the shortest that parses back */
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    strbuf_adds(out, text);
}

static void format_bound(const struct option *option, double bound, struct strbuf *out)
{
    if (option->type == OPTION_NUMBER || option->type == OPTION_SHARE)
        format_double(bound, out);
    else
        format_u64(option, (uint64_t)bound, out);
}

static int check_bounds(const struct option *option, const char *word, double value,
                        struct error *err)
{
    if (option->min == 0 && option->max == 0)
        return 0;
    bool small = value < option->min;
    if (!small && (option->max < option->min || value <= option->max))
        return 0;
    CLEANUP_STRBUF struct strbuf bound;
    strbuf_init(&bound);
    format_bound(option, small ? option->min : option->max, &bound);
    return refuse(option, err, word, "is too %s: at %s %s", small ? "small" : "large",
                  small ? "least" : "most", bound.text);
}

/* Says what is wrong with a word of which a parser of units.h returned rc. */
static int refuse_number(const struct option *option, struct error *err, const char *word, int rc)
{
    bool is_size = option->type == OPTION_SIZE || option->type == OPTION_SIZES;
    uint64_t count;
    if (rc == -ERANGE)
        return option->type == OPTION_SHARE ? refuse(option, err, word, "is not between 0 and 1")
                                            : refuse(option, err, word, "is too large");
    if (word[0] == '-' && option->type != OPTION_NUMBER)
        return refuse(option, err, word, "is negative or not %s", option_ops[option->type].what);
    if (is_size && units_parse_count(word, &count) == 0)
        return refuse(option, err, word, "has no unit (B, KiB, MiB, GiB, TiB): %sMiB, say", word);
    if (option->type == OPTION_DURATION && units_parse_count(word, &count) == 0)
        return refuse(option, err, word, "has no unit (ns, us, ms, s, min, h): %ss, say", word);
    return refuse_type(option, err, word);
}

static int parse_bounded_u64(const struct option *option, const char *word, uint64_t *out,
                             struct error *err)
{
    uint64_t value;
    int rc = parse_u64(option, word, &value);
    if (rc < 0)
        return refuse_number(option, err, word, rc);
    rc = check_bounds(option, word, (double)value, err);
    if (rc < 0)
        return rc;
    *out = value;
    return 0;
}

static int parse_whole(const struct option *option, void *field, const char *text,
                       struct error *err)
{
    return parse_bounded_u64(option, text, field, err);
}

/* Zero where zero is not allowed and not the default. */
static bool is_unset(const struct option *option, bool is_zero)
{
    return is_zero && !option->fallback && option->min > 0;
}

static bool format_whole(const struct option *option, const void *field, struct strbuf *out)
{
    if (is_unset(option, *(const uint64_t *)field == 0))
        return false;
    format_u64(option, *(const uint64_t *)field, out);
    return true;
}

static int parse_double(const struct option *option, void *field, const char *text,
                        struct error *err)
{
    double value;
    int rc = option->type == OPTION_SHARE ? units_parse_share(text, &value)
                                          : units_parse_number(text, &value);
    if (rc < 0)
        return refuse_number(option, err, text, rc);
    rc = check_bounds(option, text, value, err);
    if (rc < 0)
        return rc;
    *(double *)field = value + 0.0; /* -0 becomes 0 */
    return 0;
}

static bool format_real(const struct option *option, const void *field, struct strbuf *out)
{
    if (is_unset(option, *(const double *)field == 0))
        return false;
    format_double(*(const double *)field, out);
    return true;
}

/* Flags, words, texts. */

static int parse_flag(const struct option *option, void *field, const char *text, struct error *err)
{
    bool is_true = !strcmp(text, "true");
    if (!is_true && strcmp(text, "false"))
        return refuse(option, err, text, "is not true or false");
    *(bool *)field = is_true;
    return 0;
}

static bool format_flag(const struct option *option, const void *field, struct strbuf *out)
{
    (void)option;
    strbuf_adds(out, *(const bool *)field ? "true" : "false");
    return true;
}

static int parse_word(const struct option *option, void *field, const char *text, struct error *err)
{
    for (unsigned i = 0; option->words[i]; i++) {
        if (!strcmp(option->words[i], text)) {
            *(unsigned *)field = i;
            return 0;
        }
    }
    return words_set_unknown(err, option->name, text, option->words);
}

static bool format_word(const struct option *option, const void *field, struct strbuf *out)
{
    strbuf_adds(out, option->words[*(const unsigned *)field]);
    return true;
}

/* C0 and C1 controls, the line and paragraph separators, byte-order marks and non-characters: what
 * YAML takes for a line end or refuses. */
static bool has_control(const char *text)
{
    static const char *const sequences[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                            "\xef\xbf\xbe", "\xef\xbf\xbf"};
    for (size_t i = 0; i < COUNT_OF(sequences); i++)
        if (strstr(text, sequences[i]))
            return true;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)text[0];
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)text[1] < 0xa0))
            return true;
    }
    return false;
}

static int check_text(const struct option *option, const char *text, struct error *err)
{
    size_t length = strlen(text);
    if (length == 0)
        return refuse(option, err, text, "is empty");
    if (length > OPTION_TEXT_MAX)
        return refuse(option, err, text, "is longer than %d bytes", OPTION_TEXT_MAX);
    if (words_check_utf8(text, length) < length)
        return refuse(option, err, "", "is not valid UTF-8");
    if (has_control(text))
        return refuse(option, err, text, "has a control character");
    return 0;
}

static int parse_text(const struct option *option, void *field, const char *text, struct error *err)
{
    int rc = check_text(option, text, err);
    if (rc < 0)
        return rc;
    *(char **)field = mem_strdup(text);
    return 0;
}

static bool format_text(const struct option *option, const void *field, struct strbuf *out)
{
    (void)option;
    const char *text = *(char *const *)field;
    if (text)
        strbuf_adds(out, text);
    return text != NULL;
}

static void done_text(void *field)
{
    free(*(char **)field);
}

static void own_text(void *field)
{
    *(char **)field = mem_strdup(*(char **)field);
}

/* Lists. */

static void done_counts(void *field)
{
    free(((struct option_counts *)field)->items);
}

static void own_counts(void *field)
{
    struct option_counts *list = field;
    if (list->items)
        list->items = mem_copy(list->items, list->count * sizeof(list->items[0]));
}

static void done_texts(void *field)
{
    struct option_texts *list = field;
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

static void own_texts(void *field)
{
    struct option_texts *list = field;
    if (!list->items)
        return;
    list->items = mem_copy(list->items, list->count * sizeof(list->items[0]));
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = mem_strdup(list->items[i]);
}

static int add_count(const struct option *option, struct option_counts *list, const char *word,
                     uint64_t value, struct error *err)
{
    if (list->count >= OPTION_LIST_MAX)
        return refuse(option, err, word, "makes the list longer than %d items", OPTION_LIST_MAX);
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == value)
            return refuse(option, err, word, "gives a value twice");
    list->items = mem_resize_array(list->items, list->count + 1, sizeof(list->items[0]));
    list->items[list->count++] = value;
    return 0;
}

static int add_text(const struct option *option, struct option_texts *list, const char *word,
                    struct error *err)
{
    int rc = check_text(option, word, err);
    if (rc < 0)
        return rc;
    if (option->words && !words_contain(option->words, word))
        return words_set_unknown(err, option->name, word, option->words);
    if (list->count >= OPTION_LIST_MAX)
        return refuse(option, err, word, "makes the list longer than %d items", OPTION_LIST_MAX);
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], word))
            return refuse(option, err, word, "is in the list twice");
    list->items = mem_resize_array(list->items, list->count + 1, sizeof(list->items[0]));
    list->items[list->count++] = mem_strdup(word);
    return 0;
}

/* "3" or "1..10" (CPU lists: "1-10"). */
static int add_range(const struct option *option, struct option_counts *list, const char *word,
                     struct error *err)
{
    const char *mark = option->type == OPTION_CPUS ? "-" : "..";
    const char *dash = option->type == OPTION_SIZES ? NULL : strstr(word, mark);
    uint64_t first, last;
    if (!dash || dash == word) {
        int rc = parse_bounded_u64(option, word, &first, err);
        return rc < 0 ? rc : add_count(option, list, word, first, err);
    }
    CLEANUP_FREE char *from = mem_strndup(word, (size_t)(dash - word));
    int rc = parse_bounded_u64(option, from, &first, err);
    if (rc == 0)
        rc = parse_bounded_u64(option, dash + strlen(mark), &last, err);
    if (rc < 0)
        return rc;
    if (last < first)
        return refuse(option, err, word, "runs backwards");
    if (last - first >= OPTION_LIST_MAX)
        return refuse(option, err, word, "has more than %d items", OPTION_LIST_MAX);
    for (uint64_t value = first; rc == 0 && value <= last; value++)
        rc = add_count(option, list, word, value, err);
    return rc;
}

static int add_item(const struct option *option, void *field, const char *word, struct error *err)
{
    if (!*word)
        return refuse(option, err, word, "is empty: %s, say", option_ops[option->type].example);
    if (option->type == OPTION_TEXTS)
        return add_text(option, field, word, err);
    struct option_counts *list = field;
    int rc = add_range(option, list, word, err);
    if (rc == 0 && option->type == OPTION_CPUS && list->items[list->count - 1] > CPU_MAX)
        rc = refuse(option, err, word, "is too large: at most %d", CPU_MAX);
    return rc;
}

/* Adds to the list in field; on failure it holds some of the items. */
static int parse_list(const struct option *option, void *field, const char *text, struct error *err)
{
    if (option->whole)
        return add_item(option, field, text, err);
    CLEANUP_FREE char *copy = mem_strdup(text);
    int rc = 0;
    for (char *word = copy, *next; word && rc == 0; word = next) {
        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        word += strspn(word, " ");
        for (size_t end = strlen(word); end > 0 && word[end - 1] == ' '; end--)
            word[end - 1] = '\0';
        rc = add_item(option, field, word, err);
    }
    return rc;
}

static bool format_counts(const struct option *option, const void *field, struct strbuf *out)
{
    const struct option_counts *list = field;
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            strbuf_addc(out, ',');
        format_u64(option, list->items[i], out);
    }
    return list->count > 0;
}

static bool format_cpus(const struct option *option, const void *field, struct strbuf *out)
{
    const struct option_counts *list = field;
    for (size_t i = 0, last; i < list->count; i = last + 1) {
        for (last = i; last + 1 < list->count && list->items[last + 1] == list->items[last] + 1;)
            last++;
        strbuf_addf(out, "%s%" PRIu64, i ? "," : "", list->items[i]);
        if (last > i)
            strbuf_addf(out, "-%" PRIu64, list->items[last]);
    }
    (void)option;
    return list->count > 0;
}

static bool format_texts(const struct option *option, const void *field, struct strbuf *out)
{
    (void)option;
    const struct option_texts *list = field;
    for (size_t i = 0; i < list->count; i++)
        strbuf_addf(out, "%s%s", i ? "," : "", list->items[i]);
    return list->count > 0;
}

#define WHOLE .bytes = sizeof(uint64_t), .parse = parse_whole, .format = format_whole
#define REAL .bytes = sizeof(double), .parse = parse_double, .format = format_real
#define COUNTS                                                                                     \
    .bytes = sizeof(struct option_counts), .parse = parse_list, .format = format_counts,           \
    .done = done_counts, .own = own_counts, .is_list = true

const struct option_ops option_ops[] = {
    [OPTION_FLAG] = {"true or false", "true", sizeof(bool), parse_flag, format_flag, NULL, NULL},
    [OPTION_TEXT] = {"a text", "x", sizeof(char *), parse_text, format_text, done_text, own_text},
    [OPTION_WORD] = {"a word", "x", sizeof(unsigned), parse_word, format_word, NULL, NULL},
    [OPTION_COUNT] = {"a whole number", "42", WHOLE},
    [OPTION_NUMBER] = {"a number", "1.25", REAL},
    [OPTION_SHARE] = {"a share of one", "0.05 or 5%", REAL},
    [OPTION_SIZE] = {"a size", "512MiB", WHOLE},
    [OPTION_DURATION] = {"a duration", "90s", WHOLE},
    [OPTION_TEXTS] = {"a list", "a,b", sizeof(struct option_texts), parse_list, format_texts,
                      done_texts, own_texts, true},
    [OPTION_COUNTS] = {"a list of whole numbers", "1,2,4 or 1..10", COUNTS},
    [OPTION_SIZES] = {"a list of sizes", "512MiB,1GiB", COUNTS},
    [OPTION_CPUS] = {"a list of CPUs", "0-3,6", sizeof(struct option_counts), parse_list,
                     format_cpus, done_counts, own_counts, true},
};
