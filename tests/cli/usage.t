# Every mistake is named, with what would do.
$ vtax
vtax: no command: see 'vtax --help'
[2]
$ vtax pln 2>&1 | sed 's/known: .*)/known: ...)/'
vtax: unknown command 'pln' (did you mean 'plan'? known: ...)
$ vtax plan
vtax: 'plan' needs a second word: see 'vtax plan --help'
[2]
$ vtax plan shw
vtax: unknown command of plan 'shw' (did you mean 'show'? known: list, show, check)
[2]
$ vtax plan show
vtax: plan show: something is missing: vtax plan show [OPTION]... PLAN
[2]
$ vtax plan show quick paper
vtax: plan show: 'paper' is one word too many: vtax plan show [OPTION]... PLAN
[2]
$ vtax plan show quick --platform kvm
vtax: plan show: unknown option '--platform' (did you mean '--platforms'? see 'vtax plan show --help')
[2]
$ vtax plan show quick --nonsense
vtax: plan show: unknown option '--nonsense' (see 'vtax plan show --help')
[2]
$ vtax plan show quick --vms
vtax: plan show: option '--vms' needs a value: --vms LIST
[2]
$ vtax plan show quick --vms --blocks 2
vtax: plan show: option '--vms' needs a value: --vms LIST
[2]
$ vtax plan show quick --blocks 2 --blocks 3
vtax: plan show: option '--blocks' is given twice
[2]
$ vtax plan show quick --json=maybe
vtax: plan show: --json 'maybe' is not true or false
[2]
$ vtax plan show quick --no-vms
vtax: plan show: unknown option '--no-vms' (did you mean '--vms'? see 'vtax plan show --help')
[2]
$ vtax -x
vtax: unknown option '-x' (see 'vtax --help')
[2]
$ vtax -qv plan list
vtax: --quiet and --verbose exclude each other
[2]
$ vtax help nothing 2>&1 | sed 's/known: .*)/known: ...)/'
vtax: unknown topic 'nothing' (known: ...)
# Lists may be given in parts, options and operands may be mixed, -- ends options.
$ vtax plan show --vms 1 quick --vms=2,4 | grep vms
  vms         1,2,4
$ vtax plan show -- --vms
vtax: unknown plan '--vms' (known: quick, micro, paper, lab-paper); a file is named as x.yaml or ./x
[2]
$ vtax plan check -q -- quick
# What could not be printed is an error; a reader who goes away is none to speak of.
$ vtax plan show paper >/dev/full
vtax: write standard output: No space left on device
[3]
$ vtax --help >/dev/full
vtax: write standard output: No space left on device
[3]
$ (vtax plan show paper; echo $? >status) | : ; cat status
3
