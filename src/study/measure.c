/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "study/measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"

#define LINE_BYTES 1024
#define REPEATS_MAX 1000
#define MEASURES_MAX 100000

const char *const measure_designs[MEASURE_DESIGNS + 1] = {"none", "emulated", "mediated",
                                                          "hardware", NULL};
const char *const measure_works[WORK_COUNT + 1] = {"idle", "bzip2",  "exits", "loop",
                                                   "stat", "record", "host",  NULL};
const char *const measure_names[MEASURE_VALUES] = {
    [MEASURE_MACHINE] = "machine",
    [MEASURE_GUESTS] = "guests",
    [MEASURE_EXITS] = "exits",
    [MEASURE_BUSY_EXITS] = "busy-exits",
    [MEASURE_SPENT] = "spent",
    [MEASURE_ACCESSES] = "accesses",
    [MEASURE_GUEST_ACCESSES] = "guest-accesses",
    [MEASURE_WANTED] = "wanted",
    [MEASURE_COUNTED] = "counted",
    [MEASURE_DUE] = "due",
    [MEASURE_SAMPLES] = "samples",
    [MEASURE_HOST_OWN] = "host-own",
    [MEASURE_HOST_ALL] = "host-all",
};

void measure_init(struct measure *measure)
{
    *measure = (struct measure){0};
    for (unsigned i = 0; i < MEASURE_VALUES; i++)
        measure->values[i] = MEASURE_UNKNOWN;
}

void measure_set_cause(struct measure *measure, const char *cause)
{
    size_t length = 0;
    for (; cause[length] && length + 1 < sizeof(measure->cause); length++) {
        unsigned char c = (unsigned char)cause[length];
        measure->cause[length] = c < ' ' || c >= 127 ? ' ' : (char)c;
    }
    measure->cause[length] = '\0';
}

void measure_write(const struct measure *measure, FILE *out)
{
    fprintf(out, "%s design=%s work=%s vms=%u repeat=%u", measure->cause[0] ? "failed" : "measure",
            measure_designs[measure->design], measure_works[measure->work], measure->vms,
            measure->repeat);
    if (measure->cause[0])
        fprintf(out, " cause=%s", measure->cause);
    for (unsigned i = 0; !measure->cause[0] && i < MEASURE_VALUES; i++)
        if (measure->values[i] != MEASURE_UNKNOWN)
            fprintf(out, " %s=%" PRIu64, measure_names[i], measure->values[i]);
    fputc('\n', out);
}

static int take_word(const char *const *words, const char *text, unsigned *out_index)
{
    for (unsigned i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0) {
            *out_index = i;
            return 0;
        }
    return -EBADMSG;
}

static int take_number(const char *text, uint64_t most, unsigned *out_number)
{
    uint64_t number;
    if (units_parse_count(text, &number) < 0 || number > most)
        return -EBADMSG;
    *out_number = (unsigned)number;
    return 0;
}

static int take_field(struct measure *measure, char *word)
{
    char *equals = strchr(word, '=');
    if (!equals)
        return -EBADMSG;
    const char *text = equals + 1;
    *equals = '\0';
    if (strcmp(word, "design") == 0)
        return take_word(measure_designs, text, &measure->design);
    if (strcmp(word, "work") == 0)
        return take_word(measure_works, text, &measure->work);
    if (strcmp(word, "vms") == 0)
        return take_number(text, MEASURE_VMS_MAX, &measure->vms);
    if (strcmp(word, "repeat") == 0)
        return take_number(text, REPEATS_MAX, &measure->repeat);
    for (unsigned i = 0; i < MEASURE_VALUES; i++)
        if (strcmp(word, measure_names[i]) == 0)
            return units_parse_count(text, &measure->values[i]) == 0 ? 0 : -EBADMSG;
    return -EBADMSG;
}

/* The cause is the rest of the line. */
static int take_cause(char *text, struct measure *measure)
{
    char *cause = strstr(text, " cause=");
    if (!cause || !cause[7])
        return -EBADMSG;
    measure_set_cause(measure, cause + 7);
    *cause = '\0';
    return 0;
}

static int take_text(char *text, struct measure *measure)
{
    bool failed = strncmp(text, "failed ", 7) == 0;
    int rc = failed ? take_cause(text, measure) : 0;
    char *rest = NULL, *word = strtok_r(text, " ", &rest);
    if (rc == 0 && !failed && !(word && strcmp(word, "measure") == 0))
        rc = -EBADMSG;
    while (rc == 0 && (word = strtok_r(NULL, " ", &rest)))
        rc = take_field(measure, word);
    return rc == 0 && measure->vms == 0 ? -EBADMSG : rc;
}

ssize_t measure_parse(const char *buf, size_t length, struct measure *out_measure)
{
    const char *newline = length ? memchr(buf, '\n', length) : NULL;
    char text[LINE_BYTES];
    struct measure measure;
    if (!newline)
        return length < LINE_BYTES ? 0 : -EBADMSG;
    size_t bytes = (size_t)(newline - buf);
    if (bytes >= sizeof(text) || memchr(buf, '\0', bytes))
        return -EBADMSG;
    memcpy(text, buf, bytes);
    text[bytes] = '\0';
    measure_init(&measure);
    int rc = take_text(text, &measure);
    if (rc < 0)
        return rc;
    *out_measure = measure;
    return (ssize_t)bytes + 1;
}

void measures_done(struct measures *measures)
{
    free(measures->items);
    *measures = (struct measures){0};
}

void measures_add(struct measures *measures, const struct measure *measure)
{
    MEM_GROW(measures->items, measures->count, measures->room);
    measures->items[measures->count++] = *measure;
}

int measures_parse(const char *buf, size_t length, struct measures *measures)
{
    for (size_t at = 0; at < length;) {
        struct measure measure;
        ssize_t taken = measure_parse(buf + at, length - at, &measure);
        if (taken <= 0 || measures->count >= MEASURES_MAX)
            return -EBADMSG;
        measures_add(measures, &measure);
        at += (size_t)taken;
    }
    return 0;
}
