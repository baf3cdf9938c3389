#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: completion.sh SCRIPT : completes a few command lines with the generated bash script.
set -u
# shellcheck source=/dev/null
. "$1"
cd "$(mktemp -d)" || exit 1
trap 'rm -rf "$PWD"' EXIT
touch mine.yaml
failed=0

# check EXPECTED WORD... : what the last word is completed to, in any order
check() {
    local expected=$1 found
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _vtax
    found=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
    [[ $found == "$expected " ]] || { echo "$*: '$found', expected '$expected'" >&2; failed=1; }
}

check 'plan' vtax pla
check 'check list show' vtax plan ''
check 'show' vtax -v plan s
check 'lab-paper micro mine.yaml paper quick' vtax plan show ''
check '--until-budget --until-ci --until-max-blocks' vtax plan show quick --unt
check 'xen-hvm xen-pv xen-pvh' vtax plan show quick --platforms xen
check 'native,kvm' vtax plan show quick --platforms native,k
check 'bzip2' vtax plan show quick --workloads = b
check 'mine.yaml' vtax plan show quick --image m
check '' vtax nothing ''
exit $failed
