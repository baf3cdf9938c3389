/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tracepoint: places in the kernel where it tells what happens (Documentation/trace/events.rst).
 * Where the fields of a record lie, the running kernel says in a text of its own.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* NULL: tracefs is not mounted, or not for us; then *out_why says which and what to do. */
const char *tracepoint_find_root(const char **out_why);

/* "kvm/kvm_exit" -> "kvm_exit" */
const char *tracepoint_name(const char *event);

/* Records have the numbers of the first PID namespace, and times of the first time namespace: are
 * they ours? 0, or -EACCES with the reason. */
int tracepoint_check_pids(struct error *err) __attribute__((warn_unused_result));
int tracepoint_check_times(struct error *err) __attribute__((warn_unused_result));

/* Number of an event from the text of its `format` file, or -EBADMSG. */
int tracepoint_parse_id(const char *text, size_t length);
/* Where a field lies and how long it is, or -ENOENT, or -EBADMSG when its line does not say. */
int tracepoint_parse_place(const char *text, size_t length, const char *field, size_t *out_offset,
                           size_t *out_bytes) __attribute__((warn_unused_result));
/* Byte offset of a field of `bytes` bytes, or -ENOENT, or -EBADMSG when its size is another one. */
int tracepoint_parse_field(const char *text, size_t length, const char *field, size_t bytes);

/* Byte offset of a field whose lower 4 bytes are wanted: it may have 8. Negative with the reason.
 */
int tracepoint_find_field(const char *text, size_t length, const char *event, const char *field,
                          struct error *err) __attribute__((warn_unused_result));

/* Reads ROOT/events/EVENT/format; the text is the caller's to free. event: "kvm/kvm_exit". */
int tracepoint_read_format(const char *root, const char *event, char **out_text, size_t *out_length,
                           struct error *err) __attribute__((warn_unused_result));

/* Of an event as the kernel below ROOT has it: its number; where a field lies. Negative with the
 * reason. */
int tracepoint_read_id(const char *root, const char *event, struct error *err)
    __attribute__((warn_unused_result));
int tracepoint_read_field(const char *root, const char *event, const char *field, struct error *err)
    __attribute__((warn_unused_result));

/* Runs a loaded BPF program at each hit on any CPU until the descriptor that this returns is
 * closed. */
int tracepoint_attach(int id, int program_fd, struct error *err)
    __attribute__((warn_unused_result));
