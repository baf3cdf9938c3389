$ vtax plan list
  quick       Does virtualization cost anything here? Plain Linux against
              QEMU's emulation, which works everywhere, in a quarter of an
              hour. Use it to see that everything works; measure with `micro`.
  micro       Processor, network and disk on plain Linux, KVM and QEMU's
              emulation, until the intervals are narrow enough to trust or two
              hours have passed.
  paper       A full study: three hypervisors against plain Linux, up to ten
              machines side by side. Takes a server with hardware
              virtualization, 16 GiB of memory to spare, and a day.
  lab-paper   The full study's matrix at the size of an emulated server, for
              `vtax lab run`: each hypervisor takes the platforms that it
              offers. Its counts are real, its seconds are not: see
              vtax-lab(1).
$ vtax plan show quick | grep -v digest
Plan quick: 16 cells, in all about 14 min 25 s

  platforms   native
              qemu-tcg
  baseline    native
  workloads   bzip2 (input=8MiB)
              netperf (duration=2s)
              dd (size=256MiB)
              shop
  blocks      3
  vms         1,2
  vcpus       1
  memory      512MiB
  seed        1

  workload  platform  VMs  vCPUs    memory  about
  bzip2     native      1      1    512MiB  9.4 s
  bzip2     qemu-tcg    1      1    512MiB  17 s
  bzip2     native      2      1    512MiB  14 s
  bzip2     qemu-tcg    2      1    512MiB  25 s
  netperf   native      1      1    512MiB  6.0 s
  netperf   qemu-tcg    1      1    512MiB  14 s
  netperf   native      2      1    512MiB  9.0 s
  netperf   qemu-tcg    2      1    512MiB  20 s
  dd        native      1      1    512MiB  4.0 s
  dd        qemu-tcg    1      1    512MiB  12 s
  dd        native      2      1    512MiB  6.1 s
  dd        qemu-tcg    2      1    512MiB  17 s
  shop      native      1      1    512MiB  24 s
  shop      qemu-tcg    1      1    512MiB  31 s
  shop      native      2      1    512MiB  36 s
  shop      qemu-tcg    2      1    512MiB  46 s
$ vtax plan show micro --platforms native,kvm --vms 2 --workloads dd | grep -v digest
Plan micro: 2 cells, at most about 18 min 17 s

  platforms   native
              kvm
  baseline    native
  workloads   dd
  blocks      until the 95 % intervals are within 2 %, at most 30, no longer
              than 2h
  vms         2
  vcpus       1
  memory      512MiB
  seed        1

  workload  platform  VMs  vCPUs    memory  about
  dd        native      2      1    512MiB  15 s
  dd        kvm         2      1    512MiB  21 s
$ vtax plan show quick --yaml >quick.yaml; grep -v 'kind: qemu-tcg' quick.yaml
name: quick
platforms:
  - {name: native, kind: native}
baseline: native
vms: [1, 2]
vcpus: [1]
memory: [512MiB]
workloads:
  - {name: bzip2, kind: bzip2, input: 8MiB, level: 9}
  - {name: netperf, kind: netperf, duration: 2s}
  - {name: dd, kind: dd, size: 256MiB, block-size: 1MiB}
  - {name: shop, kind: shop, sessions: 0, start: 16, most: 4000, arrivals: 0, built-sessions: 0, built-most: 300, threads: 0, profile: quick, search: auto, step: 10, resolution: 0, good: 3s, tolerable: 5s, good-share: 0.95, tolerable-share: 0.99, failed-share: 0.005, lag-limit: 10ms, directories: 5, resume: false}
blocks: 3
seed: 1
$ vtax plan check quick.yaml quick micro paper
quick.yaml: good
quick: good
micro: good
paper: good
$ vtax plan show quick | grep digest >a; vtax plan show quick.yaml | grep digest >b; cmp a b
$ vtax plan show quick --platforms native --vms 1 --workloads dd --json | grep -v -e digest -e yaml
{
  "format": "vtax-plan",
  "version": 1,
  "name": "quick",
  "seed": 1,
  "baseline": "native",
  "length": {
    "blocks": 3
  },
  "platforms": [
    {
      "name": "native",
      "kind": "native",
      "settings": {}
    }
  ],
  "workloads": [
    {
      "name": "dd",
      "kind": "dd",
      "settings": {
        "size": "256MiB",
        "block-size": "1MiB"
      }
    }
  ],
  "estimate_ns": 12144000000,
  "cells": [
    {
      "workload": "dd",
      "platform": "native",
      "vms": 1,
      "vcpus": 1,
      "memory_bytes": 536870912,
      "estimate_ns": 4048000000
    }
  ],
}
$ printf 'platforms: [native]\nworkloads: [dd]\n' | vtax plan show - | head -1
Plan stdin: 1 cell, in all about 31 s
# Overrides.
$ vtax plan show quick --set bzip2.input=1MiB --set bzip2.level=3 | grep level
  workloads   bzip2 (input=1MiB level=3)
$ vtax plan show quick --until-ci 2% --until-budget 30min | grep -e blocks -e 'Plan'
Plan quick: 16 cells, at most about 30 min 0 s
  blocks      until the 95 % intervals are within 2 %, no longer than 30min
$ vtax plan show micro --blocks 4 | grep blocks
  blocks      4
$ vtax plan show quick --until-ci 2%
vtax: plan 'quick': until needs an end for the case that the interval stays wide: give max-blocks or budget as well
[2]
$ vtax plan show quick --platforms kvm
vtax: plan 'quick': baseline 'native' is none of the platforms (kvm): add it, or name another baseline
[2]
$ vtax plan show quick --platforms kvm --baseline kvm | grep baseline
  baseline    kvm
$ vtax plan show quick --platforms native,kmv
vtax: --platforms: unknown platform 'kmv' (did you mean 'kvm'? known: native, qemu-tcg, kvm, xen-pv, xen-pvh, xen-hvm, virtualbox, fake)
[2]
$ vtax plan show quick --set dd.inptu=1MiB
vtax: --set 'dd.inptu=1MiB': workload 'dd': unknown key 'inptu' (known: size, block-size)
[2]
$ vtax plan show quick --set dd=1MiB
vtax: --set 'dd=1MiB' is not NAME.KEY=VALUE, such as bzip2.input=16MiB
[2]
$ vtax plan show quick --image mine.qcow2
vtax: plan 'quick': platform 'native' cannot run image 'mine.qcow2': name a root file system with the same programs by root, or leave the platform out
[2]
