#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: embed.sh FILE.yaml... : C source on standard output that holds the files as the built-in
# plans, in the order given, each under its name without folder and ending.
set -eu

echo '/* Generated from data/plans. */'
echo '#include "plan/builtin.h"'
echo 'const struct builtin_plan builtin_plans[] = {'
for file in "$@"; do
    printf '{"%s",\n' "$(basename "$file" .yaml)"
    sed -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' "$file"
    echo '},'
done
echo '{0, 0}};'
echo 'const char *const plan_builtin_names[] = {'
for file in "$@"; do
    printf '"%s",\n' "$(basename "$file" .yaml)"
done
echo '0};'
