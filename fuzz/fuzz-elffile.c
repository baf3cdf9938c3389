/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as a program and adds it to a library of them.
 */
#include "fuzz.h"

#include "profile/library.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct library *library = library_new();
    struct library_spot spot;
    if (library_add(library, "fuzz", bytes, length, NULL) == 0 &&
        library_find(library, 0x1234, &spot))
        elf_file_find(spot.file->elf, spot.offset);
    library_free(library);
    return 0;
}
