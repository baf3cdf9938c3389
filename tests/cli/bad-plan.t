# Bad plans end with 2 and name the file and the line; nothing is created (run.sh looks).
$ vtax plan show quik
vtax: unknown plan 'quik' (did you mean 'quick'? known: quick, micro, paper, lab-paper); a file is named as x.yaml or ./x
[2]
$ vtax plan check none.yaml
vtax: open 'none.yaml': No such file or directory
[2]
$ vtax plan check .
vtax: read '.': Is a directory
[2]
$ : >empty.yaml; vtax plan check empty.yaml
vtax: empty.yaml: line 1: there is nothing in it
[2]
$ printf '# nothing\n---\n' >null.yaml; vtax plan check null.yaml
vtax: null.yaml: line 3: a plan is a map of keys, such as 'platforms: [native]', not a word
[2]
$ printf 'platforms: [native]\nvms: 1\nvms: 2\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 3: key 'vms' is there twice (first on line 2)
[2]
$ printf 'platforms: [native]\nvms: 1\nvm: 2\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 3: unknown key 'vm' (did you mean 'vms'? known: name, platforms, baseline, vms, vcpus, memory, workloads, blocks, until, seed, placement, probes, events, image, root)
[2]
$ printf 'a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n' >bomb.yaml; vtax plan check bomb.yaml
vtax: bomb.yaml: line 1: anchors ('&a') are not taken: write it out
[2]
$ printf 'platforms: [native]\nvms: !!python/object:os.system 1\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 2: tags ('tag:yaml.org,2002:python/object:os.syste') are not taken
[2]
$ printf 'a: 1\n---\nb: 1\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 2: a second document starts: one is taken
[2]
$ printf 'platforms:\n\tnative\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 2: not valid YAML: found character that cannot start any token (while scanning for the next token from line 2)
[2]
$ printf 'platforms: [native\nvms: 1\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 2: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence from line 1)
[2]
$ head -c 2000000 /dev/zero | tr '\0' '#' >huge.yaml; vtax plan check huge.yaml
vtax: read 'huge.yaml': larger than 1048576 bytes
[2]
$ yes -- '- x' | head -30000 >many.yaml; vtax plan check many.yaml
vtax: many.yaml: line 20000: more than 20000 items
[2]
$ head -c 5000 /dev/zero | tr '\0' '[' >deep.yaml; vtax plan check deep.yaml
vtax: deep.yaml: line 1: nested deeper than 16 levels
[2]
$ printf 'name: x\nplatforms: \377\376\n' >binary.yaml; vtax plan check binary.yaml
vtax: binary.yaml: line 2: byte 0xff is not text (UTF-8)
[2]
$ printf 'name: x\n\0\0\0' >binary.yaml; vtax plan check binary.yaml
vtax: binary.yaml: line 2: byte 0x00 is not text (UTF-8)
[2]
$ vtax plan check "$(command -v sh)" 2>&1 | sed 's/.*: line/sh: line/'
sh: line 1: byte 0x00 is not text (UTF-8)
# Unknown words, quantities.
$ plan() { printf 'platforms: [native]\nworkloads: [bzip2]\n%s\n' "$1" >x.yaml; vtax plan check x.yaml; [ $? -eq 2 ] || echo "status?"; }
> plan 'vms: 0'; plan 'vms: -1'; plan 'vms: 65'; plan 'vms: 1.5'; plan 'vms: [1, 1]'; plan 'vms: 4..1'
> plan 'vcpus: 0'; plan 'memory: 512'; plan 'memory: 0MiB'; plan 'memory: 99999999999TiB'
> plan 'memory: -1GiB'; plan 'memory: 512 MB/s'; plan 'blocks: 0'; plan 'blocks: 99999999999999999999'
> plan 'until: {budget: 30}'; plan 'until: {budget: 0s}'; plan 'until: {budget: 300000000h}'
> plan 'until: {ci: 0}'; plan 'until: {ci: 200%}'; plan 'until: {ci: 2%}'; plan 'until: 3'
> plan 'seed: abc'; plan 'baseline: kvm'; plan 'placement: {vms: x}'; plan 'placement: {vm: 0}'
> plan 'image: a.qcow2'; plan 'root: /'
vtax: x.yaml: line 3: vms '0' is too small: at least 1
vtax: x.yaml: line 3: vms '-1' is negative or not a list of whole numbers
vtax: x.yaml: line 3: vms '65' is too large: at most 64
vtax: x.yaml: line 3: vms '1.5' is not a list of whole numbers, such as 1,2,4 or 1..10
vtax: x.yaml: line 3: vms '1' gives a value twice
vtax: x.yaml: line 3: vms '4..1' runs backwards
vtax: x.yaml: line 3: vcpus '0' is too small: at least 1
vtax: x.yaml: line 3: memory '512' has no unit (B, KiB, MiB, GiB, TiB): 512MiB, say
vtax: x.yaml: line 3: memory '0MiB' is too small: at least 64MiB
vtax: x.yaml: line 3: memory '99999999999TiB' is too large
vtax: x.yaml: line 3: memory '-1GiB' is negative or not a list of sizes
vtax: x.yaml: line 3: memory '512 MB/s' is not a list of sizes, such as 512MiB,1GiB
vtax: x.yaml: line 3: blocks '0' is too small: at least 1
vtax: x.yaml: line 3: blocks '99999999999999999999' is too large
vtax: x.yaml: line 3: until-budget '30' has no unit (ns, us, ms, s, min, h): 30s, say
vtax: x.yaml: line 3: until-budget '0s' is too small: at least 1s
vtax: x.yaml: line 3: until-budget '300000000h' is too large
vtax: x.yaml: line 3: until-ci '0' is too small: at least 0.0001
vtax: x.yaml: line 3: until-ci '200%' is not between 0 and 1
vtax: x.yaml: line 3: until needs an end for the case that the interval stays wide: give max-blocks or budget as well
vtax: x.yaml: line 3: 'until' takes a map, such as {ci: 2%, max-blocks: 20}
vtax: x.yaml: line 3: seed 'abc' is not a whole number, such as 42
vtax: x.yaml: line 3: baseline 'kvm' is none of the platforms
vtax: x.yaml: line 3: placement-vms 'x' is not a list of CPUs, such as 0-3,6
vtax: x.yaml: line 3: unknown key of placement 'vm' (did you mean 'vms'? known: vms, load, emulator, numa-node)
vtax: x.yaml: line 3: platform 'native' cannot run image 'a.qcow2': name a root file system with the same programs by root, or leave the platform out
vtax: x.yaml: line 3: root '/' needs an image of your own: the built-in one has its root
$ printf 'platforms:\n  - nativ\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 2: unknown platform 'nativ' (did you mean 'native'? known: native, qemu-tcg, kvm, xen-pv, xen-pvh, xen-hvm, virtualbox, fake)
[2]
$ printf 'workloads:\n  - bzip2\n  - bzip3\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 3: unknown workload 'bzip3' (did you mean 'bzip2'? known: bzip2, netperf, dd, ops, shop, fake)
[2]
$ printf 'workloads:\n  - bzip2:\n      inptu: 1MiB\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 3: workload 'bzip2': unknown key 'inptu' (did you mean 'input'? known: input, level)
[2]
$ printf 'workloads:\n  - bzip2: {input: 16}\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 2: workload 'bzip2': input '16' has no unit (B, KiB, MiB, GiB, TiB): 16MiB, say
[2]
$ printf 'workloads:\n  - bzip2\n  - bzip2\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 3: workload 'bzip2' is there twice: give one of them another name, as in {name: bzip2-2, kind: bzip2}
[2]
$ printf 'workloads: []\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 1: 'workloads' has an empty list
[2]
$ printf 'workloads: [bzip2]\n' >x.yaml; vtax plan check x.yaml
vtax: x.yaml: line 1: key 'platforms' is missing, such as platforms: [native, qemu-tcg]
[2]
# Settings of a workload that contradict each other.
$ shop() { printf 'platforms: [native]\nworkloads:\n  - shop: {%s}\n' "$1" >x.yaml; vtax plan check x.yaml; [ $? -eq 2 ] || echo "status?"; }
> shop 'arrivals: 3, sessions: 4'; shop 'arrivals: 3, search: climb'; shop 'start: 9, most: 8'
> shop 'good: 6s'
vtax: x.yaml: line 2: workload 'shop': arrivals and sessions contradict each other: with arrivals the sessions come and go (`most` bounds them)
vtax: x.yaml: line 2: workload 'shop': arrivals and search contradict each other: a search is for the number of sessions that are always there
vtax: x.yaml: line 2: workload 'shop': start 9 is more than most 8
vtax: x.yaml: line 2: workload 'shop': good is longer than tolerable: a good page is a tolerable one
