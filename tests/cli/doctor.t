# What may differ from host to host is asked only where it is as expected.
$ vtax doctor >doctor
$ sed -n '/^What can/,/^$/s/^  \(yes \|note\)  \([a-z-]*\).*/\2/p' doctor
native
qemu-tcg
kvm
xen-pv
xen-pvh
xen-hvm
virtualbox
fake
# A hypervisor that is not here can be measured all the same.
$ test -e /dev/kvm || grep -q '^  note  kvm .*`vtax lab run kvm`' doctor && echo told
told
$ grep -qsx xen /sys/hypervisor/type || test $(grep -c '^  note  xen-.*`vtax lab run xen`' doctor) = 3 && echo told
told
$ ls -d /usr/lib*/virtualbox /opt/VirtualBox 2>/dev/null | grep -q . || grep -q '^  note  virtualbox .*`vtax lab run virtualbox`' doctor && echo told
told
$ grep -A 1 '^  note  lab ' doctor
  note  lab            no emulated server built yet
                       -> vtax lab run kvm|xen|virtualbox (builds one first)
$ vtax doctor --json | grep -c '"remedy": "vtax lab run kvm|xen|virtualbox (builds one first)"'
1
# Who lacks QEMU as well need not come twice.
$ test -e /dev/kvm || vtax run quick --platforms kvm,native --workloads bzip2 --set kvm.emulator=/nowhere 2>&1 | grep -q '`vtax lab run kvm`; besides, .' && echo told
told
