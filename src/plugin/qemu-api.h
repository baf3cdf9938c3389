/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * qemu-api: the part of QEMU's TCG plugin interface, version 7 (QEMU 11.1), that this plugin uses.
 *
 * No distribution packages QEMU's header, so the declarations are our own. Two GLib types cross the
 * interface; QEMU brings GLib along, and what is needed of it is declared here too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QEMU_API_VERSION 7
#define QEMU_EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;

typedef struct {
    const char *target_name;
    struct {
        int min, cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus, max_vcpus;
    } system; /* valid with system_emulation */
} qemu_info_t;

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_plugin_register;
struct qemu_plugin_hwaddr;

typedef struct {
    struct qemu_plugin_scoreboard *score;
    size_t offset;
} qemu_plugin_u64;

/* What a callback may do with the vCPU's registers. */
enum { QEMU_CB_NO_REGS, QEMU_CB_R_REGS, QEMU_CB_RW_REGS, QEMU_CB_RW_REGS_PC };
enum { QEMU_INLINE_ADD, QEMU_INLINE_STORE };
enum { QEMU_MEM_R = 1, QEMU_MEM_W = 2 };
enum { QEMU_DISCON_INTERRUPT = 1, QEMU_DISCON_EXCEPTION = 2, QEMU_DISCON_HOSTCALL = 4 };

/* GLib's GByteArray and GArray, as far as they are public. */
struct glib_bytes {
    uint8_t *data;
    unsigned len;
};
struct glib_array {
    char *data;
    unsigned len;
};
struct glib_bytes *g_byte_array_new(void);
struct glib_bytes *g_byte_array_set_size(struct glib_bytes *array, unsigned length);
char *g_array_free(struct glib_array *array, int free_segment);

struct qemu_register_description {
    struct qemu_plugin_register *handle;
    const char *name;
    const char *feature;
    bool is_readonly;
};

typedef void (*qemu_done_cb)(void *userdata);
typedef void (*qemu_vcpu_cb)(unsigned vcpu, void *userdata);
typedef void (*qemu_trans_cb)(struct qemu_plugin_tb *tb, void *userdata);
typedef void (*qemu_discon_cb)(unsigned vcpu, int type, uint64_t from, uint64_t to, void *userdata);
typedef void (*qemu_mem_cb)(unsigned vcpu, uint32_t info, uint64_t vaddr, void *userdata);

void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id, qemu_vcpu_cb cb, void *userdata);
void qemu_plugin_register_vcpu_idle_cb(qemu_plugin_id_t id, qemu_vcpu_cb cb, void *userdata);
void qemu_plugin_register_vcpu_discon_cb(qemu_plugin_id_t id, int types, qemu_discon_cb cb,
                                         void *userdata);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_trans_cb cb, void *userdata);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_done_cb cb, void *userdata);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, qemu_vcpu_cb cb, int flags,
                                          void *userdata);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb, int operation,
                                                       qemu_plugin_u64 entry, uint64_t immediate);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_vcpu_cb cb,
                                            int flags, void *userdata);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
                                                         int operation, qemu_plugin_u64 entry,
                                                         uint64_t immediate);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_mem_cb cb, int flags,
                                      int direction, void *userdata);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t bytes);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *address);
bool qemu_plugin_mem_is_store(uint32_t info);

struct glib_array *qemu_plugin_get_registers(void);
bool qemu_plugin_read_register(struct qemu_plugin_register *handle, struct glib_bytes *to);
bool qemu_plugin_write_register(struct qemu_plugin_register *handle, struct glib_bytes *from);
__attribute__((noreturn)) void qemu_plugin_set_pc(uint64_t vaddr);

/* False where the address is not mapped. */
bool qemu_plugin_translate_vaddr(uint64_t vaddr, uint64_t *out_hwaddr);

/* 0 is success. */
int qemu_plugin_read_memory_hwaddr(uint64_t address, struct glib_bytes *to, size_t bytes);
int qemu_plugin_write_memory_hwaddr(uint64_t address, struct glib_bytes *from);

/* False where the address is not mapped. */
bool qemu_plugin_write_memory_vaddr(uint64_t address, struct glib_bytes *from);

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t bytes);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *board, unsigned vcpu);
void qemu_plugin_outs(const char *text);
