/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/library.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

struct page {
    uint64_t hash; /* 0: free */
    uint32_t file;
    uint64_t offset;
};

struct library {
    struct library_file **files; /* their addresses stay */
    size_t file_count, file_capacity;
    struct page *pages; /* a power of two, at most half full */
    size_t page_count, page_capacity;
};

struct library *library_new(void)
{
    struct library *library = mem_zalloc(sizeof(*library));
    library->page_capacity = 1024;
    library->pages = mem_array(library->page_capacity, sizeof(library->pages[0]));
    return library;
}

static struct page *find_page(struct page *pages, size_t capacity, uint64_t hash)
{
    size_t at = (hash ^ hash >> 29) & (capacity - 1);
    while (pages[at].hash && pages[at].hash != hash)
        at = (at + 1) & (capacity - 1);
    return &pages[at];
}

static void grow(struct library *library)
{
    size_t capacity = library->page_capacity * 2;
    struct page *pages = mem_array(capacity, sizeof(pages[0]));
    for (size_t i = 0; i < library->page_capacity; i++)
        if (library->pages[i].hash)
            *find_page(pages, capacity, library->pages[i].hash) = library->pages[i];
    free(library->pages);
    library->pages = pages;
    library->page_capacity = capacity;
}

static void add_page(struct library *library, uint64_t hash, uint32_t file, uint64_t offset)
{
    if (library->page_count * 2 >= library->page_capacity)
        grow(library);
    struct page *page = find_page(library->pages, library->page_capacity, hash);
    if (page->hash)
        return;
    *page = (struct page){hash, file, offset};
    library->page_count++;
}

/* A mapping ends with the file; behind it the last page is zero. */
static void add_segment(struct library *library, const struct elf_segment *segment, uint32_t file,
                        const uint8_t *bytes, size_t length)
{
    uint64_t first = segment->offset - segment->offset % PROFILE_PAGE_BYTES;
    uint64_t end = segment->offset + segment->bytes;
    for (uint64_t at = first; at < end; at += PROFILE_PAGE_BYTES) {
        uint8_t page[PROFILE_PAGE_BYTES] = {0};
        size_t room = length - at;
        memcpy(page, bytes + at, room < sizeof(page) ? room : sizeof(page));
        add_page(library, profile_page_hash(page), file, at);
    }
}

int library_add(struct library *library, const char *name, const void *bytes, size_t length,
                struct error *err)
{
    struct elf_file *elf;
    int rc = elf_file_read(bytes, length, &elf, err);
    if (rc < 0)
        return rc;
    struct library_file *file = mem_zalloc(sizeof(*file));
    file->name = symbols_clean_name(name, strlen(name));
    file->elf = elf;
    MEM_GROW(library->files, library->file_count, library->file_capacity);
    library->files[library->file_count++] = file;
    for (size_t i = 0; i < elf->segment_count; i++)
        add_segment(library, &elf->segments[i], library->file_count - 1, bytes, length);
    return 0;
}

size_t library_count(const struct library *library)
{
    return library->file_count;
}

bool library_find(const struct library *library, uint64_t page, struct library_spot *out_spot)
{
    if (!page)
        return false;
    const struct page *found = find_page(library->pages, library->page_capacity, page);
    if (!found->hash)
        return false;
    *out_spot = (struct library_spot){library->files[found->file], found->offset};
    return true;
}

struct library *library_free(struct library *library)
{
    for (size_t i = 0; library && i < library->file_count; i++) {
        free(library->files[i]->name);
        elf_file_free(library->files[i]->elf);
        free(library->files[i]);
    }
    if (library) {
        free(library->files);
        free(library->pages);
    }
    free(library);
    return NULL;
}
