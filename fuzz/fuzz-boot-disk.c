/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The header of a kernel: whatever it says, the part that comes next on the disk begins in the
 * kernel, and the initrd goes behind 1 MiB and below 2 GiB.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "image/boot_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE unsigned char *exact = mem_copy(bytes, length ? length : 1);
    CLEANUP_FREE unsigned char *head = mem_alloc(BOOT_DISK_HEAD_BYTES);
    ssize_t next = boot_disk_make_head(exact, length, 7, "quiet", head);
    if (next < 0)
        return 0;
    FUZZ_REQUIRE((size_t)next <= length && next % BOOT_DISK_SECTOR == 0);
    const unsigned char *setup = head + BOOT_DISK_SECTOR;
    FUZZ_REQUIRE(setup[0x218] == 0 && setup[0x219] == 0 && setup[0x21b] < 0x80);
    return 0;
}
