# What is refused before anything is built or booted.
$ vtax pmu compare --designs none,silicon
vtax: pmu compare: --designs: unknown designs 'silicon' (known: none, emulated, mediated, hardware)
[2]
$ vtax pmu compare --works nothing
vtax: pmu compare: --works: unknown works 'nothing' (known: idle, bzip2, exits, loop, stat, record, host)
[2]
$ vtax pmu compare --show --store no-such.db
vtax: open store 'no-such.db': there is none; `vtax run` makes one
[2]
$ vtax pmu verify --hypervisor virtualbox
vtax: pmu verify: --hypervisor: unknown hypervisor 'virtualbox' (known: kvm, xen)
[2]
$ vtax pmu verify --hypervisor xen --pmu mediated
vtax: --pmu mediated: that is a design of KVM's, and the lab runs xen (here: none, hardware)
[2]
$ vtax pmu verify --pmu-options memori=on
vtax: --pmu-options 'memori=on': unknown option 'memori' (known: switch, pmu, reserved, guest-lvt, memory, predictor, ledger, report, sample, sample-file)
[2]
$ vtax pmu verify --pmu off --pmu-options memory=on
vtax: --pmu-options 'memory=on': without --pmu the server has no counters (--pmu hardware)
[2]
$ vtax pmu compare --pmu-options memory=maybe
vtax: --pmu-options 'memory=maybe': unknown memory 'maybe' (known: off, on)
[2]
