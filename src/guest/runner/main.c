/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/runner/runner.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/protocol.h"

static const struct runner_command {
    const char *name;
    size_t min_operands;
    size_t max_operands;
    int (*run)(const struct runner_arguments *arguments);
} commands[] = {
    {"run", 1, SIZE_MAX, runner_run},        {"generate", 1, 1, runner_generate},
    {"digest", 1, SIZE_MAX, runner_digest},  {"digest-output", 1, SIZE_MAX, runner_digest_output},
    {"shop-files", 1, 1, runner_shop_files}, {"watch", 1, 1, runner_watch},
    {"ops", 0, SIZE_MAX, runner_ops},        {"count", 1, 4, runner_count},
    {"nothing", 0, 0, runner_nothing},
};

int runner_complain(const char *what, const char *object)
{
    fprintf(stderr, PROTOCOL_RUNNER_NAME ": %s '%s': %s\n", what, object, strerror(errno));
    return 1;
}

int runner_write(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = write(fd, at, length);
        if (done < 0 && errno != EINTR)
            return -1;
        if (done > 0)
            at += done, length -= (size_t)done;
    }
    return 0;
}

static int parse_number(const char *text, uint64_t *out_number)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end)
        return -1;
    *out_number = number;
    return 0;
}

static int parse_arguments(int argc, char **argv, struct runner_arguments *arguments)
{
    static const struct option long_options[] = {
        {"directory", required_argument, NULL, 'd'},
        {"now", no_argument, NULL, 'n'},
        {"direct", no_argument, NULL, 'i'},
        {"seed", required_argument, NULL, 's'},
        {"bytes", required_argument, NULL, 'b'},
        {"sessions", required_argument, NULL, 'S'},
        {"directories", required_argument, NULL, 'D'},
        {"duration-ns", required_argument, NULL, 'u'},
        {0},
    };
    *arguments = (struct runner_arguments){.bytes = UINT64_MAX};
    for (int letter; (letter = getopt_long(argc, argv, "+", long_options, NULL)) != -1;) {
        uint64_t *number = letter == 's'   ? &arguments->seed
                           : letter == 'b' ? &arguments->bytes
                           : letter == 'S' ? &arguments->sessions
                           : letter == 'u' ? &arguments->duration_ns
                                           : &arguments->directories;
        if (letter == '?' || (strchr("sbSDu", letter) && parse_number(optarg, number) < 0))
            return -1;
        if (letter == 'd')
            arguments->directory = optarg;
        arguments->now |= letter == 'n';
        arguments->direct |= letter == 'i';
    }
    arguments->operands = argv + optind;
    arguments->count = (size_t)(argc - optind);
    return 0;
}

static int complain_use(void)
{
    fprintf(stderr,
            "usage: " PROTOCOL_RUNNER_NAME " run [--directory DIR] [--now] -- PROGRAM...\n"
            "       " PROTOCOL_RUNNER_NAME " generate --seed N --bytes N FILE\n"
            "       " PROTOCOL_RUNNER_NAME " digest [--bytes N] [--direct] FILE...\n"
            "       " PROTOCOL_RUNNER_NAME " digest-output -- PROGRAM...\n"
            "       " PROTOCOL_RUNNER_NAME " shop-files --seed N --sessions N --directories N DIR\n"
            "       " PROTOCOL_RUNNER_NAME " watch FILE\n"
            "       " PROTOCOL_RUNNER_NAME " ops --duration-ns N [--directory DIR] [OPERATION]...\n"
            "       " PROTOCOL_RUNNER_NAME
            " count loop|machine|spin|exits ROUNDS [PERIOD [TIMES]]\n"
            "       " PROTOCOL_RUNNER_NAME " count msr NUMBER [COUNT]\n");
    return 2;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct runner_command *command = &commands[i];
        struct runner_arguments arguments;
        if (strcmp(argv[1], command->name) != 0)
            continue;
        if (parse_arguments(argc - 1, argv + 1, &arguments) < 0 ||
            arguments.count < command->min_operands || arguments.count > command->max_operands)
            break;
        return command->run(&arguments);
    }
    return complain_use();
}
