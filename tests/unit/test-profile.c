/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a file of samples, kernels' symbols and a program to the stacks that are drawn. What is
 * written is compared with files in tests/golden/.
 */
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "profile/fold.h"
#include "profile/library.h"
#include "profile/resolve.h"
#include "profile/samples.h"
#include "profile/write.h"

#define PERIOD 1000
#define HOST_USER 1
#define GUEST_KERNEL 2
#define GUEST_USER 3

/* Where the program is mapped in a process. */
#define MAPPED UINT64_C(0x555555555000)

enum { CODE_OFFSET = 0x1000, CODE_ADDRESS = 0x401000, CODE_BYTES = 0x800, TABLE_OFFSET = 0x1800 };
enum { MAIN = 0x10, COMPRESS = 0x100, FUNCTION_BYTES = 0x40, NAMELESS = 0x600 };

static const char host_kallsyms[] = "0000000000000000 A fixed_percpu_data\n"
                                    "ffffffff81000000 T _stext\n"
                                    "ffffffff81000100 t do_idle\n"
                                    "ffffffff81000300 D some_data\n"
                                    "not a line\n"
                                    "ffffffffc0000000 t svm_vcpu_run\t[kvm_amd]\n"
                                    "ffffffffc0000400 T svm_handle_exit\t[kvm_amd]\n";
static const char guest_kallsyms[] = "ffffffff81000000 T _stext\n"
                                     "ffffffff81a00000 T entry_SYSCALL_64\n"
                                     "ffffffff81a00200 T do_syscall_64\n"
                                     "ffffffff81a00400 T ksys_read\n"
                                     "ffffffffc0100000 t ext4_read\t[ext4]\n";

static void put(struct strbuf *out, const void *bytes, size_t length)
{
    strbuf_add(out, bytes, length);
}

/* A program with two functions, and a byte of code that is in neither. */
static void make_program(struct strbuf *out)
{
    static const char names[] = "\0main\0compress";
    const Elf64_Phdr code = {.p_type = PT_LOAD,
                             .p_flags = PF_R | PF_X,
                             .p_offset = CODE_OFFSET,
                             .p_vaddr = CODE_ADDRESS,
                             .p_filesz = CODE_BYTES,
                             .p_memsz = CODE_BYTES};
    const Elf64_Sym symbols[3] = {
        {0},
        {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, CODE_ADDRESS + MAIN, FUNCTION_BYTES},
        {6, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, CODE_ADDRESS + COMPRESS, FUNCTION_BYTES},
    };
    const size_t names_at = TABLE_OFFSET + sizeof(symbols), sections_at = names_at + 16;
    const Elf64_Shdr sections[3] = {
        {0},
        {.sh_type = SHT_SYMTAB,
         .sh_offset = TABLE_OFFSET,
         .sh_size = sizeof(symbols),
         .sh_link = 2,
         .sh_entsize = sizeof(symbols[0])},
        {.sh_type = SHT_STRTAB, .sh_offset = names_at, .sh_size = sizeof(names)},
    };
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_shoff = sections_at,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = 3,
    };
    char zero[CODE_OFFSET] = {0};
    put(out, &header, sizeof(header));
    put(out, &code, sizeof(code));
    put(out, zero, CODE_OFFSET - out->length);
    for (size_t i = 0; i < CODE_BYTES; i++)
        strbuf_addc(out, (char)(i * 7 + i / 256));
    put(out, symbols, sizeof(symbols));
    put(out, names, sizeof(names));
    put(out, zero, sections_at - out->length);
    put(out, sections, sizeof(sections));
}

/* Of the page with the program's code, as a process sees it. */
static uint64_t program_page(const struct strbuf *program)
{
    uint8_t page[PROFILE_PAGE_BYTES] = {0};
    memcpy(page, program->text + CODE_OFFSET, program->length - CODE_OFFSET);
    return profile_page_hash(page);
}

static void put_header(struct strbuf *out)
{
    const struct profile_header header = {.magic = PROFILE_MAGIC,
                                          .version = PROFILE_VERSION,
                                          .bytes = sizeof(header),
                                          .period = PERIOD,
                                          .vcpus = 1};
    put(out, &header, sizeof(header));
}

