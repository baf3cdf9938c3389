/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/list.h"

/* clang-format off */
/* In the order in which --help shows them: the way through the program. One a row. */
const struct command *const commands[] = {
    &command_run,    &command_ops,
    &command_load,
    &command_load_shop,
&command_besim,
    &command_record,
    &command_report,
    &command_explain,
    &command_compare,
    &command_top,
    &command_doctor,
    &command_image_build,
    &command_image_list,
    &command_image_remove,
    &command_lab_run,
    &command_lab_shell,
    &command_lab_build,
    &command_lab_list,
    &command_lab_remove,
    &command_stat,
    &command_pmu_compare,
    &command_pmu_verify,
    &command_plan_list,
    &command_plan_show,
    &command_plan_check,
    &command_help,
    &command_version,
    NULL, /* further ones go above */
};
/* clang-format on */
