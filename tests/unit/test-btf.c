/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "probe/btf.h"

#define NUL "\0"
#define INFO(kind, count) ((uint32_t)(kind) << 24 | (count))
#define BITFIELDS (UINT32_C(1) << 31)

/* Names begin with "", at 0. */
static const char kernel_names[] = NUL "int" NUL "vcpu" NUL "id" NUL "arch" NUL "flags";
enum { INT = 1, VCPU = 5, ID = 10, ARCH = 13, FLAGS = 18 };
/* A module's go on from there. */
static const char module_names[] = NUL "vcpu_amd" NUL "vmcb" NUL "btf_trace_kvm_exit" NUL "both";
#define OWN(at) ((uint32_t)sizeof(kernel_names) + (at))

static const uint32_t kernel_types[] = {
    INT,   INFO(BTF_KIND_INT, 0),
    4,     32, /* 1 */
    0,     INFO(BTF_KIND_UNION, 2),
    4, /* 2: without a name */
    FLAGS, 1,
    0,     ARCH,
    1,     0,
    VCPU,  INFO(BTF_KIND_STRUCT, 2),
    12, /* 3 */
    ID,    1,
    32,    0,
    4,     64,
    0,     INFO(BTF_KIND_CONST, 0),
    2, /* 4 */
    0,     INFO(BTF_KIND_PTR, 0),
    3, /* 5 */
};
static const uint32_t module_types[] = {
    OWN(1),
    INFO(BTF_KIND_STRUCT, 3) | BITFIELDS,
    40, /* 6 */
    VCPU,
    3,
    0,
    OWN(10),
    5,
    128,
    FLAGS,
    1,
    3 << 24 | 259,
    0,
    INFO(BTF_KIND_FUNC_PROTO, 4),
    0, /* 7 */
    0,
    0,
    0,
    1,
    0,
    8,
    0,
    1,
    0,
    INFO(BTF_KIND_PTR, 0),
    3, /* 8 */
    OWN(15),
    INFO(BTF_KIND_TYPEDEF, 0),
    10, /* 9 */
    0,
    INFO(BTF_KIND_PTR, 0),
    7, /* 10 */
};

struct blob {
    uint8_t bytes[512];
    size_t length;
};

static struct blob make_blob(const void *types, size_t type_bytes, const char *names,
                             size_t name_bytes)
{
    const struct btf_header header = {
        .magic = BTF_MAGIC,
        .version = BTF_VERSION,
        .hdr_len = sizeof(header),
        .type_len = (uint32_t)type_bytes,
        .str_off = (uint32_t)type_bytes,
        .str_len = (uint32_t)name_bytes,
    };
    struct blob blob = {.length = sizeof(header) + type_bytes + name_bytes};
    assert_true(blob.length <= sizeof(blob.bytes));
    memcpy(blob.bytes, &header, sizeof(header));
    memcpy(blob.bytes + sizeof(header), types, type_bytes);
    memcpy(blob.bytes + sizeof(header) + type_bytes, names, name_bytes);
    return blob;
}

static struct blob kernel_blob(void)
{
    return make_blob(kernel_types, sizeof(kernel_types), kernel_names, sizeof(kernel_names));
}

static struct blob module_blob(void)
{
    return make_blob(module_types, sizeof(module_types), module_names, sizeof(module_names));
}

static struct btf *parse_both(void)
{
    struct blob kernel = kernel_blob(), module = module_blob();
    struct btf *btf = NULL;
    assert_int_equal(btf_parse(kernel.bytes, kernel.length, module.bytes, module.length, &btf), 0);
    return btf;
}

static void test_members(void **state)
{
    (void)state;
    struct btf *btf = parse_both();
    assert_int_equal(btf_find_member(btf, "vcpu", "id"), 4);
    assert_int_equal(btf_find_member(btf, "vcpu", "arch"), 8); /* of a union without a name */
    assert_int_equal(btf_find_member(btf, "vcpu", "vmcb"), -ENOENT);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vmcb"), 16);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vcpu.id"), 4);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vcpu.flags"), 8);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "flags"), -EINVAL);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vmcb.id"), -ENOENT); /* a pointer */
    assert_int_equal(btf_find_member(btf, "both", "id"), -ENOENT);
    btf_free(btf);
}

static void test_arguments(void **state)
{
    (void)state;
    struct btf *btf = parse_both();
    assert_int_equal(btf_find_argument(btf, "kvm_exit", "vcpu"), 1);
    assert_int_equal(btf_find_argument(btf, "kvm_exit", "vcpu_amd"), -ENOENT);
    assert_int_equal(btf_find_argument(btf, "kvm_entry", "vcpu"), -ENOENT);
    btf_free(btf);
}