static void put_vm(struct strbuf *out, uint32_t vm, uint64_t nested, uint64_t entry)
{
    const struct profile_vm record = {.record = {PROFILE_RECORD_VM, sizeof(record)},
                                      .vm = vm,
                                      .vmcb = vm * 0x1000,
                                      .nested = nested,
                                      .entry = entry};
    put(out, &record, sizeof(record));
}

static void put_sample(struct strbuf *out, struct profile_sample sample,
                       const struct profile_caller *caller)
{
    size_t bytes = sizeof(sample) + (caller ? sizeof(*caller) : 0);
    sample.record = (struct profile_record){PROFILE_RECORD_SAMPLE, bytes};
    sample.weight = sample.weight ? sample.weight : 1;
    put(out, &sample, sizeof(sample));
    if (caller)
        put(out, caller, sizeof(*caller));
}

static void put_total(struct strbuf *out, uint64_t retired, uint64_t samples)
{
    const struct profile_total total = {
        .record = {PROFILE_RECORD_TOTAL, sizeof(total)}, .retired = {retired}, .samples = samples};
    put(out, &total, sizeof(total));
}

static void put_host(struct strbuf *out, uint64_t page)
{
    const struct profile_caller exit = {.address = UINT64_C(0xffffffffc0000410),
                                        .target = UINT64_C(0xffffffffc0000000)};
    put_sample(out, (struct profile_sample){.ip = UINT64_C(0xffffffff81000123), .space = 0x1000},
               NULL);
    put_sample(out, (struct profile_sample){.ip = UINT64_C(0xffffffffc0000010), .space = 0x2005},
               &exit);
    put_sample(out,
               (struct profile_sample){
                   .bucket = HOST_USER, .ip = MAPPED + MAIN, .page = page, .space = 0x2000},
               NULL);
    put_sample(out,
               (struct profile_sample){
                   .ip = 0x7c00, .stack = PROFILE_STACK_NO_LONG, .space = 0, .weight = 2},
               NULL);
}

/* Two virtual CPUs of one VM. */
static void put_first_vm(struct strbuf *out, uint64_t page)
{
    const struct profile_caller direct = {
        .address = MAPPED + MAIN + 9, .target = MAPPED + COMPRESS, .page = page};
    const struct profile_caller wrong = {
        .address = MAPPED + MAIN + 9, .target = MAPPED + MAIN, .page = page};
    const struct profile_caller indirect = {.address = UINT64_C(0xffffffff81a00210)};
    put_vm(out, 1, 0x9000, UINT64_C(0xffffffff81a00000));
    put_vm(out, 2, 0x9000, 0);
    put_vm(out, 2, 0x9000, UINT64_C(0xffffffff81a00000));
    put_sample(out,
               (struct profile_sample){.bucket = GUEST_USER,
                                       .vm = 1,
                                       .ip = MAPPED + COMPRESS + 3,
                                       .page = page,
                                       .space = 0x3000,
                                       .weight = 5},
               &direct);
    put_sample(out,
               (struct profile_sample){.bucket = GUEST_USER,
                                       .vm = 2,
                                       .ip = MAPPED + COMPRESS + 4,
                                       .page = page,
                                       .space = 0x3000},
               &wrong);
    put_sample(
        out,
        (struct profile_sample){
            .bucket = GUEST_KERNEL, .vm = 2, .ip = UINT64_C(0xffffffffc0100010), .space = 0x3000},
        &indirect);
    put_sample(out,
               (struct profile_sample){.bucket = GUEST_USER,
                                       .vm = 1,
                                       .stack = PROFILE_STACK_LEFT,
                                       .ip = MAPPED + NAMELESS,
                                       .page = page,
                                       .space = 0x3000},
               NULL);
}

