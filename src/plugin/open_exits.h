/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * open_exits: VM exits of threads of the host's kernel that left their CPU before they entered the
 * guest again, so that what others execute meanwhile is not counted to them. Pure.
 *
 * A thread is known by its stack in the kernel, as x86-64's Linux has it: 16 KiB, aligned to that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { OPEN_EXITS_MAX = 256 };

struct open_exits {
    struct {
        uint64_t stack;
        unsigned exit;
    } items[OPEN_EXITS_MAX];
    unsigned count;
};

/* The thread with this stack pointer leaves its CPU in this exit. Without room it is forgotten: its
 * way on is in no exit. */
void open_exits_put(struct open_exits *exits, uint64_t stack_pointer, unsigned exit);

/* The thread with this stack pointer goes on. False: in no exit. A thread that runs for the first
 * time, on the stack of one that has ended, is in none either. */
bool open_exits_take(struct open_exits *exits, uint64_t stack_pointer, unsigned *out_exit);
