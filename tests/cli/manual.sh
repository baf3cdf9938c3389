#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: manual.sh VTAX MAN_DIRECTORY : every command has its place in a manual, and every option
# that --help shows is in the filled-in pages (MAN_DIRECTORY holds NAME.scd as built).
set -eu
vtax=$1 pages=$2 failed=0

complain() {
    echo "$*" >&2
    failed=1
}

commands=$("$vtax" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\( [a-z][a-z]*\)\{0,1\}\)  .*/\1/p')
[ -n "$commands" ] || complain "--help lists no commands"
echo "$commands" | while IFS= read -r name; do
    page=$pages/vtax-${name%% *}.1.scd
    [ -e "$page" ] || page=$pages/vtax.1.scd
    grep -q "^\*vtax $name\*" "$page" || complain "man/: no page has a line '@command $name@'"
    # shellcheck disable=SC2086 # a name is one or two words
    for option in $("$vtax" help $name | sed -n 's/^  \(    \|-., \)--\([^ ]*\).*/\2/p'); do
        cat "$page" "$pages/vtax.1.scd" | grep -qF -e "--$option*" ||
            complain "man/: --$option of '$name' is missing"
    done
    [ $failed -eq 0 ]
done
