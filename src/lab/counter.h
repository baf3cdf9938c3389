/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counter: the plugin with which the lab's QEMU counts instructions, world switches and VM exits.
 */
#pragma once

#include "base/error.h"

#define COUNTER_FILE "vtax-count.so"

/* Where it is: beside the program that runs, as it was built or installed. The caller's to free;
 * an error names the places. */
int counter_find(char **out_path, struct error *err) __attribute__((warn_unused_result));
