# What vtax ops says without measuring.
$ vtax ops --list
exit           CPUID: in a VM an empty VM exit.
syscall        System call that does nothing (getppid).
clock          Reading CLOCK_MONOTONIC.
switch         Context switch: a byte by pipe to a process on the same CPU.
fork           Process creation: fork, exit, wait.
spawn          Process creation: posix_spawn (vfork) and exec of a static program.
fault-4k       First touch of a 4 KiB page.
fault-2m       First touch of a 2 MiB page (transparent huge page).
map            mmap, touch, munmap of a page.
map-shootdown  The same, with a thread that runs on another CPU.
wake           Futex wake of a thread that sleeps on another CPU (IPI).
timer          How much too late a sleep of 100 us ends.
chase-16k      Dependent load, 16 KiB in random order.
chase-256k     Dependent load, 256 KiB in random order.
chase-4m       Dependent load, 4 MiB in random order.
chase-64m      Dependent load, 64 MiB in random order.
memory-read    Reading 1 MiB of 32 MiB in sequence.
memory-copy    Copying 1 MiB of 32 MiB in sequence.
disk-read      Random 4 KiB read, O_DIRECT.
disk-write     Random 4 KiB write, O_DIRECT and O_DSYNC.
tcp            TCP round trip of a byte over loopback, on one CPU.
$ vtax ops --help
Usage: vtax ops [OPTION]...

Measure what single operations cost here, from VM exit to disk write.

Runs here what the workload ops runs in every machine of a campaign: the same
static program. Start it inside and outside of a virtual machine, or let
vtax run compare:

  vtax ops
  vtax ops --operations exit,syscall --duration 1s
  taskset -c 2,3 vtax ops --json
  vtax run quick --workloads ops --vcpus 2

An operation is repeated in batches that take long against reading the clock.
Median and 99th percentile are of batches; their intervals take them as
independent of each other.

Options:
      --json                  Print JSON in place of text.
      --list                  List the operations, and measure nothing.
      --directory DIR         Where the disk operations have their file; it
                              must be on a disk. [/var/tmp]

Options:
      --duration TIME         How long batches of each operation are taken.
                              [300ms]
      --operations LIST       Operations to measure (default: all that there
                              are). One of: exit, syscall, clock, switch, fork,
                              spawn, fault-4k, fault-2m, map, map-shootdown,
                              wake, timer, chase-16k, chase-256k, chase-4m,
                              chase-64m, memory-read, memory-copy, disk-read,
                              disk-write, tcp.

Options of every command:
  -h, --help                  Show this help.
      --version               Show the version.
  -v, --verbose               Say more about what is being done.
      --debug                 Say everything that is being done.
  -q, --quiet                 Say nothing but errors and results.
$ vtax ops --operations exit,syscal
vtax: ops: --operations: unknown operations 'syscal' (did you mean 'syscall'? known: exit, syscall, clock, switch, fork, spawn, fault-4k, fault-2m, map, map-shootdown, wake, timer, chase-16k, chase-256k, chase-4m, chase-64m, memory-read, memory-copy, disk-read, disk-write, tcp)
[2]
$ vtax ops --operations exit,exit
vtax: ops: --operations 'exit' is in the list twice
[2]
$ vtax ops --duration 0s
vtax: ops: --duration '0s' is too small: at least 1ms
[2]
$ vtax ops exit
vtax: ops: 'exit' is one word too many: vtax ops [OPTION]...
[2]
$ vtax ops --operations exit --directory none --duration 1ms >out; head -1 out | cut -d' ' -f3-4; tail -1 out | cut -c1-17
clock source
exit           ns
$ vtax ops --operations disk-read --directory none --duration 1ms | tail -1
disk-read      not available: open a file with O_DIRECT in 'none': No such file or directory
$ printf 'platforms: [native]\nworkloads: [ops: {operations: [exit, wake], duration: 10ms}]\n' >x.yaml; vtax plan show x.yaml | grep ops
  workloads   ops (duration=10ms operations=exit,wake)
  ops       native      1      1    512MiB  2.0 s
$ printf 'platforms: [native]\nworkloads:\n  - ops: {operations: [exit, wait]}\n' >y.yaml; vtax plan check y.yaml
vtax: y.yaml: line 3: workload 'ops': unknown operations 'wait' (did you mean 'exit'? known: exit, syscall, clock, switch, fork, spawn, fault-4k, fault-2m, map, map-shootdown, wake, timer, chase-16k, chase-256k, chase-4m, chase-64m, memory-read, memory-copy, disk-read, disk-write, tcp)
[2]
