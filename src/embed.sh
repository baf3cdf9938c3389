#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# embed.sh NAME FILE OUTPUT: writes assembler that makes FILE's bytes NAME[] .. NAME_end[]. It is
# written anew when FILE changes, and so everything that holds the bytes is built anew.
set -eu
cat >"$3" <<EOF
/* $(cksum "$2") */
.section .note.GNU-stack, "", %progbits
.section .rodata
.balign 16
.globl $1, $1_end
$1: .incbin "$2"
$1_end: .byte 0
EOF
