#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: source.sh SOURCE_DIRECTORY : what no compiler looks at.
set -u
cd "$1" || exit 1
failed=0

# refuse WHAT LINES
refuse() {
    [ -z "$2" ] && return
    printf '%s:\n%s\n' "$1" "$2" >&2
    failed=1
}

# matches PATTERN FILE... : lines with it that are no comments
matches() {
    pattern=$1
    shift
    grep -nE "$pattern" "$@" | grep -vE '^[^:]*:[0-9]+: *(\*|/\*|//)'
}

sources=$(find src fuzz tests -name '*.[ch]')
# Programs of their own may end where they like.
below_main=$(find src/*/ -name '*.c' ! -path 'src/guest/runner/*' ! -path 'src/image/init/*')
# shellcheck disable=SC2046,SC2086 # lists of files
{
    refuse 'no licence line' "$(grep -L 'SPDX-License-Identifier: GPL-2.0-or-later' $sources)"
    refuse 'feeds a shell or overruns' \
        "$(matches '(^|[^_a-zA-Z.>])(system|popen|sprintf|strcat|gets|atoi) ?\(' $(find src -name '*.[ch]'))"
    refuse 'exit() below main' "$(matches '(^|[^_a-zA-Z])exit ?\(' $below_main)"
    refuse 'white space at the end of a line' "$(grep -nE '[[:space:]]+$' $sources)"
}
exit $failed
