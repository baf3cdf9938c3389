/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "guest/program.h"
#include "lab/counter.h"
#include "profile/load.h"

#define STEP_NS (600 * NS_PER_S)
#define FILE_MAX ((size_t)1 << 30)
#define TABLE_MAX ((size_t)64 << 20)
#define BLOCKS_AT_ONCE 500 /* in one request to debugfs */

struct numbers {
    uint64_t *items;
    size_t count, capacity;
};

int recording_begin(const char *directory, struct error *err)
{
    int rc = file_make_directories(directory, 0755, err);
    if (rc < 0)
        return rc;
    CLEANUP_DIRECTORY DIR *dir = opendir(directory);
    if (!dir)
        return error_set_errno(err, ERROR_USAGE, -errno, "record into '%s'", directory);
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return error_set(err, ERROR_USAGE, -EEXIST,
                             "record into '%s': the directory is not empty: name another one",
                             directory);
    return 0;
}

/* A comma ends a value in QEMU's option lists; a doubled one is a comma. */
static void add_value(struct strbuf *buf, const char *text)
{
    for (; *text; text++) {
        strbuf_addc(buf, *text);
        if (*text == ',')
            strbuf_addc(buf, ',');
    }
}

/* A server without counters: the plugin is there for the samples alone. */
static int add_bare_plugin(struct strbuf *buf, struct error *err)
{
    CLEANUP_FREE char *plugin = NULL;
    int rc = counter_find(COUNTER_PMU_FILE, &plugin, err);
    if (rc < 0)
        return error_prefix(err, "sample the emulated server");
    strbuf_adds(buf, "file=");
    add_value(buf, plugin);
    strbuf_adds(buf, ",switch=none,pmu=none");
    return 0;
}

int recording_add_plugin(const char *directory, uint64_t period, char **text, struct error *err)
{
    CLEANUP_FREE char *absolute = realpath(directory, NULL);
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    if (!absolute)
        return error_set_errno(err, ERROR_USAGE, -errno, "record into '%s'", directory);
    if (*text)
        strbuf_adds(&buf, *text);
    int rc = *text ? 0 : add_bare_plugin(&buf, err);
    if (rc < 0)
        return rc;
    strbuf_addf(&buf, ",sample=%" PRIu64 ",sample-file=", period);
    add_value(&buf, absolute);
    strbuf_adds(&buf, "/" LOAD_SAMPLES);
    free(*text);
    *text = strbuf_take(&buf);
    return 0;
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void numbers_done(struct numbers *numbers)
{
    free(numbers->items);
}

static void add_number(struct numbers *numbers, uint64_t number)
{
    MEM_GROW(numbers->items, numbers->count, numbers->capacity);
    numbers->items[numbers->count++] = number;
}

static void sort_numbers(struct numbers *numbers)
{
    size_t kept = 0;
    if (numbers->count)
        qsort(numbers->items, numbers->count, sizeof(numbers->items[0]), compare_numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (!kept || numbers->items[kept - 1] != numbers->items[i])
            numbers->items[kept++] = numbers->items[i];
    numbers->count = kept;
}

static bool has_number(const struct numbers *numbers, uint64_t number)
{
    return numbers->count && bsearch(&number, numbers->items, numbers->count,
                                     sizeof(numbers->items[0]), compare_numbers);
}

static int find_wanted(const char *directory, struct numbers *out_pages, struct error *err)
{
    CLEANUP_SAMPLES struct samples samples = {0};
    int rc = load_read_samples(directory, &samples, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < samples.count; i++) {
        const struct samples_item *item = &samples.items[i];
        if (item->sample.page)
            add_number(out_pages, item->sample.page);
        for (unsigned k = 0; k < item->caller_count; k++)
            if (item->callers[k].page)
                add_number(out_pages, item->callers[k].page);
    }
    sort_numbers(out_pages);
    return 0;
}

static int ask_debugfs(const char *disk, const char *request, char **out_text, struct error *err)
{
    const char *argv[] = {"debugfs", "-R", request, disk, NULL};
    struct process_output output;
    const struct process_options options = {.argv = argv, .dies_with_parent = true};
    int rc = process_run(&options, STEP_NS, TABLE_MAX, &output, err);
    if (rc < 0)
        return rc;
    if (out_text)
        *out_text = output.text;
    else
        free(output.text);
    return 0;
}

/* Kernels' symbols. */
static int fetch_symbols(const char *directory, const char *run, struct error *err)
{
    CLEANUP_FREE char *disk = mem_printf("%s/job.raw", run);
    CLEANUP_FREE char *host =
        mem_printf("dump " RECORDING_JOB "/" LOAD_HOST " \"%s/" LOAD_HOST "\"", directory);
    CLEANUP_FREE char *guests =
        mem_printf("rdump " RECORDING_JOB "/" LOAD_GUESTS " \"%s\"", directory);
    CLEANUP_FREE char *path = mem_printf("%s/" LOAD_HOST, directory);
    struct stat st;
    int rc = ask_debugfs(disk, host, NULL, err);
    if (rc == 0)
        rc = ask_debugfs(disk, guests, NULL, err);
    if (rc == 0 && stat(path, &st) == 0 && st.st_size == 0)
        unlink(path); /* the server died before */
    return rc;
}

/* Does the file's code have a page that a sample was in? */
static bool is_wanted(const struct numbers *pages, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length; at += PROFILE_PAGE_BYTES) {
        uint8_t page[PROFILE_PAGE_BYTES] = {0};
        size_t room = length - at;
        memcpy(page, bytes + at, room < sizeof(page) ? room : sizeof(page));
        if (has_number(pages, profile_page_hash(page)))
            return true;
    }
    return false;
}

struct tree_search {
    const struct numbers *pages;
    const char *to; /* directory for copies */
};

static int keep_file(const char *to, const char *inside, const void *bytes, size_t length,
                     struct error *err)
{
    CLEANUP_FREE char *path = mem_printf("%s/%s", to, inside);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int rc = file_make_directories(path, 0755, err);
    *slash = '/';
    return rc == 0 ? file_write_atomic(path, bytes, length, 0644, err) : rc;
}

/* Files of others that we may not read are passed over. */
static int look_at_file(const char *path, const char *inside, void *context, struct error *err)
{
    static const char magic[] = "\177ELF";
    const struct tree_search *search = context;
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    char start[4];
    if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size > FILE_MAX ||
        pread(fd, start, sizeof(start), 0) != sizeof(start) || memcmp(start, magic, 4) != 0)
        return 0;
    uint8_t *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return 0;
    int rc = 0;
    if (is_wanted(search->pages, bytes, (size_t)st.st_size))
        rc = keep_file(search->to, inside, bytes, (size_t)st.st_size, err);
    munmap(bytes, (size_t)st.st_size);
    return rc;
}

