/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Types of a kernel and of a module: the first two bytes say how long the kernel's are, a multiple
 * of 4. What is found lies in what there is.
 */
#include "fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "probe/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP(btf_cleanup) struct btf *btf = NULL;
    if (length < 2)
        return 0;
    size_t kernel_bytes = 4 * (size_t)(bytes[0] | bytes[1] << 8);
    length -= 2;
    kernel_bytes = kernel_bytes < length ? kernel_bytes : length;
    CLEANUP_FREE uint8_t *kernel = mem_copy(bytes + 2, kernel_bytes);
    CLEANUP_FREE uint8_t *module = mem_copy(bytes + 2 + kernel_bytes, length - kernel_bytes);
    if (btf_parse(kernel, kernel_bytes, length > kernel_bytes ? module : NULL,
                  length - kernel_bytes, &btf) < 0)
        return 0;
    static const char *const paths[] = {"id", "arch", "vcpu.id", "vcpu.flags", "flags.", "."};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        (void)!btf_find_member(btf, "vcpu", paths[i]);
        (void)!btf_find_member(btf, "vcpu_amd", paths[i]);
    }
    int argument = btf_find_argument(btf, "kvm_exit", "vcpu");
    FUZZ_REQUIRE(argument < (1 << 16));
    return 0;
}