/* The same kernel elsewhere, where the module is nobody knows; and one that is not known. */
static void put_other_vms(struct strbuf *out)
{
    put_vm(out, 3, 0x9000, UINT64_C(0xffffffff91a00000));
    put_sample(out,
               (struct profile_sample){
                   .bucket = GUEST_KERNEL, .vm = 3, .ip = UINT64_C(0xffffffff91a00456)},
               NULL);
    put_sample(out,
               (struct profile_sample){
                   .bucket = GUEST_KERNEL, .vm = 3, .ip = UINT64_C(0xffffffffd0100010)},
               NULL);
    put_sample(out,
               (struct profile_sample){
                   .bucket = GUEST_USER, .vm = 3, .ip = MAPPED, .page = 0x1234, .space = 0x5000},
               NULL);
    /* a later VM in the memory of the third one */
    put_vm(out, 5, 0x9000, UINT64_C(0xffffffff91a00000));
    put_sample(out,
               (struct profile_sample){
                   .bucket = GUEST_KERNEL, .vm = 5, .ip = UINT64_C(0xffffffff91a00456)},
               NULL);
    put_vm(out, 4, 0xa000, UINT64_C(0xffffffff91a12340));
    put_sample(out,
               (struct profile_sample){
                   .bucket = GUEST_KERNEL, .vm = 4, .ip = UINT64_C(0xffffffff91a12345)},
               NULL);
    put_sample(out, (struct profile_sample){.bucket = GUEST_USER, .vm = 4, .ip = MAPPED}, NULL);
    put_total(out, 19 * PERIOD + 17, 19);
}

struct world {
    struct samples samples;
    struct library *library;
    struct symbols *host, *guest;
    struct resolve_result result;
};

static void set_up(struct world *world)
{
    CLEANUP_STRBUF struct strbuf program, file;
    strbuf_init(&program);
    strbuf_init(&file);
    make_program(&program);
    put_header(&file);
    put_host(&file, program_page(&program));
    put_first_vm(&file, program_page(&program));
    put_other_vms(&file);
    world->library = library_new();
    assert_int_equal(library_add(world->library, "bzip2", program.text, program.length, NULL), 0);
    assert_int_equal(samples_parse(file.text, file.length, &world->samples, NULL), 0);
    assert_int_equal(
        symbols_parse_kallsyms(host_kallsyms, sizeof(host_kallsyms) - 1, &world->host, NULL), 0);
    assert_int_equal(
        symbols_parse_kallsyms(guest_kallsyms, sizeof(guest_kallsyms) - 1, &world->guest, NULL), 0);
    const struct resolve_kernel kernel = {world->guest, "kvm-bzip2-block1-machine1"};
    const struct resolve_input input = {.samples = &world->samples,
                                        .library = world->library,
                                        .host = world->host,
                                        .kernels = &kernel,
                                        .kernel_count = 1};
    resolve_samples(&input, &world->result);
}

static void tear_down(struct world *world)
{
    resolve_result_done(&world->result);
    samples_done(&world->samples);
    library_free(world->library);
    symbols_free(world->host);
    symbols_free(world->guest);
}

static void compare_golden(const char *name, const struct strbuf *text)
{
    CLEANUP_FREE char *path = mem_printf("%s/golden/%s", TESTS_DIRECTORY, name);
    CLEANUP_FREE char *golden = NULL;
    size_t length = 0;
    if (getenv("VTAX_WRITE_GOLDEN"))
        assert_int_equal(file_write_atomic(path, text->text, text->length, 0644, NULL), 0);
    assert_int_equal(file_read(path, 1 << 20, &golden, &length, NULL), 0);
    assert_string_equal(text->text, golden);
}

static void test_golden(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    const struct write_profile profile = {
        .title = "KVM <in> an emulated server", .samples = &world.samples, .result = &world.result};
    static const struct {
        const char *name;
        void (*write)(struct strbuf *, const struct write_profile *);
    } rows[] = {{"profile.txt", write_text},
                {"profile.folded", write_folded},
                {"profile.json", write_speedscope},
                {"profile-tree.json", write_tree}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP_STRBUF struct strbuf text;
        strbuf_init(&text);
        rows[i].write(&text, &profile);
        compare_golden(rows[i].name, &text);
    }
    tear_down(&world);
}

static void test_html(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    CLEANUP_STRBUF struct strbuf html, tree;
    strbuf_init(&html);
    strbuf_init(&tree);
    const struct write_profile profile = {
        .title = "KVM <in> an emulated server", .samples = &world.samples, .result = &world.result};
    write_html(&html, &profile);
    write_tree(&tree, &profile);
    assert_non_null(strstr(html.text, tree.text));
    assert_non_null(strstr(html.text, "KVM &#60;in&#62; an"));
    assert_null(strstr(html.text, "src="));
    assert_null(strstr(html.text, "href="));
    tear_down(&world);
}