/* The program that channels put into guests (guest/program.h) is in no file system. */
static int look_at_runner(const struct numbers *pages, const char *to, struct error *err)
{
    size_t length = (size_t)(guest_program_end - guest_program);
    return is_wanted(pages, guest_program, length)
               ? keep_file(to, "vtax-guest", guest_program, length, err)
               : 0;
}

/* Numbers of the blocks that hold a page that is wanted. What is not allocated is a hole. */
static int find_blocks(const char *disk, const struct numbers *pages, struct numbers *out_blocks,
                       struct error *err)
{
    enum { AT_ONCE = 256 };
    CLEANUP_FREE uint8_t *buffer = mem_alloc(AT_ONCE * PROFILE_PAGE_BYTES);
    CLEANUP_FD int fd = open(disk, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "read '%s'", disk);
    off_t at = lseek(fd, 0, SEEK_DATA), hole = 0;
    while (at >= 0) {
        if (at >= hole && (hole = lseek(fd, at, SEEK_HOLE)) < 0)
            break;
        at -= at % PROFILE_PAGE_BYTES;
        ssize_t got = pread(fd, buffer, AT_ONCE * PROFILE_PAGE_BYTES, at);
        if (got <= 0)
            break;
        for (ssize_t i = 0; i + PROFILE_PAGE_BYTES <= got; i += PROFILE_PAGE_BYTES)
            if (has_number(pages, profile_page_hash(buffer + i)))
                add_number(out_blocks, (uint64_t)(at + i) / PROFILE_PAGE_BYTES);
        at += got;
        at = at >= hole ? lseek(fd, at, SEEK_DATA) : at;
    }
    sort_numbers(out_blocks);
    return 0;
}

void recording_parse_table(const char *text, size_t length,
                           void (*visit)(uint64_t number, const char *rest, size_t rest_length,
                                         void *context),
                           void *context)
{
    const char *at = text, *end = text + length;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        uint64_t number = 0;
        const char *digit = at;
        for (; digit < stop && digit - at < 18 && *digit >= '0' && *digit <= '9'; digit++)
            number = number * 10 + (unsigned)(*digit - '0');
        if (digit > at && digit < stop && *digit == '\t')
            visit(number, digit + 1, (size_t)(stop - digit - 1), context);
        at = stop + 1;
    }
}

