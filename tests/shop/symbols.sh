#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: symbols.sh MODULE : the Apache module must load into guests with a glibc as old as 2.17,
# whatever glibc it was built on, and must find everything in httpd, APR and libc.
set -eu
symbols=$(objdump -T "$1")
newest=$(printf '%s\n' "$symbols" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
oldest_of_both=$(printf '%s\n%s\n' "$newest" GLIBC_2.17 | sort -V | head -n 1)
if [ "$oldest_of_both" != "$newest" ]; then
    echo "it needs $newest:" >&2
    printf '%s\n' "$symbols" | grep -F "$newest" >&2
    exit 1
fi
missing=$(printf '%s\n' "$symbols" | grep -F '*UND*' | grep -v -F GLIBC | awk '{print $NF}' |
    grep -v -E '^(ap|apr|unixd)_|^(__gmon_start__|_ITM_|__cxa_finalize)') || true
if [ -n "$missing" ]; then
    echo "nothing will define: $missing" >&2
    exit 1
fi
