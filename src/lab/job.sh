#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the vtax under test with the job's arguments, which are separated by NUL and never seen by a
# shell as text. Its table is made anew at home, from the results.
xargs -0 -x -a /job/arguments sh -c '"$0" "$@"; echo $? >/job/status' /job/bin/vtax \
    >/job/logs/output.log
exit "$(cat /job/status)"
