#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: run.sh [--update] VTAX TRANSCRIPT
#
# Replays a transcript in an empty directory and compares. Lines that start with "$ " are commands
# for sh, lines with "> " go on with them; what follows is the output, standard error included, and
# "[N]" when the exit status N is not 0. Lines with "#" are comments. --update writes the transcript
# anew. $HOME and all of XDG's directories are ./home, which nothing may create.
set -eu

update=
[ "$1" = --update ] && { update=1; shift; }
program=$(realpath "$1")
transcript=$(realpath "$2")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/vtax-cli.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin" "$scratch/work"
ln -s "$program" "$scratch/bin/vtax"
cd "$scratch/work"

HOME=$PWD/home XDG_DATA_HOME=$PWD/home/data XDG_CACHE_HOME=$PWD/home/cache
XDG_RUNTIME_DIR=$PWD/home/run XDG_CONFIG_HOME=$PWD/home/config
PATH=$scratch/bin:$PATH LC_ALL=C.UTF-8 COLUMNS=80
export HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME PATH LC_ALL COLUMNS

# Runs what has been collected in $command.
flush() {
    [ -n "$command" ] || return 0
    status=0
    sh -c "$command" >"$scratch/output" 2>&1 </dev/null || status=$?
    cat "$scratch/output"
    [ $status -eq 0 ] || echo "[$status]"
    command=
}

replay() {
    command=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '$ '*) flush; printf '%s\n' "$line"; command=${line#'$ '} ;;
        '> '*) printf '%s\n' "$line"
            command="$command
${line#'> '}" ;;
        '#'*) flush; printf '%s\n' "$line" ;;
        esac
    done <"$transcript"
    flush
}

replay >"$scratch/transcript"
if [ -e home ]; then
    echo "something was written to \$HOME:" >&2
    find home >&2
    exit 1
fi
if [ -n "$update" ]; then
    cp "$scratch/transcript" "$transcript"
else
    diff -u "$transcript" "$scratch/transcript" || {
        echo "if this is meant: tests/cli/run.sh --update VTAX $2" >&2
        exit 1
    }
fi
