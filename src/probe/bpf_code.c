/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/bpf_code.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define VERIFIER_LOG_BYTES (64 << 10)

void bpf_code_init(struct bpf_code *code)
{
    *code = (struct bpf_code){.label_count = 1};
}

static void emit(struct bpf_code *code, int operation, int to, int from, int16_t offset,
                 int32_t value)
{
    assert(code->count < BPF_CODE_MAX);
    code->insns[code->count++] = (struct bpf_insn){
        .code = (uint8_t)operation,
        .dst_reg = (uint8_t)(to & 15),
        .src_reg = (uint8_t)(from & 15),
        .off = offset,
        .imm = value,
    };
}

static int width_of(int bytes)
{
    return bytes == 8 ? BPF_DW : BPF_W;
}

void bpf_code_set(struct bpf_code *code, int to, int32_t value)
{
    emit(code, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

void bpf_code_move(struct bpf_code *code, int to, int from)
{
    emit(code, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

void bpf_code_compute(struct bpf_code *code, int operation, int to, int from)
{
    emit(code, BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
}

void bpf_code_compute_value(struct bpf_code *code, int operation, int to, int32_t value)
{
    emit(code, BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
}

void bpf_code_load(struct bpf_code *code, int bytes, int to, int from, int16_t offset)
{
    emit(code, BPF_LDX | BPF_MEM | width_of(bytes), to, from, offset, 0);
}

void bpf_code_store(struct bpf_code *code, int bytes, int to, int16_t offset, int from)
{
    emit(code, BPF_STX | BPF_MEM | width_of(bytes), to, from, offset, 0);
}

void bpf_code_store_value(struct bpf_code *code, int bytes, int to, int16_t offset, int32_t value)
{
    emit(code, BPF_ST | BPF_MEM | width_of(bytes), to, 0, offset, value);
}

void bpf_code_add_atomic(struct bpf_code *code, int to, int16_t offset, int from)
{
    emit(code, BPF_STX | BPF_ATOMIC | BPF_DW, to, from, offset, BPF_ADD);
}

void bpf_code_fetch_add_atomic(struct bpf_code *code, int to, int16_t offset, int from)
{
    emit(code, BPF_STX | BPF_ATOMIC | BPF_DW, to, from, offset, BPF_ADD | BPF_FETCH);
}

void bpf_code_exchange_if_same(struct bpf_code *code, int to, int16_t offset, int from)
{
    emit(code, BPF_STX | BPF_ATOMIC | BPF_DW, to, from, offset, BPF_CMPXCHG);
}

/* Takes two instructions; the kernel puts the address in. */
static void emit_address(struct bpf_code *code, int to, int kind, int map_fd, int32_t offset)
{
    emit(code, BPF_LD | BPF_IMM | BPF_DW, to, kind, 0, map_fd);
    emit(code, 0, 0, 0, 0, offset);
}

void bpf_code_load_map(struct bpf_code *code, int to, int map_fd)
{
    emit_address(code, to, BPF_PSEUDO_MAP_FD, map_fd, 0);
}

void bpf_code_load_value_address(struct bpf_code *code, int to, int map_fd, int32_t offset)
{
    emit_address(code, to, BPF_PSEUDO_MAP_VALUE, map_fd, offset);
}

void bpf_code_call(struct bpf_code *code, int helper)
{
    emit(code, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void bpf_code_end(struct bpf_code *code)
{
    emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

size_t bpf_code_label(struct bpf_code *code)
{
    assert(code->label_count < BPF_CODE_LABELS);
    return code->label_count++;
}

void bpf_code_place(struct bpf_code *code, size_t label)
{
    code->labels[label] = code->count;
}

static void note_jump(struct bpf_code *code, size_t label)
{
    assert(code->jump_count < BPF_CODE_LABELS);
    code->jumps[code->jump_count].at = code->count;
    code->jumps[code->jump_count++].label = label;
}

void bpf_code_jump(struct bpf_code *code, size_t label)
{
    note_jump(code, label);
    emit(code, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void bpf_code_jump_if(struct bpf_code *code, int comparison, int left, int32_t value, size_t label)
{
    note_jump(code, label);
    emit(code, BPF_JMP | comparison | BPF_K, left, 0, 0, value);
}

void bpf_code_jump_if_register(struct bpf_code *code, int comparison, int left, int right,
                               size_t label)
{
    note_jump(code, label);
    emit(code, BPF_JMP | comparison | BPF_X, left, right, 0, 0);
}

/* A distance is counted from the instruction after the jump. */
void bpf_code_link(struct bpf_code *code)
{
    for (size_t i = 0; i < code->jump_count; i++) {
        size_t at = code->jumps[i].at;
        code->insns[at].off = (int16_t)(code->labels[code->jumps[i].label] - at - 1);
    }
}

void bpf_code_load_map_and_key(struct bpf_code *code, int map_fd, int key)
{
    bpf_code_load_map(code, 1, map_fd);
    bpf_code_move(code, 2, 10);
    bpf_code_compute_value(code, BPF_ADD, 2, key);
}

void bpf_code_find(struct bpf_code *code, int map_fd, int key, size_t none)
{
    bpf_code_load_map_and_key(code, map_fd, key);
    bpf_code_call(code, BPF_FUNC_map_lookup_elem);
    bpf_code_jump_if(code, BPF_JEQ, 0, 0, none);
}

void bpf_code_finish(struct bpf_code *code, size_t end)
{
    bpf_code_place(code, end);
    bpf_code_set(code, 0, 0);
    bpf_code_end(code);
    bpf_code_link(code);
}

static int call_bpf(int command, union bpf_attr *attributes)
{
    int rc = (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
    return rc < 0 ? -errno : rc;
}

int bpf_code_load_program(const struct bpf_code *code, unsigned type, const char *name,
                          struct error *err)
{
    CLEANUP_FREE char *log = mem_zalloc(VERIFIER_LOG_BYTES);
    union bpf_attr attributes = {
        .prog_type = type,
        .insns = (uintptr_t)code->insns,
        .insn_cnt = (uint32_t)code->count,
        .license = (uintptr_t) "GPL",
    };
    int rc = call_bpf(BPF_PROG_LOAD, &attributes);
    if (rc >= 0 || rc == -EPERM)
        return rc < 0 ? error_set(err, ERROR_ENVIRONMENT, rc,
                                  "load BPF program '%s': not permitted (needs root)", name)
                      : rc;
    attributes.log_level = 1; /* again, to hear why */
    attributes.log_buf = (uintptr_t)log;
    attributes.log_size = VERIFIER_LOG_BYTES;
    rc = call_bpf(BPF_PROG_LOAD, &attributes);
    size_t length = strlen(log);
    const char *tail = length > 400 ? log + length - 400 : log;
    return rc < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, rc, "load BPF program '%s': %s", name,
                                    tail)
                  : rc;
}

int bpf_map_make(unsigned type, unsigned key_bytes, unsigned value_bytes, unsigned entries,
                 bool is_shared, struct error *err)
{
    union bpf_attr attributes = {
        .map_type = type,
        .key_size = key_bytes,
        .value_size = value_bytes,
        .max_entries = entries,
        .map_flags = is_shared ? BPF_F_MMAPABLE : 0,
    };
    int rc = call_bpf(BPF_MAP_CREATE, &attributes);
    return rc < 0 ? error_set_errno(err, ERROR_ENVIRONMENT, rc, "make a BPF map") : rc;
}

void *bpf_map_share(int map_fd, size_t bytes, struct error *err)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
    if (at != MAP_FAILED)
        return at;
    error_set_errno(err, ERROR_ENVIRONMENT, -errno, "share the memory of a BPF map");
    return NULL;
}

int bpf_map_find(int map_fd, const void *key, void *out_value)
{
    union bpf_attr attributes = {
        .map_fd = (uint32_t)map_fd,
        .key = (uintptr_t)key,
        .value = (uintptr_t)out_value,
    };
    return call_bpf(BPF_MAP_LOOKUP_ELEM, &attributes);
}

int bpf_map_put(int map_fd, const void *key, const void *value)
{
    union bpf_attr attributes = {
        .map_fd = (uint32_t)map_fd,
        .key = (uintptr_t)key,
        .value = (uintptr_t)value,
        .flags = BPF_ANY,
    };
    return call_bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

void bpf_map_delete(int map_fd, const void *key)
{
    union bpf_attr attributes = {.map_fd = (uint32_t)map_fd, .key = (uintptr_t)key};
    (void)!call_bpf(BPF_MAP_DELETE_ELEM, &attributes);
}

int bpf_attach_raw(const char *event, int program_fd)
{
    union bpf_attr attributes = {
        .raw_tracepoint.name = (uintptr_t)event,
        .raw_tracepoint.prog_fd = (uint32_t)program_fd,
    };
    return call_bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes);
}

int bpf_times_take(void)
{
    union bpf_attr attributes = {.enable_stats.type = BPF_STATS_RUN_TIME};
    return call_bpf(BPF_ENABLE_STATS, &attributes);
}

int bpf_program_times(int program_fd, uint64_t *out_ns, uint64_t *out_runs)
{
    struct bpf_prog_info info = {0};
    union bpf_attr attributes = {
        .info.bpf_fd = (uint32_t)program_fd,
        .info.info_len = sizeof(info),
        .info.info = (uintptr_t)&info,
    };
    int rc = call_bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes);
    *out_ns = info.run_time_ns;
    *out_runs = info.run_cnt;
    return rc;
}

int bpf_program_run(int program_fd, unsigned cpu)
{
    union bpf_attr attributes = {.test = {
                                     .prog_fd = (uint32_t)program_fd,
                                     .flags = BPF_F_TEST_RUN_ON_CPU,
                                     .cpu = cpu,
                                 }};
    return call_bpf(BPF_PROG_TEST_RUN, &attributes);
}
