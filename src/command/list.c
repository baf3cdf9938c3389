/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command/list.h"

/* In the order in which --help shows them: the way through the program. */
const struct command *const commands[] = {
    &command_plan_list,    &command_plan_show, &command_plan_check,  &command_report,
    &command_load,         &command_besim,     &command_image_build, &command_image_list,
    &command_image_remove, &command_help,      &command_version,     NULL,
};
