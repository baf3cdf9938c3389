/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bpf_code: a small assembler for the kernel's BPF (Documentation/bpf/standardization). Programs of
 * a few dozen instructions are put together here at run time, with the field offsets that the
 * running kernel tells, so that neither a compiler for BPF nor a library nor BTF is needed.
 *
 * Registers: 0 result, 1-5 arguments (lost by a call), 6-9 kept, 10 frame (read only).
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BPF_CODE_MAX 512
#define BPF_CODE_LABELS 128

/* A place in the program that jumps go to; 0 is no label. */
struct bpf_code {
    struct bpf_insn insns[BPF_CODE_MAX];
    size_t count;
    size_t labels[BPF_CODE_LABELS]; /* label -> instruction */
    size_t label_count;
    struct {
        size_t at;
        size_t label;
    } jumps[BPF_CODE_LABELS];
    size_t jump_count;
};

void bpf_code_init(struct bpf_code *code);
/* Operations are those of <linux/bpf.h>: BPF_ADD, BPF_JEQ, ... On 64 bits. */
void bpf_code_set(struct bpf_code *code, int to, int32_t value);
void bpf_code_move(struct bpf_code *code, int to, int from);
void bpf_code_compute(struct bpf_code *code, int operation, int to, int from);
void bpf_code_compute_value(struct bpf_code *code, int operation, int to, int32_t value);
/* bytes: 4 (zero-extended) or 8. */
void bpf_code_load(struct bpf_code *code, int bytes, int to, int from, int16_t offset);
void bpf_code_store(struct bpf_code *code, int bytes, int to, int16_t offset, int from);
void bpf_code_store_value(struct bpf_code *code, int bytes, int to, int16_t offset, int32_t value);
/* *(u64 *)(to + offset) += from, atomically. */
void bpf_code_add_atomic(struct bpf_code *code, int to, int16_t offset, int from);
/* The same, and `from` = what it was before. */
void bpf_code_fetch_add_atomic(struct bpf_code *code, int to, int16_t offset, int from);
/* Where *(u64 *)(to + offset) is register 0, it becomes `from`; 0 = what it was before. Atomic. */
void bpf_code_exchange_if_same(struct bpf_code *code, int to, int16_t offset, int from);
void bpf_code_load_map(struct bpf_code *code, int to, int map_fd);
/* to = where the one value of an array of one entry lies, and `offset` bytes more. */
void bpf_code_load_value_address(struct bpf_code *code, int to, int map_fd, int32_t offset);
void bpf_code_call(struct bpf_code *code, int helper); /* BPF_FUNC_... */
/* Registers 1 and 2 = the map and what stands at FRAME + key: arguments of helpers for maps. */
void bpf_code_load_map_and_key(struct bpf_code *code, int map_fd, int key);
/* 0 = the value of that key; on to `none` where there is none. */
void bpf_code_find(struct bpf_code *code, int map_fd, int key, size_t none);
void bpf_code_end(struct bpf_code *code); /* returns register 0 */

/* A label to jump to, put down later with bpf_code_place(). */
size_t bpf_code_label(struct bpf_code *code);
void bpf_code_place(struct bpf_code *code, size_t label);
void bpf_code_jump(struct bpf_code *code, size_t label);
void bpf_code_jump_if(struct bpf_code *code, int comparison, int left, int32_t value, size_t label);
void bpf_code_jump_if_register(struct bpf_code *code, int comparison, int left, int right,
                               size_t label);

/* Sets the distances of all jumps. */
void bpf_code_link(struct bpf_code *code);
/* The program's last lines, which `end` jumps to: returns 0. Links. */
void bpf_code_finish(struct bpf_code *code, size_t end);

/* Each gives a descriptor that the caller closes, or a negative errno. type: BPF_PROG_TYPE_... */
int bpf_code_load_program(const struct bpf_code *code, unsigned type, const char *name,
                          struct error *err) __attribute__((warn_unused_result));
/* is_shared: one of type BPF_MAP_TYPE_ARRAY that bpf_map_share() may be called for. */
int bpf_map_make(unsigned type, unsigned key_bytes, unsigned value_bytes, unsigned entries,
                 bool is_shared, struct error *err) __attribute__((warn_unused_result));
/* Its values in our memory, one after the other, each at a multiple of 8 bytes; munmap() ends
 * that. NULL with the reason. */
void *bpf_map_share(int map_fd, size_t bytes, struct error *err);
int bpf_map_find(int map_fd, const void *key, void *out_value) __attribute__((warn_unused_result));
int bpf_map_put(int map_fd, const void *key, const void *value) __attribute__((warn_unused_result));

/* One that is not there is no error. */
void bpf_map_delete(int map_fd, const void *key);

/* Runs a program of type BPF_PROG_TYPE_RAW_TRACEPOINT at each hit of "EVENT" on any CPU
 * until the descriptor that this returns is closed, which waits for nothing. It gets the
 * tracepoint's arguments and no record, which costs less. A negative errno. */
int bpf_attach_raw(const char *event, int program_fd) __attribute__((warn_unused_result));

/* While this descriptor is open the kernel takes the time of every program's runs (Linux 5.8 and
 * later; the caller closes it). A negative errno. */
int bpf_times_take(void) __attribute__((warn_unused_result));
/* Of the runs that it took the time of. 0 or a negative errno. */
int bpf_program_times(int program_fd, uint64_t *out_ns, uint64_t *out_runs)
    __attribute__((warn_unused_result));

/* Runs a program of type BPF_PROG_TYPE_RAW_TRACEPOINT once on that CPU, in an interrupt of whoever
 * is there. 0 or a negative errno (Linux 5.10 and later). */
int bpf_program_run(int program_fd, unsigned cpu) __attribute__((warn_unused_result));