static void test_without_a_module(void **state)
{
    (void)state;
    struct blob kernel = kernel_blob();
    struct btf *btf = NULL;
    assert_int_equal(btf_parse(kernel.bytes, kernel.length, NULL, 0, &btf), 0);
    assert_int_equal(btf_find_member(btf, "vcpu", "id"), 4);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vmcb"), -ENOENT);
    btf_free(btf);
}

static void test_another_module(void **state)
{
    (void)state;
    const struct blob kernel = kernel_blob(), module = module_blob();
    char root[] = "/tmp/test-btf-XXXXXX";
    struct btf *btf = NULL;
    struct error err = {0};
    assert_non_null(mkdtemp(root));
    CLEANUP_FREE char *kernel_path = mem_printf("%s/vmlinux", root);
    CLEANUP_FREE char *module_path = mem_printf("%s/kvm_amd", root);
    assert_int_equal(file_write_atomic(kernel_path, kernel.bytes, kernel.length, 0600, &err), 0);
    assert_int_equal(file_write_atomic(module_path, module.bytes, module.length, 0600, &err), 0);
    assert_int_equal(btf_read(root, "built_in", &btf, &err), 0);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vmcb"), -ENOENT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(btf_change_module(btf, root, "kvm_amd", &err), 0);
        assert_int_equal(btf_find_member(btf, "vcpu_amd", "vmcb"), 16);
        assert_int_equal(btf_find_member(btf, "vcpu", "id"), 4);
    }
    assert_int_equal(btf_change_module(btf, root, NULL, &err), 0);
    assert_int_equal(btf_find_member(btf, "vcpu_amd", "vmcb"), -ENOENT);
    assert_int_equal(file_write_atomic(module_path, "none", 4, 0600, &err), 0);
    assert_int_equal(btf_change_module(btf, root, "kvm_amd", &err), -EBADMSG);
    assert_non_null(strstr(err.text, module_path));
    btf_free(btf);
    assert_int_equal(file_remove_tree(root, &err), 0);
}

/* One byte less, or of another kind: it says so, or it is still within what there is. */
static void test_damaged(void **state)
{
    (void)state;
    const struct blob kernel = kernel_blob();
    struct btf *btf = NULL;
    for (size_t length = 0; length < kernel.length; length++) {
        CLEANUP_FREE uint8_t *exact = mem_copy(kernel.bytes, length);
        assert_int_equal(btf_parse(exact, length, NULL, 0, &btf), -EBADMSG);
    }
    for (size_t i = 0; i < kernel.length; i++)
        for (unsigned value = 0; value < 256; value += 51) {
            struct blob damaged = kernel;
            damaged.bytes[i] = (uint8_t)value;
            if (btf_parse(damaged.bytes, damaged.length, NULL, 0, &btf) < 0)
                continue;
            (void)!btf_find_member(btf, "vcpu", "id.arch");
            (void)!btf_find_argument(btf, "kvm_exit", "vcpu");
            btf = btf_free(btf);
        }
}

/* What this kernel says of itself: the number of a thread lies before its group's. */
static void test_this_kernel(void **state)
{
    (void)state;
    struct btf *btf = NULL;
    struct error err = {0};
    if (access(BTF_ROOT "/vmlinux", R_OK) < 0) {
        printf("skipped: this kernel tells nothing of its types\n");
        skip();
    }
    assert_int_equal(btf_read(BTF_ROOT, "there_is_no_such_module", &btf, &err), 0);
    int pid = btf_find_member(btf, "task_struct", "pid");
    assert_true(pid > 0);
    assert_int_equal(btf_find_member(btf, "task_struct", "tgid"), pid + 4);
    assert_int_equal(btf_find_argument(btf, "sched_switch", "task_struct"), 1);
    btf_free(btf);
}

static void test_no_kernel_types(void **state)
{
    (void)state;
    char root[] = "/tmp/test-btf-XXXXXX";
    struct btf *btf = NULL;
    struct error err = {0};
    assert_non_null(mkdtemp(root));
    assert_int_equal(btf_read(root, NULL, &btf, &err), -ENOENT);
    assert_non_null(strstr(err.text, root));
    CLEANUP_FREE char *path = mem_printf("%s/vmlinux", root);
    assert_int_equal(file_write_atomic(path, "none", 4, 0600, &err), 0);
    assert_int_equal(btf_read(root, NULL, &btf, &err), -EBADMSG);
    assert_non_null(strstr(err.text, root));
    assert_int_equal(file_remove_tree(root, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),          cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_without_a_module), cmocka_unit_test(test_another_module),
        cmocka_unit_test(test_damaged),          cmocka_unit_test(test_this_kernel),
        cmocka_unit_test(test_no_kernel_types),
    };
    return cmocka_run_group_tests_name("btf", tests, NULL, NULL);
}
