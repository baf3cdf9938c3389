#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The first process of the emulated server, after the initrd. All that it does comes with the job
# disk, as the vtax under test does, so that a change there needs no new image.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /job
mount -t ext4 /dev/vdb /job && exec /bin/sh /job/bin/init
echo 'vtax-lab: the job disk cannot be mounted' >/dev/console
echo o >/proc/sysrq-trigger
sleep 60
