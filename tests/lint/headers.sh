#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: headers.sh SOURCE_DIRECTORY INCLUDE_DIRECTORY [CC...] : every header compiles alone.
set -eu
source=$1 include=$2 failed=0
shift 2
[ $# -gt 0 ] || set -- cc
flags=
for folder in "$include"/*; do
    flags="$flags -I$folder"
done
for header in "$source"/src/*/*.h "$source"/src/report/*/*.h; do
    name=${header#"$source/src/"}
    # shellcheck disable=SC2086 # a list of flags
    printf '#include "%s"\n' "$name" | "$@" -std=gnu17 -D_GNU_SOURCE -Wall -Werror -fsyntax-only \
        $flags -x c - || { echo "$name does not stand alone" >&2; failed=1; }
done
exit $failed
