/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtax image build, list, remove: the guest image, which runs natively and in every machine.
 */
#include "image/image.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/units.h"
#include "command/list.h"
#include "image/recipe.h"

#define DIGEST_DIGITS 16 /* that are shown, and name the directory */

/* vtax image build */

struct build_options {
    char *mirror;
    bool again;
};

static const struct option build_options[] = {
    {.name = "mirror",
     .type = OPTION_TEXT,
     .offset = offsetof(struct build_options, mirror),
     .value_name = "URI",
     .help = "Debian mirror in place of the one that this host uses."},
    {.name = "again",
     .type = OPTION_FLAG,
     .offset = offsetof(struct build_options, again),
     .help = "Build even when there is a good image, for newer packages or keys."},
};

static const struct option_table build_table = {build_options, COUNT_OF(build_options),
                                                sizeof(struct build_options)};

static int check_mirror(const char *mirror, struct error *err)
{
    static const char *const schemes[] = {"http://", "https://", "file:/", "copy:/"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (strncmp(mirror, schemes[i], strlen(schemes[i])) == 0 && !strpbrk(mirror, " \t\n[]"))
            return 0;
    return error_set(err, ERROR_USAGE, -EINVAL,
                     "--mirror: '%s' is no address of a mirror (e.g. http://HOST/debian)", mirror);
}

static int run_build(const struct command_call *call, struct error *err)
{
    const struct build_options *want = call->options[0];
    struct progress progress;
    struct image *image = NULL;
    int rc = want->mirror ? check_mirror(want->mirror, err) : 0;
    if (rc < 0)
        return rc;
    progress_init(&progress);
    const struct image_build_options options = {
        .mirror = want->mirror, .again = want->again, .progress = &progress};
    rc = image_build(&options, &image, err);
    progress_clear(&progress);
    if (rc < 0)
        return rc;
    printf("%.*s  Linux %s  %s\n", DIGEST_DIGITS, image->digest, image->kernel_version,
           image->directory);
    image_free(image);
    return 0;
}

const struct command command_image_build = {
    .name = "image build",
    .summary = "Build the guest image, unless there is one",
    .help =
        "The image is Debian 13 with its stock kernel, made by mmdebstrap from a Debian mirror\n"
        "and kept in the cache ($XDG_CACHE_HOME/vtax/images). The same package versions give\n"
        "the same image, and its digest names it; keys are new in each build and no part of\n"
        "that. 'vtax run' builds it when it is needed.\n"
        "\n"
        "An ordinary user can build it where the kernel allows user namespaces: package\n"
        "uidmap, and 65536 ids in /etc/subuid and /etc/subgid.\n",
    .tables = {&build_table},
    .run = run_build,
};

/* vtax image list */

struct list_options {
    bool json;
    bool verify;
};

static const struct option list_options[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .offset = offsetof(struct list_options, json),
     .help = "Print JSON in place of text."},
    {.name = "verify",
     .type = OPTION_FLAG,
     .offset = offsetof(struct list_options, verify),
     .help = "Read every file and compare its digest with what was built."},
};

static const struct option_table list_table = {list_options, COUNT_OF(list_options),
                                               sizeof(struct list_options)};

static const char *describe_state(const struct image_entry *entry)
{
    if (entry->damage.code != 0)
        return "damaged";
    return entry->current ? "current" : "old recipe";
}

static void print_entry(const struct image_entry *entry, uint64_t now_s)
{
    char age[UNITS_TEXT_MAX];
    uint64_t age_s = now_s > entry->manifest.created_s ? now_s - entry->manifest.created_s : 0;
    printf("%.*s  %s\n", DIGEST_DIGITS, entry->digest[0] ? entry->digest : "?",
           describe_state(entry));
    if (entry->damage.code != 0)
        printf("  damage    %s\n", entry->damage.text);
    if (!entry->digest[0])
        return;
    printf("  kernel    %s\n", entry->manifest.kernel_version);
    printf("  programs ");
    for (const char *const *name = recipe_workload_packages; *name; name++) {
        const char *version = manifest_find_package(&entry->manifest, *name);
        printf(" %s %s%s", *name, version ? version : "(none)", name[1] ? "," : "\n");
    }
    printf("  size      %" PRIu64 " MiB\n", entry->disk_bytes >> 20);
    printf("  age       %s\n", units_format_elapsed(age_s * NS_PER_S, age));
    printf("  where     %s\n", entry->directory);
}

static json_t *entry_to_json(const struct image_entry *entry)
{
    json_t *packages = json_object();
    for (size_t i = 0; i < entry->manifest.package_count; i++)
        json_object_set_new(packages, entry->manifest.packages[i].name,
                            json_string(entry->manifest.packages[i].version));
    return json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:I, s:I, s:o}", "digest", entry->digest,
                     "directory", entry->directory, "current", (int)entry->current, "damage",
                     entry->damage.code ? entry->damage.text : NULL, "kernel",
                     entry->manifest.kernel_version, "bytes", (json_int_t)entry->disk_bytes,
                     "created", (json_int_t)entry->manifest.created_s, "packages", packages);
}

static void print_json(const struct image_entry *entries, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, entry_to_json(&entries[i]));
    json_t *root =
        json_pack("{s:s, s:i, s:o}", "format", "vtax-images", "version", 1, "images", list);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int run_list(const struct command_call *call, struct error *err)
{
    const struct list_options *want = call->options[0];
    struct image_entry *entries;
    size_t count;
    bool damaged = false;
    int rc = image_list(want->verify, &entries, &count, err);
    if (rc < 0)
        return rc;
    if (want->json)
        print_json(entries, count);
    for (size_t i = 0; i < count; i++) {
        damaged |= entries[i].damage.code != 0;
        if (!want->json)
            print_entry(&entries[i], clock_realtime_ns() / NS_PER_S);
    }
    if (count == 0 && !want->json)
        puts("There is no image yet: vtax image build");
    image_list_free(entries, count);
    return want->verify && damaged ? 1 : 0;
}

const struct command command_image_list = {
    .name = "image list",
    .summary = "List the guest images in the cache",
    .help =
        "The newest comes first; new machines boot from the first that is 'current'. One of an\n"
        "old recipe was built by another version of vtax and can be removed.\n"
        "With --verify it ends with 1 when an image is damaged.\n",
    .tables = {&list_table},
    .run = run_list,
};

/* vtax image remove */

static int run_remove(const struct command_call *call, struct error *err)
{
    for (size_t i = 0; i < call->argument_count; i++) {
        int rc = image_remove(call->arguments[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

const struct command command_image_remove = {
    .name = "image remove",
    .operands = "DIGEST...",
    .summary = "Remove guest images from the cache",
    .help = "DIGEST is what 'vtax image list' shows, or the beginning of it. An image that a\n"
            "running campaign uses is not removed.\n",
    .operand_min = 1,
    .operand_max = 1000,
    .run = run_remove,
};