/* Asks in several requests: "icheck 12 13 ...". */
static int ask_many(const char *disk, const char *verb, const struct numbers *numbers,
                    void (*visit)(uint64_t, const char *, size_t, void *), void *context,
                    struct error *err)
{
    for (size_t from = 0; from < numbers->count; from += BLOCKS_AT_ONCE) {
        CLEANUP_STRBUF struct strbuf request;
        CLEANUP_FREE char *text = NULL;
        strbuf_init(&request);
        strbuf_adds(&request, verb);
        for (size_t i = from; i < numbers->count && i < from + BLOCKS_AT_ONCE; i++)
            strbuf_addf(&request, " %" PRIu64, numbers->items[i]);
        int rc = ask_debugfs(disk, request.text, &text, err);
        if (rc < 0)
            return rc;
        recording_parse_table(text, strlen(text), visit, context);
    }
    return 0;
}

static void take_inode(uint64_t block, const char *rest, size_t length, void *context)
{
    (void)block;
    uint64_t inode = 0;
    for (size_t i = 0; i < length && rest[i] >= '0' && rest[i] <= '9' && i < 18; i++)
        inode = inode * 10 + (unsigned)(rest[i] - '0');
    if (inode)
        add_number(context, inode);
}

/* Files by inode, the first name of each. */
struct dumping {
    const char *disk, *to;
    struct numbers seen;
    int rc;
    struct error *err;
};

static void dump_file(uint64_t inode, const char *path, size_t length, void *context)
{
    struct dumping *dumping = context;
    if (dumping->rc < 0 || length < 2 || path[0] != '/' || memchr(path, '"', length) ||
        memmem(path, length, "/..", 3))
        return;
    for (size_t i = 0; i < dumping->seen.count; i++)
        if (dumping->seen.items[i] == inode)
            return;
    add_number(&dumping->seen, inode);
    CLEANUP_FREE char *copy = mem_printf("%s%.*s", dumping->to, (int)length, path);
    CLEANUP_FREE char *request = mem_printf("dump <%" PRIu64 "> \"%s\"", inode, copy);
    char *slash = strrchr(copy, '/');
    *slash = '\0';
    dumping->rc = file_make_directories(copy, 0755, dumping->err);
    if (dumping->rc == 0)
        dumping->rc = ask_debugfs(dumping->disk, request, NULL, dumping->err);
}

static int fetch_server_files(const char *disk, const struct numbers *pages, const char *to,
                              struct error *err)
{
    CLEANUP(numbers_done) struct numbers blocks = {0};
    CLEANUP(numbers_done) struct numbers inodes = {0};
    struct dumping dumping = {.disk = disk, .to = to, .err = err};
    int rc = find_blocks(disk, pages, &blocks, err);
    if (rc == 0)
        rc = ask_many(disk, "icheck", &blocks, take_inode, &inodes, err);
    sort_numbers(&inodes);
    if (rc == 0)
        rc = ask_many(disk, "ncheck", &inodes, dump_file, &dumping, err);
    numbers_done(&dumping.seen);
    return rc == 0 ? dumping.rc : rc;
}

static int fetch_files(const char *directory, const struct recording_sources *sources,
                       struct error *err)
{
    CLEANUP(numbers_done) struct numbers pages = {0};
    CLEANUP_FREE char *own = mem_printf("%s/" LOAD_FILES "/own", directory);
    CLEANUP_FREE char *guest = mem_printf("%s/" LOAD_FILES "/guest", directory);
    CLEANUP_FREE char *server = mem_printf("%s/" LOAD_FILES "/server", directory);
    struct tree_search search = {.pages = &pages, .to = guest};
    struct tree_search own_search = {.pages = &pages, .to = own};
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    int rc = find_wanted(directory, &pages, err);
    if (rc == 0)
        rc = look_at_file(self, "vtax", &own_search, err);
    if (rc == 0)
        rc = look_at_runner(&pages, own, err);
    if (rc == 0)
        rc = load_visit_files(sources->guest, look_at_file, &search, err);
    if (rc == 0)
        rc = fetch_server_files(sources->server, &pages, server, err);
    return rc;
}

int recording_gather(const char *directory, const struct recording_sources *sources,
                     struct error *err)
{
    CLEANUP_FREE char *title = mem_printf("%s/" LOAD_TITLE, directory);
    int rc = file_write_atomic(title, sources->title, strlen(sources->title), 0644, err);
    if (rc == 0)
        rc = fetch_symbols(directory, sources->run, err);
    if (rc == 0)
        rc = fetch_files(directory, sources, err);
    return rc < 0 ? error_prefix(err, "gather what names the samples in '%s'", directory) : 0;
}
