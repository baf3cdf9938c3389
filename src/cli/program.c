/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/program.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/call.h"
#include "cli/help.h"

static void set_log_level(const struct call_globals *globals)
{
    if (globals->quiet)
        log_set_level(LOG_QUIET);
    else if (globals->debug)
        log_set_level(LOG_DEBUG);
    else if (globals->verbose)
        log_set_level(LOG_INFO);
}

static void show_help(const struct command *const *commands, const struct call_line *line)
{
    CLEANUP_FREE char *text = line->call.command ? help_format_command(line->call.command)
                              : line->topic[0]   ? help_format_group(commands, line->topic)
                                                 : help_format_program(commands);
    fputs(text, stdout);
}

static int run_line(const struct command *const *commands, const struct call_line *line,
                    struct error *err)
{
    set_log_level(&line->globals);
    if (line->globals.help) {
        show_help(commands, line);
        return 0;
    }
    if (line->globals.version) {
        puts("vtax " VTAX_VERSION);
        return 0;
    }
    return line->call.command->run(&line->call, err);
}

/* Has the reader of a pipe gone? The errno of a write in the middle of the command is lost by now.
 */
static bool is_reader_gone(int fd)
{
    struct pollfd pipe_end = {.fd = fd};
    return poll(&pipe_end, 1, 0) > 0 && (pipe_end.revents & POLLERR);
}

/* A reader that has seen enough hears no complaint, but the exit code tells. */
static int flush_output(struct error *err)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    if (errno == EPIPE || is_reader_gone(STDOUT_FILENO))
        return ERROR_ENVIRONMENT;
    if (errno == 0)
        return error_set(err, ERROR_ENVIRONMENT, -EIO,
                         "write standard output: it did not take all (is the disk full?)");
    return error_set_errno(err, ERROR_ENVIRONMENT, -errno, "write standard output");
}

int program_run(const struct command *const *commands, int argc, char *const *argv,
                struct error *err)
{
    CLEANUP(call_done) struct call_line line = {0};
    int rc = call_parse(commands, argc, argv, &line, err);
    if (rc == 0)
        rc = run_line(commands, &line, err);
    if (rc < 0)
        return rc;
    int flushed = flush_output(err);
    return flushed ? flushed : rc;
}

int program_exit_code(const struct error *err)
{
    if (err->code == -EINTR)
        return INTERRUPT_EXIT_CODE;
    return err->kind ? (int)err->kind : (int)ERROR_INTERNAL;
}
