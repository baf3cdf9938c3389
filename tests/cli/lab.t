# What is refused before anything is built or booted.
$ vtax lab run kwm
vtax: unknown hypervisor 'kwm' (did you mean 'kvm'? known: kvm, xen, virtualbox)
[2]
$ vtax lab run xen --server-cpus 2 -- --platforms native
vtax: --server-cpus 2: the emulated server runs xen with at most 1, since with more its guests are corrupted now and then
[2]
$ vtax lab run kvm -- --platforms native,xen-pv
vtax: unknown platform for this lab 'xen-pv' (known: native, kvm, qemu-tcg, fake)
[2]
$ vtax lab run kvm -- quik
vtax: unknown plan 'quik' (did you mean 'quick'? known: quick, micro, paper, lab-paper); a file is named as x.yaml or ./x
[2]
$ vtax lab run kvm -- --bloks 3
vtax: after '--': run: unknown option '--bloks' (did you mean '--blocks'? see 'vtax run --help')
[2]
$ vtax lab run virtualbox -- --platforms native,kvm
vtax: unknown platform for this lab 'kvm' (known: native, virtualbox, fake)
[2]
$ vtax lab run xen -- --platforms native,kvm
vtax: unknown platform for this lab 'kvm' (known: native, xen-pv, xen-pvh, xen-hvm, fake)
[2]
# Several hypervisors: each is checked before the first one runs.
$ vtax lab run kvm,xenn
vtax: unknown hypervisor 'xenn' (did you mean 'xen'? known: kvm, xen, virtualbox)
[2]
$ vtax lab run kvm,xen,kvm
vtax: hypervisor 'kvm' is named twice
[2]
$ vtax lab run kvm,
vtax: unknown hypervisor '' (known: kvm, xen, virtualbox)
[2]
$ vtax lab run kvm,xen -- --platforms native,virtualbox
vtax: kvm: unknown platform for this lab 'virtualbox' (known: native, kvm, qemu-tcg, fake)
[2]
$ vtax lab run xen,kvm -- --platforms native,xen-pv,kvm --vms 2..1
vtax: after '--': run: --vms '2..1' runs backwards
[2]
# Settings of counters: without counters, and such as there are none.
$ vtax lab run kvm --pmu-options memory=on -- --platforms native
vtax: --pmu-options 'memory=on': without --pmu the server has no counters (--pmu hardware)
[2]
$ vtax lab run kvm --pmu hardware --pmu-options switch=hardware -- --platforms native
vtax: --pmu-options 'switch=hardware': unknown switch 'hardware' (known: none, architectural, transparent)
[2]
$ vtax record kvm --pmu-options memory=on
vtax: --pmu-options 'memory=on': without --pmu the server has no counters (--pmu hardware)
[2]
$ vtax lab shell kvm --pmu hardware --pmu-options memory
vtax: --pmu-options 'memory': option 'memory' needs a value: memory=on|off
[2]
$ vtax lab build hyperv
vtax: unknown hypervisor 'hyperv' (known: kvm, xen, virtualbox)
[2]
$ vtax lab remove all
vtax: unknown hypervisor 'all' (known: kvm, xen, virtualbox)
[2]
$ vtax lab list
none (`vtax lab build` makes them)
$ vtax lab run kvm --silence-timeout 1min
vtax: lab run: --silence-timeout '1min' is too small: at least 2min
[2]
