/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * list: every command there is. A new one is a file of its own that ends with its struct, a line
 * here, a row in list.c, its file in meson.build and its manual in man/.
 */
#pragma once

#include "cli/command.h"

extern const struct command command_record;
extern const struct command command_run;
extern const struct command command_doctor;
extern const struct command command_plan_show;
extern const struct command command_plan_list;
extern const struct command command_plan_check;
extern const struct command command_report;
extern const struct command command_explain;
extern const struct command command_compare;
extern const struct command command_lab_run;
extern const struct command command_lab_shell;
extern const struct command command_lab_build;
extern const struct command command_lab_list;
extern const struct command command_lab_remove;
extern const struct command command_load;
extern const struct command command_load_shop;
extern const struct command command_besim;
extern const struct command command_ops;
extern const struct command command_pmu_compare;
extern const struct command command_pmu_verify;
extern const struct command command_stat;
extern const struct command command_top;
extern const struct command command_image_build;
extern const struct command command_image_list;
extern const struct command command_image_remove;
extern const struct command command_help;
extern const struct command command_version;

extern const struct command *const commands[]; /* NULL-terminated */
