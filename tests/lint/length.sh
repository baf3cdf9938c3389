#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: length.sh SOURCE_DIRECTORY : functions over 100 lines and files over 900 are refused, over 60
# and 500 mentioned. clang-format puts the braces of functions, and of them alone, into column 1.
set -eu
cd "$1"
# shellcheck disable=SC2016 # awk, not shell
find src fuzz tests -name '*.[ch]' | sort | xargs awk '
    function file_end() {
        if (file != "" && lines > 500) {
            printf "%s: %d lines%s\n", file, lines, (lines > 900 ? ": too long" : "")
            bad += lines > 900
        }
    }
    FNR == 1 { file_end(); file = FILENAME; start = 0 }
    { lines = FNR }
    /^[a-zA-Z].*\(/ && !start { name = $0 }
    /^{$/ { start = FNR }
    /^}$/ && start {
        length_ = FNR - start - 1
        sizes[length_]++
        count++
        if (length_ > 60) {
            sub(/\(.*/, "", name)
            sub(/.*[ *]/, "", name)
            printf "%s:%d: %s: %d lines%s\n", FILENAME, start, name, length_,
                (length_ > 100 ? ": too long" : "")
            bad += length_ > 100
        }
        start = 0
    }
    END {
        file_end()
        for (i = 0; sum < count / 2; i++) sum += sizes[i]
        printf "%d functions, the median has %d lines\n", count, i - 1
        exit bad > 0
    }'
