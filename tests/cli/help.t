# What a newcomer sees first.
$ vtax --help | sed '/^Commands:/,/^$/d'
Usage: vtax COMMAND [OPTION]... [OPERAND]...

Measures what virtualization costs: runs the same work on plain Linux and in
virtual machines, several side by side, and says with confidence intervals
what is lost, and to what.

Start here:
  vtax doctor       what can be measured on this host, and what disturbs it
  vtax plan list    the plans that are built in
  vtax run quick    measure; ends with a table of the results

Options of every command:
  -h, --help                  Show this help.
      --version               Show the version.
  -v, --verbose               Say more about what is being done.
      --debug                 Say everything that is being done.
  -q, --quiet                 Say nothing but errors and results.

'vtax COMMAND --help' says more about a command; 'vtax help platforms' and
'vtax help workloads' list what can be measured, with all settings.

Exit status: 0 good; 1 what was measured failed, or a comparison came out
worse; 2 wrong use; 3 this host lacks something; 4 internal error; 130
interrupted.
$ vtax --help >a && vtax help >b && cmp a b
$ vtax plan --help
Usage: vtax plan COMMAND [OPTION]... [OPERAND]...

Commands:
  plan list       List the built-in plans
  plan show       Show what a plan measures and about how long it takes
  plan check      Check plan files

'vtax plan COMMAND --help' says more about a command.
$ vtax plan show --help
Usage: vtax plan show [OPTION]... PLAN

Show what a plan measures and about how long it takes.

PLAN is a built-in plan (see 'vtax plan list'), a file, or - for standard
input. The options are those of 'vtax run', so that a campaign can be tried
out first:

  vtax plan show quick --vms 1..4 --set bzip2.input=16MiB

A plan of your own starts from one that is there:

  vtax plan show quick --yaml >mine.yaml

Times are rough: estimates of this program, not measurements of this host.

Options:
      --json                  Print JSON instead of text.
      --yaml                  Print a plan file with every default written out.

Options that change the plan:
      --name NAME             Name of the campaign, for listings and reports.
      --platforms LIST        Platforms to measure, such as native,qemu-tcg.
      --baseline PLATFORM     The platform that the others are compared with,
                              by default the native one.
      --vms LIST              Numbers of machines side by side, such as 1,2,4
                              or 1..10. [1]
      --vcpus LIST            Numbers of vCPUs of each machine. [1]
      --memory LIST           Memory sizes of each machine. [512MiB]
      --workloads LIST        Workloads to run, such as bzip2,netperf,dd.
      --blocks N              How often every combination is measured; replaces
                              until. [3]
      --until-ci SHARE        Measure until the 95 % intervals are narrower
                              than this share to each side, such as 2%.
      --until-max-blocks N    Stop after this many blocks at the latest.
      --until-budget DURATION
                              Stop after this time at the latest, such as
                              30min.
      --seed N                Seed of the random order and of generated input.
                              [1]
      --placement-vms CPUS    Host CPUs that vCPUs run on, such as 0-3
                              (default: all).
      --placement-load CPUS   Host CPUs of the load generators (default: all).
      --placement-emulator CPUS
                              Host CPUs of device emulation and I/O threads,
                              with qemu-tcg and kvm (default: those of the
                              vCPUs).
      --placement-numa-node LIST
                              NUMA nodes that memory comes from, with native,
                              qemu-tcg and kvm (default: any).
      --probes LIST           Probes that look during each trial, such as
                              host,process,exits, or none (default: all but
                              xen).
      --events LIST           Processor events that the probe counters counts
                              besides instructions and cycles: names that
                              libpfm4 knows, or raw as r1c2.
      --image FILE            A disk image of your own (qcow2 or raw, with
                              cloud-init) instead of the built-in guest image.
      --root DIR              Root file system with the same programs as the
                              image of your own, for the platform native.
      --set NAME.KEY=VALUE    Change a setting of a platform or workload, such
                              as bzip2.input=16MiB; may be repeated.

Options of every command:
  -h, --help                  Show this help.
      --version               Show the version.
  -v, --verbose               Say more about what is being done.
      --debug                 Say everything that is being done.
  -q, --quiet                 Say nothing but errors and results.
$ vtax help plan check
Usage: vtax plan check [OPTION]... PLAN...

Check plan files.

Ends with 2 at the first mistake and says the file and the line. Whether this
host offers what a plan names is for 'vtax doctor' to say.

Options of every command:
  -h, --help                  Show this help.
      --version               Show the version.
  -v, --verbose               Say more about what is being done.
      --debug                 Say everything that is being done.
  -q, --quiet                 Say nothing but errors and results.
$ vtax help platform 2>&1 | sed 's/known: .*)/known: ...)/'
vtax: unknown topic 'platform' (did you mean 'platforms'? known: ...)
$ vtax --version
vtax 0.1.0
$ vtax version
vtax 0.1.0
# No line is wider than a terminal.
$ for topic in '' 'plan list' 'plan show' 'plan check' help version platforms workloads; do
>     vtax help $topic
> done | awk 'length($0) > 79'
