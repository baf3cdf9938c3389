#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# assemble.sh VEGA_DIRECTORY MODULES.js REPORT.js OUTPUT: one script from the parts of Vega that the
# charts need, in an order in which nobody comes before those it needs.
set -eu
parts='util time format loader dataflow scale canvas scenegraph statistics expression
event-selector selection functions runtime view parser transforms view-transforms encode
interpreter'
{
    cat "$2"
    for part in $parts; do
        printf 'modules.define("vega-%s",function(module,exports,require){\n' "$part"
        sed '/^\/\/# sourceMappingURL=/d' "$1/vega-$part.min.js"
        printf '\n});\n'
    done
    cat "$3"
} >"$4.draft"
if grep -q -i '</script\|<!--' "$4.draft"; then
    echo "assemble.sh: a part would end the script element early" >&2
    exit 1
fi
mv "$4.draft" "$4"
