/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * light-shop SEED SESSIONS [CPU]: the light shop of the tests as a program. Prints its port and
 * serves until its standard input ends.
 */
#include "load/light-shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s SEED SESSIONS [CPU]\n", argv[0]);
        return 2;
    }
    struct rlimit files = {1 << 20, 1 << 20};
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        perror("raise the limit of open files");
    struct light_shop shop = {.cpu = argc > 3 ? 1 + atoi(argv[3]) : 0};
    light_shop_start(&shop, strtoull(argv[1], NULL, 10), (uint32_t)atoi(argv[2]));
    printf("%u\n", shop.port);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    light_shop_stop(&shop);
    return 0;
}
