/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/interrupt.h"
#include "base/log.h"
#include "cli/program.h"
#include "command/list.h"

int main(int argc, char **argv)
{
    struct error err = {0};
    interrupt_install();
    int code = program_run(commands, argc, argv, &err);
    if (code >= 0)
        return code;
    log_error(&err);
    return program_exit_code(&err);
}