static void test_sums(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    uint64_t roots = 0;
    assert_int_equal(world.result.instructions, 19 * PERIOD);
    assert_int_equal(world.result.top->total, 19 * PERIOD);
    for (size_t i = 0; i < world.result.root_count; i++) {
        uint64_t leaves = 0, callers = 0;
        for (int k = 0; k < RESOLVE_LEAF_COUNT; k++)
            leaves += world.result.roots[i].leaves[k];
        for (int k = 0; k < RESOLVE_CALLER_COUNT; k++)
            callers += world.result.roots[i].callers[k];
        assert_int_equal(leaves, world.result.roots[i].instructions);
        assert_int_equal(callers, world.result.roots[i].instructions);
        roots += leaves;
    }
    assert_int_equal(roots, 19 * PERIOD);
    tear_down(&world);
}

static void test_damaged_samples(void **state)
{
    (void)state;
    CLEANUP_STRBUF struct strbuf file;
    struct samples samples;
    strbuf_init(&file);
    put_header(&file);
    put_sample(&file, (struct profile_sample){.ip = 1}, NULL);
    put_total(&file, PERIOD, 1);
    assert_int_equal(samples_parse(file.text, file.length, &samples, NULL), 0);
    assert_false(samples.is_cut);
    assert_int_equal(samples.count, 1);
    samples_done(&samples);
    assert_int_equal(samples_parse(file.text, file.length - 8, &samples, NULL), 0);
    assert_true(samples.is_cut);
    samples_done(&samples);
    assert_int_equal(samples_parse(file.text, 16, &samples, NULL), -EBADMSG);
    file.text[sizeof(struct profile_header) + 2] = 3; /* the record's length */
    assert_int_equal(samples_parse(file.text, file.length, &samples, NULL), -EBADMSG);
    file.text[8] = 2; /* the version */
    struct error err = {0};
    assert_int_equal(samples_parse(file.text, file.length, &samples, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "version 2"));
}

static void test_symbols(void **state)
{
    (void)state;
    struct symbols *symbols;
    static const char hidden[] = "0000000000000000 T _stext\n";
    assert_int_equal(symbols_parse_kallsyms(hidden, sizeof(hidden) - 1, &symbols, NULL), -ENOENT);
    assert_int_equal(symbols_parse_kallsyms("", 0, &symbols, NULL), -ENOENT);
    symbols = symbols_new();
    symbols_add(symbols, 100, 10, "local;name", 10, false);
    symbols_add(symbols, 100, 20, "global", 6, true);
    symbols_add(symbols, 200, 0, "open\xff", 5, false);
    symbols_sort(symbols);
    assert_int_equal(symbols_count(symbols), 2);
    assert_null(symbols_find(symbols, 99));
    assert_string_equal(symbols_find(symbols, 119)->name, "global");
    assert_null(symbols_find(symbols, 120));
    assert_string_equal(symbols_find(symbols, 200 + SYMBOLS_REACH_BYTES - 1)->name, "open?");
    assert_null(symbols_find(symbols, 200 + SYMBOLS_REACH_BYTES));
    symbols_free(symbols);
}

/* The test itself is a program with symbols. */
static void test_real_program(void **state)
{
    (void)state;
    CLEANUP_FREE char *bytes = NULL;
    size_t length;
    assert_int_equal(file_read("/proc/self/exe", 1 << 28, &bytes, &length, NULL), 0);
    struct elf_file *file = NULL;
    assert_int_equal(elf_file_read(bytes, length, &file, NULL), 0);
    assert_true(file->is_program);
    assert_true(file->segment_count >= 1);
    const struct symbol *found = symbols_find_name(file->symbols, "samples_parse");
    assert_non_null(found);
    const struct elf_segment *code = &file->segments[0];
    uint64_t offset = code->offset + (found->start - code->address);
    assert_ptr_equal(elf_file_find(file, offset), found);
    elf_file_free(file);
    assert_int_equal(elf_file_read(bytes + 1, length - 1, &file, NULL), -ENOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),  cmocka_unit_test(test_html),
        cmocka_unit_test(test_sums),    cmocka_unit_test(test_damaged_samples),
        cmocka_unit_test(test_symbols), cmocka_unit_test(test_real_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
