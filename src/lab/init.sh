#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the emulated server does: it starts the hypervisor, does the one job on the job disk, from
# which this comes too, and powers off. What the host reads comes through the port named "vtax":
# what the job prints, and lines of our own, which start with the byte 1E:
#
#     1E stage TEXT     what is being done
#     1E fail TEXT      why the job was not done
#     1E end STATUS     the job's exit code
#     1E alive          every minute of the job: the host ends a server that hangs
#
# Kernel command line: vtax.lab=kvm|xen|virtualbox, vtax.job=run|shell.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    TERM=xterm-256color
job=/job
mark=$(printf '\036')
port=/dev/null

say() { echo "vtax-lab: $*" >/dev/console; printf '%s%s\n' "$mark" "$*" >"$port"; }

parameter() { sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline; }

mount_all() {
    mount -t sysfs sysfs /sys
    mount -t tmpfs -o mode=0755 tmpfs /run
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    mkdir -p /dev/pts /dev/shm /run/lock /guest
    mount -t devpts -o gid=5,mode=0620,ptmxmode=0666 devpts /dev/pts
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
    mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
    ln -sf /proc/self/fd /dev/fd
    hostname vtax-lab
    # It would have one of the six counters of `--pmu` for itself.
    [ -f /proc/sys/kernel/nmi_watchdog ] && echo 0 >/proc/sys/kernel/nmi_watchdog
    ip link set lo up
}

# The kernel finds the port on its own time.
open_port() {
    modprobe -q virtio_console
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        for at in /sys/class/virtio-ports/*; do
            [ "$(cat "$at/name" 2>/dev/null)" = vtax ] && port=/dev/${at##*/}
        done
        [ "$port" != /dev/null ] && return
        sleep 0.2
    done
    echo 'vtax-lab: there is no port to the host' >/dev/console
}

power_off() {
    mkdir -p $job/logs
    dmesg >$job/logs/kernel.log 2>/dev/null
    [ -d $job/profile ] && grep -i ' [tw] ' /proc/kallsyms >$job/profile/host.kallsyms
    cp -r /var/log/xen $job/logs/ 2>/dev/null
    [ "$lab" = xen ] && xl dmesg >$job/logs/xen.log 2>/dev/null
    cd /
    sync
    umount $job 2>/dev/null || mount -o remount,ro $job 2>/dev/null
    say "end $1"
    sync
    echo o >/proc/sysrq-trigger
    sleep 60
}

fail() {
    say "fail $*"
    power_off 125
}

start_kvm() {
    modprobe kvm_amd || modprobe kvm_intel || fail "the kernel has no KVM for this CPU"
    [ -c /dev/kvm ] || fail "there is no /dev/kvm"
    # libvirt's driver wants this user; the package that makes it brings systemd along.
    grep -q '^libvirt-qemu:' /etc/passwd && return
    echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
    echo 'libvirt-qemu:x:64055:' >>/etc/group
}

start_xen() {
    [ -d /proc/xen ] && mount -t xenfs xenfs /proc/xen
    modprobe -qa xen-evtchn xen-gntdev xen-gntalloc xen-blkback xen-netback xen-privcmd
    /etc/init.d/xen start >/run/xen-start.log 2>&1
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        xl list >/run/xl-list.log 2>&1 && return
        sleep 0.5
    done
    cat /run/xen-start.log /run/xl-list.log >/dev/console
    fail "Xen's tools do not answer: $(tail -n 1 /run/xl-list.log)"
}

start_virtualbox() {
    modprobe vboxdrv || fail "vboxdrv does not load"
    [ -c /dev/vboxdrv ] || mknod /dev/vboxdrv c 10 "$(sed -n 's/ vboxdrv$//p' /proc/misc)" ||
        fail "there is no /dev/vboxdrv"
}

# The guest image is on a disk that is only read; everything else of the cache is the job's.
lay_out() {
    export XDG_CACHE_HOME=$job/cache XDG_DATA_HOME=$job/data XDG_RUNTIME_DIR=/run VTAX_LAB=$lab VTAX_LAB_LOGS=$job/logs
    mkdir -p $job/cache/vtax/images $job/data/vtax $job/logs
    ln -sfn /guest $job/cache/vtax/images/guest
    [ -f $job/uncounted ] && export VTAX_LAB_UNCOUNTED="$(cat $job/uncounted)"
}

# Starts no program: what the server executes is counted with what is measured.
give_signs_of_life() {
    mkfifo /run/silence || exit
    exec bash -c 'while ! read -r -t 60 <>/run/silence; do printf "\036alive\n"; done'
}

# The arguments are separated by NUL: no shell reads them. The port can be open only once: who signs
# must be gone when we say the rest.
run_job() {
    cd $job/plan || fail "the job disk has no plan"
    say "stage measuring"
    {
        give_signs_of_life &
        if [ -f $job/terminal ]; then
            read -r columns rows <$job/terminal
            script -q -e -f -c "stty cols $columns rows $rows -onlcr; exec /job/bin/job" /dev/null
        else
            /job/bin/job
        fi
        status=$?
        kill $!
        wait 2>/dev/null
    } >"$port" 2>&1 </dev/null
    power_off $status
}

mount_all
lab=$(parameter vtax.lab)
open_port
say "stage starting $lab"
modprobe -qa tun bridge veth loop
case $lab in
kvm | xen | virtualbox) "start_$lab" ;;
esac
mount -t ext4 -o ro /dev/vdc /guest || fail "the guest disk cannot be mounted"
lay_out
case $(parameter vtax.job) in
shell)
    echo "This is the emulated server. The job disk is $job; 'exit' powers off." >/dev/console
    setsid -c /bin/bash -l </dev/console >/dev/console 2>&1
    power_off 0
    ;;
*) run_job ;;
esac
